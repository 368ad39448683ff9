// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/thread_scheduling.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace connscope::server {
namespace {

// struct sched_attr, first version: the C library of Debian 12 has none.
struct SchedulingAttributes {
    std::uint32_t size = sizeof(SchedulingAttributes);
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 0;
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
};

constexpr std::uint64_t reset_on_fork = 1; // SCHED_FLAG_RESET_ON_FORK
constexpr std::int32_t precedent_nice = -20;
constexpr std::uint64_t shortest_slice_ns = 100'000;

std::int32_t nice_of_this_thread() noexcept {
    SchedulingAttributes now;
    return ::syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0) == 0 ? now.nice : 0;
}

} // namespace

bool set_slice_of_this_thread(std::chrono::nanoseconds slice) noexcept {
    SchedulingAttributes now;
    if (::syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0) != 0) return false;
    SchedulingAttributes wanted;
    wanted.nice = now.nice;
    wanted.runtime = static_cast<std::uint64_t>(slice.count());
    if (::syscall(SYS_sched_setattr, 0, &wanted, 0) != 0) return false;
    return ::syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0) == 0 &&
           (slice.count() == 0 || now.runtime == wanted.runtime);
}

Precedence::Precedence() noexcept
    : nice_before_(nice_of_this_thread()) {
    SchedulingAttributes wanted;
    wanted.flags = reset_on_fork;
    wanted.runtime = shortest_slice_ns;
    wanted.nice = std::min(nice_before_, precedent_nice);
    if (::syscall(SYS_sched_setattr, 0, &wanted, 0) == 0) return;
    wanted.nice = nice_before_;
    ::syscall(SYS_sched_setattr, 0, &wanted, 0);
}

Precedence::~Precedence() {
    SchedulingAttributes before;
    before.nice = nice_before_;
    ::syscall(SYS_sched_setattr, 0, &before, 0);
}

} // namespace connscope::server
