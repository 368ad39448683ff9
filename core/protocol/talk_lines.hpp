// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace connscope::protocol {

// What a speaker of the protocol `talk` may say at once, and how it behaves.
struct TalkLimits {
    static constexpr std::size_t line_bytes = 1000;
    static constexpr std::size_t line_words = 64; // nobody notices that a speaker has left before its line is said
    static constexpr std::size_t name_bytes = 20;
    static constexpr std::uint32_t yield_words = 1000;
    static constexpr std::chrono::microseconds turn{10'000'000};
};

// When a speaker hands over.
struct TalkManner {
    std::string name{};                // empty: by its number
    std::uint32_t yield_words = 1;     // after so many words; 0: never
    std::chrono::microseconds turn{0}; // and after so much time, in the middle of a word; 0: not
    bool operator==(const TalkManner&) const = default;
};

// One line of a speaker, understood. A line is words to say, or begins with a slash:
//     /name=Ada yield=3 turn_us=200
//     /name=Ada yield=3: words to say
//     /help
// What it names of the manner stays for the lines that follow.
struct TalkLine {
    std::string words{};  // to say; empty: nothing
    std::string answer{}; // to be sent once they are said, or at once when there are none; with its line end
};

// Understands `line`, which has no line end, and changes `manner` as it says. A line that cannot be has no words, changes
// nothing, and is answered by a sentence that begins with "! ".
TalkLine understand_talk(std::string_view line, TalkManner& manner);

// The sentence for a line that is longer than TalkLimits::line_bytes.
std::string_view too_long_a_line() noexcept;

} // namespace connscope::protocol
