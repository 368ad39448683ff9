// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/socket_reads.hpp"

#include "connscope/observe/trace_point.hpp"
#include "connscope/telemetry/clock.hpp"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace connscope::observe {
namespace {

using std::chrono::nanoseconds;
using telemetry::Error;
using telemetry::UniqueFd;

constexpr std::size_t most_ports = 16;
constexpr nanoseconds longest_pause = std::chrono::seconds(2);
constexpr std::string_view what = "telling which thread reads from which socket";

nanoseconds now() { return nanoseconds(telemetry::monotonic_ns()); }

template <class Number>
Number number_at(const std::byte* at) {
    Number number{};
    std::memcpy(&number, at, sizeof number);
    return number;
}

Error refused() {
    if (errno == EACCES || errno == EPERM)
        return {std::make_error_code(std::errc::permission_denied), fmt::format("{} needs root or CAP_PERFMON", what)};
    return telemetry::system_error(errno, std::string(what));
}

} // namespace

telemetry::Outcome<SocketReadRecorder> SocketReadRecorder::open(const SocketReadsOptions& options) {
    const auto point = find_trace_point("tcp/tcp_rcv_space_adjust", what);
    if (!point) return point.error();
    const auto cookie = point->offset_of("sock_cookie");
    if (!cookie)
        return Error{std::make_error_code(std::errc::not_supported),
                     fmt::format("this kernel's trace points have other fields than {} needs", what)};
    SocketReadRecorder recorder;
    recorder.options_ = options;
    recorder.cookie_offset_ = *cookie;
    perf_event_attr wanted{};
    wanted.size = sizeof wanted;
    wanted.type = PERF_TYPE_TRACEPOINT;
    wanted.config = point->id;
    wanted.sample_period = 1;
    wanted.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW;
    wanted.use_clockid = 1;
    wanted.clockid = CLOCK_MONOTONIC;
    wanted.disabled = 1;
    const long count = ::sysconf(_SC_NPROCESSORS_CONF);
    for (int cpu = 0; cpu < count; ++cpu) {
        UniqueFd event(static_cast<int>(::syscall(SYS_perf_event_open, &wanted, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
        if (!event && errno == ENODEV) continue; // a CPU that is switched off
        if (!event) return refused();
        PerfBuffer buffer(std::move(event), options.buffer_bytes);
        if (!buffer.mapped()) return refused();
        recorder.buffers_.push_back(std::move(buffer));
    }
    return recorder;
}

telemetry::Status SocketReadRecorder::want_ports(const std::vector<std::uint16_t>& ports) {
    if (ports == ports_) return telemetry::success();
    ports_ = ports;
    const nanoseconds time = now();
    if (ports.empty() || ports.size() > most_ports) {
        switch_on(false, time);
        return telemetry::success();
    }
    std::string filter;
    for (const std::uint16_t port : ports) filter += fmt::format("{}sport == {}", filter.empty() ? "" : " || ", port);
    for (const PerfBuffer& buffer : buffers_)
        if (::ioctl(buffer.event(), PERF_EVENT_IOC_SET_FILTER, filter.c_str()) != 0) return refused();
    if (wanted_since_ == nanoseconds{}) wanted_since_ = time;
    switch_on(true, time);
    return telemetry::success();
}

void SocketReadRecorder::switch_on(bool on, nanoseconds time) {
    if (on == is_on_) return;
    if (is_on_) recorded_ += time - switched_;
    is_on_ = on;
    switched_ = time;
    since_on_ = 0;
    for (const PerfBuffer& buffer : buffers_)
        ::ioctl(buffer.event(), on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

void SocketReadRecorder::read(std::vector<SocketRead>& into) {
    into.clear();
    for (PerfBuffer& buffer : buffers_) {
        buffer.drain([&](const perf_event_header& header, const std::byte* body, std::size_t bytes) {
            if (header.type == PERF_RECORD_LOST && bytes >= 16) lost_ += number_at<std::uint64_t>(body + 8);
            if (header.type == PERF_RECORD_SAMPLE) take(body, bytes, into);
        });
    }
    if (ports_.empty() || ports_.size() > most_ports) return;
    const nanoseconds time = now();
    if (!is_on_) {
        if (time >= resume_at_) switch_on(true, time);
        return;
    }
    since_on_ += into.size();
    const nanoseconds earned = std::chrono::duration_cast<nanoseconds>(
        std::chrono::duration<double>(static_cast<double>(since_on_) / options_.most_per_s));
    const nanoseconds on_for = time - switched_;
    if (earned <= on_for) {
        if (on_for < longest_pause) return;
        // What was quiet for long does not pay for what comes now.
        recorded_ += on_for;
        switched_ = time;
        since_on_ = 0;
        return;
    }
    resume_at_ = time + std::min(earned - on_for, longest_pause);
    switch_on(false, time);
}

// u32 pid, tid; u64 time; u32 size; the trace point's own record.
void SocketReadRecorder::take(const std::byte* body, std::size_t bytes, std::vector<SocketRead>& into) const {
    constexpr std::size_t head = 20;
    if (bytes < head) return;
    const std::size_t size = std::min<std::size_t>(number_at<std::uint32_t>(body + 16), bytes - head);
    if (cookie_offset_ + 8 > size) return;
    into.push_back({nanoseconds(number_at<std::uint64_t>(body + 8)), number_at<std::uint32_t>(body),
                    number_at<std::uint32_t>(body + 4), number_at<std::uint64_t>(body + head + cookie_offset_)});
}

double SocketReadRecorder::recorded_share() const {
    if (wanted_since_ == nanoseconds{}) return 0;
    const nanoseconds time = now();
    const nanoseconds recorded = recorded_ + (is_on_ ? time - switched_ : nanoseconds{});
    const auto all = static_cast<double>((time - wanted_since_).count());
    return all > 0 ? std::min(static_cast<double>(recorded.count()) / all, 1.0) : 1;
}

} // namespace connscope::observe
