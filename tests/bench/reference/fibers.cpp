// SPDX-License-Identifier: BSL-1.0
// Echo with stackful coroutines on one event loop.
#include "listen.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/spawn.hpp>

#include <array>

namespace {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Yield = asio::basic_yield_context<Executor>;

void echo(Socket socket, const Yield& yield) {
    boost::system::error_code error;
    std::array<char, 256> buffer;
    for (;;) {
        const std::size_t bytes = socket.async_read_some(asio::buffer(buffer), yield[error]);
        if (error) return;
        for (std::size_t begin = 0; begin < bytes;) {
            begin += socket.async_write_some(asio::buffer(buffer.data() + begin, bytes - begin), yield[error]);
            if (error) return;
        }
    }
}

} // namespace

int main() {
    asio::io_context context(1);
    Acceptor acceptor(context, asio::ip::tcp::v4(), reference::listen_anywhere());
    asio::spawn(
        context.get_executor(),
        [&](const Yield& yield) {
            for (;;) {
                Socket socket = acceptor.async_accept(yield);
                asio::spawn(
                    context.get_executor(),
                    [socket = std::move(socket)](const Yield& inner) mutable { echo(std::move(socket), inner); },
                    asio::detached);
            }
        },
        asio::detached);
    context.run();
}
