// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/load/population.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace connscope::load {

// What an answer's content can be checked against.
enum class Check : std::uint8_t {
    nothing, // the server's own content
    echoed,  // the request's content must come back
    bytes,   // so many bytes must come; from a connscope server, those of its /bytes
    said,    // `said` must come
};

// What all requests of a population look like: an HTTP head, a speaker's line or nothing, then `payload` bytes of the
// connection's Content.
struct RequestForm {
    Protocol protocol = Protocol::echo;
    std::string head;
    std::uint64_t payload = 0;
    Check check = Check::echoed;
    std::uint64_t expected_length = 0; // of the answer's content, where it is known
    std::string said;                  // the answer to a speaker's line

    std::uint64_t bytes() const noexcept { return head.size() + payload; }
    bool operator==(const RequestForm&) const = default;
};

// The form of a population's requests to the server at `host` ("127.0.0.1:8080").
RequestForm form_of(const Population& population, Protocol protocol, const std::string& host);

} // namespace connscope::load
