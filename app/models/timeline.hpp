// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_model.hpp"
#include "models/preemptions.hpp"
#include "session/snapshot.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace connscope::app {

// One slice of a connection on a thread. Times are s of CLOCK_MONOTONIC.
struct TimelineSlice {
    double begin = 0;
    double end = 0;
    ConnectionKey connection; // id 0: of none that is known, the thread ran by the kernel's record
    telemetry::layout::EventKind ended_by{};
    ThreadRun::End run_ended = ThreadRun::End::lasts; // where there is no connection
    bool lasts = false;                               // of a connection: it had not ended when it was looked at

    bool is_of_connection() const noexcept { return connection.id != 0; }
};

// The slices of one thread of the server, in the order of their begins.
class TimelineLane {
public:
    std::span<const TimelineSlice> slices() const noexcept { return std::span(slices_).subspan(first_); }
    // Those that lie within [begin, end], in part at least.
    std::span<const TimelineSlice> within(double begin, double end) const;
    // The thread gave its last connection away: when it was the connection's own, it has ended.
    bool may_have_ended() const;

private:
    friend class Timeline;
    std::vector<TimelineSlice> slices_;
    std::size_t first_ = 0; // those before it are too old; they are removed many at a time
    double longest_ = 0;    // s: no slice that has ended is longer
};

// Events that were overwritten before they could be read, some time within (begin, end).
struct TimelineLoss {
    double begin = 0;
    double end = 0;
    std::uint64_t events = 0;
};

// The last ten seconds of all slices, by thread. A value: a copy of it stays as it is. One thread at a time.
class Timeline {
public:
    static constexpr double length = 10;                  // s
    static constexpr std::size_t most_slices = 2'000'000; // 40 bytes each; the oldest go when there are more

    void append(const Snapshot& snapshot);
    void clear();

    // Threads by the kernel's number, those without a slice in the last ten seconds left out.
    const std::map<std::uint32_t, TimelineLane>& lanes() const noexcept { return lanes_; }
    std::span<const TimelineLoss> losses() const noexcept { return losses_; }
    const Preemptions& preemptions() const noexcept { return preemptions_; }
    // What a thread is called, where that was told; empty: it was not.
    std::string name_of(std::uint32_t thread) const;
    double newest() const noexcept { return newest_; } // when it was looked at last

private:
    void take(std::uint32_t thread, const TimelineSlice& slice);
    void drop_running();
    void take_running(const Snapshot& snapshot);

    std::map<std::uint32_t, TimelineLane> lanes_;
    std::unordered_map<std::uint32_t, std::string> names_; // of threads
    std::vector<std::uint32_t> running_;                   // the threads whose last slice lasts
    std::vector<TimelineLoss> losses_;
    Preemptions preemptions_;
    double newest_ = 0;
    double length_now_ = length; // s; less while there are too many slices
};

// A lane that is to be drawn.
struct ShownLane {
    std::uint32_t thread = 0;
    const TimelineLane* lane = nullptr;
};

// The lanes of the threads that ran within [begin, end] or lately, by their numbers; those of threads that have ended since
// are left out. Where there is no room for all, the busiest of the stretch, and always those that ran `wanted`. The lanes
// are the timeline's.
std::vector<ShownLane> lanes_to_show(const Timeline& timeline, double begin, double end, std::size_t room,
                                     const std::optional<ConnectionKey>& wanted);

} // namespace connscope::app
