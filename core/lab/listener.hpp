// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace connscope::lab {

// The processes that share the listening socket at HOST:PORT of this machine, as a server's workers do. Errors: nobody
// listens there; those who do may not be looked into (another user's).
telemetry::Outcome<std::vector<std::uint32_t>> processes_listening_at(const std::string& address);

} // namespace connscope::lab
