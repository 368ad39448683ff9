// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/watched_set.hpp"

#include "connscope/telemetry/add_readings.hpp"
#include "connscope/telemetry/clock.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace connscope::app {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_events = 50'000; // of a segment in one look: a million a second
constexpr std::chrono::nanoseconds gauges_hold = 600ms;
constexpr std::chrono::nanoseconds process_interval = 150ms; // of a process without a probe
constexpr double sockets_share = 0.015;                      // of a core, for the sockets of all without a probe
constexpr std::size_t most_recorded = 16; // processes whose switches are recorded, and whose stacks are weighed
constexpr double share_of_others = 0.2;   // of the time that may be spent on the first of several

void add_to(std::optional<std::uint64_t>& sum, const std::optional<std::uint64_t>& one) {
    if (sum && one) *sum += *one;
    if (!one) sum.reset(); // what is not known of one is not known of all
}

void add_to(observe::ProcessReading& sum, const observe::ProcessReading& one) {
    sum.taken = std::max(sum.taken, one.taken);
    sum.threads += one.threads;
    sum.user_cpu += one.user_cpu;
    sum.system_cpu += one.system_cpu;
    sum.resident_bytes += one.resident_bytes;
    sum.resident_shared_bytes += one.resident_shared_bytes;
    sum.page_table_bytes += one.page_table_bytes;
    sum.swapped_bytes += one.swapped_bytes;
    sum.address_space_bytes += one.address_space_bytes;
    sum.data_bytes += one.data_bytes;
    add_to(sum.kernel_stack_bytes, one.kernel_stack_bytes);
    add_to(sum.open_files, one.open_files);
    // Each has limits of its own.
    sum.open_files_limit = sum.threads_limit = sum.address_space_limit = sum.data_limit = std::nullopt;
}

} // namespace

void WatchedSet::clear() { *this = {}; }

std::size_t WatchedSet::alive() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(members_, [](const auto& member) { return member != nullptr; }));
}

bool WatchedSet::has(std::uint32_t pid) const noexcept {
    return std::ranges::any_of(members_, [&](const auto& member) { return member && member->pid == pid; });
}

const WatchedSet::Member* WatchedSet::only() const noexcept {
    if (alive() != 1) return nullptr;
    return std::ranges::find_if(members_, [](const auto& member) { return member != nullptr; })->get();
}

telemetry::Status WatchedSet::add(const observe::FoundProcess& found) {
    auto member = std::make_unique<Member>();
    member->pid = found.pid;
    member->name = found.name;
    auto process = observe::ProcessObserver::open(found.pid);
    if (!process) return std::move(process).error();
    member->process = std::move(*process);
    telemetry::Status status = telemetry::success();
    if (!found.segment.empty()) {
        auto segment = telemetry::SegmentReader::open(found.segment);
        if (segment) {
            member->segment = std::move(*segment);
            learn_modes(*member);
        } else {
            status = std::move(segment).error();
        }
    }
    const std::size_t before = alive();
    const double share = before == 0 ? 1 : share_of_others;
    if (!member->segment) report_by_kernel(*member, share);
    if (before < most_recorded) {
        member->memory = std::make_unique<MemoryWatch>(found.pid, member->segment ? share : share / 2);
        member->switches.emplace(found.pid, SwitchWatch::Options{.runs = !member->segment, .is_one_of_several = before > 0});
    }
    const auto place = std::ranges::find_if(members_, [](const auto& each) { return each == nullptr; });
    if (place != members_.end()) {
        *place = std::move(member);
    } else {
        members_.push_back(std::move(member));
    }
    return status;
}

void WatchedSet::learn_modes(Member& member) {
    for (const std::string& mode : member.segment->identity().modes) {
        const auto known = std::ranges::find(modes_, mode);
        member.modes.push_back(static_cast<std::uint8_t>(std::min<std::ptrdiff_t>(known - modes_.begin(), 0xff)));
        if (known == modes_.end()) modes_.push_back(mode);
    }
}

telemetry::Status WatchedSet::read(Member& member) {
    // The kernel adds up all threads for a reading, and there is nothing else to look at while it stands.
    const std::chrono::nanoseconds now(telemetry::monotonic_ns());
    if (!member.report || !member.process_reading || now - member.process_reading->taken >= process_interval) {
        auto process = member.process->read();
        if (!process) return std::move(process).error();
        member.process_reading = std::move(*process);
    }
    if (member.report) {
        member.report->take_reads(socket_reads_);
        return member.report->look(member.reading, member.sockets, member.outgoing, *member.process_reading, now);
    }
    const auto read = member.segment->read(member.reading);
    const auto mode_of = [&](std::size_t mode) {
        return mode < member.modes.size() ? member.modes[mode] : std::uint8_t{0xff};
    };
    const std::uint64_t mode_changes = member.reading.mode_changes;
    if (std::exchange(member.mode_changes, mode_changes) != mode_changes && member.memory) member.memory->read_soon();
    member.reading.mode = mode_of(member.reading.mode);
    for (auto& connection : member.reading.connections) connection.mode = mode_of(connection.mode);
    return read;
}

