// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/journal.hpp"
#include "connscope/lab/result.hpp"
#include "connscope/lab/stop.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace connscope::lab {

// Where an experiment stands, told as it goes on.
struct Progress {
    std::size_t done = 0; // rounds of cells
    std::size_t all = 0;
    int round = 0; // from 1
    const CellSpec* cell = nullptr;
    std::string_view part; // "filling", "saturated", ...
    double elapsed_s = 0;
    double left_s = 0; // estimated from what the rounds before took
};

struct ExperimentReports {
    std::function<void(const Progress&)> progress;                    // often
    std::function<void(const CellResult&, const RoundRecord&)> round; // a round of a cell has ended
    std::function<void(const std::string&)> note;                     // a sentence that a person should read
};

// Runs what of a plan has not been run yet, rounds interleaved, each round into the journal (none: it is not kept). The
// result is what was measured until the end, or until a stop was asked for; `result.complete` tells. Cells that fail in
// every round say why; the others go on.
Result run_experiment(const Plan& plan, const std::string& command, Journal* journal, const Stop& stop,
                      const ExperimentReports& reports);

} // namespace connscope::lab
