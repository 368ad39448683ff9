// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/plan.hpp"
#include "connscope/lab/stop.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace connscope::lab {

// A distribution as points: the share of values (0 to 1) at or below each value.
using Curve = std::vector<std::pair<double, double>>;

// What one round of one cell gave.
struct RoundRecord {
    int round = 0;
    double seconds = 0;                         // it took
    std::map<std::string, double> values;       // by figure's id
    std::map<std::string, std::string> reasons; // why a figure could not be had, by its id
    std::map<std::string, Curve> curves;        // "latency_us", "latency_beside_hog_us", "delay_us"
    std::vector<std::string> notes;             // what a reader of the figures should know
    std::optional<std::string> failed;          // why it could not go on to its end; what came before stays

    bool operator==(const RoundRecord&) const = default;
};
boost::json::object to_json(const RoundRecord& record);
// None of what is not of that form.
std::optional<RoundRecord> round_of_json(const boost::json::value& value);

// Runs one round of one cell in fresh processes: fills the server with idle connections, loads it at the fixed rate, beside
// a hog and to saturation, moves its connections, and ends it. `tell` hears the name of each part as it begins. A round that
// was stopped has failed.
RoundRecord run_round(const Plan& plan, const CellSpec& cell, int round, const Stop& stop,
                      const std::function<void(std::string_view)>& tell);

} // namespace connscope::lab
