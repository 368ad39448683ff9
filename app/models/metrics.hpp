// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/quantity.hpp"
#include "session/snapshot.hpp"

#include <array>
#include <chrono>
#include <deque>
#include <optional>

namespace connscope::app {

// Percentiles over the last second of a stream of histograms. One thread at a time.
class WindowedPercentiles {
public:
    // Adds what was recorded up to `time`.
    void add(const telemetry::Histogram& since, std::chrono::nanoseconds time);
    void clear();

    // Of the last second; not_known when nothing was recorded in it. Seconds.
    double percentile(double quantile) const;
    double max() const;

private:
    struct Part {
        std::chrono::nanoseconds begin{};
        telemetry::Histogram values;
    };
    std::deque<Part> parts_; // a tenth of the window each, the newest last
    telemetry::Histogram sum_;
};

// Who tells something of what is watched: what nobody tells has no place on the screen.
struct Sources {
    bool probe = true;       // it reports by itself
    bool load = true;        // clients of connscope's own are connected to it
    bool requests = true;    // it knows what a request is
    bool idle_memory = true; // it has told what it took before its first connection
    bool operator==(const Sources&) const = default;
};
Sources sources_of(const Snapshot& snapshot, bool is_attached);

// Turns snapshots into samples. What the server writes ten times a second (its gauges) becomes a rate from one writing to
// the next, whatever the rhythm of looking; what it counts at every event becomes a rate over the last 200 ms.
class Metrics {
public:
    Sample update(const Snapshot& snapshot);

private:
    struct GaugePoint {
        std::chrono::nanoseconds time{};
        std::array<std::uint64_t, telemetry::gauge_count> values{};
    };
    struct CostPoint {
        std::chrono::nanoseconds time{};
        double user = 0; // s of CPU time
        double system = 0;
        double requests = 0;
    };
    struct CounterPoint {
        std::chrono::nanoseconds time{};
        telemetry::ServerCounters counters;
    };

    void forget();
    void add_connections(const Snapshot& snapshot, Sample& sample);
    void add_memory(const Snapshot& snapshot, Sample& sample) const;
    void learn_split(const Snapshot& snapshot);
    void add_cost(Sample& sample) const;
    void add_idle(const Snapshot& snapshot, Sample& sample) const;
    void add_gauge_rates(const Snapshot& snapshot, Sample& sample);
    void add_counter_rates(const Snapshot& snapshot, Sample& sample);
    void add_delays(const Snapshot& snapshot, Sample& sample);
    void add_load(const Snapshot& snapshot, Sample& sample);

    std::optional<GaugePoint> gauges_;
    std::deque<CostPoint> costs_; // of the last few seconds
    // The share of the CPU time that was spent in the kernel, over the last few seconds in the same mode.
    double system_share_ = not_known;
    std::chrono::nanoseconds split_from_{};     // when the mode changed last
    std::optional<std::uint64_t> mode_changes_; // of the server
    bool split_is_held_ = false;                // just after a change the share before it is a better guess than none
    std::deque<CounterPoint> counters_;
    Sample gauge_rates_; // held from one writing of the gauges to the next
    std::array<bool, most_modes> mode_was_used_{};
    WindowedPercentiles latency_;
    WindowedPercentiles delay_;
    WindowedPercentiles stamped_delay_;
};

} // namespace connscope::app
