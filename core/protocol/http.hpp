// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/protocol/session.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace connscope::protocol {

// What an HTTP session accepts at most.
struct HttpLimits {
    static constexpr std::size_t head_bytes = 8 * 1024;    // of a request line and its fields: more is answered by 431
    static constexpr std::size_t body_bytes = 1024 * 1024; // of a request's body, decoded: more is answered by 413
    static constexpr std::size_t drained_bytes =
        16 * body_bytes;                                      // of an oversize body, read so that its sender sees the 413
    static constexpr std::size_t chunk_head_bytes = 8 * 1024; // of a chunk's size line, or of the trailers: more is a 400
    static constexpr std::size_t input_bytes = 64 * 1024;     // of the buffer that reads go into
    static constexpr std::size_t coalesced_bytes = 16 * 1024; // of answers to pipelined requests sent by one write, about
    static constexpr std::size_t idle_input_bytes = 1024;     // of the input's buffer between two requests; usually 256
};

// A session that speaks HTTP/1.1 (RFC 9112) and HTTP/1.0, with keep-alive, pipelining, HEAD, Content-Length and chunked
// request bodies and `Expect: 100-continue`. It has no clock, so its answers carry no Date (RFC 9110, section 6.6.1, allows
// that). What its peer may ask for:
//
//   GET /                            a short text
//   GET /work?us=N                   N µs of CPU in one compute action, N <= 60,000,000
//   GET /work?us=N&yield_every=M     the same in slices of M µs with a yield after each
//   GET /pause?ms=N                  N ms without CPU in one pause action, N <= 60,000
//   GET /bytes?n=N                   N bytes, N <= 2^40: the 64 characters of http_bytes_line over and over, never held as a
//   whole POST /echo                       the request's body
//
// Everything else is answered by 400, 404, 405, 408 (after timed_out()), 413, 417, 431 or 501. Requests with a malformed or
// oversize part end the connection, as nobody can tell where the next one begins.
// An idle session holds less than 600 bytes unless its peer's requests are longer than 256.
std::unique_ptr<Session> make_http_session();

// What /bytes repeats: byte i of its body is http_bytes_line[i % 64].
inline constexpr std::string_view http_bytes_line = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.\n";
static_assert(http_bytes_line.size() == 64);

} // namespace connscope::protocol
