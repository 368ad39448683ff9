// SPDX-License-Identifier: BSL-1.0
// Echo with stackless coroutines on one event loop.
#include "awaitable_echo.hpp"
#include "listen.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

static asio::awaitable<void, Executor> accept(Acceptor& acceptor) {
    for (;;) {
        auto socket = co_await acceptor.async_accept(asio::use_awaitable_t<Executor>{});
        asio::co_spawn(acceptor.get_executor(), reference::echo(std::move(socket)), asio::detached);
    }
}

int main() {
    asio::io_context context(1);
    Acceptor acceptor(context, asio::ip::tcp::v4(), reference::listen_anywhere());
    asio::co_spawn(context.get_executor(), accept(acceptor), asio::detached);
    context.run();
}
