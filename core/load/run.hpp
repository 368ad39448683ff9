// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/load/load.hpp"
#include "connscope/load/summary.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace connscope::load {

struct RunOptions {
    LoadOptions load;
    std::vector<Population> populations; // with names of their own
    std::uint64_t default_payload = 64;  // of populations that control adds
    std::chrono::nanoseconds duration{}; // of the measured time; 0 = until SIGINT or SIGTERM
    std::chrono::nanoseconds warm_up{};  // sends and is not counted
};

// What a run says while it goes on; each is one line without its end.
struct RunReports {
    std::function<void(const std::string&)> ready;    // once: what programs wait for
    std::function<void(const std::string&)> progress; // opening, a reading a second, and what a person should know
};

struct RunResult {
    Summary summary;
    bool never_connected = false; // not one connection could be opened, though some were wanted
};

// Runs a load from its first connection to its last answer, on the calling thread and the engines': opens, warms up,
// measures, waits for what is under way, at most for the time-out of answers. Answers its control socket and ends in good
// order with SIGINT or SIGTERM (a second one ends at once). Errors: the segment or the control socket could not be made.
telemetry::Outcome<RunResult> run(RunOptions options, const RunReports& reports);

} // namespace connscope::load
