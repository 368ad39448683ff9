// SPDX-License-Identifier: BSL-1.0
// Echo with stackless coroutines on one event loop that several threads run; a strand for each connection.
#include "awaitable_echo.hpp"
#include "listen.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <thread>
#include <vector>

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Strand = asio::strand<Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

static asio::awaitable<void, Executor> accept(Acceptor& acceptor) {
    for (;;) {
        const Strand strand(acceptor.get_executor());
        asio::basic_stream_socket<asio::ip::tcp, Strand> socket(strand);
        co_await acceptor.async_accept(socket, asio::use_awaitable_t<Executor>{});
        asio::co_spawn(strand, reference::echo(std::move(socket)), asio::detached);
    }
}

int main(int argc, char** argv) {
    asio::io_context context;
    Acceptor acceptor(context, asio::ip::tcp::v4(), reference::listen_anywhere());
    asio::co_spawn(context.get_executor(), accept(acceptor), asio::detached);
    std::vector<std::thread> threads;
    for (int i = 0; i < reference::threads(argc, argv); ++i) threads.emplace_back([&context] { context.run(); });
    for (std::thread& thread : threads) thread.join();
}
