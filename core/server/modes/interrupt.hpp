// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <csignal>

// How a thread that is blocked in a system call is called back, for the modes whose threads block.
namespace connscope::server {

// The signal that makes a blocked system call return with EINTR. Nothing else happens on it; ignored by default.
inline constexpr int interrupt_signal = SIGURG;

// Installs the signal's empty handler, without SA_RESTART.
void install_interrupt();

// Blocks for a time, or until a signal; the time that has passed.
std::chrono::nanoseconds interruptible_sleep(std::chrono::nanoseconds duration);

} // namespace connscope::server
