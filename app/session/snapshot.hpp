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
#include <utility>
#include <vector>

namespace connscope::app {

// An event and the segment that it is of.
struct SegmentEvent {
    std::uint32_t segment = 0;
    telemetry::EventReading event;
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
    std::vector<std::pair<std::uint32_t, std::string>> switch_names; // of threads that got a CPU, not named before
    std::string switches_missing;                                    // why there is no record; empty: there is one

    bool has_load = false; // false: `load` says nothing
    telemetry::LoadReading load;
    std::optional<observe::ProcessReading> load_process;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

} // namespace connscope::app
