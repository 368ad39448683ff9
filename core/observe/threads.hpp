// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace connscope::observe {

// What the kernel tells of one thread from outside. None where the kernel does not say.
struct ThreadReading {
    std::uint32_t id = 0;
    std::uint64_t start_time = 0;                  // clock ticks since boot: tells an id from its reuse
    std::chrono::nanoseconds taken{};              // CLOCK_MONOTONIC: when this thread was looked at last
    std::string name;                              // comm, at most 15 bytes
    char state = '?';                              // R S D Z T t X I (proc_pid_stat(5))
    std::string wait_channel;                      // the kernel function it sleeps in; empty: it runs, or rights are missing
    std::optional<std::uint32_t> cpu;              // ran there last
    std::uint64_t voluntary_switches = 0;          // it blocked or yielded
    std::uint64_t involuntary_switches = 0;        // it was preempted
    std::optional<std::chrono::nanoseconds> run;   // time on a CPU; a running stretch counts from tick to tick
    std::optional<std::chrono::nanoseconds> delay; // time it could have run and waited for a CPU
    std::optional<std::uint64_t> runs;             // times it was given a CPU

    bool operator==(const ThreadReading&) const = default;
};

struct ThreadsReading {
    std::chrono::nanoseconds taken{};   // CLOCK_MONOTONIC
    std::uint32_t count = 0;            // threads there are now, as the kernel counts them
    std::vector<ThreadReading> threads; // those seen so far, as each was when it was looked at last
    std::uint32_t looked_at = 0;        // how many of them in this reading
    // Of all threads since the observer was opened, as far as it saw them: what a thread did between its last look and
    // its end is missing. All that a thread did counts when it began after that.
    std::uint64_t voluntary_switches = 0;
    std::uint64_t involuntary_switches = 0;
    std::chrono::nanoseconds run{};
    std::chrono::nanoseconds delay{};
};

struct ThreadsOptions {
    // Of time for one reading; what it does not reach is looked at in the next.
    std::chrono::nanoseconds budget = std::chrono::milliseconds(8);
    // The same until every thread was looked at once, which costs the kernel several times as much as looking again.
    std::chrono::nanoseconds first_budget = std::chrono::milliseconds(80);
    std::uint32_t kept_open = 4096; // descriptors, and never more than a quarter of the limit
    bool wait_channels = true;      // they cost about 5 µs for a thread that ran
};

// Reads the threads of one process again and again, in turn: each reading looks at as many as its budget of time allows, and
// the next goes on from there. A thread costs about 70 µs the first time, 40 µs when it ran since its last look and 2 to 8
// µs when it did not. One thread at a time.
class ThreadsObserver {
public:
    // Errors: no such process (std::errc::no_such_process).
    static telemetry::Outcome<ThreadsObserver> open(std::uint32_t pid, const ThreadsOptions& options = {});

    // Overwrites `into`, whose memory is reused. Errors: std::errc::no_such_process once the process has ended.
    telemetry::Status read(ThreadsReading& into);

private:
    struct Record {
        ThreadReading reading;
        telemetry::UniqueFd schedstat; // kept open while there is room
        std::uint64_t listed_in = 0;   // the pass over the folder that saw it last
        bool was_there = false;        // before the observer came
        bool known = false;            // was looked at
    };
    ThreadsObserver() = default;

    void list_some(std::chrono::nanoseconds until);
    std::size_t look_at_some(std::chrono::nanoseconds until);
    bool look_at(Record& record);
    bool read_schedule(Record& record, bool& has_run);
    bool read_details(Record& record);
    void count_since(const Record& record, const ThreadReading& before);
    void forget(std::size_t index);

    std::uint32_t pid_ = 0;
    ThreadsOptions options_;
    telemetry::UniqueFd folder_;  // /proc/PID/task, for opening threads in
    telemetry::UniqueFd listing_; // the same, at the position of the pass
    std::vector<std::uint32_t> listed_;
    std::uint64_t pass_ = 1;
    bool all_listed_ = false; // at least one pass is complete
    std::vector<Record> records_;
    std::unordered_map<std::uint32_t, std::size_t> index_; // of records_, by thread id
    std::size_t next_ = 0;                                 // of records_, to look at
    std::size_t unknown_ = 0;                              // records not looked at yet
    std::uint32_t kept_ = 0;
    ThreadsReading totals_; // without the threads
};

// The name of a thread (comm); empty when there is none or it may not be seen. Any thread; about 20 µs.
std::string thread_name(std::uint32_t pid, std::uint32_t thread);

} // namespace connscope::observe
