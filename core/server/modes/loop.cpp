// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/loop.hpp"

#include "connscope/server/steps.hpp"

#include <spdlog/spdlog.h>

#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace connscope::server {

Loop::Loop(Host& host)
    : work_(context_.get_executor()) {
    thread_ = std::thread([this, &host] {
        never_cancel_this_thread();
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

std::optional<IoResult> receive_ready(Connection& connection, int socket, std::span<std::byte> into) {
    const ssize_t bytes = receive(connection, socket, into, MSG_DONTWAIT);
    if (bytes > 0) return IoResult{{}, static_cast<std::size_t>(bytes)};
    if (bytes == 0) return IoResult{boost::asio::error::eof};
    if (errno == EAGAIN || errno == EINTR) return std::nullopt;
    return IoResult{{errno, boost::system::system_category()}};
}

std::size_t hardware_threads() noexcept {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 1;
    return static_cast<std::size_t>(std::max(CPU_COUNT(&allowed), 1));
}

boost::asio::ip::tcp protocol_of(int socket) noexcept {
    sockaddr_storage local{};
    socklen_t length = sizeof(local);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&local), &length);
    return local.ss_family == AF_INET6 ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4();
}

} // namespace connscope::server
