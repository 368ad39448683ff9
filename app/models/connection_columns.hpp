// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/snapshot.hpp"

#include <QString>

#include <chrono>
#include <span>

namespace connscope::app {

// What one cell is made from.
struct ConnectionContext {
    const telemetry::ConnectionReading& connection;
    std::chrono::nanoseconds now{};          // when it was read
    const WatchedProcess* process = nullptr; // whose it is; nullptr: not told
    const SocketFigures* socket = nullptr;   // what the kernel says of it; nullptr: nothing

    bool has_probe() const noexcept { return process == nullptr || process->has_probe; }
};
// Of the connection at `index` of a snapshot: first those that it serves, then those that it has opened itself.
ConnectionContext context_of(const Snapshot& snapshot, std::size_t index);
inline const telemetry::ConnectionReading& connection_at(const Snapshot& snapshot, std::size_t index) {
    const auto& served = snapshot.server.connections;
    return index < served.size() ? served[index] : snapshot.outgoing.connections[index - served.size()];
}

// One column of the connection table, which the filter line knows by `id`.
struct ConnectionColumn {
    enum class Kind { number, bytes, duration, text, state, carrier };
    // Who tells what is in it. Where that is nobody, the column is not offered by itself.
    enum class Source {
        probe,   // of the process
        anybody, // the process's probe, or the kernel's table of sockets
        kernel,  // its table of sockets, of processes without a probe
        several, // there are several processes to tell apart
    };
    const char* id;   // "longest_slice"
    const char* head; // "Longest slice", to be translated
    const char* tip;  // what it says and where it comes from, to be translated
    Kind kind;
    int rank;           // among the columns that are shown by themselves where there is room: 1 first; 0: never
    const char* widest; // a text as wide as the column's usual ones
    // What the column sorts and filters by; not a number where there is no value. Seconds, bytes or a count.
    double (*value)(const ConnectionContext&);
    QString (*text)(const ConnectionContext&);
    Source source = Source::probe;
    int rank_without_probe = 0; // the rank where no process has a probe; 0: the same

    int rank_in(bool has_probe) const noexcept { return has_probe || rank_without_probe == 0 ? rank : rank_without_probe; }
};

std::span<const ConnectionColumn> connection_columns();

// Whether a snapshot's connections are told of by such a source.
bool is_told(ConnectionColumn::Source source, const Snapshot& snapshot);

// "waiting to read": a state in words for people.
QString state_text(telemetry::ConnectionState state);
QString carrier_text(telemetry::CarrierKind kind);
// "worker:4711": the thread that ran it last, as far as it is known.
QString thread_text(const ConnectionContext& context);
// "waits in recvfrom": how that is known, in the words of connscope-watch.
QString thread_told_by(const ConnectionContext& context);

} // namespace connscope::app
