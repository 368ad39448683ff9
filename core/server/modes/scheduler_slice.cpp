// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/scheduler_slice.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

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

} // namespace connscope::server
