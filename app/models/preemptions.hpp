// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/snapshot.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace connscope::app {

// A stretch in which a thread could have gone on and the kernel had given its CPU to another. Times are s of
// CLOCK_MONOTONIC.
struct TimelinePreemption {
    double begin = 0;
    double end = 0;
    bool lasts = false; // it has not got a CPU back yet
    std::uint32_t cpu = 0;
    // Who got the CPU; only where `other_known`. Both 0: it idles.
    bool other_known = false;
    std::uint32_t other_process = 0;
    std::uint32_t other_thread = 0;
};

// Records of the kernel that were lost, some time before `time`.
struct LostPreemptions {
    double time = 0;
    std::uint64_t count = 0;
};

// The kernel's own record of when it took CPUs away from the server's threads, as long as the timeline reaches. A value.
class Preemptions {
public:
    static constexpr std::size_t most = 500'000; // the oldest go when there are more

    void append(const Snapshot& snapshot, double newest, double oldest);
    void clear() { *this = {}; }

    // Of one thread, those that lie within [begin, end] in part at least, by their begins.
    std::span<const TimelinePreemption> of(std::uint32_t thread, double begin, double end) const;
    std::span<const LostPreemptions> losses() const noexcept { return losses_; }
    std::size_t count() const noexcept { return count_; }
    // Why there is no record, in words; empty: there is one.
    const std::string& missing() const noexcept { return missing_; }
    // Threads whose preemptions are not in it.
    std::uint32_t left_out() const noexcept { return left_out_; }
    // The name of a thread that got a CPU; empty where it was not to be had.
    std::string name_of(std::uint32_t process, std::uint32_t thread) const;

private:
    struct Lane {
        std::vector<TimelinePreemption> all;
        std::size_t first = 0; // those before it are too old
        double longest = 0;    // s: none is longer
    };
    std::map<std::uint32_t, Lane> lanes_;
    std::vector<LostPreemptions> losses_;
    std::unordered_map<std::uint64_t, std::string> names_; // by process and thread: numbers are used again
    std::string missing_;
    std::uint32_t left_out_ = 0;
    std::size_t count_ = 0;
};

} // namespace connscope::app
