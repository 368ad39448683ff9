// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/protocol/session.hpp"
#include "connscope/telemetry/probe.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace connscope::server {

// Counts up from 1; never reused within a server.
using ConnectionId = std::uint64_t;

// Why a connection ended.
enum class CloseReason : std::uint8_t {
    peer,     // the peer finished, and so did the session
    reset,    // the peer broke it off
    protocol, // the session wanted to
    timeout,  // the peer was silent for too long
    request,  // control, drain or shutdown
    error,    // anything else
};

// What a connection's carrier and the server's housekeeping tell each other. Written by one side, read by the other; the
// carrier may be in another process.
struct Watch {
    std::atomic<telemetry::Ticks> request_since{
        0};                             // by the carrier: since when the rest of a request is awaited; 0: it is not
    std::atomic<bool> timed_out{false}; // by the housekeeping: the end of data is a time-out
    std::atomic<bool> leave{false};     // by the registry: the connection shall be elsewhere, or closed
};

// For how long one may compute, and how much it may do, before it yields; 0: for ever. See steps.hpp.
struct Budget {
    std::uint32_t us = 0;
    std::uint32_t actions = 0;
    std::uint32_t used_us = 0; // since it last read, paused or yielded
    std::uint32_t done = 0;    // actions since it last paused or yielded
    bool spent = false;        // it yields for that, and not because its session wants to

    bool bounded() const noexcept { return us > 0 || actions > 0; }
};

// A connection, whatever carries it: what moves from carrier to carrier. Used by one thread at a time. Its socket is
// non-blocking or not as its carrier likes; its unread and unsent bytes are in the session.
struct Connection {
    telemetry::UniqueFd socket;
    std::unique_ptr<protocol::Session> session;
    telemetry::ConnectionProbe probe;
    bool stamped = false;          // the kernel stamps its bytes' arrival: receive() reads them, see steps.hpp
    bool in_request = false;       // what the watch says
    Watch* watch = nullptr;        // the registry's; outlives the connection
    std::size_t session_bytes = 0; // what the probe was told
    Budget budget{};               // of the mode that carries it
    bool leaves = false;           // it was interrupted at a computation to be released: see compute()

    ConnectionId id() const noexcept { return probe.id(); }
};

} // namespace connscope::server
