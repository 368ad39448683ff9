// SPDX-License-Identifier: BSL-1.0
// Sentences are made of measured figures only: cells made up here, and what is said of them.
#include "connscope/lab/findings.hpp"
#include "connscope/lab/report.hpp"
#include "connscope/lab/result.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace connscope::test {
namespace {

using namespace lab;

using Figures = std::map<std::string, std::vector<double>>; // values of each round

CellResult cell(const std::string& mode, const Figures& figures, std::uint32_t connections = 1000) {
    CellResult made;
    made.spec.mode = mode;
    made.spec.carrier = "thread";
    made.spec.conditions.connections = connections;
    std::size_t rounds = 0;
    for (const auto& [id, values] : figures) rounds = std::max(rounds, values.size());
    for (std::size_t i = 0; i < rounds; ++i) {
        RoundRecord round;
        round.round = static_cast<int>(i);
        for (const auto& [id, values] : figures)
            if (i < values.size()) round.values[id] = values[i];
        made.add(round);
    }
    return made;
}

Result result_of(std::vector<CellResult> cells) {
    Result result;
    result.cells = std::move(cells);
    return result;
}

// The sentence about a figure; empty when there is none.
std::string said_of(const std::string& figure, const Result& result) {
    for (const Finding& finding : find(result))
        if (finding.figure == figure) return finding.text;
    return {};
}

bool names(const std::string& text, const std::string& first, const std::string& then) {
    const std::size_t at = text.find(first);
    return at != std::string::npos && text.find(then, at) != std::string::npos;
}

const Figures light{{"memory_bytes", {1200, 1210, 1190}}, {"memory_kernel_bytes", {0, 0, 0}}};
const Figures heavy{{"memory_bytes", {36000, 36100, 35900}},
                    {"memory_kernel_bytes", {24000, 24000, 24000}},
                    {"kernel_stack_bytes", {16384, 16384, 16384}},
                    {"slab_bytes", {7300, 7300, 7300}}};

TEST(findings, memory_is_told_of_the_lightest_and_the_heaviest) {
    const std::string text = said_of("memory_bytes", result_of({cell("heavy", heavy), cell("light", light)}));
    EXPECT_EQ(text, "A connection takes 1.17 KiB in light and 35.2 KiB in heavy: 30×; 23.4 KiB of those are the kernel's "
                    "(stacks 16 KiB and tasks and mappings 7.13 KiB).");
}

TEST(findings, the_sentence_turns_around_with_the_figures) {
    const std::string text = said_of("memory_bytes", result_of({cell("heavy", light), cell("light", heavy)}));
    EXPECT_TRUE(text.starts_with("A connection takes 1.17 KiB in heavy and 35.2 KiB in light: 30×")) << text;
}

TEST(findings, every_comparison_turns_around_with_the_figures) {
    const std::map<std::string, std::pair<double, double>> better_and_worse{
        {"requests_per_s", {90'000, 40'000}}, {"latency_p99_us", {100, 900}},       {"delay_p99_us", {20, 400}},
        {"accept_1000_ms", {20, 90}},         {"hand_off_in_ms", {10, 60}},         {"cpu_us_per_request", {4, 12}},
        {"hog_damage_us", {1000, 98'000}},    {"system_calls_per_request", {2, 4}}, {"fairness", {0.99, 0.6}}};
    for (const auto& [id, values] : better_and_worse) {
        const auto steady = [](double value) { return std::vector<double>{value, value * 1.001, value * 0.999}; };
        const Figures good{{id, steady(values.first)}};
        const Figures bad{{id, steady(values.second)}};
        const std::string one = said_of(id, result_of({cell("left", good), cell("right", bad)}));
        const std::string other = said_of(id, result_of({cell("left", bad), cell("right", good)}));
        ASSERT_FALSE(one.empty()) << id;
        EXPECT_NE(one, other) << id;
        // The hog's victim comes first, everywhere else the best does.
        const bool worst_first = id == "hog_damage_us";
        EXPECT_TRUE(names(one, worst_first ? "right" : "left", worst_first ? "left" : "right")) << one;
        EXPECT_TRUE(names(other, worst_first ? "left" : "right", worst_first ? "right" : "left")) << other;
    }
}

TEST(findings, what_overlaps_is_within_noise) {
    const std::string text = said_of("requests_per_s", result_of({cell("one", {{"requests_per_s", {50e3, 70e3, 60e3}}}),
                                                                  cell("two", {{"requests_per_s", {45e3, 66e3, 52e3}}})}));
    EXPECT_NE(text.find("within noise"), std::string::npos) << text;
    EXPECT_EQ(text.find("answered"), std::string::npos) << text;
}

TEST(findings, a_difference_too_small_to_matter_is_within_noise_however_steady) {
    const std::string text =
        said_of("requests_per_s", result_of({cell("one", {{"requests_per_s", {50000, 50001, 50002}}}),
                                             cell("two", {{"requests_per_s", {50500, 50501, 50502}}})}));
    EXPECT_NE(text.find("within noise"), std::string::npos) << text;
}

TEST(findings, those_as_good_as_the_best_are_named) {
    const std::string text = said_of("requests_per_s", result_of({cell("slow", {{"requests_per_s", {20e3, 21e3}}}),
                                                                  cell("fast", {{"requests_per_s", {50e3, 54e3}}}),
                                                                  cell("near", {{"requests_per_s", {49e3, 52e3}}})}));
    EXPECT_NE(text.find("Within noise of fast: near."), std::string::npos) << text;
}

TEST(findings, of_five_rounds_one_pair_may_be_the_wrong_way_round_and_no_more) {
    const auto text = [](std::vector<double> fast) {
        return said_of("requests_per_s", result_of({cell("slow", {{"requests_per_s", {40e3, 41e3, 42e3, 43e3, 44e3}}}),
                                                    cell("fast", {{"requests_per_s", std::move(fast)}})}));
    };
    EXPECT_EQ(text({90e3, 91e3, 92e3, 93e3, 43.5e3}).find("within noise"), std::string::npos);
    EXPECT_NE(text({90e3, 91e3, 92e3, 93e3, 20e3}).find("within noise"), std::string::npos);
}

TEST(findings, one_round_says_little) {
    const auto text = [](double a, double b) {
        return said_of("requests_per_s",
                       result_of({cell("one", {{"requests_per_s", {a}}}), cell("two", {{"requests_per_s", {b}}})}));
    };
    EXPECT_NE(text(50e3, 60e3).find("within noise"), std::string::npos);
    EXPECT_EQ(text(50e3, 90e3).find("within noise"), std::string::npos);
}

TEST(findings, a_hog_that_harms_nobody_is_within_noise) {
    const Figures frozen{{"hog_damage_us", {97e3, 98e3}}, {"latency_p99_us", {400, 500}}, {"hog_p99_us", {98e3, 98e3}}};
    const Figures calm{{"hog_damage_us", {0, 0}}, {"latency_p99_us", {400, 500}}, {"hog_p99_us", {410, 480}}};
    const std::string text = said_of("hog_damage_us", result_of({cell("loop", frozen), cell("threads", calm)}));
    EXPECT_TRUE(names(text, "97.5 ms in loop", "0 µs (within noise) in threads")) << text;
}

TEST(findings, no_sentence_is_without_cells_and_all_its_cells_are_there) {
    const Result result = result_of({cell("heavy", heavy), cell("light", light), cell("heavy", heavy, 10'000)});
    std::vector<std::string> keys;
    for (const CellResult& each : result.cells) keys.push_back(each.spec.key());
    const auto findings = find(result);
    EXPECT_FALSE(findings.empty());
    for (const Finding& finding : findings) {
        EXPECT_FALSE(finding.cells.empty()) << finding.text;
        for (const std::string& key : finding.cells)
            EXPECT_NE(std::find(keys.begin(), keys.end(), key), keys.end()) << finding.text;
    }
}

TEST(findings, growth_is_told_of_the_mode_that_changes_most) {
    const auto at = [](const std::string& mode, std::uint32_t connections, double rate) {
        return cell(mode, {{"requests_per_s", {rate, rate * 1.01}}}, connections);
    };
    const Result result = result_of(
        {at("loop", 100, 50e3), at("loop", 10'000, 50.2e3), at("threads", 100, 40e3), at("threads", 10'000, 10e3)});
    bool told = false;
    for (const Finding& finding : find(result))
        told = told || finding.text == "From 100 to 10,000 connections, requests at saturation went from 40,200/s to "
                                       "10,100/s in threads and stayed within noise in loop.";
    EXPECT_TRUE(told);
}

TEST(findings, a_cell_that_failed_says_why) {
    Result result = result_of({cell("light", light)});
    RoundRecord round;
    round.failed = "no more threads";
    CellResult failed;
    failed.spec.mode = "threads";
    failed.spec.conditions.connections = 10'000;
    failed.add(round);
    result.cells.push_back(failed);
    bool told = false;
    for (const Finding& finding : find(result)) told = told || finding.text.find("no more threads") != std::string::npos;
    EXPECT_TRUE(told);
}

TEST(findings, nothing_is_said_of_nothing) {
    EXPECT_TRUE(find(Result{}).empty());
    EXPECT_TRUE(find(result_of({cell("alone", light)})).empty());
}

} // namespace
} // namespace connscope::test
