// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/kernel_trace.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace connscope::lab {

// What a trace says of some processes' ways into the kernel and back.
struct Crossings {
    struct Call {
        std::uint64_t count = 0; // begun
        std::uint64_t timed = 0; // begun and ended
        std::uint64_t ns = 0;    // on the CPU between the two: who waits in it is not there
    };
    std::map<std::int64_t, Call> socket_calls; // by number: those on a socket
    std::map<std::int64_t, Call> other_calls;
    std::uint64_t user_ns = 0; // on the CPU between two calls
    std::uint64_t blocked = 0; // left the CPU, having to wait
    std::uint64_t preempted = 0;
    std::uint64_t copied_in = 0, copied_out = 0; // reads and writes of a socket that moved bytes
    std::uint64_t bytes_in = 0, bytes_out = 0;

    std::uint64_t calls() const noexcept;
};

// Adds up the records of a trace that are of these processes. One thread at a time.
class CrossingCounter {
public:
    explicit CrossingCounter(const std::vector<std::uint32_t>& processes);

    void take(const std::vector<TraceRecord>& records);
    const Crossings& crossings() const noexcept { return crossings_; }

private:
    struct Thread {
        bool on_cpu = false; // as far as known
        bool in_call = false;
        bool is_socket = false;
        std::uint64_t mark = 0;    // since when it is where it is
        std::uint64_t call_ns = 0; // of the present call, on the CPU
    };
    bool is_socket(std::uint32_t process, std::int64_t number, std::int64_t argument);
    void run_until(Thread& thread, std::uint64_t time);
    void take_call(const TraceRecord& record);
    void take_answer(const TraceRecord& record);
    void take_switch(const TraceRecord& record);

    std::set<std::uint32_t> processes_;
    std::unordered_map<std::uint32_t, Thread> threads_;
    std::map<std::pair<std::uint32_t, std::int64_t>, bool> sockets_; // by process and descriptor
    Crossings crossings_;
};

} // namespace connscope::lab
