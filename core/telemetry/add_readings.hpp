// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/reading.hpp"

namespace connscope::telemetry {

// Adds what another process reports to `sum`: connections are put behind each other, counters and gauges are added up; a
// gauge that only one of them knows is that one's. The later time stands, and the writer is alive while one is.
void add(ServerReading& sum, const ServerReading& one);

} // namespace connscope::telemetry
