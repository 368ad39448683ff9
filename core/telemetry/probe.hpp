// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/clock.hpp"
#include "connscope/telemetry/histogram.hpp"
#include "connscope/telemetry/layout.hpp"
#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/reading.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Built with CONNSCOPE_PROBE_OFF, the events below compile to nothing; connections are still counted.

namespace connscope::telemetry {

class ProbeServer;

// What one thread writes to: its ring of events and its counters. Claimed by ProbeServer::enter_thread().
struct ThreadProbe {
    layout::Ring* ring = nullptr;
    layout::Event* events = nullptr; // of this ring
    std::uint64_t events_mask = 0;
    std::uint32_t thread = 0;
    bool shared = false; // several threads write this ring

    void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) const noexcept {
        // A statistic read without order. Alone on the ring, a plain add saves the locked instruction.
        if (shared)
            counter.fetch_add(amount, std::memory_order_relaxed);
        else
            counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    void event(layout::EventKind kind, std::uint64_t connection, Ticks begin, Ticks length) const noexcept;
};

// The reporting end of one connection. Whoever carries the connection calls it, one thread at a time; the thread must have
// entered (ProbeServer::enter_thread). Movable; the slot is freed with it. Each event costs 10 to 30 ns.
class ConnectionProbe {
public:
    ConnectionProbe() noexcept = default;
    ConnectionProbe(ConnectionProbe&& other) noexcept
        : server_(std::exchange(other.server_, nullptr))
        , slot_(std::exchange(other.slot_, nullptr))
        , id_(other.id_) {}
    ConnectionProbe& operator=(ConnectionProbe&& other) noexcept {
        if (this != &other) {
            close();
            server_ = std::exchange(other.server_, nullptr);
            slot_ = std::exchange(other.slot_, nullptr);
            id_ = other.id_;
        }
        return *this;
    }
    ConnectionProbe(const ConnectionProbe&) = delete;
    ConnectionProbe& operator=(const ConnectionProbe&) = delete;
    ~ConnectionProbe() { close(); }

    explicit operator bool() const noexcept { return slot_ != nullptr; }
    std::uint64_t id() const noexcept { return slot_ ? id_ : 0; }
    std::uint32_t slot_index() const noexcept;

    // A slice begins on this thread. `ready_since`: when the connection could have run, if the mode knows.
    void resume(Ticks ready_since = 0) noexcept;
    // The slice ends: the connection waits for `state` and will continue at `where` (a code address, 0 = not known).
    // `user_space` says that the next resume needs no kernel switch.
    void suspend(ConnectionState state, bool user_space, const void* where = nullptr) noexcept;

    // The same for who has read the clock already: `now` is ticks().
    void resume_at(Ticks now, Ticks ready_since) noexcept;
    void suspend_at(Ticks now, ConnectionState state, bool user_space, const void* where = nullptr) noexcept;
    // A change of state that is not timed, because nobody reads (ProbeServer::watched()): a slice counts and has no length.
    // `about` is a tick of some time ago.
    void untimed(ConnectionState state, Ticks about) noexcept;

    // When the running slice began.
    Ticks slice_began() const noexcept;

    void received(std::size_t bytes) noexcept;
    void sent(std::size_t bytes) noexcept;
    // The session has completed this many requests so far.
    void requests(std::uint64_t completed) noexcept;
    // A message's delay from the kernel's arrival stamp to the resume.
    void stamped_delay(std::chrono::nanoseconds delay) noexcept;

    // A carrier of `bytes` at `address` takes the connection over, in the mode with this number.
    void carried_by(CarrierKind kind, std::uint8_t mode, const void* address, std::uint32_t bytes) noexcept;
    // The carrier's kind alone changes: a worker takes it out of the queue entry that carried_by() named, or puts it back.
    void carrier_is(CarrierKind kind) noexcept;
    // No carrier has it now; it is ready and on its way to another. Counted as a hand-off by the next carried_by.
    void let_go() noexcept;
    void session_bytes(std::size_t bytes) noexcept;
    // The carrier's size has changed.
    void carrier_bytes(std::size_t bytes) noexcept;
    // Switches of the thread that is this connection's own.
    void kernel_switches(std::uint32_t voluntary, std::uint32_t involuntary) noexcept;

