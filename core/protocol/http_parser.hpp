// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/protocol/http_answers.hpp"
#include "connscope/protocol/http_resources.hpp"
#include "connscope/protocol/saved_state.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace connscope::protocol {

// A request's body on its way in: takes the framing (Content-Length or chunked) off and keeps what is wanted.
class HttpBody {
public:
    enum class State : std::uint8_t { incomplete, complete, malformed };
    struct Progress {
        State state;
        std::size_t consumed; // the rest must be offered again, together with what follows it
    };

    virtual ~HttpBody() = default;

    // Takes the next bytes as they came from the peer. At most one chunk head or one piece of the body is consumed by a
    // call; incomplete with nothing consumed: more bytes are needed.
    virtual Progress take(std::string_view bytes) = 0;

    // Keep no more than so many decoded bytes; 0, the initial value, keeps none.
    void keep_up_to(std::size_t bytes) noexcept { keep_ = bytes; }
    const std::string& kept() const noexcept { return kept_; }
    std::uint64_t decoded_bytes() const noexcept { return decoded_; } // kept or not
    virtual std::size_t memory_bytes() const noexcept = 0;

    // As Session's. What is restored goes on with the bytes that were not consumed.
    void save(StateWriter& state) const;
    static std::unique_ptr<HttpBody> restore(StateReader& state); // null: it is no such state

protected:
    // What the framing says of the rest.
    struct Framing {
        bool complete = false;
        bool chunked = false;
        bool any_chunk = false; // a chunk has begun
        std::uint64_t left = 0; // of the chunk that has begun, or of the whole
    };
    virtual Framing framing() const = 0;

    void decoded(std::string_view bytes) {
        decoded_ += bytes.size();
        if (decoded_ <= keep_) kept_ += bytes;
    }

    std::string kept_;

private:
    std::uint64_t decoded_ = 0;
    std::size_t keep_ = 0;
};

// What a request's head says. Views point into the head.
struct HttpRequest {
    HttpStatus status = HttpStatus::ok; // ok, or the answer that the head deserves: nothing below is set then
    HttpMethod method = HttpMethod::other;
    bool version_1_1 = false;
    bool keep_alive = false;
    bool expects_continue = false;
    std::string_view target;
    std::optional<std::uint64_t> content_length;
    std::unique_ptr<HttpBody> body; // null when no body follows
};

// Parses a complete head, from its request line to its empty line.
HttpRequest parse_http_head(std::string_view head);

// False if no head can begin with this line (its line end included).
bool is_http_request_line(std::string_view line);

} // namespace connscope::protocol
