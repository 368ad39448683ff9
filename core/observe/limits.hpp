// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace connscope::observe {

// How much a process may have of what runs out first in a server. None: there is no such limit, or it cannot be read.
struct Limits {
    std::optional<std::uint64_t> open_files;          // RLIMIT_NOFILE, the soft one, which applies
    std::optional<std::uint64_t> user_threads;        // RLIMIT_NPROC: of all the user's processes together; root has none
    std::optional<std::uint64_t> cgroup_threads;      // pids.max, the smallest on the way up to the root
    std::optional<std::uint64_t> system_threads;      // kernel.threads-max: of the whole machine
    std::optional<std::uint64_t> memory_mappings;     // vm.max_map_count: a thread's stack and its guard page take two
    std::optional<std::uint64_t> locked_memory_bytes; // RLIMIT_MEMLOCK

    // The smallest limit that stands in the way of one more thread.
    std::optional<std::uint64_t> threads() const;
};

// Reads the limits of a process. Any thread; about 100 µs. Errors: std::errc::no_such_process.
telemetry::Outcome<Limits> read_limits(std::uint32_t pid);

// The soft limit called `name` in the text of /proc/PID/limits, for example "Max open files". None when unlimited.
std::optional<std::uint64_t> soft_limit(std::string_view limits, std::string_view name);

} // namespace connscope::observe
