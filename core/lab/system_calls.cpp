// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/system_calls.hpp"

#include "connscope/observe/proc_file.hpp"
#include "connscope/observe/trace_point.hpp"

#include <fmt/format.h>
#include <linux/perf_event.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace connscope::lab {
namespace {

using telemetry::Error;
using telemetry::Outcome;

} // namespace

Outcome<SystemCallCounter> SystemCallCounter::open(const std::vector<std::uint32_t>& pids) {
    const auto point = observe::find_trace_point("raw_syscalls/sys_enter", "counting system calls");
    if (!point) return point.error();
    SystemCallCounter counter;
    for (const std::uint32_t pid : pids) {
        const telemetry::UniqueFd folder =
            observe::open_in(AT_FDCWD, fmt::format("/proc/{}/task", pid).c_str(), O_DIRECTORY);
        std::vector<std::uint32_t> threads;
        if (!folder || !observe::list_numbers(folder.get(), threads))
            return telemetry::system_error(errno, fmt::format("the threads of process {}", pid));
        for (const std::uint32_t thread : threads) {
            perf_event_attr wanted{};
            wanted.size = sizeof wanted;
            wanted.type = PERF_TYPE_TRACEPOINT;
            wanted.config = point->id;
            wanted.inherit = 1; // threads that it starts from now on
            telemetry::UniqueFd event(static_cast<int>(
                ::syscall(SYS_perf_event_open, &wanted, static_cast<pid_t>(thread), -1, -1, PERF_FLAG_FD_CLOEXEC)));
            if (!event && errno == ESRCH) continue; // it has just ended
            if (!event && errno == EMFILE) {
                rlimit files{};
                ::getrlimit(RLIMIT_NOFILE, &files);
                return Error{
                    std::make_error_code(std::errc::too_many_files_open),
                    fmt::format("counting the system calls of {} threads needs an open file for each, and the limit "
                                "is {}",
                                threads.size(), files.rlim_cur)};
            }
            if (!event) return telemetry::system_error(errno, "the kernel's count of system calls");
            counter.events_.push_back(std::move(event));
        }
    }
    return counter;
}

std::uint64_t SystemCallCounter::count() const {
    std::uint64_t sum = 0;
    for (const telemetry::UniqueFd& event : events_) {
        std::uint64_t one = 0;
        if (::read(event.get(), &one, sizeof one) == sizeof one) sum += one;
    }
    return sum;
}

} // namespace connscope::lab
