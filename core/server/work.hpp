// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/clock.hpp"

#include <cstdint>

namespace connscope::server {

// What connections do when they compute: a loop until so many ticks have passed. It calls nothing, so it may be interrupted
// and left for another stack anywhere in it.
void work(telemetry::Ticks span) noexcept;

// Has all connections of this process compute by something else, for tests that check in it what an interruption must leave
// alone; null: by the loop again. It holds no lock and calls no allocator.
using Work = void (*)(telemetry::Ticks span);
void replace_work(Work by) noexcept;

// The rounds of that loop in this process so far: the same work is the same number, whatever else has taken CPU time.
std::uint64_t work_done() noexcept;

} // namespace connscope::server