void WatchedSet::report_by_kernel(Member& member, double share) {
    if (!sockets_ && sockets_missing_.empty()) {
        auto table =
            observe::SharedSocketTable::open({.memory = false, .figures = true, .local_port = std::nullopt}, sockets_share);
        if (table) {
            sockets_ = std::move(*table);
        } else {
            sockets_missing_ = table.error().text;
        }
    }
    if (!reads_ && reads_missing_.empty()) {
        auto reads = observe::SocketReadRecorder::open();
        if (reads) {
            reads_ = std::move(*reads);
        } else {
            reads_missing_ = reads.error().text;
        }
    }
    member.report.emplace(member.pid, sockets_, share);
}

// One record for all of them, of the ports of all.
void WatchedSet::read_socket_reads() {
    socket_reads_.clear();
    if (!reads_) return;
    ports_.clear();
    for (const auto& member : members_)
        if (member && member->report)
            ports_.insert(ports_.end(), member->report->ports().begin(), member->report->ports().end());
    std::ranges::sort(ports_);
    const auto same = std::ranges::unique(ports_);
    ports_.erase(same.begin(), same.end());
    if (const auto wanted = reads_->want_ports(ports_); !wanted) {
        reads_missing_ = wanted.error().text;
        reads_.reset();
        return;
    }
    reads_->read(socket_reads_);
}

telemetry::Status WatchedSet::look(Snapshot& into) {
    read_socket_reads();
    into.has_server = false;
    into.server_process.reset();
    SwitchWatch::clear(into);
    telemetry::Status problem = telemetry::success();
    std::size_t read_ones = 0;
    for (auto& member : members_) {
        if (!member) continue;
        if (const auto status = read(*member); status) {
            ++read_ones;
        } else if (status.error().code == std::errc::no_such_process) {
            member.reset();
        } else {
            member->reading = {};
            member->reading.gauges.fill(telemetry::layout::not_available);
            problem = status;
        }
    }
    if (read_ones == 0) return problem;
    into.has_server = true;
    add_up(into);
    return telemetry::success();
}

void WatchedSet::add_up(Snapshot& into) {
    into.modes = modes_;
    into.processes.assign(members_.size(), {});
    into.sockets.clear();
    into.sockets_taken = {};
    into.reads_recorded.reset();
    if (reads_) into.reads_recorded = reads_->recorded_share();
    into.outgoing.connections.clear();
    into.outgoing.sockets.clear();
    into.server_memory = {};
    into.delay_from_readiness.clear();
    into.delay_from_stamp.clear();
    into.events.clear();
    into.events_lost = 0;
    into.thread_names.clear();
    bool is_first = true;
    std::array<bool, telemetry::gauge_count> is_missing{};
    for (std::size_t number = 0; number < members_.size(); ++number) {
        if (!members_[number]) continue;
        Member& member = *members_[number];
        into.processes[number] = told_of(member);
        // Of several, that of the one that is behind.
        if (member.report && member.report->sockets_taken().count() > 0) {
            const auto taken = member.report->sockets_taken();
            into.sockets_taken = into.sockets_taken.count() == 0 ? taken : std::min(into.sockets_taken, taken);
        }
        for (auto* connections : {&member.reading.connections, &member.outgoing.connections})
            for (auto& connection : *connections) connection.segment = static_cast<std::uint32_t>(number);
        auto& outgoing = into.outgoing;
        outgoing.connections.insert(outgoing.connections.end(), member.outgoing.connections.begin(),
                                    member.outgoing.connections.end());
        outgoing.sockets.insert(outgoing.sockets.end(), member.outgoing.sockets.begin(), member.outgoing.sockets.end());
        for (std::size_t gauge = 0; gauge < telemetry::gauge_count; ++gauge)
            is_missing[gauge] = is_missing[gauge] || member.reading.gauges[gauge] == telemetry::layout::not_available;
        // Connections without figures come between others with them.
        const std::size_t before = is_first ? 0 : into.server.connections.size();
        if (is_first) {
            std::swap(into.server, member.reading);
        } else {
            telemetry::add(into.server, member.reading);
        }
        if (!member.sockets.empty() || !into.sockets.empty()) {
            into.sockets.resize(before);
            into.sockets.insert(into.sockets.end(), member.sockets.begin(), member.sockets.end());
            into.sockets.resize(into.server.connections.size());
        }
        add_process(into, member);
        add_events(into, member, static_cast<std::uint32_t>(number));
        is_first = false;
    }
    for (std::size_t gauge = 0; gauge < telemetry::gauge_count; ++gauge)
        if (is_missing[gauge]) into.server.gauges[gauge] = telemetry::layout::not_available;
    settle_gauges(into.server);
}

