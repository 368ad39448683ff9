// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/perf_buffer.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace connscope::observe {

// A thread took bytes from a TCP socket.
struct SocketRead {
    std::chrono::nanoseconds time{}; // CLOCK_MONOTONIC
    std::uint32_t process = 0;
    std::uint32_t thread = 0;
    std::uint64_t cookie = 0; // SocketReading::cookie
};

struct SocketReadsOptions {
    std::size_t buffer_bytes = 256u << 10; // for each CPU: some 2,500 records
    // Records a second over time. Where there are more, the record pauses until the mean is no more than that: it is of a
    // part of the time then.
    double most_per_s = 10'000;
};

// The kernel's record of who takes bytes from which TCP socket, of all processes on the machine that have one of the wanted
// ports (trace point tcp:tcp_rcv_space_adjust; perf_event_open(2)). However a program waits for its sockets, here it is seen
// who serves them. What a process only sends is not in it. One thread at a time.
class SocketReadRecorder {
public:
    // Records nothing until ports are wanted. Errors: no rights (std::errc::permission_denied), or no such trace point; each
    // with what would give it.
    static telemetry::Outcome<SocketReadRecorder> open(const SocketReadsOptions& options = {});

    // Records reads from sockets with one of these local ports from now on; with none, or more than the kernel's filter
    // takes, nothing. Errors: the kernel refuses the filter.
    telemetry::Status want_ports(const std::vector<std::uint16_t>& ports);

    // The reads since the last reading, those of one CPU after those of another. Overwrites `into`, whose memory is reused.
    // About 100 ns for each.
    void read(std::vector<SocketRead>& into);

    // Reads that are missing because there were too many at once, as far as the kernel counts them.
    std::uint64_t lost() const noexcept { return lost_; }
    // The part of the time since the first port that was recorded, 0 to 1.
    double recorded_share() const;

private:
    SocketReadRecorder() = default;
    void take(const std::byte* body, std::size_t bytes, std::vector<SocketRead>& into) const;
    void switch_on(bool on, std::chrono::nanoseconds now);

    SocketReadsOptions options_;
    std::size_t cookie_offset_ = 0;
    std::vector<PerfBuffer> buffers_; // one for each CPU
    std::vector<std::uint16_t> ports_;
    bool is_on_ = false;
    std::chrono::nanoseconds wanted_since_{};
    std::chrono::nanoseconds switched_{};  // on or off, last
    std::chrono::nanoseconds recorded_{};  // before that
    std::chrono::nanoseconds resume_at_{}; // while it pauses
    std::size_t since_on_ = 0;             // records
    std::uint64_t lost_ = 0;
};

} // namespace connscope::observe
