// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace connscope::telemetry {

// The folder that holds this user's segments and control sockets: $XDG_RUNTIME_DIR/connscope, or /dev/shm/connscope-UID
// where there is none. Made when missing, with mode 0700. Fails when it belongs to somebody else or others may enter it.
Outcome<std::filesystem::path> runtime_folder();

// Where the segment and the control socket of a server called `name` are. Precondition: valid_name(name).
std::filesystem::path segment_path(const std::filesystem::path& folder, std::string_view name);
std::filesystem::path control_path(const std::filesystem::path& folder, std::string_view name);

inline constexpr std::string_view segment_extension = ".segment";

// A name is 1 to 48 letters, digits, '.', '_' and '-', not beginning with '.'.
bool valid_name(std::string_view name) noexcept;

// Field 22 of /proc/PID/stat, the start of a process in clock ticks since boot; 0 when there is no such process.
std::uint64_t process_start_time(std::uint32_t pid);

} // namespace connscope::telemetry
