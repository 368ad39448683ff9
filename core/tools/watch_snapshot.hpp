// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/socket_threads.hpp"
#include "connscope/observe/sockets.hpp"
#include "connscope/observe/targets.hpp"
#include "connscope/observe/threads.hpp"
#include "connscope/telemetry/reader.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace connscope::watch {

using observe::Target;
using observe::TargetKind;

// One connection of a server, with what it did since the snapshot before.
struct ConnectionRow {
    telemetry::ConnectionReading reading;
    std::string_view mode;     // of SegmentIdentity::modes; lives as long as the Watcher
    std::optional<double> cpu; // of one CPU
    std::optional<double> requests_per_s;
};

// One TCP socket of a process without a segment, and the thread that works for it as far as the kernel tells.
struct SocketRow {
    observe::SocketReading reading;
    observe::SocketThread thread;
    std::string thread_name;
    std::string told_by; // how the thread is known, in words; empty: it is not
};

// One thread, with what it did since it was looked at before.
struct ThreadRow {
    observe::ThreadReading reading;
    std::optional<double> cpu;   // of one CPU
    std::optional<double> delay; // of the time: it could have run and waited
    std::optional<double> switches_per_s;
};

// What is shown of a target at one moment. None: it cannot be had.
struct Snapshot {
    template <class T>
    using Maybe = std::optional<T>;

    std::chrono::system_clock::time_point time;
    std::uint32_t pid = 0;
    std::string name;
    TargetKind kind = TargetKind::process;
    std::string title; // protocol and address, as far as known
    Maybe<std::string> mode;
    struct {
        Maybe<std::uint64_t> open, running, ready, waiting_read, waiting_write, paused;
        Maybe<std::uint64_t> outgoing; // that the process has opened itself: not counted as open
    } connections;
    struct ModeCount {
        std::string_view mode; // lives as long as the Watcher
        std::uint64_t open = 0;
    };
    std::vector<ModeCount> modes; // those that carry connections, in the server's order
    Maybe<std::uint64_t> threads;
    std::array<Maybe<std::uint64_t>, telemetry::carrier_kind_count> carriers;
    struct {
        Maybe<std::uint64_t> resident, stacks, frames, heap, kernel_stacks, page_tables, sockets, per_connection;
    } memory_bytes;
    struct {
        Maybe<double> voluntary, involuntary, user_space;
    } switches_per_s;
    struct {
        Maybe<double> user, system; // of one CPU
    } cpu;
    Maybe<double> requests_per_s;
    bool ended = false; // this is how it was last

    std::vector<ConnectionRow> connection_rows;
    std::vector<SocketRow> socket_rows; // of a process without a segment, the outgoing ones too
    std::vector<ThreadRow> thread_rows;
    std::vector<std::string> notes; // what is missing, and what would give it
};

struct WatchOptions {
    bool connections = false; // rows of connections, or sockets
    bool threads = false;     // rows of threads
};

// Reads one target again and again. What is dear is read as often as a small share of a core allows: see watch_snapshot.cpp.
// One thread at a time.
class Watcher {
public:
    // Errors: the target has ended or may not be read.
    static telemetry::Outcome<std::unique_ptr<Watcher>> open(const Target& target, const WatchOptions& options);
    ~Watcher();

    void set_options(const WatchOptions& options);
    const Target& target() const noexcept;

    // Rates are since the reading before, and none in the first. Once the target has ended, `into` keeps what it had but for
    // `ended`. Errors: the segment cannot be read any more.
    telemetry::Status read(Snapshot& into);

private:
    struct Impl;
    explicit Watcher(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace connscope::watch
