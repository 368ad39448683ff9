// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/process_lister.hpp"

#include "connscope/telemetry/reader.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <tuple>
#include <unordered_map>

#include <unistd.h>

namespace connscope::app {

namespace {

constexpr std::chrono::seconds interval{2};

AttachChoicesPtr list_choices() {
    std::unordered_map<std::uint32_t, std::string> segments;
    for (const auto& segment : telemetry::find_segments()) {
        if (segment.writer == telemetry::WriterState::alive &&
            segment.identity.kind == telemetry::layout::SegmentKind::server)
            segments[segment.identity.pid] = segment.identity.name;
    }
    auto choices = std::make_shared<std::vector<AttachChoice>>();
    for (observe::ListedProcess& process : observe::list_processes()) {
        AttachChoice& choice = choices->emplace_back();
        choice.process = std::move(process);
        choice.is_own = choice.process.user == ::geteuid();
        if (const auto found = segments.find(choice.process.pid); found != segments.end()) choice.segment = found->second;
    }
    const auto rank = [](const AttachChoice& choice) {
        return std::tuple(!choice.is_own, choice.segment.empty(), choice.process.listening.empty(),
                          choice.process.sockets == 0, choice.process.name, choice.process.pid);
    };
    std::ranges::sort(*choices, {}, rank);
    return choices;
}

} // namespace

ProcessLister::ProcessLister(QObject* parent)
    : QObject(parent) {}

ProcessLister::~ProcessLister() = default;

void ProcessLister::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void ProcessLister::run(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    while (!stop.stop_requested()) {
        emit listed(list_choices()); // queued: whoever listens lives on another thread
        std::unique_lock lock(mutex);
        never.wait_for(lock, stop, interval, [] { return false; });
    }
}

} // namespace connscope::app
