// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace connscope::test {
namespace {

using namespace lab;

Result result_of_two() {
    Result result;
    result.workload = "a <workload> & more";
    result.command = "connscope-compare --against 'a=b<c'";
    result.started = "2026-03-01 12:00 UTC";
    result.complete = true;
    result.rounds = 2;
    for (const char* mode : {"loop", "threads"}) {
        CellResult cell;
        cell.spec.mode = mode;
        cell.spec.carrier = mode == std::string("loop") ? "coroutine" : "thread";
        cell.spec.conditions.connections = 100;
        for (int i = 0; i < 2; ++i) {
            RoundRecord round;
            round.round = i;
            round.values["memory_bytes"] = mode == std::string("loop") ? 1024 : 36864;
            round.reasons["system_calls_per_request"] = "counting needs root";
            round.curves["latency_us"] = {{0.5, 100}, {0.9, 200}, {0.99, 5000}, {1, 9000}};
            cell.add(round);
        }
        result.cells.push_back(cell);
    }
    return result;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
    return found;
}

TEST(report, is_one_file_that_needs_nothing_else_and_no_script) {
    const std::string html = to_html(result_of_two());
    EXPECT_EQ(html.find("<script"), std::string::npos);
    EXPECT_EQ(html.find("src="), std::string::npos);
    EXPECT_EQ(html.find("href="), std::string::npos);
    EXPECT_EQ(html.find("url("), std::string::npos);
    EXPECT_NE(html.find("prefers-color-scheme:dark"), std::string::npos);
    EXPECT_NE(html.find("@media print"), std::string::npos);
}

TEST(report, holds_findings_charts_figures_reasons_machine_and_the_command) {
    const std::string html = to_html(result_of_two());
    EXPECT_NE(html.find("A connection takes 1 KiB in loop and 36 KiB in threads: 36×"), std::string::npos);
    EXPECT_EQ(count(html, "<svg"), 2u); // of the only figure and the only distribution that there are
    EXPECT_EQ(count(html, "</svg>"), 2u);
    EXPECT_NE(html.find("System calls per request (all cells): counting needs root."), std::string::npos);
    EXPECT_NE(html.find("<small>36 KiB to 36 KiB</small>"), std::string::npos);
    EXPECT_NE(html.find("2026-03-01 12:00 UTC"), std::string::npos);
}

TEST(report, a_text_of_the_users_is_no_markup) {
    const std::string html = to_html(result_of_two());
    EXPECT_NE(html.find("a &lt;workload&gt; &amp; more"), std::string::npos);
    EXPECT_NE(html.find("a=b&lt;c"), std::string::npos);
}

TEST(report, on_paper_charts_are_apart_and_colours_fixed) {
    const Paper paper = to_paper(result_of_two());
    ASSERT_EQ(paper.charts.size(), 2u);
    EXPECT_NE(paper.html.find("chart:0"), std::string::npos);
    EXPECT_NE(paper.html.find("chart:1"), std::string::npos);
    for (const std::string& chart : paper.charts) EXPECT_EQ(chart.find("var("), std::string::npos) << chart;
    EXPECT_NE(paper.charts[0].find("#d55e00"), std::string::npos) << "threads have their colour";
}

TEST(report, an_interrupted_run_says_so) {
    Result result = result_of_two();
    result.complete = false;
    EXPECT_NE(to_html(result).find("Interrupted"), std::string::npos);
    EXPECT_EQ(to_html(result_of_two()).find("Interrupted"), std::string::npos);
}

} // namespace
} // namespace connscope::test
