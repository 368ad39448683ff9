// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/socket_reads.hpp"
#include "connscope/observe/socket_table.hpp"
#include "connscope/observe/threads.hpp"
#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace connscope::observe {

// How the kernel tells which thread works for a socket.
enum class ThreadSource : std::uint8_t {
    none,        // it does not
    waits,       // the thread stands in a system call on this socket alone: it runs as soon as that is done
    waited,      // it stood in one when it was looked at last
    read,        // it took bytes from the socket
    waits_among, // it stands in a system call for several descriptors, and this is one of them
    only_thread, // the process has no other
};
std::string_view name_of(ThreadSource source) noexcept; // "waits", "waited", "read", "waits_among", "only_thread", "none"

struct SocketThread {
    ThreadSource source = ThreadSource::none;
    std::uint32_t thread = 0;        // 0: none, or one of several that wait for the same descriptors
    std::string_view call;           // "recvfrom", "epoll_wait", ...; empty: it is none
    std::uint32_t among = 0;         // of waits_among: descriptors
    std::uint32_t waiting = 0;       // of waits_among: threads
    std::chrono::nanoseconds seen{}; // CLOCK_MONOTONIC: when that was so
};
// "waits in recvfrom", "read 12 ms ago", "waits in epoll_wait, for 40 in all": for people. Empty: none.
std::string to_string(const SocketThread& thread, std::chrono::nanoseconds now);

// What a thread waits for, of /proc/PID/task/TID/syscall (proc_pid_syscall(5)).
struct WaitingCall {
    std::string_view name; // of the system call; empty: none that waits for sockets
    enum class Kind : std::uint8_t { none, socket, epoll, poll, select } kind = Kind::none;
    std::uint64_t first = 0; // its arguments
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    std::uint64_t fourth = 0;
};
WaitingCall parse_waiting_call(std::string_view text) noexcept;

struct SocketThreadsOptions {
    // Of time in one look for system calls of threads; a thread costs about 10 µs, and nothing while it has not run.
    std::chrono::nanoseconds budget = std::chrono::microseconds(800);
    double share = 0.003; // of a core for what event loops wait for, some 0.5 µs a socket
};

// Joins the threads of a process with its sockets, as far as the kernel tells: by the system calls in which threads wait, by
// what event loops (epoll) wait for, and by the record of who has read. No probe is needed, and nothing in the process is
// changed. One thread at a time.
class SocketThreads {
public:
    explicit SocketThreads(std::uint32_t pid, const SocketThreadsOptions& options = {});

    // Looks at threads that have run since they were looked at. `threads`: of the process, as just read. `wanted`: there are
    // sockets of which no thread is known.
    void look(const ThreadsReading& threads, bool wanted);
    // Of the record, those of this process.
    void take(std::span<const SocketRead> reads);
    // What is known of one. About 150 ns.
    SocketThread of(const SocketReading& socket) const;
    // Forgets sockets that are not among these, when there are many.
    void forget_others(std::span<const SocketReading> sockets);

    // Why the calls of threads cannot be seen; empty: they can.
    const std::string& missing() const noexcept { return missing_; }

private:
    struct Wait {
        std::uint32_t thread = 0;
        std::string_view call;
        bool lasts = false;
        std::uint32_t among = 0; // 0: alone
        std::chrono::nanoseconds seen{};
    };
    struct Read {
        std::uint32_t thread = 0;
        std::chrono::nanoseconds time{};
    };
    struct Loop {                           // an epoll descriptor
        std::vector<std::uint32_t> threads; // that wait on it, or did when they were looked at last
        std::string_view call;
        std::uint32_t sockets = 0;
        std::chrono::nanoseconds read{}; // when what it waits for was read
    };
    static constexpr std::uint64_t not_looked_at = ~std::uint64_t{0};
    struct Thread {
        std::uint64_t runs = not_looked_at; // as it was when its call was read
        std::uint64_t start_time = 0;
        std::uint64_t seen_in = 0;          // the look that had it last
        std::vector<std::uint64_t> sockets; // whose waits are of this thread
        std::optional<std::uint32_t> loop;
    };

    bool look_at(std::uint32_t id, Thread& thread);
    void end_waits(std::uint32_t id, Thread& thread);
    void leave_loop(std::uint32_t id, Thread& thread);
    std::vector<std::uint32_t> polled(const WaitingCall& call) const;
    void read_loops(std::chrono::nanoseconds now);
    bool read_loop(std::uint32_t descriptor, Loop& loop);

    std::uint32_t pid_;
    SocketThreadsOptions options_;
    telemetry::UniqueFd folder_;      // /proc/PID
    telemetry::UniqueFd descriptors_; // /proc/PID/fd
    std::string missing_;
    std::uint32_t only_thread_ = 0; // 0: there are several
    std::uint64_t looks_ = 0;
    std::chrono::nanoseconds looked_{}; // the last time
    std::size_t next_ = 0;              // of the threads, to look at
    std::chrono::nanoseconds next_loops_{};
    std::unordered_map<std::uint32_t, Thread> threads_;
    std::unordered_map<std::uint64_t, Wait> waits_;         // by inode
    std::unordered_map<std::uint64_t, Read> reads_;         // by cookie
    std::unordered_map<std::uint32_t, Loop> loops_;         // by descriptor
    std::unordered_map<std::uint64_t, std::uint32_t> loop_; // of a socket, by inode
};

} // namespace connscope::observe
