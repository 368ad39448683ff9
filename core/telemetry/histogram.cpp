// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/histogram.hpp"

#include <cmath>

namespace connscope::telemetry {

void Histogram::add(std::chrono::nanoseconds value) noexcept {
    const std::size_t index = HistogramBuckets::index(static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0)));
    ++counts_[index];
    ++total_;
    lowest_used_ = std::min(lowest_used_, index);
    highest_used_ = std::max(highest_used_, index);
}

void Histogram::merge(const Histogram& other) noexcept {
    for (std::size_t i = other.lowest_used_; i <= other.highest_used_ && i < counts_.size(); ++i)
        counts_[i] += other.counts_[i];
    total_ += other.total_;
    lowest_used_ = std::min(lowest_used_, other.lowest_used_);
    highest_used_ = std::max(highest_used_, other.highest_used_);
}

void Histogram::clear() noexcept {
    for (std::size_t i = lowest_used_; i <= highest_used_ && i < counts_.size(); ++i) counts_[i] = 0;
    total_ = 0;
    lowest_used_ = HistogramBuckets::count;
    highest_used_ = 0;
}

void Histogram::difference(std::span<const std::atomic<std::uint64_t>, HistogramBuckets::count> counters,
                           Histogram& previous, Histogram& since) noexcept {
    since.clear();
    for (std::size_t i = 0; i < HistogramBuckets::count; ++i) {
        const std::uint64_t now = counters[i].load(std::memory_order_relaxed); // pairs with record(): a statistic
        const std::uint64_t before = previous.counts_[i];
        if (now == before) continue;
        previous.counts_[i] = now;
        previous.total_ += now - before;
        previous.lowest_used_ = std::min(previous.lowest_used_, i);
        previous.highest_used_ = std::max(previous.highest_used_, i);
        if (now < before) continue; // a counter that went backwards was written by somebody else
        since.counts_[i] = now - before;
        since.total_ += now - before;
        since.lowest_used_ = std::min(since.lowest_used_, i);
        since.highest_used_ = std::max(since.highest_used_, i);
    }
}

std::chrono::nanoseconds Histogram::percentile(double quantile) const noexcept {
    if (total_ == 0) return std::chrono::nanoseconds{0};
    const double wanted = std::ceil(std::clamp(quantile, 0.0, 1.0) * static_cast<double>(total_));
    const std::uint64_t rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
    std::uint64_t seen = 0;
    for (std::size_t i = lowest_used_; i <= highest_used_; ++i) {
        seen += counts_[i];
        if (seen >= rank) return std::chrono::nanoseconds(static_cast<std::int64_t>(HistogramBuckets::highest(i)));
    }
    return max();
}

std::chrono::nanoseconds Histogram::max() const noexcept {
    if (total_ == 0) return std::chrono::nanoseconds{0};
    return std::chrono::nanoseconds(static_cast<std::int64_t>(HistogramBuckets::highest(highest_used_)));
}

double Histogram::mean_ns() const noexcept {
    if (total_ == 0) return 0;
    double sum = 0;
    for (std::size_t i = lowest_used_; i <= highest_used_; ++i) {
        const auto middle = static_cast<double>(HistogramBuckets::lowest(i) + HistogramBuckets::highest(i)) / 2;
        sum += middle * static_cast<double>(counts_[i]);
    }
    return sum / static_cast<double>(total_);
}

} // namespace connscope::telemetry
