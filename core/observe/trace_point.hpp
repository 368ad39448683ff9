// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace connscope::observe {

// A place in the kernel that can be watched by perf_event_open(2), as its tracefs describes it.
struct TracePoint {
    std::uint64_t id = 0; // perf_event_attr::config, and the first two bytes of a record
    std::string format;   // the fields of a record

    // Where a field begins in a record; none when there is no such field.
    std::optional<std::size_t> offset_of(std::string_view field) const;
};

// `name`: "raw_syscalls/sys_enter". Where nobody has mounted tracefs, root looks into one of its own. Errors: no rights
// (std::errc::permission_denied) for `what`, or no such trace point.
telemetry::Outcome<TracePoint> find_trace_point(std::string_view name, std::string_view what);

} // namespace connscope::observe
