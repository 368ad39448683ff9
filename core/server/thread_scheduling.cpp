// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/thread_scheduling.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
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

SchedulingAttributes attributes_of_this_thread() noexcept {
    SchedulingAttributes now;
    if (::syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0) != 0) now.size = 0;
    return now;
}

bool set_attributes_of_this_thread(const SchedulingAttributes& wanted) noexcept {
    return ::syscall(SYS_sched_setattr, 0, &wanted, 0) == 0;
}

} // namespace

bool set_slice_of_this_thread(std::chrono::nanoseconds slice) noexcept {
    SchedulingAttributes wanted;
    wanted.nice = attributes_of_this_thread().nice;
    wanted.runtime = static_cast<std::uint64_t>(slice.count());
    return set_attributes_of_this_thread(wanted) &&
           (slice.count() == 0 || attributes_of_this_thread().runtime == wanted.runtime);
}

KeptScheduling::KeptScheduling() noexcept
    : attributes_(std::bit_cast<decltype(attributes_)>(attributes_of_this_thread())) {}

KeptScheduling::~KeptScheduling() {
    const auto before = std::bit_cast<SchedulingAttributes>(attributes_);
    if (before.size != 0) set_attributes_of_this_thread(before);
}

Precedence::Precedence() noexcept {
    SchedulingAttributes wanted;
    wanted.flags = reset_on_fork;
    wanted.runtime = shortest_slice_ns;
    wanted.nice = precedent_nice;
    if (set_attributes_of_this_thread(wanted)) return;
    wanted.nice = attributes_of_this_thread().nice;
    set_attributes_of_this_thread(wanted);
}

} // namespace connscope::server
