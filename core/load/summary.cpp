// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace connscope::load {
namespace {

namespace json = boost::json;
using telemetry::Histogram;

struct Quantile {
    const char* key;
    const char* shown;
    double value;
};
constexpr std::array quantiles{
    Quantile{"p50", "p50", 0.5},       Quantile{"p90", "p90", 0.9},          Quantile{"p99", "p99", 0.99},
    Quantile{"p99_9", "p99.9", 0.999}, Quantile{"p99_99", "p99.99", 0.9999},
};

double us(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }
// One decimal is more than the three digits that a histogram holds.
double rounded(double value) { return std::round(value * 10) / 10; }

json::value latency_json(const Histogram& latencies) {
    json::object object;
    for (const Quantile& quantile : quantiles) {
        if (latencies.total() == 0)
            object[quantile.key] = nullptr;
        else
            object[quantile.key] = rounded(us(latencies.percentile(quantile.value)));
    }
    if (latencies.total() == 0)
        object["max"] = nullptr;
    else
        object["max"] = rounded(us(latencies.max()));
    return object;
}

std::string shown(std::chrono::nanoseconds time) {
    const auto ns = static_cast<double>(time.count());
    if (ns >= 1e9) return fmt::format("{:.2f} s", ns / 1e9);
    if (ns >= 1e6) return fmt::format("{:.2f} ms", ns / 1e6);
    return fmt::format("{:.1f} µs", ns / 1e3);
}

std::string one_population(const PopulationFigures& one, double achieved) {
    std::string text = fmt::format("{:<14} {} open of {}, {} requests", one.name, one[LoadCounter::open],
                                   one[LoadCounter::target], one[LoadCounter::completed]);
    if (one[LoadCounter::offered_per_s] > 0) text += fmt::format(", {} offered/s", one[LoadCounter::offered_per_s]);
    text += fmt::format(", {:.0f} achieved/s\n", achieved);
    if (one.latencies.total() > 0) {
        text += fmt::format("{:<14}", "  latency");
        for (const Quantile& quantile : quantiles)
            text += fmt::format(" {} {} ", quantile.shown, shown(one.latencies.percentile(quantile.value)));
        text += fmt::format(" max {}\n", shown(one.latencies.max()));
    }
    return text;
}

// Names what went wrong, nothing that did not.
std::string faults(const PopulationFigures& all) {
    std::string text;
    const auto add = [&](LoadCounter which, std::string_view words) {
        if (all[which] == 0) return;
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", all[which], words);
    };
    add(LoadCounter::refused, "connections refused");
    add(LoadCounter::reset, "reset");
    add(LoadCounter::closed_by_peer, "closed by the server");
    add(LoadCounter::timed_out, "timed out");
    add(LoadCounter::unavailable, "impossible here");
    add(LoadCounter::failed_status, "answers other than 2xx");
    add(LoadCounter::failed_garbage, "answers that were garbage");
    add(LoadCounter::failed_lost, "requests lost with their connection");
    add(LoadCounter::failed_timeout, "requests without an answer in time");
    add(LoadCounter::corrupted, "answers with wrong content or length");
    return text;
}

} // namespace

json::object counters_json(const PopulationFigures& one, double achieved_per_s) {
    return {
        {"connections",
         {{"target", one[LoadCounter::target]},
          {"opened", one[LoadCounter::opened]},
          {"open", one[LoadCounter::open]},
          {"refused", one[LoadCounter::refused]},
          {"reset", one[LoadCounter::reset]},
          {"closed_by_peer", one[LoadCounter::closed_by_peer]},
          {"timed_out", one[LoadCounter::timed_out]},
          {"unavailable", one[LoadCounter::unavailable]},
          {"renewed", one[LoadCounter::renewed]},
          {"closed", one[LoadCounter::closed]}}},
        {"requests",
         {{"sent", one[LoadCounter::sent]},
          {"completed", one[LoadCounter::completed]},
          {"failed", one[LoadCounter::failed]},
          {"corrupted", one[LoadCounter::corrupted]},
          {"unanswered", one[LoadCounter::in_flight]},
          {"never_sent", one[LoadCounter::overdue]},
          {"abandoned", one[LoadCounter::abandoned]},
          {"failed_by",
           {{"status", one[LoadCounter::failed_status]},
            {"garbage", one[LoadCounter::failed_garbage]},
            {"connection_lost", one[LoadCounter::failed_lost]},
            {"timed_out", one[LoadCounter::failed_timeout]}}}}},
        {"bytes", {{"in", one[LoadCounter::bytes_in]}, {"out", one[LoadCounter::bytes_out]}}},
        {"rate", {{"offered_per_s", one[LoadCounter::offered_per_s]}, {"achieved_per_s", rounded(achieved_per_s)}}},
        {"latency_us", latency_json(one.latencies)},
    };
}

