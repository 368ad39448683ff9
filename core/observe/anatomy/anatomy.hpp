// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/anatomy/symbols.hpp"
#include "connscope/observe/anatomy/thread_state.hpp"
#include "connscope/telemetry/reading.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace connscope::observe {

// What a connection is made of at one moment: its control (where it will continue) and its state (what it continues with),
// as they lie in the server's memory and in the kernel.

// A coroutine in the chain of those that wait for each other.
struct AwaitedFrame {
    std::uint64_t address = 0;
    std::uint64_t resume_function = 0; // 0: it has run to its end
    std::uint32_t bytes = 0;           // exact, from the debug information; 0: not known
    std::string function;
    std::string file;
    CoroutineLayout::Point suspended;
    std::string promise_type;
    std::vector<Member> kept;
    std::string missing; // what is not known and why
};

// A stack: a thread's or a fiber's.
struct StackUse {
    std::uint64_t low = 0;
    std::uint64_t high = 0; // one past its last byte
    std::optional<std::uint64_t> resident_bytes;
    std::optional<std::uint64_t> used_bytes; // from the stack pointer up, what the C library keeps at its end included
    std::uint64_t reserved_bytes() const noexcept { return high - low; }
};

// What waits to be called back.
struct PendingOperation {
    std::string operation;               // "reactive_socket_recv_op"
    std::string handler;                 // its type, shortened
    std::uint64_t address = 0;           // of the operation
    std::uint64_t complete_function = 0; // where it continues
    std::uint32_t bytes = 0;             // of the operation with its handler; 0: not known
    std::string object_type;             // whom the handler keeps alive
    std::vector<Member> object;
    std::string missing; // why its bytes and its object are not known, if so
};

// What a connection that waits in a pool's queue, or for it, is kept in.
struct QueueEntry {
    Symbol function; // the one that a worker calls with it
    std::string type;
    std::vector<Member> members;
    std::string missing; // why its members are not known, if so
};

struct Anatomy {
    enum class Form { thread, coroutine, fiber, closure, queue_entry, none }; // a process of its own is a thread of its own

    telemetry::ConnectionReading connection;
    Form form = Form::none;
    bool runs = false;     // it had a CPU while it was looked at: what its control is now is in a CPU's registers
    std::string unsettled; // why what depends on one moment is left out; empty: all was read at one moment

    std::uint32_t process = 0;               // that the carrier is in
    std::optional<ThreadState> thread;       // its own (form thread), or the one that runs or ran it last
    bool thread_has_ended = false;           // that one has, and its number may be another's by now
    std::vector<AwaitedFrame> frames;        // form coroutine: innermost first, the root last
    std::optional<StackUse> stack;           // forms thread and fiber
    Registers registers{};                   // forms thread and fiber: those of its last stop that are known
    CallStack calls;                         // forms thread and fiber
    std::vector<Variable> variables;         // forms thread and fiber: of the program's innermost calls
    std::optional<PendingOperation> pending; // form closure
    std::optional<QueueEntry> entry;         // form queue_entry
    std::string missing;                     // why the carrier could not be read

    std::chrono::nanoseconds took{}; // for all of it
    std::chrono::nanoseconds
        read_over{}; // from the first to the last look at the carrier's memory: nothing moved in between
    std::uint32_t attempts = 0;
};

// One line of an anatomy. The same labels come in the same order whatever the carrier is, so that two can be set side by
// side.
struct AnatomyRow {
    std::string label;
    std::vector<std::string> values; // lines
    std::string missing;             // instead of values: why there are none
    std::string source;              // where they are from
};
std::vector<AnatomyRow> control_rows(const Anatomy& anatomy);
std::vector<AnatomyRow> state_rows(const Anatomy& anatomy);

// Reads the anatomies of one process's connections, without stopping it. One thread at a time.
class AnatomyReader {
public:
    // Errors: no such process; not permitted.
    static telemetry::Outcome<AnatomyReader> open(std::uint32_t pid);

    // `look` says what the connection's slot says at this moment, or that the connection has ended. What is read is believed
    // when the slot says the same before and after; a connection that runs all the time is looked at several times. Some
    // milliseconds at most, once the debug information is open. Errors: what `look` says.
    using Look = std::function<telemetry::Outcome<telemetry::ConnectionReading>()>;
    telemetry::Outcome<Anatomy> read(const Look& look);

    // Opens what readings will need before the first of them asks for it, for as long as `budget` says and a step longer,
    // 10 ms; false when all of it is open. It takes a second or less in all, and a first reading without it 100 ms.
    bool prepare(std::chrono::nanoseconds budget);

private:
    AnatomyReader(std::uint32_t pid, Symbols symbols)
        : pid_(pid)
        , memory_(pid)
        , symbols_(std::move(symbols)) {}

    struct Captured; // what was copied of a carrier

    struct SavedFibers;
    std::optional<SavedFibers> saved_fibers();
    std::uint32_t process_of(const telemetry::ConnectionReading& connection) const noexcept;
    void capture(const telemetry::ConnectionReading& connection, Anatomy& into, Captured& captured);
    void capture_thread(Anatomy& into, Captured& captured);
    void capture_coroutine(Anatomy& into);
    void capture_fiber(Anatomy& into, Captured& captured);
    void capture_closure(Anatomy& into);
    void capture_entry(Anatomy& into);
    void add_last_thread(Anatomy& into) const;
    std::optional<AwaitedFrame> frame_at(std::uint64_t address);
    void finish(Anatomy& into, const Captured& captured);

    std::uint32_t pid_;
    RemoteMemory memory_;
    Symbols symbols_;
};

} // namespace connscope::observe
