// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/histogram.hpp"
#include "connscope/telemetry/layout.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace connscope::load {

using telemetry::layout::LoadCounter;

// What was counted of one population, or of all.
struct PopulationFigures {
    std::uint32_t place = 0; // in the segment
    std::string name;
    std::string text;
    std::array<std::uint64_t, telemetry::layout::load_counter_count> counters{};
    telemetry::Histogram latencies;

    std::uint64_t operator[](LoadCounter which) const noexcept { return counters[static_cast<std::size_t>(which)]; }
};

// "all" comes first.
using Figures = std::vector<PopulationFigures>;

} // namespace connscope::load
