// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <cstdint>
#include <vector>

namespace connscope::lab {

// Counts the system calls of processes' threads, those that they have and those that they will start, by the kernel's trace
// point raw_syscalls:sys_enter (perf_event_open(2)). While one is open every system call of the machine costs a little more,
// so nothing else is measured meanwhile. One thread at a time.
class SystemCallCounter {
public:
    // Errors: no rights (std::errc::permission_denied), no such trace point, too many threads for the open files.
    static telemetry::Outcome<SystemCallCounter> open(const std::vector<std::uint32_t>& pids);

    // System calls since it was opened.
    std::uint64_t count() const;

private:
    SystemCallCounter() = default;
    std::vector<telemetry::UniqueFd> events_;
};

} // namespace connscope::lab
