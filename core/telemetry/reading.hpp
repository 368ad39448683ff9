// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/clock.hpp"
#include "connscope/telemetry/histogram.hpp"
#include "connscope/telemetry/layout.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::telemetry {

// What a reader found: plain values, checked, with times as nanoseconds of CLOCK_MONOTONIC. They carry no reference to the
// segment and may cross threads.

std::string_view name_of(ConnectionState state) noexcept; // "running", "ready", "waiting_read", ...
std::string_view name_of(CarrierKind kind) noexcept;      // "thread", "coroutine", "fiber", "closure", "process", "none"

// The writing process, as far as it can be told from outside.
enum class WriterState {
    alive,
    ended, // left in good order
    died,  // gone without a word: the segment shows its last moment
};

struct PeerAddress {
    std::array<std::uint8_t, 16> bytes{};
    std::uint16_t port = 0;
    std::uint8_t family = 0; // 4, 6, 0 = not an IP socket

    bool operator==(const PeerAddress&) const = default;
};
std::string to_string(const PeerAddress& peer); // "127.0.0.1:4711", "[::1]:4711", "unix"

struct ConnectionReading {
    std::uint64_t id = 0;      // counts up from 1 in each server; never reused
    std::uint32_t segment = 0; // which of a set's segments it belongs to
    std::uint32_t slot = 0;
    ConnectionState state = ConnectionState::none;
    CarrierKind carrier = CarrierKind::none;
    std::uint8_t mode = 0;                  // index of SegmentIdentity::modes
    std::uint32_t thread = 0;               // kernel id of the thread that ran it last, 0 = none yet
    std::chrono::nanoseconds state_since{}; // CLOCK_MONOTONIC
    std::chrono::nanoseconds opened{};      // CLOCK_MONOTONIC
    // Slices were not timed while nobody read (connscope::asio): `run`, `ready` and what is longest are of those since then,
    // and `waiting` has the others' time in it.
    bool partly_timed = false;
    std::chrono::nanoseconds run{};           // the running slice included
    std::chrono::nanoseconds ready{};         // sum of scheduling delays from readiness
    std::chrono::nanoseconds waiting{};       // the rest of its life: waited for its peer or a time
    std::chrono::nanoseconds longest_slice{}; // the running slice included
    std::chrono::nanoseconds longest_ready{};
    std::chrono::nanoseconds stamped_delay{}; // sum over stamped_count messages, from the kernel's arrival stamp
    std::chrono::nanoseconds longest_stamped_delay{};
    std::uint64_t stamped_count = 0;
    std::uint64_t slices = 0;
    std::uint64_t user_space_switches = 0;
    std::optional<std::uint32_t> voluntary_switches; // none where no thread is its own
    std::optional<std::uint32_t> involuntary_switches;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t requests = 0;
    std::uint64_t suspended_at = 0;
    std::uint64_t carrier_address = 0;
    std::uint32_t carrier_bytes = 0;
    std::uint32_t session_bytes = 0;
    std::uint32_t hand_offs = 0;
    std::uint64_t socket_inode = 0;
    PeerAddress peer;
};

struct SegmentIdentity {
    layout::SegmentKind kind = layout::SegmentKind::server;
    std::uint32_t layout_version = 0;
    std::uint32_t pid = 0;
    std::uint64_t pid_start_time = 0;
    std::string name;
    std::string program;
    std::string protocol;
    std::string address;
    std::string control_path;
    std::vector<std::string> modes; // by number
    std::chrono::system_clock::time_point started;
};

// What counts up over the life of a server, closed connections included.
struct ServerCounters {
    std::uint64_t slices = 0;
    std::uint64_t user_space_switches = 0;
    std::uint64_t requests = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t events_written = 0;
    std::chrono::nanoseconds run{};
};

struct ServerReading {
    std::chrono::nanoseconds taken{}; // CLOCK_MONOTONIC
    WriterState writer = WriterState::alive;
    std::chrono::nanoseconds heartbeat{}; // CLOCK_MONOTONIC: when the gauges were last written
    std::uint32_t mode = 0;
    std::uint64_t mode_changes = 0;
    std::array<std::uint64_t, gauge_count> gauges{}; // layout::not_available where there is none
    ServerCounters counters;
    std::vector<ConnectionReading> connections;
    std::uint64_t unreadable_slots = 0; // still being written after several tries, or with values that cannot be

    std::optional<std::uint64_t> gauge(Gauge which) const noexcept {
        const std::uint64_t value = gauges[static_cast<std::size_t>(which)];
        if (value == layout::not_available) return std::nullopt;
        return value;
    }
};

// One finished slice or instant of a thread, in time order within its ring.
struct EventReading {
    layout::EventKind kind{};
    std::uint32_t thread = 0;
    std::uint64_t connection = 0;
    std::chrono::nanoseconds begin{}; // CLOCK_MONOTONIC
    std::chrono::nanoseconds length{};
};

struct EventsReading {
    std::vector<EventReading> events;
    std::uint64_t lost = 0; // overwritten before they were read
};

struct PopulationReading {
    std::string name; // "all" comes first
    std::string text;
    std::array<std::uint64_t, layout::load_counter_count> counters{};
    Histogram latency_since; // since the reader's previous reading

    std::uint64_t counter(layout::LoadCounter which) const noexcept { return counters[static_cast<std::size_t>(which)]; }
};

struct LoadReading {
    std::chrono::nanoseconds taken{}; // CLOCK_MONOTONIC
    WriterState writer = WriterState::alive;
    std::chrono::nanoseconds user_cpu{};
    std::chrono::nanoseconds system_cpu{};
    bool is_bottleneck = false;
    bool running = false;
    std::vector<PopulationReading> populations;
};

} // namespace connscope::telemetry
