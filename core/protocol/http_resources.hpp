// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/protocol/http_answers.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace connscope::protocol {

enum class HttpMethod : std::uint8_t { get, head, post, other };

// What it takes to answer one request.
struct HttpPlan {
    enum class Kind : std::uint8_t {
        text,     // `text`, at once
        greeting, // the answer to / at once
        work,     // `time` of CPU, then `text`
        pause,    // `time` without CPU, then `text`
        bytes,    // `length` bytes of the repeated line
        echo,     // the request's body
    };
    Kind kind = Kind::text;
    HttpStatus status = HttpStatus::ok;
    std::chrono::nanoseconds time{};
    std::chrono::nanoseconds yield_every{}; // of work; 0 = never
    std::uint64_t length = 0;
    std::string_view text{}; // lives for ever
};

// The text of a plan that reads so, where it lives for ever; nothing when no plan has it.
std::optional<std::string_view> http_plan_text(std::string_view text);

// The plan for a request with this method and request-target (RFC 9112, section 3.2: origin-form or absolute-form).
HttpPlan http_plan(HttpMethod method, std::string_view target);

} // namespace connscope::protocol
