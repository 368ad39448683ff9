// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace connscope::protocol {

// How an HTTP request is answered.
enum class HttpStatus : std::uint8_t {
    ok,                 // 200
    malformed,          // 400
    not_found,          // 404
    only_get,           // 405, Allow: GET, HEAD
    only_post,          // 405, Allow: POST
    timed_out,          // 408
    body_too_large,     // 413
    expectation_failed, // 417
    head_too_large,     // 431
    not_implemented,    // 501
    count_
};

// What an answer says of the connection's future.
enum class HttpPersistence : std::uint8_t {
    implied,   // stays open, as HTTP/1.1 connections do unless told otherwise
    announced, // stays open, and an HTTP/1.0 peer must be told
    closing,   // ends after this answer
    count_
};

// The parts of answers that never change, serialized once by Beast.
class HttpAnswers {
public:
    // Everything up to the number after "Content-Length: ".
    std::string_view head_up_to_length(HttpStatus status, HttpPersistence persistence) const noexcept {
        return heads_[static_cast<std::size_t>(status)][static_cast<std::size_t>(persistence)];
    }

    // The whole answer to a GET of /, and how much of it is its head.
    std::string_view greeting() const noexcept { return greeting_; }
    std::size_t greeting_head_bytes() const noexcept { return greeting_head_bytes_; }

    // What a person reads of an error if nothing more exact is known.
    static std::string_view explanation(HttpStatus status) noexcept;

private:
    friend const HttpAnswers& http_answers();
    HttpAnswers();

    std::array<std::array<std::string, static_cast<std::size_t>(HttpPersistence::count_)>,
               static_cast<std::size_t>(HttpStatus::count_)>
        heads_;
    std::string greeting_;
    std::size_t greeting_head_bytes_ = 0;
};

inline constexpr std::string_view http_greeting_text = "This connection is carried by connscope.\n";
inline constexpr std::string_view http_continue = "HTTP/1.1 100 Continue\r\n\r\n";

// The one and unchanging set of answers.
const HttpAnswers& http_answers();

} // namespace connscope::protocol
