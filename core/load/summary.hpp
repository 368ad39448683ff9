// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/load/figures.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace connscope::load {

// What a load did between two moments.
struct Summary {
    Figures figures; // connections since the start; requests and latencies of the measured time only
    std::vector<std::uint64_t> completed_in_time; // of each population, before the schedule ended
    std::chrono::nanoseconds measured{};
    std::string bottleneck;          // why the load itself was what limited, or empty
    std::uint64_t not_reachable = 0; // connections wanted and impossible here
};

// The object that connscope-load --json prints; its keys are promised.
boost::json::object to_json(const Summary& summary);
// The same for people.
std::string to_text(const Summary& summary);

// True when something that a user counts on failed: a connection, a request, a byte.
bool anything_failed(const Summary& summary);

// "counters" of one population as they are now, in the promised keys.
boost::json::object counters_json(const PopulationFigures& figures, double achieved_per_s);

// Writes a histogram of latencies in the percentile format of HdrHistogram, in ms: what its plotter reads.
void write_hdr(std::ostream& out, const telemetry::Histogram& latencies);

} // namespace connscope::load
