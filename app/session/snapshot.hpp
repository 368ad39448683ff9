// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/memory_watch.hpp"

#include "connscope/observe/process.hpp"
#include "connscope/observe/switches.hpp"
#include "connscope/telemetry/histogram.hpp"
#include "connscope/telemetry/reading.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace connscope::app {

// An event and the segment that it is of.
struct SegmentEvent {
    std::uint32_t segment = 0;
    telemetry::EventReading event;
};

// A thread that got a CPU, and what it is called (comm).
struct NamedThread {
    std::uint32_t process = 0;
    std::uint32_t thread = 0;
    std::string name;
};

// Everything that one look at the watched processes found. Made on the watching thread, then never changed.
struct Snapshot {
    std::chrono::nanoseconds taken{}; // CLOCK_MONOTONIC
    std::chrono::nanoseconds cost{};  // how long looking took

    bool has_server = false; // false: `server` says nothing
    telemetry::ServerReading server;
    std::optional<observe::ProcessReading> server_process;
    WeighedMemory server_memory;
    std::vector<std::string> modes;            // of the server, by number
    telemetry::Histogram delay_from_readiness; // since the snapshot before
    telemetry::Histogram delay_from_stamp;     //
    std::vector<SegmentEvent> events;          // since the snapshot before
    std::uint64_t events_lost = 0;             // overwritten before they could be read

    // The kernel's record of switches since the snapshot before: each preemption of a thread of the server, and the record
    // of that thread that follows it.
    std::vector<observe::SwitchRecord> switches;
    std::vector<observe::LostSwitches> switches_lost;
    std::vector<NamedThread> switch_names; // of threads that got a CPU, not named before
    std::string switches_missing;          // why there is no record; empty: there is one
    std::uint32_t switches_left_out = 0;   // threads that the record leaves out: there were no descriptors for them

    bool has_load = false; // false: `load` says nothing
    telemetry::LoadReading load;
    std::optional<observe::ProcessReading> load_process;
};

// How many of the server's connections each of its modes carries, by the modes' numbers.
inline std::vector<std::uint64_t> connections_by_mode(const Snapshot& snapshot) {
    std::vector<std::uint64_t> counts(snapshot.modes.size());
    if (!snapshot.has_server) return counts;
    for (const auto& connection : snapshot.server.connections)
        if (connection.mode < counts.size()) ++counts[connection.mode];
    return counts;
}

using SnapshotPtr = std::shared_ptr<const Snapshot>;

} // namespace connscope::app
