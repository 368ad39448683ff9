// SPDX-License-Identifier: BSL-1.0
#include "connscope/protocol/talk_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace connscope::protocol {
namespace {

constexpr std::string_view help =
    "* What you write is said word by word, and sent back when it is said.\n"
    "* /name=Ada        what you are called\n"
    "* /yield=3         you hand over after three words; 0: never\n"
    "* /turn_us=200     you hand over after 200 us, in the middle of a word; 0: only after words\n"
    "* /yield=0: hello  several may stand in a line, and words after a colon\n";

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// The length of the UTF-8 character at the front of `text` (RFC 3629), 0 when there is none.
std::size_t character_bytes(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    if (first >= 0xf5 || length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    const unsigned char second = byte(1);
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    return overlong || beyond ? 0 : length;
}

// The words with one blank between them; what cannot be shown is a question mark.
std::string cleaned(std::string_view text, std::size_t& words) {
    std::string clean;
    words = 0;
    bool in_word = false;
    while (!text.empty()) {
        const std::size_t length = character_bytes(text);
        const bool printable = length > 1 || (length == 1 && text[0] > ' ' && text[0] != '\x7f');
        if (is_blank(text[0])) {
            in_word = false;
        } else {
            if (!in_word && words++ > 0) clean += ' ';
            in_word = true;
            if (printable)
                clean += text.substr(0, length);
            else
                clean += '?';
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return clean;
}

TalkLine refusal(std::string why) { return {.answer = "! " + std::move(why) + "\n"}; }

// Reads a whole number within [0, most]; false when it is none.
bool read_number(std::string_view text, std::uint64_t most, std::uint64_t& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc{} && end == text.data() + text.size() && into <= most;
}

// Takes one option into the manner; why it cannot be, or nothing.
std::string take(std::string_view option, TalkManner& manner) {
    const std::size_t equals = option.find('=');
    const std::string_view name = option.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : option.substr(equals + 1);
    std::uint64_t number = 0;
    if (name == "name") {
        const bool good = std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < '\x7f'; });
        if (value.empty() || value.size() > TalkLimits::name_bytes || !good)
            return fmt::format("a name is 1 to {} letters without a blank", TalkLimits::name_bytes);
        manner.name = value;
    } else if (name == "yield") {
        if (!read_number(value, TalkLimits::yield_words, number))
            return fmt::format("yield is 0 to {} words", TalkLimits::yield_words);
        manner.yield_words = static_cast<std::uint32_t>(number);
    } else if (name == "turn_us") {
        if (!read_number(value, static_cast<std::uint64_t>(TalkLimits::turn.count()), number))
            return fmt::format("turn_us is 0 to {}", TalkLimits::turn.count());
        manner.turn = std::chrono::microseconds(number);
    } else {
        std::size_t ignored = 0;
        return fmt::format("there is no '{}' here; /help says what there is", cleaned(name.substr(0, 40), ignored));
    }
    return {};
}

std::string described(const TalkManner& manner) {
    std::string text = manner.name.empty() ? "* you" : "* you, " + manner.name + ",";
    text += manner.yield_words == 0   ? " hand over after no word"
            : manner.yield_words == 1 ? " hand over after each word"
                                      : fmt::format(" hand over after {} words", manner.yield_words);
    if (manner.turn.count() > 0) text += fmt::format(", and after {} us in the middle of one", manner.turn.count());
    return text + "\n";
}

TalkLine to_say(std::string_view text) {
    std::size_t words = 0;
    TalkLine line{.words = cleaned(text, words)};
    if (words > TalkLimits::line_words)
        return refusal(fmt::format("a line has at most {} words, this one has {}", TalkLimits::line_words, words));
    if (words > 0) line.answer = line.words + "\n";
    return line;
}

} // namespace

TalkLine understand_talk(std::string_view line, TalkManner& manner) {
    if (!line.starts_with('/')) return to_say(line);
    line.remove_prefix(1);
    const std::size_t colon = line.find(':');
    std::string_view options = line.substr(0, colon);
    if (options == "help") return {.answer = std::string(help)};
    TalkManner wanted = manner;
    while (!options.empty()) {
        const auto* const blank = std::find_if(options.begin(), options.end(), is_blank);
        const auto length = static_cast<std::size_t>(blank - options.begin());
        if (length > 0)
            if (const std::string problem = take(options.substr(0, length), wanted); !problem.empty())
                return refusal(problem);
        options.remove_prefix(std::min(length + 1, options.size()));
    }
    TalkLine understood;
    if (colon != std::string_view::npos) {
        understood = to_say(line.substr(colon + 1));
        if (understood.answer.starts_with("! ") && understood.words.empty()) return understood;
    }
    manner = std::move(wanted);
    if (understood.words.empty()) understood.answer = described(manner);
    return understood;
}

std::string_view too_long_a_line() noexcept {
    static_assert(TalkLimits::line_bytes == 1000);
    return "! a line has at most 1000 bytes\n";
}

} // namespace connscope::protocol
