// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/load_writer.hpp"

#include <chrono>
#include <cstdint>

namespace connscope::load {

using telemetry::layout::LoadCounter;

// Counts what happens to one population, in its place of the segment and in "all". One thread, unless `shared`.
class Tally {
public:
    Tally(telemetry::LoadWriter& writer, std::uint32_t place, bool shared)
        : own_(&writer.counter(place, LoadCounter{}))
        , all_(&writer.counter(telemetry::LoadWriter::all, LoadCounter{}))
        , own_latencies_(writer.latencies(place).data())
        , all_latencies_(writer.latencies(telemetry::LoadWriter::all).data())
        , shared_(shared) {}

    void add(LoadCounter which, std::int64_t amount = 1) const noexcept {
        add_to(own_[static_cast<std::size_t>(which)], amount);
        add_to(all_[static_cast<std::size_t>(which)], amount);
    }
    void record(std::chrono::nanoseconds latency) const noexcept {
        const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0));
        const std::size_t bucket = telemetry::HistogramBuckets::index(ns);
        add_to(own_latencies_[bucket], 1);
        add_to(all_latencies_[bucket], 1);
    }

private:
    using Cell = std::atomic<std::uint64_t>;

    void add_to(Cell& cell, std::int64_t amount) const noexcept {
        const auto difference = static_cast<std::uint64_t>(amount); // wraps as it should when negative
        // A statistic that orders nothing. Alone, a plain addition saves the locked instruction.
        if (shared_)
            cell.fetch_add(difference, std::memory_order_relaxed);
        else
            cell.store(cell.load(std::memory_order_relaxed) + difference, std::memory_order_relaxed);
    }

    Cell* own_;
    Cell* all_;
    Cell* own_latencies_;
    Cell* all_latencies_;
    bool shared_;
};

} // namespace connscope::load
