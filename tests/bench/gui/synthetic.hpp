// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/snapshot.hpp"

#include <cstdint>
#include <random>

namespace connscope::bench {

// Makes snapshots such as a watcher takes, of a server that answers `rate` requests a second, spread over `connections`
// connections that one thread carries. The same seed makes the same snapshots.
class SyntheticServer {
public:
    SyntheticServer(std::uint32_t connections, double rate, std::uint32_t seed = 1);

    // `interval` after the one before.
    app::SnapshotPtr next(std::chrono::nanoseconds interval = std::chrono::milliseconds(50));
    std::chrono::nanoseconds now() const noexcept { return now_; }

private:
    void run_requests(app::Snapshot& into, std::chrono::nanoseconds interval);

    std::mt19937 random_;
    double rate_;
    std::chrono::nanoseconds now_;
    std::uint64_t looks_ = 0;
    std::vector<telemetry::ConnectionReading> connections_;
    telemetry::ServerCounters counters_;
    std::array<std::uint64_t, telemetry::gauge_count> gauges_{};
};

} // namespace connscope::bench
