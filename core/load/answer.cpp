// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/answer.hpp"

#include "connscope/protocol/http.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace connscope::load {
namespace {

constexpr std::size_t longest_head = 64 * 1024;

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same_letters(std::string_view text, std::string_view lower_case) {
    return text.size() == lower_case.size() &&
           std::equal(text.begin(), text.end(), lower_case.begin(), [](char a, char b) { return lower(a) == b; });
}

bool names_letters(std::string_view list, std::string_view lower_case) {
    return std::search(list.begin(), list.end(), lower_case.begin(), lower_case.end(),
                       [](char a, char b) { return lower(a) == b; }) != list.end();
}

std::string_view without_blanks(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Whether `bytes` are those at [position, position + bytes.size()) of what a connscope server sends for /bytes.
bool are_bytes_line(std::uint64_t position, std::span<const std::byte> bytes) {
    constexpr std::string_view line = protocol::http_bytes_line;
    while (!bytes.empty()) {
        const std::size_t begin = position % line.size();
        const std::size_t part = std::min(line.size() - begin, bytes.size());
        if (as_text(bytes.first(part)) != line.substr(begin, part)) return false;
        bytes = bytes.subspan(part);
        position += part;
    }
    return true;
}

// Where the head ends: after its first empty line; npos while there is none.
std::size_t head_end(std::string_view text) {
    const void* found = ::memmem(text.data(), text.size(), "\r\n\r\n", 4);
    if (found == nullptr) return std::string_view::npos;
    return static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) + 4;
}

} // namespace

AnswerProgress AnswerReader::read(std::span<const std::byte> bytes, const RequestForm& form, Content content,
                                  std::uint64_t position) {
    if (form.protocol == Protocol::echo) return read_echo(bytes, form, content, position);
    if (form.protocol == Protocol::talk) return read_line(bytes, form);

    std::size_t consumed = 0;
    while (consumed < bytes.size()) {
        const auto rest = bytes.subspan(consumed);
        switch (stage_) {
        case Stage::head: {
            const AnswerProgress head = read_head(rest);
            consumed += head.consumed;
            if (head.state == AnswerState::garbage) return {consumed, AnswerState::garbage};
            break;
        }
        case Stage::sized_body:
        case Stage::open_body:
        case Stage::chunk_data: {
            const bool open = stage_ == Stage::open_body;
            const auto part = rest.first(open ? rest.size() : std::min<std::uint64_t>(left_, rest.size()));
            read_body(part, form, content, position);
            consumed += part.size();
            if (open) break;
            left_ -= part.size();
            if (left_ == 0 && stage_ == Stage::chunk_data) stage_ = Stage::chunk_end;
            if (left_ == 0 && stage_ == Stage::sized_body) done_ = true;
            break;
        }
        case Stage::chunk_size:
        case Stage::chunk_extension:
        case Stage::chunk_end:
        case Stage::trailer:
        case Stage::trailer_line:
            ++consumed;
            if (!read_chunk_frame(static_cast<char>(rest.front()))) return {consumed, AnswerState::garbage};
            break;
        }
        if (done_) return {consumed, complete(form)};
    }
    return {consumed, AnswerState::incomplete};
}

AnswerProgress AnswerReader::read_echo(std::span<const std::byte> bytes, const RequestForm& form, Content content,
                                       std::uint64_t position) {
    const auto part = bytes.first(std::min<std::uint64_t>(form.payload - taken_, bytes.size()));
    if (!content.matches(position + taken_, part)) differs_ = true;
    taken_ += part.size();
    if (taken_ < form.payload) return {part.size(), AnswerState::incomplete};
    taken_ = 0;
    return {part.size(), std::exchange(differs_, false) ? AnswerState::wrong : AnswerState::good};
}

AnswerProgress AnswerReader::read_line(std::span<const std::byte> bytes, const RequestForm& form) {
    const std::string_view text = as_text(bytes);
    const std::size_t end = text.find('\n');
    const std::string_view part = text.substr(0, end == std::string_view::npos ? end : end + 1);
    if (taken_ > form.said.size() || form.said.compare(taken_, part.size(), part) != 0) differs_ = true;
    taken_ += part.size();
    if (end == std::string_view::npos) return {part.size(), AnswerState::incomplete};
    const bool good = taken_ == form.said.size() && !differs_;
    taken_ = 0;
    differs_ = false;
    return {part.size(), good ? AnswerState::good : AnswerState::wrong};
}

AnswerState AnswerReader::finished(const RequestForm& form) {
    return stage_ == Stage::open_body ? complete(form) : AnswerState::incomplete;
}

AnswerProgress AnswerReader::read_head(std::span<const std::byte> bytes) {
    std::string_view text = as_text(bytes);
    if (head_ == nullptr) {
        constexpr std::string_view begin = "HTTP/1.";
        const std::size_t compared = std::min(begin.size(), text.size());
        if (text.substr(0, compared) != begin.substr(0, compared)) return {0, AnswerState::garbage};
        const std::size_t end = head_end(text);
        if (end != std::string_view::npos) {
            const bool good = understand(text.substr(0, end));
            return {end, good ? AnswerState::incomplete : AnswerState::garbage};
        }
        head_ = std::make_unique<std::string>(text);
        return {bytes.size(), AnswerState::incomplete};
    }
    const std::size_t had = head_->size();
    head_->append(text);
    const std::size_t end = head_end(*head_);
    if (end == std::string::npos)
        return {bytes.size(), head_->size() > longest_head ? AnswerState::garbage : AnswerState::incomplete};
    const bool good = understand(std::string_view(*head_).substr(0, end));
    head_.reset();
    return {end - had, good ? AnswerState::incomplete : AnswerState::garbage};
}

