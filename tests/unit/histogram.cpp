// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

namespace connscope::telemetry {
namespace {

using std::chrono::nanoseconds;

TEST(histogram, every_value_lies_between_the_bounds_of_its_bucket) {
    for (std::uint64_t value = 0; value <= HistogramBuckets::highest_ns; value = value * 17 / 16 + 1) {
        const std::size_t index = HistogramBuckets::index(value);
        ASSERT_LT(index, HistogramBuckets::count);
        ASSERT_LE(HistogramBuckets::lowest(index), value);
        ASSERT_GE(HistogramBuckets::highest(index), value);
    }
}

TEST(histogram, a_bucket_is_never_wider_than_a_thousandth_of_its_values) {
    for (std::size_t index = 2048; index < HistogramBuckets::count; ++index) {
        const auto width = static_cast<double>(HistogramBuckets::highest(index) - HistogramBuckets::lowest(index) + 1);
        ASSERT_LE(width, static_cast<double>(HistogramBuckets::lowest(index)) / 1000);
        ASSERT_EQ(HistogramBuckets::index(HistogramBuckets::lowest(index)), index);
    }
}

TEST(histogram, values_too_long_count_as_the_longest) {
    Histogram histogram;
    histogram.add(std::chrono::hours(1));
    EXPECT_EQ(histogram.max().count(), static_cast<std::int64_t>(HistogramBuckets::highest_ns));
    EXPECT_EQ(histogram.total(), 1u);
}

TEST(histogram, percentiles_agree_with_the_sorted_values_to_three_digits) {
    std::mt19937_64 random(7);
    std::lognormal_distribution<double> latency(11, 1.5);
    Histogram histogram;
    std::vector<double> values;
    for (int i = 0; i < 50'000; ++i) {
        values.push_back(std::floor(latency(random)));
        histogram.add(nanoseconds(static_cast<std::int64_t>(values.back())));
    }
    std::sort(values.begin(), values.end());
    for (const double quantile : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const auto rank = static_cast<std::size_t>(std::ceil(quantile * 50'000)) - 1;
        EXPECT_NEAR(static_cast<double>(histogram.percentile(quantile).count()), values[rank], values[rank] / 1000 + 1)
            << quantile;
    }
}

TEST(histogram, merging_is_as_if_all_had_been_recorded_in_one) {
    Histogram one, other, both;
    for (int i = 1; i < 1000; ++i) {
        ((i % 2) != 0 ? one : other).add(nanoseconds(i * 977));
        both.add(nanoseconds(i * 977));
    }
    one.merge(other);
    EXPECT_EQ(one.total(), both.total());
    EXPECT_TRUE(std::ranges::equal(one.counts(), both.counts()));
}

TEST(histogram, a_difference_holds_what_was_recorded_since_the_previous_one) {
    const auto memory = std::make_unique<std::atomic<std::uint64_t>[]>(HistogramBuckets::count);
    const HistogramCounters counters(memory.get(), HistogramBuckets::count);
    Histogram previous, since;
    record(counters, nanoseconds(100));
    record(counters, nanoseconds(5'000'000));
    Histogram::difference(counters, previous, since);
    EXPECT_EQ(since.total(), 2u);
    record(counters, nanoseconds(100));
    Histogram::difference(counters, previous, since);
    EXPECT_EQ(since.total(), 1u);
    EXPECT_EQ(since.percentile(1.0).count(), 100);
    Histogram::difference(counters, previous, since);
    EXPECT_EQ(since.total(), 0u);
    EXPECT_EQ(since.percentile(0.99).count(), 0);
}

} // namespace
} // namespace connscope::telemetry
