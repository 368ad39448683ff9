// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::tests {

// An HTTP answer as a client sees it.
struct HttpAnswer {
    int code = 0;
    std::map<std::string, std::string> fields;
    std::string body;

    std::string field(const std::string& name) const {
        const auto found = fields.find(name);
        return found == fields.end() ? "" : found->second;
    }
};

// The answers that follow each other in `text`; nothing if it is not made of whole, well-formed answers. `without_body`
// names the answers (by number, from 0) that have none whatever their Content-Length says, because they answer a HEAD.
inline std::optional<std::vector<HttpAnswer>> split_answers(std::string_view text,
                                                            const std::vector<std::size_t>& without_body = {}) {
    std::vector<HttpAnswer> answers;
    while (!text.empty()) {
        const auto head_end = text.find("\r\n\r\n");
        if (head_end == std::string_view::npos || !text.starts_with("HTTP/1.1 ")) return std::nullopt;
        HttpAnswer answer;
        auto head = text.substr(0, head_end + 2);
        text.remove_prefix(head_end + 4);
        std::from_chars(head.data() + 9, head.data() + 12, answer.code);
        head.remove_prefix(head.find("\r\n") + 2);
        while (!head.empty()) {
            const auto line = head.substr(0, head.find("\r\n"));
            const auto colon = line.find(": ");
            if (colon == std::string_view::npos) return std::nullopt;
            if (!answer.fields.emplace(line.substr(0, colon), line.substr(colon + 2)).second) return std::nullopt;
            head.remove_prefix(line.size() + 2);
        }
        if (answer.code >= 200) {
            const auto length_text = answer.field("Content-Length");
            std::size_t length = 0;
            if (std::from_chars(length_text.data(), length_text.data() + length_text.size(), length).ec != std::errc{})
                return std::nullopt;
            for (const std::size_t number : without_body)
                if (number == answers.size()) length = 0;
            if (text.size() < length) return std::nullopt;
            answer.body = text.substr(0, length);
            text.remove_prefix(length);
        }
        answers.push_back(std::move(answer));
    }
    return answers;
}

} // namespace connscope::tests