WatchedProcess WatchedSet::told_of(const Member& member) {
    WatchedProcess told;
    told.pid = member.pid;
    told.name = member.name;
    told.has_probe = member.segment.has_value();
    if (member.segment) told.segment = member.segment->identity().name;
    told.taken = member.reading.taken;
    if (member.segment || member.reading.gauge(telemetry::Gauge::connections_open))
        told.connections = member.reading.connections.size();
    if (member.process_reading) {
        told.threads = member.process_reading->threads;
        told.resident_bytes = member.process_reading->resident_bytes;
        told.cpu = member.process_reading->cpu;
        told.taken = member.process_reading->taken;
    }
    const auto voluntary = member.reading.gauge(telemetry::Gauge::voluntary_switches);
    const auto involuntary = member.reading.gauge(telemetry::Gauge::involuntary_switches);
    if (voluntary && involuntary) told.switches = *voluntary + *involuntary;
    told.switches_taken = member.reading.heartbeat;
    return told;
}

// What is known of some of them only is not known of the set.
void WatchedSet::add_process(Snapshot& into, const Member& member) const {
    if (!member.process_reading) return;
    const WeighedMemory memory = member.memory ? member.memory->newest() : WeighedMemory{};
    if (!into.server_process) {
        into.server_process = member.process_reading;
        into.server_memory = memory;
        return;
    }
    add_to(*into.server_process, *member.process_reading);
    add_to(into.server_memory.stack_bytes, memory.stack_bytes);
    add_to(into.server_memory.socket_bytes, memory.socket_bytes);
}

void WatchedSet::add_events(Snapshot& into, Member& member, std::uint32_t number) {
    if (member.switches) member.switches->look(into);
    if (member.report) {
        member.report->name_threads(into.thread_names);
        return;
    }
    if (member.segment->read_delays(telemetry::layout::DelayHistogram::from_readiness, delays_))
        into.delay_from_readiness.merge(delays_);
    if (member.segment->read_delays(telemetry::layout::DelayHistogram::from_stamp, delays_))
        into.delay_from_stamp.merge(delays_);
    if (!member.segment->read_events(events_, most_events)) return;
    into.events_lost += events_.lost;
    for (const auto& event : events_.events) into.events.push_back({number, event});
}

void WatchedSet::settle_gauges(telemetry::ServerReading& sum) {
    const std::size_t count = alive();
    if (count > 1) {
        if (!gauges_ || gauges_of_ != count || sum.taken - gauges_taken_ >= gauges_hold) {
            gauges_ = sum.gauges;
            gauges_taken_ = sum.taken;
        }
        sum.gauges = *gauges_;
        sum.heartbeat = gauges_taken_;
    }
    gauges_of_ = count;
}

std::string WatchedSet::address() const {
    for (const auto& member : members_)
        if (member && member->segment) return member->segment->identity().address;
    return {};
}

std::string WatchedSet::control_path() const {
    const Member* member = only();
    return member != nullptr && member->segment ? member->segment->identity().control_path : std::string();
}

std::string WatchedSet::segment_name() const {
    const Member* member = only();
    return member != nullptr && member->segment ? member->segment->identity().name : std::string();
}

std::vector<std::string> WatchedSet::names() const {
    std::vector<std::string> names;
    for (const auto& member : members_)
        if (member && std::ranges::find(names, member->name) == names.end()) names.push_back(member->name);
    return names;
}

std::vector<std::uint32_t> WatchedSet::pids() const {
    std::vector<std::uint32_t> pids;
    for (const auto& member : members_)
        if (member) pids.push_back(member->pid);
    return pids;
}

std::vector<std::string> WatchedSet::missing() const {
    std::vector<std::string> missing;
    for (const auto& member : members_) {
        if (!member || !member->report || member->report->missing().empty()) continue;
        if (std::ranges::find(missing, member->report->missing()) == missing.end())
            missing.push_back(member->report->missing());
    }
    const bool is_one_without = std::ranges::any_of(members_, [](const auto& member) { return member && member->report; });
    for (const std::string& each : {sockets_missing_, reads_missing_})
        if (is_one_without && !each.empty()) missing.push_back(each);
    return missing;
}

bool WatchedSet::segments_are_there() const {
    return std::ranges::all_of(
        members_, [](const auto& member) { return !member || !member->segment || member->segment->still_there(); });
}

} // namespace connscope::app
