// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace connscope::observe {

// What the kernel tells of one thread of another process while it stands still or runs, without stopping it
// (proc_pid_stat(5), proc_pid_syscall(5), proc_pid_wchan(5), sched_getattr(2)).
struct ThreadState {
    std::uint32_t id = 0;
    std::uint64_t start_time = 0; // clock ticks since boot: tells an id from its reuse
    std::string name;
    char state = '?';         // R S D Z T t X (proc_pid_stat(5))
    std::string wait_channel; // the kernel function in which it waits; empty: none, or not for us to know
    std::uint32_t cpu = 0;    // ran there last

    // Where it left for the kernel. None while it runs, or without the right to trace it: `stopped_missing` says.
    struct Stopped {
        std::int64_t call = -1;                   // the system call's number; -1: it was interrupted elsewhere
        std::array<std::uint64_t, 6> arguments{}; // rdi, rsi, rdx, r10, r8, r9
        std::uint64_t stack_pointer = 0;
        std::uint64_t instruction = 0;
        bool operator==(const Stopped&) const = default;
    };
    std::optional<Stopped> stopped;
    std::string stopped_missing;

    int policy = 0; // SCHED_*; sched(7)
    int nice = 0;
    std::uint32_t priority = 0;                    // of the real-time policies
    std::optional<std::chrono::nanoseconds> slice; // what the kernel gives it at once; none where it does not say
    std::uint64_t voluntary_switches = 0;
    std::uint64_t involuntary_switches = 0;
    std::optional<std::chrono::nanoseconds> run;   // on a CPU since it began
    std::optional<std::chrono::nanoseconds> delay; // could run and waited for a CPU
};

// Errors: there is no such thread (any more). Any thread; about 200 µs.
telemetry::Outcome<ThreadState> read_thread_state(std::uint32_t pid, std::uint32_t thread);

// Only where it stands: one small file. Any thread; about 20 µs.
std::optional<ThreadState::Stopped> read_stopped(std::uint32_t pid, std::uint32_t thread, std::string& missing);

// A system call's name on x86-64 where a server's thread is likely to make it; its number otherwise.
std::string call_name(std::int64_t number);

// "other", "batch", "idle", "fifo", "round-robin", "deadline".
std::string_view policy_name(int policy) noexcept;

} // namespace connscope::observe
