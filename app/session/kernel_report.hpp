// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/snapshot.hpp"

#include "connscope/observe/socket_threads.hpp"
#include "connscope/observe/sockets.hpp"
#include "connscope/observe/threads.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace connscope::app {

// What the kernel knows of a process without a probe, in the words in which a probe would report: the sockets that it has
// accepted are its connections, its threads' switches and CPU time are its gauges. What only the process can know is left
// out. One thread at a time.
class KernelReport {
public:
    // `table`: what all that are watched share; empty: there is none to be had. `share`: of the time that is usually spent
    // on threads, where several are watched.
    KernelReport(std::uint32_t pid, std::shared_ptr<observe::SharedSocketTable> table, double share);

    // Which threads have read from sockets since the last look, of this process and of others.
    void take_reads(std::span<const observe::SocketRead> reads);
    // What there is at `now` (CLOCK_MONOTONIC). Overwrites all three, whose memory is reused; one figure for each
    // connection. Sockets and threads are looked at five times a second, and less often where there are so many that they
    // would take more of a core than the table's share for sockets, 0.7 % for threads and 0.6 % for joining them. Errors:
    // the process has ended (std::errc::no_such_process).
    telemetry::Status look(telemetry::ServerReading& into, std::vector<SocketFigures>& sockets,
                           OutgoingConnections& outgoing, const observe::ProcessReading& process,
                           std::chrono::nanoseconds now);
    // CLOCK_MONOTONIC: when the sockets were read that the last look told of; less than 0: they were not yet.
    std::chrono::nanoseconds sockets_taken() const noexcept { return taken_; }
    // The ports at which its connections were accepted, or will be.
    const std::vector<std::uint16_t>& ports() const noexcept { return ports_; }

    // Threads that were not named before, at most some at a time.
    void name_threads(std::vector<NamedThread>& into);

    // What cannot be seen, and the rights that are missing; empty: everything can.
    const std::string& missing() const noexcept { return missing_.empty() && joined_ ? joined_->missing() : missing_; }

private:
    struct Known {
        std::uint64_t id = 0;
        std::uint32_t slot = 0;
        telemetry::ConnectionState state = telemetry::ConnectionState::none;
        std::chrono::nanoseconds since{};
        std::chrono::nanoseconds opened{}; // 0: before it was watched
        std::uint64_t seen_in = 0;
        bool accepted = false;   // false: the process opened it
        std::uint64_t moved = 0; // bytes that the process has read and that the peer has taken
        std::uint64_t bytes_in = 0;
        std::uint64_t bytes_out = 0;
    };
    telemetry::Status read_sockets();
    void take(const observe::SocketReading& socket);
    std::uint32_t free_slot();
    void name_thread(SocketFigures& figures, const observe::SocketReading& socket);
    void take_cpu(const observe::ProcessReading& process);
    void set_gauges(const observe::ProcessReading& process);

    std::uint32_t pid_;
    std::optional<observe::SocketsObserver> sockets_;
    observe::SocketsReading sockets_reading_;
    std::optional<observe::ThreadsObserver> threads_;
    observe::ThreadsReading threads_reading_;
    std::optional<observe::SocketThreads> joined_; // threads and sockets
    bool joins_all_ = false;                       // of every socket a thread is known
    std::string missing_;
    std::chrono::nanoseconds next_{};    // CLOCK_MONOTONIC: when sockets and threads are due
    std::chrono::nanoseconds taken_{-1}; // of the sockets that are in connections_
    std::uint64_t reading_ = 0;
    std::uint64_t newest_id_ = 0;
    std::unordered_map<std::uint64_t, Known> known_; // by inode
    std::vector<std::uint32_t> free_slots_;
    std::uint32_t slots_ = 0;
    std::vector<telemetry::ConnectionReading> connections_;
    std::vector<SocketFigures> figures_;
    OutgoingConnections outgoing_;
    std::vector<std::uint16_t> ports_; // sorted
    // What connections received and sent since they are watched; what one did between its last look and its end is missing.
    std::uint64_t bytes_in_ = 0;
    std::uint64_t bytes_out_ = 0;
    std::array<std::uint64_t, telemetry::gauge_count> gauges_{};
    std::chrono::nanoseconds gauges_taken_{};              // CLOCK_MONOTONIC
    std::unordered_map<std::uint32_t, std::string> named_; // threads
    // The kernel knows the sum of the CPU time exactly and divides it by its ticks: the share of the last whole second.
    std::chrono::nanoseconds cpu_{-1};
    double user_cpu_ns_ = 0;
    double system_cpu_ns_ = 0;
    double system_share_ = 0;
    std::optional<observe::ProcessReading> split_from_;
};

} // namespace connscope::app
