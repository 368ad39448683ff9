// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/perf_buffer.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <cstdint>
#include <vector>

namespace connscope::lab {

// Something that the kernel did on the traced CPU.
struct TraceRecord {
    enum class Kind : std::uint8_t {
        called,   // a thread has made a system call
        answered, // and has its result
        left,     // a thread has left the CPU
        came,     // and another one has it now
    };
    Kind kind = Kind::called;
    bool preempted = false;    // of left: it could have gone on
    std::uint64_t time = 0;    // ns, from a moment of the kernel's own
    std::uint32_t process = 0; // of called and answered
    std::uint32_t thread = 0;
    std::int64_t number = 0; // of the system call, called and answered
    std::int64_t value = 0;  // its first argument, or its result
};

// Every system call and every switch of one CPU, in their order, with their times (the kernel's trace points
// raw_syscalls:sys_enter, raw_syscalls:sys_exit and sched:sched_switch; perf_event_open(2)). While it is open each of them
// takes some hundred nanoseconds more. One thread at a time.
class KernelTrace {
public:
    // Errors: no rights (std::errc::permission_denied), no such trace points.
    static telemetry::Outcome<KernelTrace> open(int cpu);

    // Appends what has happened since the last reading.
    void read(std::vector<TraceRecord>& into);
    // Records that the kernel had no room for, as far as they were read.
    std::uint64_t lost() const noexcept { return lost_; }

private:
    struct Layout {
        std::uint16_t called = 0, answered = 0, switched = 0;
        std::size_t call_number = 0, call_argument = 0, answer_number = 0, answer_result = 0;
        std::size_t previous = 0, previous_state = 0, next = 0;
    };
    KernelTrace(observe::PerfBuffer buffer, Layout layout)
        : buffer_(std::move(buffer))
        , layout_(layout) {}
    void take(const std::byte* body, std::size_t bytes, std::vector<TraceRecord>& into) const;

    observe::PerfBuffer buffer_;
    std::vector<telemetry::UniqueFd> others_; // events that write into the same buffer
    Layout layout_;
    std::uint64_t lost_ = 0;
};

// Where the code of one CPU was, a thousand times and more a second: for each time that it was not in the kernel.
struct CodeSample {
    std::uint32_t process = 0;
    std::uint64_t address = 0;
};
class CodeSampler {
public:
    // Looks each `period_ns` of the CPU's time. Errors: no rights (std::errc::permission_denied).
    static telemetry::Outcome<CodeSampler> open(int cpu, std::uint64_t period_ns);
    void read(std::vector<CodeSample>& into);

private:
    explicit CodeSampler(observe::PerfBuffer buffer)
        : buffer_(std::move(buffer)) {}
    observe::PerfBuffer buffer_;
};

} // namespace connscope::lab
