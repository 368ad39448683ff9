// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/connection.hpp"

#include <chrono>
#include <optional>
#include <system_error>

namespace connscope::server {

// The steps of a connection that are the same whatever carries it. Each returns why the connection must end, or nothing.

// A read ended with `bytes`, 0 for the end of the peer's data.
void after_read(Connection& connection, std::size_t bytes);
// A write took `bytes`.
void after_write(Connection& connection, std::size_t bytes);

// What an error of a read or write means. Interruptions (EINTR, cancellation) are no errors and must not come here.
CloseReason reason_of(int error) noexcept;

// Uses the CPU for as long as a compute action says, measured in this thread's CPU time: being preempted does not shorten
// it.
void burn(std::chrono::nanoseconds cpu_time);

// Sets O_NONBLOCK or clears it.
void set_blocking(int socket, bool blocking) noexcept;

} // namespace connscope::server
