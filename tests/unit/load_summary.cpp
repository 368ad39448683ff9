// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/summary.hpp"
#include "connscope/telemetry/load_writer.hpp"
#include "connscope/telemetry/reader.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <string>

namespace connscope::load {
namespace {

using namespace std::chrono_literals;
using telemetry::LoadWriter;

Summary example() {
    Summary summary;
    PopulationFigures all;
    all.name = "all";
    all.counters[static_cast<std::size_t>(LoadCounter::opened)] = 5;
    all.counters[static_cast<std::size_t>(LoadCounter::completed)] = 1000;
    for (int i = 1; i <= 1000; ++i) all.latencies.add(std::chrono::microseconds(i));
    PopulationFigures active = all;
    active.name = "active";
    summary.figures = {all, active};
    summary.completed_in_time = {990, 990};
    summary.measured = 10s;
    return summary;
}

TEST(LoadSummary, json_has_the_promised_keys) {
    const auto object = to_json(example());
    for (const auto* key : {"opened", "open", "refused", "reset", "closed_by_peer", "timed_out"})
        EXPECT_TRUE(object.at("connections").as_object().contains(key)) << key;
    for (const auto* key : {"sent", "completed", "failed", "corrupted"})
        EXPECT_TRUE(object.at("requests").as_object().contains(key)) << key;
    for (const auto* key : {"offered_per_s", "achieved_per_s"})
        EXPECT_TRUE(object.at("rate").as_object().contains(key)) << key;
    for (const auto* key : {"p50", "p90", "p99", "p99_9", "p99_99", "max"})
        EXPECT_TRUE(object.at("latency_us").as_object().contains(key)) << key;
    EXPECT_EQ(object.at("rate").at("achieved_per_s").as_double(), 99.0) << "what came after the end does not make the rate";
    EXPECT_NEAR(object.at("latency_us").at("p50").as_double(), 500, 1);
    EXPECT_TRUE(object.at("populations").as_object().contains("active"));
    EXPECT_EQ(object.at("populations").at("active").at("requests").at("completed").to_number<int>(), 1000);
}

TEST(LoadSummary, what_was_not_measured_is_null) {
    Summary summary = example();
    summary.figures.front().latencies.clear();
    EXPECT_TRUE(to_json(summary).at("latency_us").at("p50").is_null());
    EXPECT_TRUE(to_json(summary).at("bottleneck").is_null());
}

TEST(LoadSummary, every_fault_is_named_and_counts_as_failure) {
    EXPECT_FALSE(anything_failed(example()));
    EXPECT_EQ(to_text(example()).find("faults"), std::string::npos);
    for (const auto which : {LoadCounter::refused, LoadCounter::reset, LoadCounter::closed_by_peer, LoadCounter::timed_out,
                             LoadCounter::failed, LoadCounter::corrupted, LoadCounter::unavailable}) {
        Summary summary = example();
        summary.figures.front().counters[static_cast<std::size_t>(which)] = 1;
        EXPECT_TRUE(anything_failed(summary)) << static_cast<int>(which);
    }
    Summary summary = example();
    summary.figures.front().counters[static_cast<std::size_t>(LoadCounter::refused)] = 7;
    EXPECT_NE(to_text(summary).find("7 connections refused"), std::string::npos);
}

TEST(LoadSummary, the_percentile_file_is_what_plotters_of_hdr_histograms_read) {
    telemetry::Histogram latencies;
    for (int i = 1; i <= 10'000; ++i) latencies.add(std::chrono::microseconds(i));
    std::ostringstream out;
    write_hdr(out, latencies);
    std::istringstream in(out.str());
    std::string line;
    std::getline(in, line);
    EXPECT_NE(line.find("Value     Percentile TotalCount 1/(1-Percentile)"), std::string::npos) << line;
    double last_value = 0;
    double last_percentile = -1;
    std::uint64_t last_count = 0;
    int rows = 0;
    while (std::getline(in, line) && !line.starts_with('#')) {
        if (line.empty()) continue;
        std::istringstream row(line);
        double value = 0;
        double percentile = 0;
        std::uint64_t count = 0;
        ASSERT_TRUE(row >> value >> percentile >> count) << line;
        EXPECT_GE(value, last_value);
        EXPECT_GT(percentile, last_percentile);
        EXPECT_GE(count, last_count);
        EXPECT_NEAR(value, std::max(percentile * 10.0, 0.001), 0.02) << line;
        last_value = value;
        last_percentile = percentile;
        last_count = count;
        ++rows;
    }
    EXPECT_GT(rows, 30);
    EXPECT_EQ(last_percentile, 1.0);
    EXPECT_EQ(last_count, 10'000u);
    EXPECT_TRUE(line.starts_with("#[Mean    =        5.00")) << line;
}

TEST(LoadSegment, an_observer_sees_populations_come_change_and_go) {
    auto writer = LoadWriter::create({"load-test-" + std::to_string(::getpid()), "test", "echo", "127.0.0.1:1", "", 2});
    ASSERT_TRUE(writer) << writer.error().text;
    auto reader = telemetry::SegmentReader::open((*writer)->path());
    ASSERT_TRUE(reader) << reader.error().text;
    EXPECT_EQ(reader->identity().kind, telemetry::layout::SegmentKind::load);

    const auto first = (*writer)->add_population("active", "active:5");
    ASSERT_TRUE(first);
    (*writer)->counter(*first, LoadCounter::open) = 5;
    telemetry::record((*writer)->latencies(*first), 100us);
    telemetry::LoadReading reading;
    ASSERT_TRUE(reader->read(reading));
    ASSERT_EQ(reading.populations.size(), 2u);
    EXPECT_EQ(reading.populations[0].name, "all");
    EXPECT_EQ(reading.populations[1].name, "active");
    EXPECT_EQ(reading.populations[1].text, "active:5");
    EXPECT_EQ(reading.populations[1].counter(LoadCounter::open), 5u);
    EXPECT_EQ(reading.populations[1].latency_since.total(), 1u);

    const auto second = (*writer)->add_population("idle", "idle:9");
    ASSERT_TRUE(second);
    EXPECT_FALSE((*writer)->add_population("more", "than fit"));
    (*writer)->remove_population(*first);
    (*writer)->set_bottleneck(true);
    (*writer)->set_running(true);
    ASSERT_TRUE(reader->read(reading));
    ASSERT_EQ(reading.populations.size(), 2u);
    EXPECT_EQ(reading.populations[1].name, "idle");
    EXPECT_TRUE(reading.is_bottleneck);
    EXPECT_TRUE(reading.running);

    const auto again = (*writer)->add_population("churn", "churn:1");
    ASSERT_TRUE(again);
    EXPECT_EQ((*writer)->counter(*again, LoadCounter::open), 0u) << "a place used again counts from 0";
    ASSERT_TRUE(reader->read(reading));
    EXPECT_EQ(reading.populations[1].latency_since.total(), 0u);
}

} // namespace
} // namespace connscope::load
