// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/memory_watch.hpp"

#include "connscope/observe/process.hpp"
#include "connscope/observe/socket_table.hpp"
#include "connscope/observe/socket_threads.hpp"
#include "connscope/observe/switches.hpp"
#include "connscope/telemetry/histogram.hpp"
#include "connscope/telemetry/reading.hpp"

#include <array>
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

// A stretch in which a thread had a CPU, by the kernel's record. One that lasts is told in parts.
struct ThreadRun {
    std::uint32_t thread = 0;
    std::chrono::nanoseconds begin{}; // CLOCK_MONOTONIC
    std::chrono::nanoseconds end{};
    enum class End : std::uint8_t { lasts, blocked, preempted } ended = End::lasts;
};

// What the kernel's table of sockets says of a connection.
struct SocketFigures {
    bool known = false;    // false: the rest says nothing
    bool accepted = false; // false: the process opened it
    observe::SocketState state = observe::SocketState::closed;
    telemetry::PeerAddress local;
    std::uint32_t receive_queue = 0; // bytes
    std::uint32_t send_queue = 0;
    std::optional<std::chrono::microseconds> round_trip;
    std::optional<std::uint32_t> retransmitted; // packets
    observe::SocketThread thread;               // that works for it, as far as the kernel tells
    std::array<char, 16> thread_name{};         // comm, ends with 0
};

// One of the processes that are watched together as the server.
struct WatchedProcess {
    std::uint32_t pid = 0; // 0: it is not watched any more
    std::string name;
    bool has_probe = false; // false: its connections are its sockets, as the kernel tells of them
    std::string segment{};  // its name; empty: it has no probe
    // What it has now; none: not known.
    std::chrono::nanoseconds taken{}; // CLOCK_MONOTONIC
    std::optional<std::uint64_t> connections{};
    std::optional<std::uint64_t> threads{};
    std::optional<std::uint64_t> resident_bytes{};
    // What it did since it began.
    std::optional<std::chrono::nanoseconds> cpu{};
    std::optional<std::uint64_t> switches{};   // voluntary and involuntary
    std::chrono::nanoseconds switches_taken{}; // CLOCK_MONOTONIC
};

// Connections that processes without a probe have opened themselves: to a database, or to whom a proxy passes on.
struct OutgoingConnections {
    std::vector<telemetry::ConnectionReading> connections;
    std::vector<SocketFigures> sockets; // one by one
};

// Everything that one look at the watched processes found. Made on the watching thread, then never changed.
struct Snapshot {
    std::chrono::nanoseconds taken{}; // CLOCK_MONOTONIC
    std::chrono::nanoseconds cost{};  // how long looking took

    bool has_server = false;                  // false: `server` says nothing
    telemetry::ServerReading server;          // of all processes together
    std::vector<WatchedProcess> processes;    // ConnectionReading::segment is the index of one
    std::vector<SocketFigures> sockets;       // of server.connections, one by one; empty: nothing is known of any
    std::chrono::nanoseconds sockets_taken{}; // CLOCK_MONOTONIC: when those of processes without a probe were read; 0: never
    std::optional<double> reads_recorded;     // the part of the time in which it was recorded who reads from sockets
    OutgoingConnections outgoing;             // they are not among server.connections and count nowhere
    std::optional<observe::ProcessReading> server_process; // all of them together
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
    std::vector<ThreadRun> thread_runs;    // since the snapshot before, of processes without a probe
    std::vector<NamedThread> thread_names; // of their threads, not named before
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

// The process of a connection; nullptr where it is not told.
inline const WatchedProcess* process_of(const Snapshot& snapshot, const telemetry::ConnectionReading& connection) {
    return connection.segment < snapshot.processes.size() ? &snapshot.processes[connection.segment] : nullptr;
}

// Whether any process reports of its connections by itself. Where none does, what only a probe can know is not known.
inline bool has_probe(const Snapshot& snapshot) {
    bool is_told = snapshot.processes.empty();
    for (const WatchedProcess& process : snapshot.processes) is_told = is_told || process.has_probe;
    return is_told;
}

using SnapshotPtr = std::shared_ptr<const Snapshot>;

} // namespace connscope::app
