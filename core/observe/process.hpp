// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace connscope::observe {

// What the kernel tells of one process from outside: plain values, none where the kernel does not say.
struct ProcessReading {
    std::chrono::nanoseconds taken{}; // CLOCK_MONOTONIC
    char state = '?';                 // R S D Z T t X, of the main thread (proc_pid_stat(5))
    std::uint32_t threads = 0;
    std::chrono::nanoseconds user_cpu{};             // in steps of a clock tick, usually 10 ms
    std::chrono::nanoseconds system_cpu{};           //
    std::optional<std::chrono::nanoseconds> cpu;     // both together, exactly: the process's CPU clock
    std::uint64_t resident_bytes = 0;                // VmRSS
    std::uint64_t resident_shared_bytes = 0;         // RssFile + RssShmem: pages that others may share
    std::uint64_t page_table_bytes = 0;              // VmPTE
    std::uint64_t swapped_bytes = 0;                 // VmSwap
    std::optional<std::uint64_t> kernel_stack_bytes; // threads times the kernel's stack of a task, as /proc/meminfo shows it
    std::optional<std::uint64_t> open_files;
    std::optional<std::uint64_t> open_files_limit;
    std::optional<std::uint64_t> threads_limit;
    std::uint64_t address_space_bytes = 0;            // VmSize: what RLIMIT_AS limits
    std::uint64_t data_bytes = 0;                     // VmData: what RLIMIT_DATA limits
    std::optional<std::uint64_t> address_space_limit; // RLIMIT_AS
    std::optional<std::uint64_t> data_limit;          // RLIMIT_DATA
};

// Reads one process again and again through descriptors that stay open: about 30 µs a reading, and 60 ns for each of its
// threads, whose CPU times the kernel adds up. A pid that ends and is given to another process is noticed. One thread at a
// time.
class ProcessObserver {
public:
    // Errors: no such process (std::errc::no_such_process).
    static telemetry::Outcome<ProcessObserver> open(std::uint32_t pid);

    // Errors: std::errc::no_such_process once the process has ended.
    telemetry::Outcome<ProcessReading> read();

    std::uint32_t pid() const noexcept { return pid_; }
    const std::string& name() const noexcept { return name_; } // comm
    // Field 22 of proc_pid_stat(5), in clock ticks since boot: tells a pid from its reuse.
    std::uint64_t start_time() const noexcept { return start_time_; }

private:
    ProcessObserver() = default;

    std::uint32_t pid_ = 0;
    std::uint64_t start_time_ = 0;
    std::string name_;
    std::optional<std::uint64_t> threads_limit_; // as it was on opening
    telemetry::UniqueFd folder_;                 // /proc/PID
    telemetry::UniqueFd stat_;
    telemetry::UniqueFd status_;
    telemetry::UniqueFd limits_;
    telemetry::UniqueFd fds_; // /proc/PID/fd; none without the rights
};

// The bytes of kernel stack that one task takes on this machine: KernelStack of /proc/meminfo by the number of tasks in
// /proc/loadavg, to the nearest power of two, as THREAD_SIZE is. Measured once. None where the kernel does not tell.
std::optional<std::uint64_t> kernel_stack_bytes_per_task();

} // namespace connscope::observe
