// SPDX-License-Identifier: BSL-1.0
// Echo with stackless coroutines, an event loop and a thread for each core; the first loop accepts for all, in turn.
#include "awaitable_echo.hpp"
#include "listen.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Loops = std::vector<std::unique_ptr<asio::io_context>>;

static asio::awaitable<void, Executor> accept(Acceptor& acceptor, const Loops& loops) {
    for (std::size_t next = 0;; ++next) {
        const Executor loop = loops[next % loops.size()]->get_executor();
        asio::basic_stream_socket<asio::ip::tcp, Executor> socket(loop);
        co_await acceptor.async_accept(socket, asio::use_awaitable_t<Executor>{});
        asio::co_spawn(loop, reference::echo(std::move(socket)), asio::detached);
    }
}

int main(int argc, char** argv) {
    Loops loops;
    for (int i = 0; i < reference::threads(argc, argv); ++i) loops.push_back(std::make_unique<asio::io_context>(1));
    Acceptor acceptor(*loops.front(), asio::ip::tcp::v4(), reference::listen_anywhere());
    asio::co_spawn(loops.front()->get_executor(), accept(acceptor, loops), asio::detached);
    std::vector<std::thread> threads;
    for (const auto& loop : loops)
        threads.emplace_back([&loop] {
            const auto work = asio::make_work_guard(*loop);
            loop->run();
        });
    for (std::thread& thread : threads) thread.join();
}
