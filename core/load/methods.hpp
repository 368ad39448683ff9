// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/control/rpc.hpp"
#include "connscope/load/load.hpp"

#include <functional>

namespace connscope::load {

// What the methods of a load's control need to know of the run.
struct Controlled {
    Load& load;
    PopulationDefaults defaults;
    std::function<void()> started;          // sending was asked for
    std::function<void()> stopped;          // … to pause
    std::function<void()> shut_down;        // the end was asked for
    std::function<double()> achieved_per_s; // requests completed in the last second
};

// status            {} → the counters, populations, whether it runs, what limits it
// set_populations   {"populations": [TEXT or OBJECT, …]} → status; connections of populations that stay the same stay
// set_population    {"population": TEXT or OBJECT} → status; adds it or changes the one of its name
// remove_population {"name": NAME} → status
// start, stop       {} → {"running": BOOL}
// shutdown          {} → {}
control::Methods methods_of(Controlled controlled);

} // namespace connscope::load
