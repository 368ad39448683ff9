// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/kernel_trace.hpp"

#include "connscope/observe/trace_point.hpp"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace connscope::lab {
namespace {

using telemetry::Error;
using telemetry::Outcome;
using telemetry::UniqueFd;

constexpr std::size_t trace_bytes = 8u << 20; // some 100,000 records
constexpr std::size_t sample_bytes = 512u << 10;

template <class Number>
Number number_at(const std::byte* at) {
    Number number{};
    std::memcpy(&number, at, sizeof number);
    return number;
}

UniqueFd open_on(int cpu, perf_event_attr& wanted) {
    wanted.size = sizeof wanted;
    return UniqueFd(static_cast<int>(::syscall(SYS_perf_event_open, &wanted, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
}

Error refused(std::string_view what) {
    if (errno == EACCES || errno == EPERM)
        return {std::make_error_code(std::errc::permission_denied), fmt::format("{} needs root or CAP_PERFMON", what)};
    return telemetry::system_error(errno, std::string(what));
}

} // namespace

Outcome<KernelTrace> KernelTrace::open(int cpu) {
    constexpr std::string_view what = "tracing system calls and switches";
    const auto called = observe::find_trace_point("raw_syscalls/sys_enter", what);
    if (!called) return called.error();
    const auto answered = observe::find_trace_point("raw_syscalls/sys_exit", what);
    if (!answered) return answered.error();
    const auto switched = observe::find_trace_point("sched/sched_switch", what);
    if (!switched) return switched.error();
    Layout layout;
    layout.called = static_cast<std::uint16_t>(called->id);
    layout.answered = static_cast<std::uint16_t>(answered->id);
    layout.switched = static_cast<std::uint16_t>(switched->id);
    const auto find = [](const observe::TracePoint& point, std::string_view field, std::size_t& into) {
        const auto offset = point.offset_of(field);
        into = offset.value_or(0);
        return offset.has_value();
    };
    if (!find(*called, "id", layout.call_number) || !find(*called, "args[6]", layout.call_argument) ||
        !find(*answered, "id", layout.answer_number) || !find(*answered, "ret", layout.answer_result) ||
        !find(*switched, "prev_pid", layout.previous) || !find(*switched, "prev_state", layout.previous_state) ||
        !find(*switched, "next_pid", layout.next))
        return Error{std::make_error_code(std::errc::not_supported), "this kernel's trace points have other fields"};

    perf_event_attr wanted{};
    wanted.type = PERF_TYPE_TRACEPOINT;
    wanted.sample_period = 1;
    wanted.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW;
    wanted.config = called->id;
    UniqueFd first = open_on(cpu, wanted);
    if (!first) return refused(what);
    observe::PerfBuffer buffer(std::move(first), trace_bytes);
    if (!buffer.mapped()) return refused("the memory for a trace");
    KernelTrace trace(std::move(buffer), layout);
    for (const observe::TracePoint* point : {&*answered, &*switched}) {
        wanted.config = point->id;
        UniqueFd event = open_on(cpu, wanted);
        if (!event) return refused(what);
        // One ring for all three, so that the records are in their order.
        if (::ioctl(event.get(), PERF_EVENT_IOC_SET_OUTPUT, trace.buffer_.event()) != 0) return refused(what);
        trace.others_.push_back(std::move(event));
    }
    return trace;
}

void KernelTrace::read(std::vector<TraceRecord>& into) {
    buffer_.drain([&](const perf_event_header& header, const std::byte* body, std::size_t bytes) {
        if (header.type == PERF_RECORD_LOST && bytes >= 16) lost_ += number_at<std::uint64_t>(body + 8);
        if (header.type == PERF_RECORD_SAMPLE) take(body, bytes, into);
    });
}

// u32 pid, tid; u64 time; u32 size; the trace point's own record.
void KernelTrace::take(const std::byte* body, std::size_t bytes, std::vector<TraceRecord>& into) const {
    constexpr std::size_t head = 20;
    if (bytes < head + 2) return;
    const std::size_t size = std::min<std::size_t>(number_at<std::uint32_t>(body + 16), bytes - head);
    const std::byte* const raw = body + head;
    const auto has = [&](std::size_t offset, std::size_t length) { return offset + length <= size; };
    TraceRecord record;
    record.process = number_at<std::uint32_t>(body);
    record.thread = number_at<std::uint32_t>(body + 4);
    record.time = number_at<std::uint64_t>(body + 8);
    const auto point = number_at<std::uint16_t>(raw);
    if (point == layout_.called && has(layout_.call_argument, 8)) {
        record.number = number_at<std::int64_t>(raw + layout_.call_number);
        record.value = number_at<std::int64_t>(raw + layout_.call_argument);
        into.push_back(record);
    } else if (point == layout_.answered && has(layout_.answer_result, 8)) {
        record.kind = TraceRecord::Kind::answered;
        record.number = number_at<std::int64_t>(raw + layout_.answer_number);
        record.value = number_at<std::int64_t>(raw + layout_.answer_result);
        into.push_back(record);
    } else if (point == layout_.switched && has(layout_.next, 4)) {
        constexpr std::uint64_t waits =
            0xff; // the states in which a thread is not to be run: TASK_REPORT of <linux/sched.h>
        record.kind = TraceRecord::Kind::left;
        record.thread = number_at<std::uint32_t>(raw + layout_.previous);
        record.preempted = (number_at<std::uint64_t>(raw + layout_.previous_state) & waits) == 0;
        into.push_back(record);
        record.kind = TraceRecord::Kind::came;
        record.preempted = false;
        record.thread = number_at<std::uint32_t>(raw + layout_.next);
        into.push_back(record);
    }
}

Outcome<CodeSampler> CodeSampler::open(int cpu, std::uint64_t period_ns) {
    perf_event_attr wanted{};
    wanted.type = PERF_TYPE_SOFTWARE;
    wanted.config = PERF_COUNT_SW_CPU_CLOCK;
    wanted.sample_period = period_ns;
    wanted.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID;
    wanted.exclude_kernel = 1;
    wanted.exclude_hv = 1;
    UniqueFd event = open_on(cpu, wanted);
    if (!event) return refused("looking at where the code is");
    observe::PerfBuffer buffer(std::move(event), sample_bytes);
    if (!buffer.mapped()) return refused("the memory for samples");
    return CodeSampler(std::move(buffer));
}

void CodeSampler::read(std::vector<CodeSample>& into) {
    buffer_.drain([&](const perf_event_header& header, const std::byte* body, std::size_t bytes) {
        if (header.type != PERF_RECORD_SAMPLE || bytes < 16) return;
        into.push_back({number_at<std::uint32_t>(body + 8), number_at<std::uint64_t>(body)});
    });
}

} // namespace connscope::lab
