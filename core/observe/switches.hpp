// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace connscope::observe {

// One switch as the kernel recorded it: a thread of the process got a CPU or left it. What interrupts and a hypervisor take
// in between is part of the stretch, while the thread's CPU clock leaves it out.
struct SwitchRecord {
    enum class Kind : std::uint8_t {
        resumed,   // the thread runs from here on
        blocked,   // it left by itself: it waits or has ended
        preempted, // it could have gone on, and the CPU was given to another; sched_yield counts here, as the kernel has it
    };
    std::chrono::nanoseconds time{}; // CLOCK_MONOTONIC
    std::uint32_t thread = 0;
    std::uint32_t cpu = 0;
    Kind kind = Kind::resumed;
    // Who had the CPU before (resumed) or has it now (blocked, preempted); both 0: the CPU idles. Only where `other_known`.
    bool other_known = false;
    std::uint32_t other_process = 0;
    std::uint32_t other_thread = 0;

    bool operator==(const SwitchRecord&) const = default;
};

// Records that the kernel had no room for.
struct LostSwitches {
    std::chrono::nanoseconds time{}; // CLOCK_MONOTONIC: when there was room again
    std::uint32_t cpu = 0;
    std::uint64_t count = 0;
};

struct SwitchesReading {
    std::chrono::nanoseconds until{};  // CLOCK_MONOTONIC: everything up to here is in this reading or in one before
    std::vector<SwitchRecord> records; // by time
    std::vector<LostSwitches> lost;
    std::uint64_t lost_count = 0; // the sum of the above
};

// Whose switches the kernel is asked for.
enum class SwitchScope {
    automatic, // machine where rights allow, else process
    machine, // all CPUs, seen from outside: who ran instead is known. Needs CAP_PERFMON, or kernel.perf_event_paranoid <= 0
    process, // the process's threads alone; no rights needed for one's own processes where kernel.perf_event_paranoid <= 2
};

struct SwitchOptions {
    SwitchScope scope = SwitchScope::automatic;
    std::size_t buffer_bytes = 4u << 20; // for each CPU; made smaller down to 64 KiB where locked memory is limited
    std::uint32_t max_descriptors =
        4096; // scope process: one for each thread and CPU; never more than a quarter of the limit
};

// The kernel's record of switches of one process's threads, those that it has and those that it will start
// (perf_event_open(2): PERF_RECORD_SWITCH, one buffer for each CPU). One thread at a time.
class SwitchRecorder {
public:
    // Errors: no such process; not permitted (std::errc::permission_denied), and what would permit it; no perf events here.
    static telemetry::Outcome<SwitchRecorder> open(std::uint32_t pid, const SwitchOptions& options = {});
    SwitchRecorder(SwitchRecorder&&) noexcept;
    SwitchRecorder& operator=(SwitchRecorder&&) noexcept;
    ~SwitchRecorder();

    // The records since the previous reading. Overwrites `into`, whose memory is reused. About 50 ns a record.
    void read(SwitchesReading& into);

    // Waits until a buffer is half full, for `at_most`; true when one is. Who reads at that moment loses nothing.
    bool wait(std::chrono::milliseconds at_most) const;

    SwitchScope scope() const noexcept; // machine or process
    std::size_t buffer_bytes() const noexcept;
    // Scope process: threads that were there already and for which no descriptors were left. Their switches are missing.
    std::uint32_t threads_left_out() const noexcept;

private:
    struct Impl;
    explicit SwitchRecorder(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace connscope::observe