bool AnswerReader::understand(std::string_view head) {
    // "HTTP/1.1 200 OK\r\n"
    if (head.size() < 14 || !head.starts_with("HTTP/1.") || head[8] != ' ') return false;
    const auto [status_end, status_error] = std::from_chars(head.data() + 9, head.data() + 12, status_);
    if (status_error != std::errc{} || status_end != head.data() + 12 || status_ < 100 || status_ > 599) return false;
    if (head[12] != ' ' && head[12] != '\r') return false;

    from_connscope_ = false;
    bool has_length = false;
    bool chunked = false;
    bool close = head[7] == '0';
    std::uint64_t length = 0;
    std::size_t line_end = head.find("\r\n");
    for (std::size_t begin = line_end + 2; begin + 2 < head.size(); begin = line_end + 2) {
        line_end = head.find("\r\n", begin);
        const char first = lower(head[begin]);
        if (first != 'c' && first != 't' && first != 's') continue; // no other field matters
        const std::string_view line = head.substr(begin, line_end - begin);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return false;
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = without_blanks(line.substr(colon + 1));
        if (same_letters(name, "content-length")) {
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
            if (error != std::errc{} || end != value.data() + value.size()) return false;
            has_length = true;
        } else if (same_letters(name, "transfer-encoding")) {
            chunked = names_letters(value, "chunked");
        } else if (same_letters(name, "connection")) {
            if (names_letters(value, "close")) close = true;
            if (names_letters(value, "keep-alive")) close = false;
        } else if (same_letters(name, "server")) {
            from_connscope_ = value.starts_with("connscope");
        }
    }
    if (status_ < 200) return status_ != 101; // an interim answer: the next head follows
    // RFC 9112, 6.3: how the end of the content is known.
    last_ = close;
    if (status_ == 204 || status_ == 304) {
        done_ = true;
    } else if (chunked) {
        stage_ = Stage::chunk_size;
        left_ = 0;
        size_digits_ = 0;
    } else if (has_length) {
        left_ = length;
        stage_ = Stage::sized_body;
        done_ = length == 0;
    } else {
        stage_ = Stage::open_body;
        last_ = true;
    }
    return true;
}

bool AnswerReader::read_chunk_frame(char byte) {
    switch (stage_) {
    case Stage::chunk_size: {
        const char digit = lower(byte);
        const bool decimal = digit >= '0' && digit <= '9';
        if (decimal || (digit >= 'a' && digit <= 'f')) {
            if (++size_digits_ > 15) return false;
            left_ = left_ * 16 + static_cast<std::uint64_t>(decimal ? digit - '0' : digit - 'a' + 10);
            return true;
        }
        if (size_digits_ == 0) return false;
        if (byte == '\n')
            stage_ = left_ > 0 ? Stage::chunk_data : Stage::trailer;
        else if (byte == ';' || byte == ' ' || byte == '\t')
            stage_ = Stage::chunk_extension;
        else if (byte != '\r')
            return false;
        return true;
    }
    case Stage::chunk_extension:
        if (byte == '\n') stage_ = left_ > 0 ? Stage::chunk_data : Stage::trailer;
        return true;
    case Stage::chunk_end:
        if (byte == '\r') return true;
        if (byte != '\n') return false;
        stage_ = Stage::chunk_size;
        size_digits_ = 0;
        return true;
    case Stage::trailer: // at the beginning of a line: an empty one ends the answer
        if (byte == '\n')
            done_ = true;
        else if (byte != '\r')
            stage_ = Stage::trailer_line;
        return true;
    case Stage::trailer_line:
        if (byte == '\n') stage_ = Stage::trailer;
        return true;
    case Stage::head:
    case Stage::sized_body:
    case Stage::open_body:
    case Stage::chunk_data:
        break;
    }
    return false;
}

void AnswerReader::read_body(std::span<const std::byte> bytes, const RequestForm& form, Content content,
                             std::uint64_t position) {
    if (form.check == Check::echoed && !differs_) {
        if (taken_ + bytes.size() > form.payload || !content.matches(position + taken_, bytes)) differs_ = true;
    }
    if (form.check == Check::bytes && from_connscope_ && !differs_ && !are_bytes_line(taken_, bytes)) differs_ = true;
    taken_ += bytes.size();
}

AnswerState AnswerReader::complete(const RequestForm& form) {
    const bool good_status = status_ >= 200 && status_ < 300;
    const bool length_known = form.check != Check::nothing;
    const bool wrong = differs_ || (length_known && taken_ != form.expected_length);
    stage_ = Stage::head;
    taken_ = 0;
    left_ = 0;
    differs_ = false;
    done_ = false;
    if (!good_status) return AnswerState::bad_status;
    return wrong ? AnswerState::wrong : AnswerState::good;
}

} // namespace connscope::load
