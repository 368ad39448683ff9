// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/anatomy/symbols.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace connscope::server {

// Where a thread of this process was while it ran: its registers, and the part of its stack that is nearest to them.
struct CaughtStack {
    observe::Registers registers{};
    observe::MemoryCopy stack;
};

// Sends the thread a signal, whose handler copies both on its own stack; the thread goes on at once. None when it does not
// come to that in time. One caller at a time.
std::optional<CaughtStack> catch_stack(std::uint32_t thread, std::chrono::milliseconds patience);

} // namespace connscope::server
