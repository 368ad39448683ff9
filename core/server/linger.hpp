// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/unique_fd.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>

namespace connscope::server {

// Closes sockets whose peer may still be sending, so that it can read the last answer: closing with unread data would make
// the kernel send a reset, which may overtake that answer. The sending side is shut, what arrives is thrown away, and the
// socket is closed when the peer has finished, after two seconds, or after 16 MiB (RFC 9112, section 9.6).
class Linger {
public:
    explicit Linger(boost::asio::io_context& context)
        : context_(context) {}

    // Takes the socket over. When very many linger already it is closed at once. Any thread.
    void close(telemetry::UniqueFd socket);

private:
    struct Goodbye;
    boost::asio::io_context& context_;
};

} // namespace connscope::server