    // Ends the reporting and frees the slot; also done by the destructor. Any thread.
    void close() noexcept;
    // Reports no more and leaves the slot as it is: another process goes on reporting.
    void forget() noexcept { slot_ = nullptr; }

private:
    friend class ProbeServer;
    ConnectionProbe(ProbeServer* server, layout::Slot* slot, std::uint64_t id) noexcept
        : server_(server)
        , slot_(slot)
        , id_(id) {}

    ProbeServer* server_ = nullptr;
    layout::Slot* slot_ = nullptr;
    std::uint64_t id_ = 0; // the slot's, which lies on a cache line that the events leave alone
};

struct ProbeOptions {
    std::string name;                     // of the segment; see valid_name()
    std::string program;                  // "connscope-serve"
    std::vector<std::string> modes{};     // names by number, at most layout::max_modes
    std::uint64_t connections = 20'000;   // slots
    std::uint32_t rings = 32;             // for threads of their own
    std::uint32_t shared_rings = 8;       // for the many others
    std::uint32_t events_per_ring = 4096; // a power of two; a ring shares the caches with the connections
    bool own_slots = false;               // the caller chooses them by open_at(); their memory is taken as they are used
};

// The writer of a server's segment. Creation makes the file, destruction marks it as ended and removes it.
// Threads: any, unless a function says otherwise.
class ProbeServer {
public:
    // Makes the segment in the runtime folder. Errors: the name is invalid or taken by a living process, no room, no rights.
    static Outcome<std::unique_ptr<ProbeServer>> create(const ProbeOptions& options);
    ~ProbeServer();
    ProbeServer(const ProbeServer&) = delete;
    ProbeServer& operator=(const ProbeServer&) = delete;

    const std::filesystem::path& path() const noexcept;
    std::uint64_t capacity() const noexcept;

    // What observers are told about the server. Once, before the first connection.
    void describe(const std::string& protocol, const std::string& address, const std::string& control_path);

    // Takes a slot for a new connection, or an empty probe when all are taken. The connection is ready until resumed.
    ConnectionProbe open(const PeerAddress& peer, std::uint64_t socket_inode);
    // The same in the slot that the caller says and keeps apart from its others; empty beyond capacity() and where there is
    // no memory for it. Not to be mixed with open(). Needs ProbeOptions::own_slots.
    ConnectionProbe open_at(std::uint32_t slot, const PeerAddress& peer, std::uint64_t socket_inode);

    // The reporting end of a connection that was opened in the process from which this one was forked. One end reports at a
    // time, and the slot is freed where it was taken.
    ConnectionProbe opened(std::uint32_t slot, std::uint64_t id) noexcept;
    // The segment's file: a process that was forked and reports keeps it open.
    int file() const noexcept;

    // Gives the calling thread a ring, its own or a shared one, until leave_thread(). A thread that reports without having
    // entered uses a shared ring.
    void enter_thread(bool own_ring);
    void leave_thread() noexcept;

    void set_mode(std::uint8_t mode) noexcept;
    void set(Gauge which, std::uint64_t value) noexcept;
    void add(Gauge which, std::int64_t amount) noexcept; // the gauge counts from 0
    std::uint64_t get(Gauge which) const noexcept;
    // Says that the gauges are fresh and ties ticks to the clocks anew. A few times a second, from one thread.
    void beat() noexcept;

    // Whether somebody has the segment open to read it. About a microsecond.
    bool watched() const noexcept;

    HistogramCounters delays(layout::DelayHistogram which) noexcept;

    // Reads the slots in this process, as an observer would.
    layout::Slot& slot(std::uint32_t index) noexcept;

private:
    friend class ConnectionProbe;
    struct Impl;
    explicit ProbeServer(std::unique_ptr<Impl> impl);
    ConnectionProbe open(std::uint32_t index, std::uint64_t id, const PeerAddress& peer, std::uint64_t socket_inode);
    void free(layout::Slot* slot) noexcept;
    ThreadProbe& thread_probe() noexcept;

    std::unique_ptr<Impl> impl_;
};

// A thread's stay: enters at construction, leaves at destruction, on the same thread.
class EnteredThread {
public:
    EnteredThread(ProbeServer& server, bool own_ring)
        : server_(server) {
        server_.enter_thread(own_ring);
    }
    EnteredThread(const EnteredThread&) = delete;
    EnteredThread& operator=(const EnteredThread&) = delete;
    ~EnteredThread() { server_.leave_thread(); }

private:
    ProbeServer& server_;
};

} // namespace connscope::telemetry
