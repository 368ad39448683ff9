// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/figure.hpp"
#include "connscope/lab/machine.hpp"
#include "connscope/lab/plan.hpp"
#include "connscope/lab/round.hpp"
#include "connscope/lab/switch_cost.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::lab {

// What an experiment found: plain values, of which tables, reports and findings are made.

// One figure of one cell.
struct FigureResult {
    std::vector<double> values; // one for each round that had it
    std::optional<Spread> spread;
    std::string reason; // why there is none; empty where there is

    bool known() const noexcept { return spread.has_value(); }
};

struct CellResult {
    CellSpec spec;
    std::vector<RoundRecord> rounds;
    std::map<std::string, FigureResult, std::less<>> figures; // by id
    std::optional<std::string> failed;                        // why the cell could not be measured, or not to its end
    std::vector<std::string> notes;

    // An unknown figure without a reason where there is none of that id.
    const FigureResult& figure(std::string_view id) const;
    // Adds a round and forms figures, failure and notes anew.
    void add(RoundRecord round);
};

struct Result {
    Description machine;
    Description versions;
    std::string command;  // to repeat it
    std::string started;  // "2026-03-01 12:00 UTC"
    std::string workload; // in words
    std::string method;   // in sentences
    std::string protocol;
    int rounds = 0;
    double seconds = 0; // it took
    bool complete = false;
    std::vector<CellResult> cells;
    std::vector<SwitchCost> switches; // empty: not measured
};

// The form that programs read; what it says is in README.
boost::json::object to_json(const Result& result);
// Errors: not of that form, or of a newer version; a sentence says which.
telemetry::Outcome<Result> result_of_json(const boost::json::value& value);
// One line for each figure of each cell, RFC 4180.
std::string to_csv(const Result& result);
// For a terminal of so many columns.
std::string to_table(const Result& result, std::size_t width);

// A result without rounds for a plan, into which rounds are then added.
Result begin_result(const Plan& plan, const std::string& command);

} // namespace connscope::lab
