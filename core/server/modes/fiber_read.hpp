// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/modes/loop.hpp"

#include <boost/asio/spawn.hpp>

#include <span>

namespace connscope::server {

// Reads of a stamped connection on a fiber: the stamps come with recvmsg(2) only, which Asio does not call. The error goes
// where `yield` says.
inline std::size_t read_stamped(Connection& connection, LoopSocket& socket, std::span<std::byte> into,
                                const boost::asio::basic_yield_context<LoopExecutor>& yield,
                                boost::system::error_code& error) {
    for (;;) {
        socket.async_wait(boost::asio::socket_base::wait_read, yield[error]);
        if (error) return 0;
        if (const auto result = receive_ready(connection, socket.native_handle(), into)) {
            error = result->error;
            return result->bytes;
        }
    }
}

} // namespace connscope::server
