// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/socket_table.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace connscope::observe {

struct SocketsReading {
    std::chrono::nanoseconds taken{};   // CLOCK_MONOTONIC
    std::vector<SocketReading> sockets; // of the process, listening ones too
    std::uint32_t unassigned = 0;       // new ones of which is not yet known whether they are the process's
};

struct SocketsOptions {
    bool memory = true;
    bool figures = true;
    // Of time in one reading for finding out whose the new ones are; about 8 µs for each descriptor.
    std::chrono::nanoseconds budget = std::chrono::milliseconds(100);
    double share = 0.02; // of a core that reading may take over time, after the first; 1: read every time
};

// Reads the TCP sockets of one process again and again: the kernel's table joined with the process's descriptors by inode.
// A socket was accepted where somebody, a parent process for one, has listened on its local port while it was there.
// Descriptors are looked at once, as sockets appear, within a budget of time for each reading. One thread at a time.
class SocketsObserver {
public:
    // Errors: no such process; its descriptors may not be seen (std::errc::permission_denied); it lives in another network
    // namespace (std::errc::address_not_available); no sock_diag.
    static telemetry::Outcome<SocketsObserver> open(std::uint32_t pid, const SocketsOptions& options = {});
    // The same, with a reading that others use as well; `budget` as in SocketsOptions.
    static telemetry::Outcome<SocketsObserver> open(std::uint32_t pid, std::shared_ptr<SharedSocketTable> table,
                                                    std::chrono::nanoseconds budget = SocketsOptions().budget);

    // Overwrites `into`, whose memory is reused; leaves it as it was, `taken` too, while the share of time is used up: the
    // kernel takes about 2 µs for each socket of the machine. Errors: std::errc::no_such_process once the process has ended.
    telemetry::Status read(SocketsReading& into);

private:
    enum class Owner : std::uint8_t { unknown, process, other };
    struct Known {
        Owner owner = Owner::unknown;
        bool accepted = false;
        std::uint64_t since_pass = 0; // the pass over the descriptors that was under way when it appeared
        std::uint64_t seen_in = 0;    // the reading that had it last
    };
    explicit SocketsObserver(std::shared_ptr<SharedSocketTable> table)
        : table_(std::move(table)) {}

    std::uint32_t note_sockets();
    bool look_at_descriptors(std::chrono::nanoseconds until);
    void settle_unknown();

    std::uint32_t pid_ = 0;
    std::chrono::nanoseconds budget_{};
    std::shared_ptr<SharedSocketTable> table_;
    telemetry::UniqueFd folder_;  // /proc/PID/fd, for reading links in
    telemetry::UniqueFd listing_; // the same, at the position of the pass
    std::uint64_t pass_ = 1;
    std::uint64_t reading_ = 0;
    std::chrono::nanoseconds taken_{}; // of the table
    std::vector<std::uint32_t> listed_;
    std::unordered_map<std::uint64_t, Known> known_;               // by inode
    std::unordered_map<std::uint32_t, std::uint64_t> descriptors_; // inode of the socket behind each, as last seen
};

} // namespace connscope::observe
