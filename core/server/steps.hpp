// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/connection.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <system_error>

namespace connscope::server {

// The steps of a connection that are the same whatever carries it. Each returns why the connection must end, or nothing.

// Has the kernel stamp the arrival of this connection's bytes (SO_TIMESTAMPING, software stamps: socket(7) and
// Documentation/networking/timestamping.rst of Linux). Costs about 0.6 us a message.
void stamp_arrivals(Connection& connection);

// Reads as recv(2) does, with its flags, result and errno, from a connection's socket, which its carrier may own. Of a
// stamped connection it notes how long ago the last of the bytes arrived: the scheduling delay, for whoever resumes it reads
// at once.
ssize_t receive(Connection& connection, int socket, std::span<std::byte> into, int flags);

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
