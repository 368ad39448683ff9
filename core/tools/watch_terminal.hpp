// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "watch_snapshot.hpp"

#include <chrono>

namespace connscope::watch {

// Watches on the terminal that standard input and output are, until the user quits or a signal asks for it. The terminal is
// given back as it was, also when the program is suspended. Errors: the target cannot be read any more.
telemetry::Status watch_on_terminal(Watcher& watcher, std::chrono::nanoseconds interval);

} // namespace connscope::watch
