// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/snapshot.hpp"

#include "connscope/observe/switches.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>

namespace connscope::app {

// The kernel's record of a process's switches, cut down to what the timeline shows: when CPUs were taken away from its
// threads. One thread at a time.
class SwitchWatch {
public:
    // Records from now on; where that is not possible each look says why.
    explicit SwitchWatch(std::uint32_t pid);

    // Writes what happened since the last look. Precondition: clear(into).
    void look(Snapshot& into);
    // Nothing is known of switches.
    static void clear(Snapshot& into);

private:
    std::optional<observe::SwitchRecorder> recorder_;
    std::string missing_;
    observe::SwitchesReading read_;
    std::unordered_set<std::uint32_t> preempted_; // threads whose next record is wanted
    std::unordered_set<std::uint64_t> named_;     // process and thread: their names were told
};

} // namespace connscope::app
