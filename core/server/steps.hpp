// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/connection.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
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

// Writes what the socket takes without waiting. False when it takes nothing now: the carrier waits instead, as its idiom
// does. When the write failed, `over` says so.
bool write_at_once(Connection& connection, int socket, std::optional<CloseReason>& over);

// Where the next read's bytes go. The carrier asks as it begins to wait for them: from the second wait within a request on,
// the request's time-out applies.
std::span<std::byte> input_of(Connection& connection);
// A read ended with `bytes`, 0 for the end of the peer's data.
void after_read(Connection& connection, std::size_t bytes);
// A write that was waited for took `bytes`.
void after_write(Connection& connection, std::size_t bytes);

// What an error of a read or write means. Interruptions (EINTR, cancellation) are no errors and must not come here.
CloseReason reason_of(int error) noexcept;

// What the connection does next: what its session wants, or a yield when its budget is spent. For the modes with a budget.
protocol::Action next_action(Connection& connection);
// The yield that was wanted is done.
void after_yield(Connection& connection);

// Does the compute action that the session wants, or as much of it as the budget has left. A connection that shall be
// elsewhere, or closed, is interrupted within about a millisecond: its carrier, in whose loop nobody else may have a turn to
// ask it, finds Connection::leaves and releases it.
void compute(Connection& connection);
// Uses the CPU for a stretch of this thread's CPU time: being preempted does not shorten it. Ends early when `leave` becomes
// true, if it is long; returns what it has used.
std::chrono::nanoseconds burn(std::chrono::nanoseconds cpu_time, const std::atomic<bool>& leave);

// Says that nobody cancels the calling thread (pthread_cancel(3)), as is true of all threads here: glibc then need not
// switch its cancellation on and off around each read and write.
void never_cancel_this_thread() noexcept;

// Sets O_NONBLOCK or clears it.
void set_blocking(int socket, bool blocking) noexcept;

} // namespace connscope::server
