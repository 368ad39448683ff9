// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/reading.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace connscope::observe {

// The states of RFC 9293, with the kernel's numbers (include/net/tcp_states.h).
enum class SocketState : std::uint8_t {
    established = 1,
    syn_sent,
    syn_received,
    fin_wait_1,
    fin_wait_2,
    time_wait,
    closed,
    close_wait,
    last_ack,
    listening,
    closing,
};
std::string_view name_of(SocketState state) noexcept; // "established", "close_wait", ...

// The kernel's memory for one socket: include/uapi/linux/sock_diag.h, SK_MEMINFO_*. The socket's own structures are not in
// it: see slab.hpp.
struct SocketMemory {
    std::uint32_t receive_bytes = 0;       // taken by what has arrived and was not read
    std::uint32_t receive_limit_bytes = 0; // SO_RCVBUF
    std::uint32_t send_bytes = 0;          // taken by what was written, on its way through the network stack
    std::uint32_t send_limit_bytes = 0;    // SO_SNDBUF
    std::uint32_t send_queue_bytes = 0;    // taken by what was written and not acknowledged
    std::uint32_t reserved_bytes = 0;      // set aside in whole pages and not used
    std::uint32_t option_bytes = 0;
    std::uint32_t backlog_bytes = 0;
    std::uint32_t drops = 0; // packets

    // What the socket takes now, without limits.
    std::uint64_t held_bytes() const noexcept {
        return std::uint64_t{receive_bytes} + send_queue_bytes + reserved_bytes + option_bytes + backlog_bytes;
    }
};

// Of struct tcp_info. None where this kernel's is too old to have it.
struct TcpFigures {
    std::chrono::microseconds round_trip{}; // smoothed
    std::chrono::microseconds round_trip_variation{};
    std::chrono::milliseconds since_data_sent{};
    std::chrono::milliseconds since_data_received{};
    std::uint32_t congestion_window = 0; // packets
    std::uint32_t retransmitted = 0;     // packets, since the start
    std::optional<std::uint64_t> bytes_received;
    std::optional<std::uint64_t> bytes_sent; // retransmitted ones included
    std::optional<std::uint64_t> bytes_acknowledged;
    std::optional<std::uint32_t> unsent_bytes; // written and not yet sent
};

// One TCP socket as the kernel knows it.
struct SocketReading {
    std::uint64_t inode = 0;  // joins it with descriptors and with segments; 0: belongs to no process (any more, or yet)
    std::uint64_t cookie = 0; // never given twice; joins it with the kernel's trace points
    SocketState state = SocketState::closed;
    telemetry::PeerAddress local;
    telemetry::PeerAddress peer;
    std::uint32_t owner = 0;         // user id
    std::uint32_t receive_queue = 0; // bytes that arrived and were not read; listening: connections not accepted yet
    std::uint32_t send_queue = 0;    // bytes written and not acknowledged; listening: how many may wait
    std::optional<SocketMemory> memory;
    std::optional<TcpFigures> tcp;
    bool accepted = false; // SocketsObserver says so: whoever has it serves its peer, and did not open it
};

// Asks the kernel for the TCP sockets of this network namespace by netlink (sock_diag(7)), no rights needed. One thread at a
// time.
class SocketTable {
public:
    // Errors: netlink or tcp_diag is not to be had here.
    static telemetry::Outcome<SocketTable> open();

    struct Wanted {
        bool memory = true;
        bool figures = true;
        std::optional<std::uint16_t> local_port; // only sockets with this one
    };
    // All TCP sockets over IPv4 and IPv6 but those in TIME_WAIT, which hold no connection, in the kernel's order. `into` is
    // overwritten. About 1 µs a socket.
    telemetry::Status read(std::vector<SocketReading>& into, const Wanted& wanted);

private:
    SocketTable() = default;
    telemetry::Status ask(std::uint8_t family, const Wanted& wanted);
    telemetry::Status take_answers(std::vector<SocketReading>& into);

    telemetry::UniqueFd netlink_;
    std::uint32_t sequence_ = 0;
    std::vector<std::byte> buffer_;
};

// One reading of the kernel's table for all who look for their own sockets in it, since it has those of the whole machine:
// taken anew as often as a share of a core allows. One thread at a time.
class SharedSocketTable {
public:
    // `share`: of a core that reading, and what is spent() on it, may take over time; 1: read every time.
    // Errors: as those of SocketTable.
    static telemetry::Outcome<std::shared_ptr<SharedSocketTable>> open(const SocketTable::Wanted& wanted, double share);

    // Takes a new reading where one is due.
    telemetry::Status look();
    // CPU time that somebody took for what the newest reading has.
    void spent(std::chrono::nanoseconds cpu);

    std::chrono::nanoseconds taken() const noexcept { return taken_; } // CLOCK_MONOTONIC; 0: none yet
    const std::vector<SocketReading>& sockets() const noexcept { return sockets_; }
    // The ports on which anybody listens, sorted.
    const std::vector<std::uint16_t>& listening_ports() const noexcept { return listening_ports_; }

private:
    SharedSocketTable(SocketTable table, const SocketTable::Wanted& wanted, double share)
        : table_(std::move(table))
        , wanted_(wanted)
        , share_(share) {}

    SocketTable table_;
    SocketTable::Wanted wanted_;
    double share_;
    std::chrono::nanoseconds taken_{};
    std::chrono::nanoseconds next_{}; // CLOCK_MONOTONIC: when the share allows the next reading
    std::vector<SocketReading> sockets_;
    std::vector<std::uint16_t> listening_ports_;
};

} // namespace connscope::observe
