// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/loop.hpp"

#include "connscope/server/steps.hpp"

#include <spdlog/spdlog.h>

#include <sys/socket.h>

namespace connscope::server {

Loop::Loop(Host& host)
    : work_(context_.get_executor()) {
    thread_ = std::thread([this, &host] {
        const telemetry::EnteredThread stay(host.probe(), true);
        run_handlers(context_);
    });
}

Loop::~Loop() {
    context_.stop();
    thread_.join();
}

void run_handlers(boost::asio::io_context& context) {
    for (;;) {
        try {
            context.run();
            return;
        } catch (const std::exception& failure) {
            spdlog::error("a handler failed: {}", failure.what());
        }
    }
}

telemetry::Outcome<LoopSocket> to_loop(LoopExecutor executor, Connection& connection) {
    LoopSocket socket(executor);
    sockaddr_storage local{};
    socklen_t length = sizeof(local);
    ::getsockname(connection.socket.get(), reinterpret_cast<sockaddr*>(&local), &length);
    boost::system::error_code error;
    socket.assign(local.ss_family == AF_INET6 ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(),
                  connection.socket.get(), error);
    if (error) return telemetry::system_error(error.value(), "the event loop cannot watch a connection");
    std::ignore = connection.socket.release(); // the loop's socket owns it now
    socket.non_blocking(true, error);
    return socket;
}

void from_loop(LoopSocket& socket, Connection& connection) {
    boost::system::error_code ignored;
    connection.socket.reset(socket.release(ignored));
}

} // namespace connscope::server
