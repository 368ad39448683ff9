// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/connection.hpp"
#include "connscope/server/gate.hpp"
#include "connscope/server/packets.hpp"
#include "connscope/server/sessions.hpp"
#include "connscope/server/shared_array.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

struct rusage;

namespace connscope::server {

// What processes have used so far, as getrusage(2) counts it. Shared with them: relaxed, statistics that order nothing.
struct ProcessUsage {
    enum Field : std::size_t { user_ns, system_ns, voluntary, involuntary, minor_faults, major_faults, count_ };
    std::array<std::atomic<std::uint64_t>, count_> fields;
    std::atomic<std::uint64_t> ride; // whose usage it is

    void set(const rusage& usage) noexcept;
    void add(const rusage& usage) noexcept;
};
using UsageSum = std::array<std::uint64_t, ProcessUsage::count_>;
UsageSum sum_of(const rusage& usage) noexcept;

// What the process of a connection is told as it begins.
struct Order {
    enum class Kind : std::uint8_t { carry, interrupt, interrupt_all, name };
    Kind kind = Kind::carry;
    bool stamped = false;
    bool in_request = false;
    std::uint32_t slot = 0;
    ConnectionId id = 0;
    std::uint64_t ride = 0; // of this connection in this process: never used again
};

// What the server is told of a ride.
struct Notice {
    enum class Kind : std::uint8_t {
        released, // the connection comes back between two of its actions, with its session's state
        closed,   // it is over
        ended,    // the process has ended, by itself or not
    };
    Kind kind = Kind::ended;
    CloseReason reason = CloseReason::error; // of closed
    bool in_request = false;                 // of released
    int status = 0;                          // of ended, as wait(2) tells it
    std::uint64_t ride = 0;
};

// The process from which those of the connections are forked. It is itself forked from the server before that has threads,
// so that none of their locks can be held in it, and it has no thread but its own. It ends when the server does, however
// that ends, for then the end of its socket comes; and what was forked from it ends with it (PR_SET_PDEATHSIG of prctl(2)).
class Zygote {
public:
    static constexpr std::size_t most_processes = 4096;

    // What a process of a connection does: the story of it, until it is over (why) or must leave (nothing).
    using Story = std::optional<CloseReason> (*)(Connection& connection, telemetry::ProbeServer& probe,
                                                 const std::atomic<bool>& leave, ProcessUsage& usage);
    struct Place {
        telemetry::ProbeServer& probe;
        const Sessions& sessions;
        SharedArray<Watch>& watches; // by slot
        Gate& gate;
        Story story;
    };
    // Who is told of a ride's end; on a thread of the zygote's.
    struct Passengers {
        virtual void returned(const Notice& notice, int state) = 0; // released or closed
        virtual void lost(std::uint64_t ride, int status) = 0;      // the process ended, and the session with it

    protected:
        ~Passengers() = default;
    };

    // Precondition: the calling process has one thread. Errors: there can be no process.
    static telemetry::Outcome<std::unique_ptr<Zygote>> start(const Place& place);
    // Precondition: nobody rides any more.
    ~Zygote();
    Zygote(const Zygote&) = delete;
    Zygote& operator=(const Zygote&) = delete;

    // A number for the next ride.
    std::uint64_t next_ride() noexcept { return rides_begun_.fetch_add(1, std::memory_order_relaxed) + 1; }
    // Starts a process that carries a connection on, and waits until it has begun. The order says which; `state` is a memory
    // file with that of its session. Errors: there can be no other process. Any thread.
    telemetry::Status carry(const Order& order, int socket, int state, Passengers& passengers);
    // Makes a process that waits, or all of them, look at Watch::leave. Any thread; may be missed.
    void interrupt(std::uint64_t ride);
    void interrupt_all();

    // Starts a process that lives as a namer on this socket: see Namer. Errors: there can be no other process. Any thread.
    telemetry::Status start_namer(int socket);

    const Sessions& sessions() const noexcept { return place_.sessions; }
    // Of all processes since the start, this one's included.
    UsageSum usage();

private:
    struct Rider {
        Passengers* passengers;
        std::uint32_t slot;
    };

    Zygote(const Place& place, pid_t pid, telemetry::UniqueFd orders, telemetry::UniqueFd notices,
           std::unique_ptr<SharedArray<ProcessUsage>> usage);
    telemetry::Status ask(const Order& order, std::initializer_list<int> descriptors);
    void send(const Order& order);
    void hear();
    void all_are_lost();
    std::optional<Rider> take(std::uint64_t ride);

    const Place place_;
    const pid_t pid_;
    telemetry::UniqueFd notices_;
    std::atomic<std::uint64_t> rides_begun_{0};

    std::mutex orders_mutex_; // one order at a time: guards orders_ and the start of the thread
    telemetry::UniqueFd orders_;
    std::thread hearing_;

    std::mutex mutex_; // guards what follows
    bool alive_ = true;
    std::unordered_map<std::uint64_t, Rider> riders_; // by ride
    // By slot, of the processes that run; behind the last slot, of the zygote and of those that have ended.
    std::unique_ptr<SharedArray<ProcessUsage>> usage_;
    UsageSum told_{};
};

} // namespace connscope::server
