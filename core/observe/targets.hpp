// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/reader.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::observe {

enum class TargetKind {
    server,  // writes a segment: a connscope server or an instrumented one
    load,    // writes a load's segment
    process, // anything else: what the kernel knows
};
std::string_view name_of(TargetKind kind) noexcept; // "server", "load", "process"

// What can be watched: one process, or several that share a name pattern (the shards of a server).
struct Target {
    TargetKind kind = TargetKind::process;
    std::string name;
    std::vector<std::uint32_t> pids;             // one at least
    std::vector<std::filesystem::path> segments; // one for each pid; none for a process
    std::string address;                         // where it listens or connects, as far as known
    telemetry::WriterState state = telemetry::WriterState::alive;
};

// Everything this user can watch: servers and loads with a segment, living ones first, then processes that listen for TCP
// connections.
std::vector<Target> list_targets();

// Segments in the runtime folder that cannot be read, each with why and what can be done.
std::vector<std::string> unreadable_segments();

// The target of a pid, a segment's name, a pattern of names ("shard-*") or a program's name; with empty text the only server
// there is. Errors: nothing or too much fits (std::errc::invalid_argument where more than one does), or the segment of that
// name cannot be read, with why and what can be done.
telemetry::Outcome<Target> find_target(const std::string& wanted);

} // namespace connscope::observe
