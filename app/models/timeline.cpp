// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/timeline.hpp"

#include <algorithm>

namespace connscope::app {

namespace {

constexpr std::size_t removed_at_once = 4096;
constexpr std::size_t most_names = 20'000;
constexpr double lane_stays = 1; // s: so that lanes do not come and go with every pause of their threads

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

bool is_slice(telemetry::layout::EventKind kind) {
    return kind >= telemetry::layout::EventKind::slice_to_read && kind <= telemetry::layout::EventKind::slice_to_hand_off;
}

} // namespace

std::span<const TimelineSlice> TimelineLane::within(double begin, double end) const {
    const auto all = slices();
    // One that began before `begin` may reach into it, by no more than the longest there is.
    auto first = std::lower_bound(all.begin(), all.end(), begin - longest_,
                                  [](const TimelineSlice& slice, double time) { return slice.begin < time; });
    if (first == all.end() && !all.empty() && all.back().lasts) --first;
    const auto last =
        std::upper_bound(first, all.end(), end, [](double time, const TimelineSlice& slice) { return time < slice.begin; });
    return {first, last};
}

bool TimelineLane::may_have_ended() const {
    using telemetry::layout::EventKind;
    if (slices().empty()) return true;
    const EventKind last = slices_.back().ended_by;
    return last == EventKind::slice_to_hand_off || last == EventKind::slice_to_close;
}

void Timeline::take(std::uint32_t thread, const TimelineSlice& slice) {
    TimelineLane& lane = lanes_[thread];
    lane.longest_ = std::max(lane.longest_, slice.end - slice.begin);
    const bool in_order = lane.slices_.empty() || lane.slices_.back().begin <= slice.begin;
    lane.slices_.push_back(slice);
    if (in_order) return;
    // of another ring; only the newest can be out of order
    const auto place = std::upper_bound(lane.slices_.begin(), lane.slices_.end() - 1, slice.begin,
                                        [](double time, const TimelineSlice& other) { return time < other.begin; });
    std::rotate(place, lane.slices_.end() - 1, lane.slices_.end());
}

std::string Timeline::name_of(std::uint32_t thread) const {
    const auto found = names_.find(thread);
    return found == names_.end() ? std::string() : found->second;
}

// What ran when it was looked at last, of which there is no event yet.
void Timeline::drop_running() {
    for (const std::uint32_t thread : running_) {
        const auto lane = lanes_.find(thread);
        if (lane != lanes_.end() && !lane->second.slices_.empty() && lane->second.slices_.back().lasts)
            lane->second.slices_.pop_back();
    }
    running_.clear();
}

// A slice has its event when it ends: until then it is the connection's own state that tells of it.
void Timeline::take_running(const Snapshot& snapshot) {
    for (const telemetry::ConnectionReading& connection : snapshot.server.connections) {
        if (connection.state != telemetry::ConnectionState::running || connection.thread == 0) continue;
        TimelineSlice slice;
        slice.begin = seconds(connection.state_since);
        slice.end = std::max(newest_, slice.begin);
        slice.connection = key_of(connection);
        slice.lasts = true;
        const auto lane = lanes_.find(connection.thread);
        // It has ended since, or another runs on the thread by now.
        if (lane != lanes_.end() && !lane->second.slices_.empty() && lane->second.slices_.back().begin >= slice.begin)
            continue;
        lanes_[connection.thread].slices_.push_back(slice);
        running_.push_back(connection.thread);
    }
}

void Timeline::append(const Snapshot& snapshot) {
    drop_running();
    const double before = newest_;
    newest_ = seconds(snapshot.taken);
    if (snapshot.events_lost > 0) losses_.push_back({before, newest_, snapshot.events_lost});

    for (const SegmentEvent& each : snapshot.events) {
        if (!is_slice(each.event.kind)) continue;
        TimelineSlice slice;
        slice.begin = seconds(each.event.begin);
        slice.end = slice.begin + seconds(each.event.length);
        slice.connection = {each.segment, each.event.connection};
        slice.ended_by = each.event.kind;
        take(each.event.thread, slice);
    }
    for (const ThreadRun& run : snapshot.thread_runs) {
        TimelineSlice slice;
        slice.begin = seconds(run.begin);
        slice.end = seconds(run.end);
        slice.run_ended = run.ended;
        take(run.thread, slice);
    }
    take_running(snapshot);
    if (names_.size() > most_names) names_.clear();
    for (const NamedThread& named : snapshot.thread_names) names_[named.thread] = named.name;

    std::size_t count = 0;
    for (const auto& [thread, lane] : lanes_) count += lane.slices().size();
    // Halving costs little and happens seldom; what was dropped is not there, and the view says so by its span.
    length_now_ = count > most_slices ? length_now_ / 2 : std::min(length, length_now_ + 0.01);
    const double oldest = newest_ - length_now_;
    for (auto lane = lanes_.begin(); lane != lanes_.end();) {
        auto& [thread, slices] = *lane;
        while (slices.first_ < slices.slices_.size() && slices.slices_[slices.first_].end < oldest) ++slices.first_;
        if (slices.first_ == slices.slices_.size()) {
            lane = lanes_.erase(lane);
            continue;
        }
        if (slices.first_ >= removed_at_once) {
            slices.slices_.erase(slices.slices_.begin(),
                                 slices.slices_.begin() + static_cast<std::ptrdiff_t>(slices.first_));
            slices.first_ = 0;
            slices.longest_ = 0;
            for (const TimelineSlice& slice : slices.slices_) {
                if (!slice.lasts) slices.longest_ = std::max(slices.longest_, slice.end - slice.begin);
            }
        }
        ++lane;
    }
    preemptions_.append(snapshot, newest_, oldest);
    std::erase_if(losses_, [&](const TimelineLoss& loss) { return loss.end < oldest; });
}

std::vector<ShownLane> lanes_to_show(const Timeline& timeline, double begin, double end, std::size_t room,
                                     const std::optional<ConnectionKey>& wanted) {
    struct Candidate {
        ShownLane lane;
        double busy = 0; // s within the stretch
    };
    std::vector<Candidate> candidates;
    for (const auto& [thread, lane] : timeline.lanes()) {
        Candidate candidate{{thread, &lane}};
        const auto slices = lane.within(begin, end);
        bool ran = false;
        for (const TimelineSlice& slice : slices) {
            const double inside = std::min(slice.end, end) - std::max(slice.begin, begin);
            if (inside < 0) continue;
            ran = true;
            candidate.busy += inside;
            if (wanted && slice.connection == *wanted) candidate.busy += Timeline::length; // before all others
        }
        // Who was preempted computed, though the slice in which it did may not be over yet.
        for (const TimelinePreemption& each : timeline.preemptions().of(thread, begin, end)) {
            ran = true;
            candidate.busy += std::max(std::min(each.end, end) - std::max(each.begin, begin), 0.0);
        }
        const auto lately = lane.within(std::min(begin, end - lane_stays), end);
        if (ran || (!lane.may_have_ended() && !lately.empty())) candidates.push_back(candidate);
    }
    if (candidates.size() > room) {
        std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(room), candidates.end(),
                         [](const Candidate& a, const Candidate& b) { return a.busy > b.busy; });
        candidates.resize(room);
        std::sort(candidates.begin(), candidates.end(),
                  [](const Candidate& a, const Candidate& b) { return a.lane.thread < b.lane.thread; });
    }
    std::vector<ShownLane> shown;
    for (const Candidate& candidate : candidates) shown.push_back(candidate.lane);
    return shown;
}

void Timeline::clear() {
    lanes_.clear();
    names_.clear();
    running_.clear();
    losses_.clear();
    preemptions_.clear();
}

} // namespace connscope::app
