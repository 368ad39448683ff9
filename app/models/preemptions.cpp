// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/preemptions.hpp"

#include <algorithm>

namespace connscope::app {

namespace {

constexpr std::size_t removed_at_once = 4096;
constexpr std::size_t most_names = 10'000;

std::uint64_t key_of(std::uint32_t process, std::uint32_t thread) { return std::uint64_t{process} << 32 | thread; }

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

} // namespace

void Preemptions::append(const Snapshot& snapshot, double newest, double oldest) {
    missing_ = snapshot.switches_missing;
    if (names_.size() > most_names) names_.clear();
    for (const NamedThread& named : snapshot.switch_names) names_[key_of(named.process, named.thread)] = named.name;
    left_out_ = snapshot.switches_left_out;
    for (const auto& lost : snapshot.switches_lost) losses_.push_back({seconds(lost.time), lost.count});
    using Kind = observe::SwitchRecord::Kind;
    for (const observe::SwitchRecord& record : snapshot.switches) {
        Lane& lane = lanes_[record.thread];
        const double time = seconds(record.time);
        const bool is_out = !lane.all.empty() && lane.all.back().lasts;
        if (is_out) { // it ends with the thread's next record, whatever that says
            lane.all.back().end = std::max(time, lane.all.back().begin);
            lane.all.back().lasts = false;
            lane.longest = std::max(lane.longest, lane.all.back().end - lane.all.back().begin);
        }
        if (record.kind == Kind::preempted)
            lane.all.push_back(
                {time, time, true, record.cpu, record.other_known, record.other_process, record.other_thread});
    }
    count_ = 0;
    std::size_t all = 0;
    for (const auto& [thread, lane] : lanes_) all += lane.all.size() - lane.first;
    if (all > most) oldest = newest - (newest - oldest) / 2;
    for (auto each = lanes_.begin(); each != lanes_.end();) {
        Lane& lane = each->second;
        if (!lane.all.empty() && lane.all.back().lasts) {
            lane.all.back().end = std::max(newest, lane.all.back().begin);
            lane.longest = std::max(lane.longest, lane.all.back().end - lane.all.back().begin);
        }
        while (lane.first < lane.all.size() && lane.all[lane.first].end < oldest) ++lane.first;
        if (lane.first == lane.all.size()) {
            each = lanes_.erase(each);
            continue;
        }
        if (lane.first >= removed_at_once) {
            lane.all.erase(lane.all.begin(), lane.all.begin() + static_cast<std::ptrdiff_t>(lane.first));
            lane.first = 0;
        }
        count_ += lane.all.size() - lane.first;
        ++each;
    }
    std::erase_if(losses_, [oldest](const LostPreemptions& loss) { return loss.time < oldest; });
}

std::span<const TimelinePreemption> Preemptions::of(std::uint32_t thread, double begin, double end) const {
    const auto found = lanes_.find(thread);
    if (found == lanes_.end()) return {};
    const Lane& lane = found->second;
    const auto all = std::span(lane.all).subspan(lane.first);
    const auto first =
        std::lower_bound(all.begin(), all.end(), begin - lane.longest,
                         [](const TimelinePreemption& preemption, double time) { return preemption.begin < time; });
    const auto last = std::upper_bound(
        first, all.end(), end, [](double time, const TimelinePreemption& preemption) { return time < preemption.begin; });
    return {first, last};
}

std::string Preemptions::name_of(std::uint32_t process, std::uint32_t thread) const {
    const auto found = names_.find(key_of(process, thread));
    return found == names_.end() ? std::string() : found->second;
}

} // namespace connscope::app
