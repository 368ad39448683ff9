// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <limits>

namespace connscope::app {

// Everything that is kept over time, one number each. Units are SI (seconds, bytes, per second); a share of CPU time is
// 1 for one core.
enum class Quantity : std::size_t {
    open, // connections
    running,
    ready,
    waiting_read,
    waiting_write,
    paused,
    threads, // of the server process
    carriers_thread,
    carriers_coroutine,
    carriers_fiber,
    carriers_closure,
    carriers_process,
    resident_bytes,
    page_table_bytes,
    stack_bytes, // resident, of threads and fibers
    frame_bytes, // coroutines' frames and callbacks' closures
    heap_bytes,  // allocated and in use, without the frames and closures
    rest_bytes,  // resident and page tables, without what is above
    kernel_stack_bytes,
    socket_bytes,         // the kernel's, for what is on its way through the TCP sockets
    bytes_per_connection, // private resident + page tables + kernel stacks, less the idle server's, by connections
    voluntary_per_s,      // switches
    involuntary_per_s,
    user_space_per_s,
    switches_per_request, // voluntary and involuntary
    cpu_user,
    cpu_system,
    cpu_idle,        // what the CPUs that its threads could use have left
    cpu_per_request, // user and system, seconds
    cpu_user_per_request,
    cpu_system_per_request,
    requests_per_s, // answered by the server
    latency_p50,    // as the load saw it
    latency_p99,
    latency_max,
    delay_p50, // scheduling delay from readiness
    delay_p99,
    stamped_delay_p50, // from the kernel's arrival stamp
    stamped_delay_p99, //
    offered_per_s,     // requests that the load wants to send
    traffic_in,        // bytes a second that the server receives
    traffic_out,       // and sends
    verified_share,    // of the answers: those without a wrong byte
    in_mode_first,     // connections that each mode of the server carries, by the modes' numbers
    in_mode_last = in_mode_first + 15,
    count_
};
inline constexpr std::size_t quantity_count = static_cast<std::size_t>(Quantity::count_);

inline constexpr std::size_t most_modes =
    static_cast<std::size_t>(Quantity::in_mode_last) - static_cast<std::size_t>(Quantity::in_mode_first) + 1;
// The connections that the mode with this number carries. Precondition: mode < most_modes.
constexpr Quantity in_mode(std::size_t mode) {
    return static_cast<Quantity>(static_cast<std::size_t>(Quantity::in_mode_first) + mode);
}

inline constexpr double not_known = std::numeric_limits<double>::quiet_NaN();

// The quantities at one time; what could not be had is not_known, never 0.
struct Sample {
    double time = 0; // s of CLOCK_MONOTONIC
    std::array<double, quantity_count> values;

    Sample() { values.fill(not_known); }
    double operator[](Quantity which) const noexcept { return values[static_cast<std::size_t>(which)]; }
    double& operator[](Quantity which) noexcept { return values[static_cast<std::size_t>(which)]; }
};

} // namespace connscope::app
