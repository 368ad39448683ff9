// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/connection.hpp"
#include "connscope/server/shared_array.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace connscope::server {

// Which connections are open, which mode has each and which one shall have it. The only place that may touch a connection's
// socket from outside of its carrier: its lock keeps a descriptor from being closed, and its number given to another
// connection, meanwhile. Any thread.
class Registry {
public:
    explicit Registry(std::uint64_t capacity)
        : entries_(capacity)
        , watches_(capacity) {}

    SharedArray<Watch>& watches() noexcept { return watches_; }

    static constexpr std::uint8_t no_mode = 0xff;

    // A new connection, on its way to `target`.
    void add(Connection& connection, std::uint8_t target);
    // The connection is over; returns the cause that was noted by shut(), if any. Its socket may be closed afterwards.
    std::optional<CloseReason> remove(const Connection& connection);

    struct Way {
        std::uint8_t from; // no_mode for a new connection
        std::uint8_t target;
        std::uint32_t journey; // tells this way from the connection's later ones
    };
    // The connection has left its mode; says where it shall go.
    Way depart(const Connection& connection);
    // Whether the connection was shut altogether from outside: who has it shall close it.
    bool is_shut(const Connection& connection) const;
    // The way to `mode` is done. True when the connection shall be elsewhere by now. Ignored when it has ended meanwhile, or
    // departed again: a new carrier may give it away before this is called.
    bool arrive(std::uint32_t slot, ConnectionId id, std::uint8_t mode, std::uint32_t journey);

    // Where a connection is and shall be.
    struct Whereabouts {
        std::uint8_t mode;
        std::uint8_t target;
        bool in_transit;
    };
    std::optional<Whereabouts> where(ConnectionId id) const;

    // Changes where one, or all, shall be. Returns where it was before; nothing when there is no such connection.
    std::optional<Whereabouts> send(ConnectionId id, std::uint8_t target);
    // Returns how many are not there yet.
    std::uint64_t send_all(std::uint8_t target);
    // The mode that `way` leads to did not take the connection: it goes where it has been sent meanwhile, if anywhere, or
    // back. Returns where: no_mode when it cannot go back.
    std::uint8_t refused(const Connection& connection, const Way& way);

    // By mode, how many connections are there (or came from there and are on their way), and how many shall be.
    struct Count {
        std::uint64_t are = 0;
        std::uint64_t shall_be = 0;
        bool in_use() const noexcept { return are > 0 || shall_be > 0; }
    };
    using Counts = std::array<Count, 32>;
    Counts counts() const;

    std::uint64_t open() const;
    // How many are not where they shall be.
    std::uint64_t astray() const;

    // Ends one or all connections from outside: SHUT_RD lets a session answer what it has received, SHUT_RDWR does not. The
    // carrier notices and closes; `cause` is then what remove() returns. False when there is no such connection.
    bool shut(ConnectionId id, int how, CloseReason cause);
    void shut_all(int how, CloseReason cause);
    // Ends the wait for a silent peer, found in a slot; ignored when the slot has another connection by now. One that was to
    // send is over as its session likes (Session::timed_out), one that was to take an answer at once.
    enum class Silent { sender, reader };
    void time_out(std::uint32_t slot, ConnectionId id, Silent peer);

    // When the request that is arriving began, 0: none is.
    telemetry::Ticks request_since(std::uint32_t slot) const noexcept {
        return watches_[slot].request_since.load(std::memory_order_relaxed); // a time-out's precision is enough
    }

    // Of a connection that is carried: where. Nothing when it is on its way, or no more there.
    std::optional<std::uint8_t> place_of(std::uint32_t slot, ConnectionId id) const;
    // Those that are carried there, by slot.
    std::vector<std::pair<std::uint32_t, ConnectionId>> at(std::uint8_t mode) const;
    // Whether bytes have arrived that nobody has read.
    bool has_input(std::uint32_t slot, ConnectionId id) const;

    // The highest slot in use, plus one.
    std::uint32_t end_slot() const;

private:
    struct Entry {
        ConnectionId id = 0; // 0: none
        int socket = -1;
        std::uint8_t mode = no_mode; // where it is, or came from
        std::uint8_t target = no_mode;
        bool in_transit = false;
        std::uint32_t journey = 0;
        bool is_shut = false; // in both directions
        std::optional<CloseReason> cause;
    };

    // Has the carrier of an entry let go of it, or not, as it stands now. It looks where nobody can ask it: see compute().
    void tell(const Entry& entry);

    Entry& of(const Connection& connection) { return entries_[connection.probe.slot_index()]; }
    void shut(Entry& entry, int how, CloseReason cause);
    Entry* find(ConnectionId id);

    mutable std::mutex mutex_;   // guards everything
    std::vector<Entry> entries_; // by slot
    SharedArray<Watch> watches_; // by slot; not guarded
    std::uint32_t end_ = 0;      // no entry at or above it was ever used
    std::uint64_t open_ = 0;
};

} // namespace connscope::server
