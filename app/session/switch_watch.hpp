// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/snapshot.hpp"

#include "connscope/observe/switches.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace connscope::app {

// The kernel's record of a process's switches, cut down to what the timeline shows: when CPUs were taken away from its
// threads and, where nothing else tells, when they had one. One thread at a time.
class SwitchWatch {
public:
    struct Options {
        bool runs = false;              // nothing else tells when threads ran
        bool is_one_of_several = false; // records take less memory, and who ran instead is not told
    };
    // Records from now on; where that is not possible each look says why.
    SwitchWatch(std::uint32_t pid, Options options);

    // Adds what happened since the last look. Precondition: clear(into) before the first of several.
    void look(Snapshot& into);
    // Nothing is known of switches.
    static void clear(Snapshot& into);

private:
    void take_run(const observe::SwitchRecord& record, Snapshot& into);
    void tell_lasting_runs(Snapshot& into);

    std::uint32_t pid_;
    Options options_;
    std::optional<observe::SwitchRecorder> recorder_;
    std::string missing_;
    observe::SwitchesReading read_;
    std::unordered_set<std::uint32_t> preempted_;                         // threads whose next record is wanted
    std::unordered_set<std::uint64_t> named_;                             // process and thread: their names were told
    std::unordered_map<std::uint32_t, std::chrono::nanoseconds> running_; // threads that have a CPU, told until then
};

} // namespace connscope::app
