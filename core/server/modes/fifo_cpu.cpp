// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/fifo_cpu.hpp"

#include "connscope/server/thread_scheduling.hpp"

#include <dirent.h>

#include <cerrno>
#include <cstdlib>

namespace connscope::server {
namespace {

int set_policy_of_this_thread(int policy, int priority) noexcept {
    sched_param parameters{};
    parameters.sched_priority = priority;
    return ::sched_setscheduler(0, policy, &parameters) == 0 ? 0 : errno;
}

} // namespace

telemetry::Outcome<FifoCpu> FifoCpu::find() {
    cpu_set_t all;
    CPU_ZERO(&all);
    if (::sched_getaffinity(0, sizeof(all), &all) != 0) return telemetry::system_error(errno, "cannot tell the CPUs");
    if (CPU_COUNT(&all) < 2)
        return telemetry::Error{std::make_error_code(std::errc::not_supported),
                                "this server has one CPU only, and one must be left to the others"};
    {
        const KeptScheduling kept;
        if (const int error = set_policy_of_this_thread(SCHED_FIFO, 1); error != 0)
            return telemetry::system_error(error, "no right to SCHED_FIFO (CAP_SYS_NICE)");
    }
    int last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &all)) --last;
    return FifoCpu(last, all);
}

bool FifoCpu::enter() const noexcept {
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(number_, &own);
    return ::sched_setaffinity(0, sizeof(own), &own) == 0 && set_policy_of_this_thread(SCHED_FIFO, 1) == 0;
}

void FifoCpu::keep_off() const noexcept {
    cpu_set_t others = all_;
    CPU_CLR(number_, &others);
    ::sched_setaffinity(0, sizeof(others), &others);
}

void FifoCpu::push_off(std::int32_t thread) const noexcept {
    cpu_set_t own;
    if (::sched_getaffinity(thread, sizeof(own), &own) != 0 || !CPU_ISSET(number_, &own) || CPU_COUNT(&own) < 2) return;
    cpu_set_t others = own;
    CPU_CLR(number_, &others);
    ::sched_setaffinity(thread, sizeof(others), &others);
    ::sched_setaffinity(thread, sizeof(own), &own);
}

void FifoCpu::push_off_all() const noexcept {
    DIR* tasks = ::opendir("/proc/self/task");
    if (tasks == nullptr) return;
    while (const dirent* task = ::readdir(tasks)) {
        if (const int thread = std::atoi(task->d_name); thread > 0) push_off(thread);
    }
    ::closedir(tasks);
}

void FifoCpu::leave(pthread_t thread) const noexcept {
    demote(thread);
    ::pthread_setaffinity_np(thread, sizeof(all_), &all_);
}

void FifoCpu::demote(pthread_t thread) noexcept {
    sched_param normal{};
    ::pthread_setschedparam(thread, SCHED_OTHER, &normal);
}

} // namespace connscope::server
