// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/stop.hpp"

#include <chrono>
#include <optional>
#include <vector>

namespace connscope::lab {

// The share of these CPUs' time (0 to 1) that anybody used, or that a hypervisor took, while `time` passes: /proc/stat. None
// where the kernel does not tell or a stop was asked for.
std::optional<double> busy_share(const std::vector<int>& cpus, std::chrono::milliseconds time, const Stop& stop);

} // namespace connscope::lab
