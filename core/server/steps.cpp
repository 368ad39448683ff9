// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/steps.hpp"

#include "connscope/server/work.hpp"
#include "connscope/telemetry/clock.hpp"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace connscope::server {
namespace {

std::chrono::nanoseconds thread_cpu_time() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

void written(Connection& connection, std::size_t bytes) {
    protocol::Session& session = *connection.session;
    connection.probe.sent(bytes);
    session.sent(bytes);
    connection.probe.requests(session.requests());
    const std::size_t memory = session.memory_bytes();
    if (memory != std::exchange(connection.session_bytes, memory)) connection.probe.session_bytes(memory);
}

} // namespace

void stamp_arrivals(Connection& connection) {
    const unsigned int flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    connection.stamped = ::setsockopt(connection.socket.get(), SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)) == 0;
}

ssize_t receive(Connection& connection, int socket, std::span<std::byte> into, int flags) {
    if (!connection.stamped) return ::recv(socket, into.data(), into.size(), flags);
    iovec piece{into.data(), into.size()};
    alignas(cmsghdr) std::array<std::byte, 256> control;
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t bytes = ::recvmsg(socket, &message, flags);
    if (bytes <= 0) return bytes;
    for (const cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr;
         one = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(one))) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_TIMESTAMPING) continue;
        scm_timestamping stamps{};
        std::memcpy(&stamps, CMSG_DATA(one), sizeof(stamps));
        const timespec& arrival = stamps.ts[0]; // the software's; zero when there is none
        if (arrival.tv_sec == 0) continue;
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now); // the stamps' clock
        connection.probe.stamped_delay(std::chrono::seconds(now.tv_sec - arrival.tv_sec) +
                                       std::chrono::nanoseconds(now.tv_nsec - arrival.tv_nsec));
    }
    return bytes;
}

bool write_at_once(Connection& connection, int socket, std::optional<CloseReason>& over) {
    const auto output = connection.session->output();
    const ssize_t bytes = ::send(socket, output.data(), output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (bytes >= 0) {
        written(connection, static_cast<std::size_t>(bytes));
        return true;
    }
    if (errno == EAGAIN || errno == EINTR) return false;
    over = reason_of(errno);
    return true;
}

std::span<std::byte> input_of(Connection& connection) {
    const bool in_request = connection.session->in_request();
    if (in_request != connection.in_request) {
        connection.in_request = in_request;
        connection.watch->request_since.store(in_request ? connection.probe.slice_began() : 0, std::memory_order_relaxed);
    }
    return connection.session->input();
}

void after_read(Connection& connection, std::size_t bytes) {
    // Housekeeping ends the wait for a silent peer by shutting the socket; what that means is said beside it.
    if (bytes == 0 && connection.watch->timed_out.load(std::memory_order_relaxed)) {
        connection.session->timed_out();
        if (connection.session->next().kind != protocol::Action::Kind::read) return;
    }
    connection.probe.received(bytes);
    connection.session->received(bytes);
}

void after_write(Connection& connection, std::size_t bytes) { written(connection, bytes); }

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

protocol::Action next_action(Connection& connection) {
    using Kind = protocol::Action::Kind;
    const protocol::Action action = connection.session->next();
    Budget& budget = connection.budget;
    if (!budget.bounded() || action.kind == Kind::close) return action;
    if (action.kind == Kind::yield || action.kind == Kind::pause) {
        budget.used_us = budget.done = 0;
        return action;
    }
    if (action.kind == Kind::read) budget.used_us = 0;
    const bool spent = (budget.us > 0 && action.kind == Kind::compute && budget.used_us >= budget.us) ||
                       (budget.actions > 0 && budget.done >= budget.actions);
    if (!spent) {
        ++budget.done;
        return action;
    }
    budget.used_us = budget.done = 0;
    budget.spent = true;
    return {Kind::yield};
}

void after_yield(Connection& connection) {
    if (!std::exchange(connection.budget.spent, false)) connection.session->elapsed({});
}

void compute(Connection& connection) {
    using std::chrono::microseconds;
    std::chrono::nanoseconds duration = connection.session->next().duration;
    Budget& budget = connection.budget;
    if (budget.us > 0) {
        duration =
            std::min<std::chrono::nanoseconds>(duration, microseconds(budget.us - std::min(budget.us - 1, budget.used_us)));
        budget.used_us += static_cast<std::uint32_t>(std::chrono::ceil<microseconds>(duration).count());
    }
    const std::chrono::nanoseconds done = burn(duration, connection.watch->leave);
    connection.leaves = done < duration;
    connection.session->elapsed(done);
}

std::chrono::nanoseconds burn(std::chrono::nanoseconds cpu_time, const std::atomic<bool>& leave) {
    // The thread's CPU clock costs a system call, so short stretches go by wall time: a preemption is unlikely in them.
    constexpr auto short_stretch = std::chrono::microseconds(50);
    const double ticks_per_ns = 1 / telemetry::process_clock().ns_per_tick;
    const auto work_for = [ticks_per_ns](std::chrono::nanoseconds wall_time) {
        work(static_cast<telemetry::Ticks>(static_cast<double>(wall_time.count()) * ticks_per_ns));
    };
    if (cpu_time <= short_stretch) {
        work_for(cpu_time);
        return cpu_time;
    }
    const auto end = thread_cpu_time() + cpu_time;
    for (auto left = cpu_time; left.count() > 0; left = end - thread_cpu_time()) {
        if (leave.load(std::memory_order_relaxed)) return cpu_time - left; // a flag alone
        work_for(std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds(1)));
    }
    return cpu_time;
}

void never_cancel_this_thread() noexcept {
    ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    ::pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr); // what glibc would switch to; disabled, it means nothing
}

void set_blocking(int socket, bool blocking) noexcept {
    int non_blocking = blocking ? 0 : 1;
    ::ioctl(socket, FIONBIO, &non_blocking);
}

} // namespace connscope::server
