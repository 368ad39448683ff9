// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/connection.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace connscope::server {

class Gate;
class Zygote;

// What a mode tells its server. Any thread; none of it blocks for long.
class Host {
public:
    virtual ~Host() = default;

    // The connection is over.
    virtual void closed(Connection connection, CloseReason reason) = 0;
    // The mode was asked to let go of it and has: the server gives it to another mode, on this thread.
    virtual void released(Connection connection) = 0;

    virtual telemetry::ProbeServer& probe() noexcept = 0;
    // What processes for connections are forked from, or null when there is none.
    virtual Zygote* zygote() noexcept = 0;
    // The thread that accepts and is asked: its number, or 0 when there is none yet.
    virtual std::int32_t main_thread() const noexcept = 0;
    // What a carrier of one connection passes before it goes on with it.
    virtual Gate& gate() noexcept = 0;
};

// What ModeOptions::slice is in a mode.
enum class Slices : std::uint8_t {
    none,      // nothing
    timer,     // after so long a timer interrupts: 1 ms by itself
    scheduler, // the slice that the kernel's scheduler gives a thread: its own by itself
    budget,    // who has computed for so long yields, between two actions: never by itself
};

// Who sees to it that of the threads of cooperative-threads one runs at a time.
enum class Turns : std::uint8_t {
    automatic, // SCHED_FIFO where it can be had, else the baton
    fifo,      // the kernel: SCHED_FIFO on one CPU; needs CAP_SYS_NICE and two CPUs
    baton,     // the threads: each hands over to the next
};

// A mode's parameters; those that a mode does not have are ignored.
struct ModeOptions {
    std::size_t threads = 0;          // workers or loops; 0: as many as the mode thinks right for this machine
    std::size_t stack_bytes = 262144; // of a thread or fiber of a connection's own
    // How long one may compute before others run, 0.2 to 100 ms: see Slices. None: as the mode has it by itself.
    std::optional<std::chrono::nanoseconds> slice{};
    // After how many actions one yields, in the modes with a budget. 0: never.
    std::uint32_t actions = 0;
    Turns turns = Turns::automatic;
    bool operator==(const ModeOptions&) const = default;
};

// A connection that a mode could not take: given back whole, with the reason.
struct Refusal {
    Connection connection;
    telemetry::Error error;
};

// The refusal of a connection for whose carrier there was no memory.
inline Refusal out_of_memory(Connection connection) {
    return {std::move(connection), {std::make_error_code(std::errc::not_enough_memory), "no memory for a carrier"}};
}

// A way of running sessions, with parameters that stay as they are: other parameters are another Mode, and the connections
// move there. Connections come in by adopt() and leave through Host::closed() or Host::released().
class Mode {
public:
    virtual ~Mode() = default; // precondition: it carries nothing any more

    // Carries this connection from now on, or gives it back; never throws. Any thread.
    virtual std::optional<Refusal> adopt(Connection connection) = 0;

    // Asks for one connection, or for all that are carried now: each arrives at Host::released() between two of its actions,
    // as soon as it comes to that. Does not wait. What is not (or no longer) carried here is ignored; a request
    // may be missed by a connection that is just arriving or about to block, so it is repeated until all have come. Any
    // thread.
    virtual void release(ConnectionId id) = 0;
    virtual void release_all() = 0;
};

// What the table of modes says of one: see modes/table.hpp.
struct ModeInfo {
    std::string_view id;
    std::string_view title;      // for a button
    std::string_view carrier;    // "thread", "coroutine", ...: a telemetry::CarrierKind's name
    std::string_view scheduling; // who decides who runs: "kernel", "program", "both"
    std::string_view hint;       // one line on how it works
    bool has_threads;            // ModeOptions::threads means something
    bool has_stack_size;         // ModeOptions::stack_bytes means something
    std::unique_ptr<Mode> (*make)(Host& host, std::uint8_t number, const ModeOptions& options);
    Slices slices = Slices::none;
    bool one_keeps_others = false; // who computes keeps others from running
    // How it works on this machine, where that depends on it: "SCHED_FIFO on CPU 1".
    std::string (*here)(const ModeOptions& options) = nullptr;
};

} // namespace connscope::server
