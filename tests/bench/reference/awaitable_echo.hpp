// SPDX-License-Identifier: BSL-1.0
#pragma once

// One connection as a stackless coroutine, on whatever executor.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>

namespace reference {

template <class Executor>
boost::asio::awaitable<void, Executor> echo(boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor> socket) {
    constexpr boost::asio::as_tuple_t<boost::asio::use_awaitable_t<Executor>> as_result;
    std::array<char, 256> buffer;
    for (;;) {
        const auto [read_error, bytes] = co_await socket.async_read_some(boost::asio::buffer(buffer), as_result);
        if (read_error) co_return;
        for (std::size_t begin = 0; begin < bytes;) {
            const auto [error, sent] =
                co_await socket.async_write_some(boost::asio::buffer(buffer.data() + begin, bytes - begin), as_result);
            if (error) co_return;
            begin += sent;
        }
    }
}

} // namespace reference
