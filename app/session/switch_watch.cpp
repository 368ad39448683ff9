// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/switch_watch.hpp"

#include "connscope/observe/threads.hpp"

#include <utility>

namespace connscope::app {

namespace {
constexpr std::size_t most_names = 20; // in one look: each is a file to read
constexpr std::size_t most_known = 10'000;
} // namespace

SwitchWatch::SwitchWatch(std::uint32_t pid) {
    auto recorder = observe::SwitchRecorder::open(pid);
    if (recorder) {
        recorder_ = std::move(*recorder);
    } else {
        missing_ = recorder.error().text;
    }
}

void SwitchWatch::clear(Snapshot& into) {
    into.switches.clear();
    into.switches_lost.clear();
    into.switch_names.clear();
    into.switches_missing.clear();
    into.switches_left_out = 0;
}

void SwitchWatch::look(Snapshot& into) {
    into.switches_missing = missing_;
    if (!recorder_) return;
    recorder_->read(read_);
    into.switches_left_out = recorder_->threads_left_out();
    into.switches_lost = read_.lost;
    if (named_.size() > most_known) named_.clear();
    using Kind = observe::SwitchRecord::Kind;
    for (const observe::SwitchRecord& record : read_.records) {
        const bool is_preempted = record.kind == Kind::preempted;
        const bool follows = is_preempted ? !preempted_.insert(record.thread).second : preempted_.erase(record.thread) > 0;
        if (!follows && !is_preempted) continue;
        into.switches.push_back(record);
        if (!is_preempted || !record.other_known || record.other_thread == 0) continue;
        const std::uint64_t who = std::uint64_t{record.other_process} << 32 | record.other_thread;
        if (into.switch_names.size() >= most_names || named_.contains(who)) continue;
        named_.insert(who);
        if (auto name = observe::thread_name(record.other_process, record.other_thread); !name.empty()) {
            into.switch_names.push_back({record.other_process, record.other_thread, std::move(name)});
        }
    }
}

} // namespace connscope::app
