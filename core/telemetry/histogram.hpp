// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace connscope::telemetry {

// The buckets of a log-linear histogram of durations in nanoseconds: exact below 2048 ns, then 1024 buckets per power of
// two, so that a value is known to better than 0.1 % (three digits) from 1 ns to 68 s; longer ones count as the longest.
// After Gil Tene's HdrHistogram, whose percentile definition is kept.
struct HistogramBuckets {
    static constexpr unsigned linear_bits = 11;
    static constexpr unsigned highest_bit = 36;
    static constexpr std::uint64_t highest_ns = (std::uint64_t{1} << highest_bit) - 1;
    static constexpr std::size_t count = (highest_bit - linear_bits) * 1024 + 2048;

    static constexpr std::size_t index(std::uint64_t ns) noexcept {
        ns = std::min(ns, highest_ns);
        const unsigned width = static_cast<unsigned>(std::bit_width(ns));
        if (width <= linear_bits) return static_cast<std::size_t>(ns);
        const unsigned shift = width - linear_bits;
        return static_cast<std::size_t>(shift) * 1024 + static_cast<std::size_t>(ns >> shift);
    }
    // The lowest and highest value that count in a bucket, in ns.
    static constexpr std::uint64_t lowest(std::size_t index) noexcept {
        if (index < 2048) return index;
        const auto shift = static_cast<unsigned>(index / 1024 - 1);
        return static_cast<std::uint64_t>(index - std::size_t{shift} * 1024) << shift;
    }
    static constexpr std::uint64_t highest(std::size_t index) noexcept {
        if (index < 2048) return index;
        const auto shift = static_cast<unsigned>(index / 1024 - 1);
        return lowest(index) + (std::uint64_t{1} << shift) - 1;
    }
};

// Counters in shared memory (or anywhere): any number of threads may record at once.
using HistogramCounters = std::span<std::atomic<std::uint64_t>, HistogramBuckets::count>;

// Counts one duration. Any thread; a few nanoseconds.
inline void record(HistogramCounters counters, std::chrono::nanoseconds value) noexcept {
    const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0));
    counters[HistogramBuckets::index(ns)].fetch_add(1, std::memory_order_relaxed); // a statistic: orders nothing
}

// A histogram at rest: a copy of counters, or their difference between two readings. One thread at a time.
class Histogram {
public:
    Histogram()
        : counts_(HistogramBuckets::count) {}

    void add(std::chrono::nanoseconds value) noexcept;
    void merge(const Histogram& other) noexcept;
    void clear() noexcept;

    // Takes the counters as they are now and returns how many values were recorded since `previous` was taken from them,
    // in `since`. `previous` becomes the new reading.
    static void difference(std::span<const std::atomic<std::uint64_t>, HistogramBuckets::count> counters,
                           Histogram& previous, Histogram& since) noexcept;

    std::uint64_t total() const noexcept { return total_; }
    std::span<const std::uint64_t> counts() const noexcept { return counts_; }

    // The value at or below which `quantile` (0 to 1) of all values lie: the highest value of its bucket, as HdrHistogram
    // has it. 0 when empty.
    std::chrono::nanoseconds percentile(double quantile) const noexcept;
    std::chrono::nanoseconds max() const noexcept;
    double mean_ns() const noexcept;

private:
    std::vector<std::uint64_t> counts_;
    std::uint64_t total_ = 0;
    std::size_t lowest_used_ = HistogramBuckets::count; // buckets outside [lowest_used_, highest_used_] are all 0
    std::size_t highest_used_ = 0;
};

} // namespace connscope::telemetry
