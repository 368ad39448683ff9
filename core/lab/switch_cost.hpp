// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/figure.hpp"
#include "connscope/lab/stop.hpp"

#include <boost/json/array.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::lab {

// What one switch costs on this machine, by what is switched and by how much memory each side touches in between.
struct SwitchCost {
    std::string way;                     // "call", "coroutine", "fiber", "thread (futex)", "process (pipe)"
    std::string place;                   // "same core", "across cores"; of creation: "create and destroy"
    std::uint64_t working_set_bytes = 0; // of each of the two sides
    bool cold = false;                   // the caches held something else before each switch
    std::vector<double> values_ns;       // one a round: of one switch with the touching, all in all
    std::optional<Spread> spread_ns;
    std::string reason; // why there is none
};

struct SwitchOptions {
    std::vector<std::uint64_t> working_sets{0, 4 << 10, 32 << 10, 256 << 10, 1 << 20, 2 << 20, 8 << 20}; // bytes
    int rounds = 5;
    int cpu = 0;                  // both sides, on the same core
    std::optional<int> other_cpu; // of the other side, across cores; none: the process may run on one only
};

// Measures them all, rounds interleaved; about 20 s with five rounds. `tell` hears a line for each part as it begins.
std::vector<SwitchCost> measure_switches(const SwitchOptions& options, const Stop& stop,
                                         const std::function<void(std::string_view)>& tell);

boost::json::array to_json(const std::vector<SwitchCost>& costs);
std::vector<SwitchCost> switches_of_json(const boost::json::value& value);
std::string to_table(const std::vector<SwitchCost>& costs);

} // namespace connscope::lab
