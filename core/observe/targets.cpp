// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/targets.hpp"

#include "connscope/observe/process.hpp"
#include "connscope/observe/process_list.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <unordered_set>

namespace connscope::observe {
namespace {

using telemetry::Error;
using telemetry::Outcome;
using telemetry::SegmentErrc;
using telemetry::WriterState;

Error nothing_fits(std::string text) { return {std::make_error_code(std::errc::no_such_process), std::move(text)}; }
Error too_much_fits(std::string text) { return {std::make_error_code(std::errc::invalid_argument), std::move(text)}; }

Target target_of(const telemetry::FoundSegment& segment) {
    Target target;
    target.kind = segment.identity.kind == telemetry::layout::SegmentKind::load ? TargetKind::load : TargetKind::server;
    target.name = segment.identity.name;
    target.pids = {segment.identity.pid};
    target.segments = {segment.path};
    target.address = segment.identity.address;
    target.state = segment.writer;
    return target;
}

Target process_target(std::uint32_t pid) {
    Target target;
    target.name = process_name(pid);
    target.pids = {pid};
    return target;
}

// What a person can do about a segment that cannot be read.
std::string_view advice(const std::error_code& code) {
    if (code == SegmentErrc::vanished) return "the server may have ended; connscope-watch --list shows what is there";
    if (code == SegmentErrc::not_permitted) return "run this as the user who runs the server";
    if (code == SegmentErrc::not_a_file) return "somebody put it there; remove it and start the server again";
    if (code == SegmentErrc::foreign) return "remove the file; it is none of connscope's";
    if (code == SegmentErrc::half_written) return "try again; when it stays so, remove the file";
    if (code == SegmentErrc::newer_version) return "use the connscope-watch that came with that server";
    if (code == SegmentErrc::damaged) return "give the server's pid instead of its name to see what the kernel knows";
    if (code == SegmentErrc::wrong_kind) return "connscope-watch --list tells servers from loads";
    return "see the limits on memory and open files (ulimit -a)";
}

Error with_advice(const Error& error) { return {error.code, fmt::format("{}: {}", error.text, advice(error.code))}; }

// Several segments as one; precondition: there is one at least.
Target join(std::string name, const std::vector<Target>& parts) {
    Target joined = parts.front();
    if (parts.size() == 1) return joined;
    joined.name = std::move(name);
    for (std::size_t i = 1; i < parts.size(); ++i) {
        joined.pids.push_back(parts[i].pids.front());
        joined.segments.push_back(parts[i].segments.front());
    }
    return joined;
}

Outcome<Target> find_pid(std::uint32_t pid) {
    for (const auto& segment : telemetry::find_segments())
        if (segment.identity.pid == pid && segment.writer == WriterState::alive) return target_of(segment);
    auto observer = ProcessObserver::open(pid);
    if (!observer) return std::move(observer).error();
    return process_target(pid);
}

Outcome<Target> find_only_server() {
    std::vector<Target> servers;
    std::string names;
    for (const auto& segment : telemetry::find_segments()) {
        Target target = target_of(segment);
        if (target.kind != TargetKind::server || target.state != WriterState::alive) continue;
        names += (names.empty() ? "" : ", ") + target.name;
        servers.push_back(std::move(target));
    }
    if (servers.size() == 1) return servers.front();
    if (servers.empty())
        return nothing_fits("no server reports to connscope here; give the PID or NAME of a process, or see --list");
    return too_much_fits(
        fmt::format("{} servers are running ({}): which one? Give a NAME, a PID or a pattern", servers.size(), names));
}

Outcome<Target> find_program(const std::string& wanted) {
    std::vector<std::uint32_t> pids;
    std::string text;
    for (const std::uint32_t pid : all_processes()) {
        if (process_name(pid) != wanted && program_name(pid) != wanted) continue;
        pids.push_back(pid);
        if (pids.size() <= 20) text += (text.empty() ? "" : ", ") + std::to_string(pid);
    }
    if (pids.size() == 1) return find_pid(pids.front()); // it may report
    if (pids.empty())
        return nothing_fits(
            fmt::format("there is no server, segment or process called '{}'; see connscope-watch --list", wanted));
    return too_much_fits(fmt::format("{} processes are called '{}': which pid? {}", pids.size(), wanted, text));
}

} // namespace

std::string_view name_of(TargetKind kind) noexcept {
    switch (kind) {
    case TargetKind::server:
        return "server";
    case TargetKind::load:
        return "load";
    case TargetKind::process:
        return "process";
    }
    return "process";
}

std::vector<Target> list_targets() {
    std::vector<Target> targets;
    std::unordered_set<std::uint32_t> reporting;
    for (const auto& segment : telemetry::find_segments()) {
        targets.push_back(target_of(segment));
        if (segment.writer == WriterState::alive) reporting.insert(segment.identity.pid);
    }
    for (const ListedProcess& process : list_processes()) {
        if (process.listening.empty() || reporting.contains(process.pid)) continue;
        targets.push_back(process_target(process.pid));
        targets.back().address = process.address;
    }
    return targets;
}

std::vector<std::string> unreadable_segments() {
    std::vector<std::string> texts;
    const auto folder = telemetry::runtime_folder();
    if (!folder) return {folder.error().text};
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(*folder, ignored)) {
        if (entry.path().extension() != telemetry::segment_extension) continue;
        if (const auto reader = telemetry::SegmentReader::open(entry.path()); !reader)
            texts.push_back(with_advice(reader.error()).text);
    }
    return texts;
}

Outcome<Target> find_target(const std::string& wanted) {
    if (wanted.empty()) return find_only_server();
    if (const auto pid = as_pid(wanted)) return find_pid(*pid);

    const auto folder = telemetry::runtime_folder();
    if (folder && telemetry::valid_name(wanted)) {
        const auto path = telemetry::segment_path(*folder, wanted);
        std::error_code ignored;
        if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored)))
            if (auto reader = telemetry::SegmentReader::open(path); !reader) return with_advice(reader.error());
    }
    std::vector<Target> fitting;
    for (const auto& segment : telemetry::find_segments())
        if (segment.identity.name == wanted || ::fnmatch(wanted.c_str(), segment.identity.name.c_str(), 0) == 0)
            fitting.push_back(target_of(segment));
    if (fitting.empty()) return find_program(wanted);
    // A pattern stands for what lives, and for servers before loads; a name for what bears it.
    if (fitting.size() > 1 && fitting.front().state == WriterState::alive)
        std::erase_if(fitting, [](const Target& target) { return target.state != WriterState::alive; });
    const auto is_server = [](const Target& target) { return target.kind == TargetKind::server; };
    if (std::ranges::any_of(fitting, is_server)) std::erase_if(fitting, [&](const Target& t) { return !is_server(t); });
    return join(wanted, fitting);
}

} // namespace connscope::observe
