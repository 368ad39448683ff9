// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/switch_watch.hpp"

#include "connscope/observe/threads.hpp"

#include <utility>

namespace connscope::app {

namespace {
constexpr std::size_t most_names = 20; // in one look: each is a file to read
constexpr std::size_t most_known = 10'000;
constexpr std::size_t small_buffer_bytes = 256u << 10; // for each CPU
constexpr std::uint32_t few_descriptors = 256;
} // namespace

SwitchWatch::SwitchWatch(std::uint32_t pid, Options options)
    : pid_(pid)
    , options_(options) {
    observe::SwitchOptions wanted;
    if (options_.is_one_of_several) {
        wanted.scope = observe::SwitchScope::process;
        wanted.buffer_bytes = small_buffer_bytes;
        wanted.max_descriptors = few_descriptors;
    }
    auto recorder = observe::SwitchRecorder::open(pid, wanted);
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
    into.thread_runs.clear();
}

void SwitchWatch::look(Snapshot& into) {
    if (!recorder_) {
        into.switches_missing = missing_;
        return;
    }
    recorder_->read(read_);
    into.switches_left_out += recorder_->threads_left_out();
    into.switches_lost.insert(into.switches_lost.end(), read_.lost.begin(), read_.lost.end());
    if (named_.size() > most_known) named_.clear();
    using Kind = observe::SwitchRecord::Kind;
    for (const observe::SwitchRecord& record : read_.records) {
        if (options_.runs) take_run(record, into);
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
    if (options_.runs) tell_lasting_runs(into);
}

void SwitchWatch::take_run(const observe::SwitchRecord& record, Snapshot& into) {
    using Kind = observe::SwitchRecord::Kind;
    if (record.kind == Kind::resumed) {
        running_[record.thread] = record.time;
        return;
    }
    const auto found = running_.find(record.thread);
    if (found == running_.end()) return; // its begin was lost, or was before the record
    const auto ended = record.kind == Kind::blocked ? ThreadRun::End::blocked : ThreadRun::End::preempted;
    into.thread_runs.push_back({record.thread, found->second, record.time, ended});
    running_.erase(found);
}

// Who computes without a pause is shown while it does. There are no more of them than CPUs. The last record of a thread that
// has ended may be missing.
void SwitchWatch::tell_lasting_runs(Snapshot& into) {
    if (!read_.lost.empty()) running_.clear();
    std::erase_if(running_, [this](const auto& each) {
        return each.second < read_.until && observe::thread_name(pid_, each.first).empty();
    });
    for (auto& [thread, begin] : running_) {
        if (read_.until <= begin) continue;
        into.thread_runs.push_back({thread, begin, read_.until, ThreadRun::End::lasts});
        begin = read_.until;
    }
}

} // namespace connscope::app
