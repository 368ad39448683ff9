// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/steps.hpp"

#include "connscope/telemetry/clock.hpp"

#include <sys/ioctl.h>

#include <cerrno>
#include <ctime>

namespace connscope::server {
namespace {

std::chrono::nanoseconds thread_cpu_time() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// Spins for a stretch of wall time.
void spin(std::chrono::nanoseconds wall_time) {
    const double ns_per_tick = telemetry::process_clock().ns_per_tick;
    const telemetry::Ticks begin = telemetry::ticks();
    const auto span = static_cast<telemetry::Ticks>(static_cast<double>(wall_time.count()) / ns_per_tick);
    while (telemetry::ticks() - begin < span) {
    }
}

} // namespace

void after_read(Connection& connection, std::size_t bytes) {
    // Housekeeping ends the wait for a silent peer by shutting the socket; what that means is said beside it.
    if (bytes == 0 && connection.watch->timed_out.load(std::memory_order_relaxed)) {
        connection.session->timed_out();
        if (connection.session->next().kind != protocol::Action::Kind::read) return;
    }
    connection.probe.received(bytes);
    connection.session->received(bytes);
    const bool in_request = connection.session->in_request();
    const bool was_in_request = connection.watch->request_since.load(std::memory_order_relaxed) != 0;
    if (in_request != was_in_request)
        connection.watch->request_since.store(in_request ? telemetry::ticks() : 0, std::memory_order_relaxed);
}

void after_write(Connection& connection, std::size_t bytes) {
    connection.probe.sent(bytes);
    connection.session->sent(bytes);
    connection.probe.requests(connection.session->requests());
    if (connection.watch->request_since.load(std::memory_order_relaxed) != 0 && !connection.session->in_request())
        connection.watch->request_since.store(0, std::memory_order_relaxed);
    connection.probe.session_bytes(connection.session->memory_bytes());
}

CloseReason reason_of(int error) noexcept {
    switch (error) {
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
        return CloseReason::reset;
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return CloseReason::timeout;
    default:
        return CloseReason::error;
    }
}

void burn(std::chrono::nanoseconds cpu_time) {
    // The thread's CPU clock costs a system call, so short stretches go by wall time: a preemption is unlikely in them.
    constexpr auto short_stretch = std::chrono::microseconds(50);
    if (cpu_time <= short_stretch) return spin(cpu_time);
    const auto end = thread_cpu_time() + cpu_time;
    for (auto left = cpu_time; left.count() > 0; left = end - thread_cpu_time())
        spin(std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds(1)));
}

void set_blocking(int socket, bool blocking) noexcept {
    int non_blocking = blocking ? 0 : 1;
    ::ioctl(socket, FIONBIO, &non_blocking);
}

} // namespace connscope::server
