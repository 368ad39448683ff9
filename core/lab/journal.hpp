// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/plan.hpp"
#include "connscope/lab/round.hpp"
#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace connscope::lab {

// The rounds of an experiment as they end, one line of JSON each in a file, so that what was measured outlives whatever ends
// the experiment. One thread at a time.
class Journal {
public:
    struct Entry {
        std::string cell; // its key
        RoundRecord round;
    };

    // Opens the journal of the plan, or makes it. What an earlier run of the same plan has left is in entries(); that of
    // another plan is an error (std::errc::file_exists). A line that was cut short by a crash is left out and overwritten.
    static telemetry::Outcome<Journal> open(const std::filesystem::path& path, const Plan& plan);

    const std::vector<Entry>& entries() const noexcept { return entries_; }
    const std::filesystem::path& path() const noexcept { return path_; }

    // Errors: the disk is full, ...: nothing of the round is in the file then.
    telemetry::Status add(const std::string& cell, const RoundRecord& round);
    // The experiment is complete and its result written elsewhere.
    void remove();

private:
    Journal() = default;
    telemetry::Status append(const std::string& line);

    std::filesystem::path path_;
    telemetry::UniqueFd file_;
    std::int64_t length_ = 0; // of whole lines
    std::vector<Entry> entries_;
};

// The default place of a plan's journal: in $XDG_STATE_HOME/connscope, or ~/.local/state/connscope. Errors: it cannot be
// made.
telemetry::Outcome<std::filesystem::path> journal_path(const Plan& plan);

// Writes a file as a whole or not at all: beside it first, then in its place. Errors: a full disk, no rights, ...
telemetry::Status write_whole(const std::filesystem::path& path, std::string_view content);

} // namespace connscope::lab