json::object to_json(const Summary& summary) {
    const double seconds = static_cast<double>(summary.measured.count()) / 1e9;
    const auto achieved = [&](std::size_t i) {
        return seconds > 0 ? static_cast<double>(summary.completed_in_time[i]) / seconds : 0.0;
    };
    json::object object = counters_json(summary.figures.front(), achieved(0));
    object["measured_s"] = std::round(seconds * 1000) / 1000;
    object["not_reachable"] = summary.not_reachable;
    if (summary.bottleneck.empty())
        object["bottleneck"] = nullptr;
    else
        object["bottleneck"] = summary.bottleneck;
    json::object populations;
    for (std::size_t i = 1; i < summary.figures.size(); ++i) {
        json::object one = counters_json(summary.figures[i], achieved(i));
        one["text"] = summary.figures[i].text;
        populations[summary.figures[i].name] = std::move(one);
    }
    object["populations"] = std::move(populations);
    return object;
}

std::string to_text(const Summary& summary) {
    const double seconds = static_cast<double>(summary.measured.count()) / 1e9;
    std::string text = fmt::format("measured for {:.1f} s\n", seconds);
    for (std::size_t i = 0; i < summary.figures.size(); ++i) {
        if (i == 1 && summary.figures.size() == 2) break; // one population is all
        text += one_population(summary.figures[i],
                               seconds > 0 ? static_cast<double>(summary.completed_in_time[i]) / seconds : 0.0);
    }
    if (const std::string wrong = faults(summary.figures.front()); !wrong.empty())
        text += fmt::format("faults: {}\n", wrong);
    const PopulationFigures& all = summary.figures.front();
    if (all[LoadCounter::in_flight] > 0)
        text += fmt::format("unanswered at the end: {} requests\n", all[LoadCounter::in_flight]);
    if (all[LoadCounter::overdue] > 0) text += fmt::format("due and never sent: {} requests\n", all[LoadCounter::overdue]);
    if (!summary.bottleneck.empty())
        text += fmt::format("The load itself was the bottleneck: {}. Figures of the server need more CPU for the load.\n",
                            summary.bottleneck);
    return text;
}

bool anything_failed(const Summary& summary) {
    const PopulationFigures& all = summary.figures.front();
    constexpr std::array faults{LoadCounter::refused,    LoadCounter::reset,  LoadCounter::closed_by_peer,
                                LoadCounter::timed_out,  LoadCounter::failed, LoadCounter::corrupted,
                                LoadCounter::unavailable};
    return summary.not_reachable > 0 ||
           std::any_of(faults.begin(), faults.end(), [&](LoadCounter which) { return all[which] > 0; });
}

void write_hdr(std::ostream& out, const Histogram& latencies) {
    // After HdrHistogram's outputPercentileDistribution: five steps in each half of the distance to 100 %.
    constexpr int steps_in_half = 5;
    const auto ms = [](std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; };
    out << fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    const std::uint64_t total = latencies.total();
    const auto counts = latencies.counts();
    double wanted = 0;
    std::uint64_t seen = 0;
    double squares = 0;
    const double mean = latencies.mean_ns() / 1e6;
    for (std::size_t i = 0; i < counts.size() && total > 0; ++i) {
        if (counts[i] == 0) continue;
        seen += counts[i];
        const auto value = std::chrono::nanoseconds(static_cast<std::int64_t>(telemetry::HistogramBuckets::highest(i)));
        squares += static_cast<double>(counts[i]) * (ms(value) - mean) * (ms(value) - mean);
        const double reached = static_cast<double>(seen) / static_cast<double>(total);
        while (reached >= wanted && wanted < 1.0) {
            out << fmt::format("{:>12.3f} {:>14.12f} {:>10} {:>14.2f}\n", ms(value), wanted, seen, 1.0 / (1.0 - wanted));
            const double halves = std::floor(std::log2(1.0 / (1.0 - wanted))) + 1;
            wanted += (1.0 / (steps_in_half * std::pow(2.0, halves)));
            if (1.0 - wanted < 0.5 / static_cast<double>(total)) wanted = 1.0;
        }
    }
    if (total > 0) out << fmt::format("{:>12.3f} {:>14.12f} {:>10}\n", ms(latencies.max()), 1.0, total);
    const double deviation = total > 0 ? std::sqrt(squares / static_cast<double>(total)) : 0;
    out << fmt::format("#[Mean    = {:>12.3f}, StdDeviation   = {:>12.3f}]\n", mean, deviation);
    out << fmt::format("#[Max     = {:>12.3f}, Total count    = {:>12}]\n", ms(latencies.max()), total);
    out << fmt::format("#[Buckets = {:>12}, SubBuckets     = {:>12}]\n", telemetry::HistogramBuckets::highest_bit - 10,
                       2048);
}

} // namespace connscope::load
