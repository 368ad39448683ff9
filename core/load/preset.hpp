// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/load/population.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace connscope::load {

// A workload with a name: resources/workloads/NAME.json
//     {"title": "…", "explains": "…", "protocol": "http", "populations": ["active:100", {"kind": "idle", "connections":
//     900}]}
// and "mode", in which it shows best: for the window.
struct Preset {
    std::string name;     // the file's, without its extension
    std::string title;    // "10,000 idle, 100 busy"
    std::string explains; // one sentence
    Protocol protocol = Protocol::echo;
    std::vector<Population> populations; // with names of their own
};

// The folder with the presets: beside the program's build tree or where it was installed. Empty when there is none.
std::filesystem::path presets_folder();

// Reads one preset. `name_or_file` is a name when it has neither a slash nor an extension. Errors name the file and what is
// wrong in it.
telemetry::Outcome<Preset> load_preset(const std::string& name_or_file);

// All presets of the folder, by name. Those that cannot be read are left out.
std::vector<Preset> presets();

} // namespace connscope::load
