// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/process_list.hpp"

#include "connscope/observe/proc_file.hpp"
#include "connscope/observe/socket_table.hpp"
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <unordered_map>

namespace connscope::observe {
namespace {

using telemetry::Error;

std::string read_line(std::uint32_t pid, std::string_view file) {
    auto text = read_whole(AT_FDCWD, fmt::format("/proc/{}/{}", pid, file).c_str());
    if (!text) return {};
    while (!text->empty() && text->back() == '\n') text->pop_back();
    return *text;
}

// The arguments that a process was started with, blanks between them.
std::string command_of(std::uint32_t pid) {
    auto text = read_whole(AT_FDCWD, fmt::format("/proc/{}/cmdline", pid).c_str()).value_or(std::string());
    while (!text.empty() && text.back() == '\0') text.pop_back();
    std::ranges::replace(text, '\0', ' ');
    return text;
}

std::string name_of_user(std::uint32_t user) {
    std::array<char, 1024> buffer;
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return entry.pw_name;
    return std::to_string(user);
}

using SocketsByText = std::unordered_map<std::string, const SocketReading*>; // by what stands for each in /proc/PID/fd

void add_sockets(ListedProcess& process, const SocketsByText& sockets) {
    std::error_code problem;
    std::filesystem::directory_iterator descriptors(fmt::format("/proc/{}/fd", process.pid), problem);
    if (problem) return;
    process.files_seen = true;
    for (; descriptors != std::filesystem::directory_iterator(); descriptors.increment(problem)) {
        if (problem) return;
        std::error_code gone;
        const auto found = sockets.find(std::filesystem::read_symlink(descriptors->path(), gone).string());
        if (found == sockets.end()) continue;
        if (found->second->state != SocketState::listening) {
            ++process.sockets;
            continue;
        }
        process.listening.push_back(found->second->local.port);
        if (process.address.empty()) process.address = telemetry::to_string(found->second->local);
    }
    std::ranges::sort(process.listening);
    const auto twice = std::ranges::unique(process.listening); // over IPv4 and over IPv6
    process.listening.erase(twice.begin(), twice.end());
}

bool fits(const std::string& pattern, const std::string& name) {
    return !name.empty() && (pattern == name || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0);
}

} // namespace

std::optional<std::uint32_t> as_pid(std::string_view text) {
    std::uint32_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return pid;
}

std::vector<std::uint32_t> all_processes() {
    std::vector<std::uint32_t> pids;
    if (const auto folder = open_in(AT_FDCWD, "/proc", O_DIRECTORY)) list_numbers(folder.get(), pids);
    std::erase(pids, static_cast<std::uint32_t>(::getpid()));
    std::ranges::sort(pids);
    return pids;
}

std::string process_name(std::uint32_t pid) { return read_line(pid, "comm"); }

std::string program_name(std::uint32_t pid) {
    std::error_code ignored;
    return std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), ignored).filename().string();
}

std::vector<ListedProcess> list_processes() {
    std::vector<SocketReading> sockets;
    SocketsByText by_text;
    if (auto table = SocketTable::open();
        table && table->read(sockets, {.memory = false, .figures = false, .local_port = std::nullopt})) {
        for (const SocketReading& socket : sockets)
            if (socket.inode != 0) by_text.emplace(fmt::format("socket:[{}]", socket.inode), &socket);
    }
    std::map<std::uint32_t, std::string> users;
    std::vector<ListedProcess> processes;
    for (const std::uint32_t pid : all_processes()) {
        const auto status = read_whole(AT_FDCWD, fmt::format("/proc/{}/status", pid).c_str());
        if (!status || !bytes_of(*status, "VmSize:")) continue; // it has ended, or it is a thread of the kernel
        ListedProcess& process = processes.emplace_back();
        process.pid = pid;
        process.name = process_name(pid);
        process.command = command_of(pid);
        process.user = static_cast<std::uint32_t>(number_of(*status, "Uid:").value_or(0));
        process.threads = static_cast<std::uint32_t>(number_of(*status, "Threads:").value_or(0));
        std::string& user = users[process.user];
        if (user.empty()) user = name_of_user(process.user);
        process.user_name = user;
        add_sockets(process, by_text);
    }
    return processes;
}

telemetry::Outcome<ProcessSelection> ProcessSelection::parse(std::span<const std::string> wanted) {
    const auto wrong = [](std::string text) {
        return Error{std::make_error_code(std::errc::invalid_argument), std::move(text)};
    };
    ProcessSelection selection;
    for (const std::string& text : wanted) {
        if (text.empty()) return wrong("a pid, a name or a pattern of names is wanted, and the text is empty");
        const auto pid = as_pid(text);
        if (pid && *pid == 0) return wrong("0 is no process's pid");
        if (text.front() == '-' || text.find('/') != std::string::npos)
            return wrong(
                fmt::format("'{}' is neither a pid nor a name: names are those that ps -e shows, without a folder", text));
        if (pid == static_cast<std::uint32_t>(::getpid())) return wrong(fmt::format("{} is connscope itself", text));
        selection.wanted_.push_back({text, pid});
    }
    if (selection.wanted_.empty()) return wrong("there is nothing that says which process is wanted");
    return selection;
}

std::vector<FoundProcess> ProcessSelection::find() {
    std::unordered_map<std::uint32_t, const telemetry::FoundSegment*> segments;
    const auto all_segments = telemetry::find_segments();
    for (const auto& segment : all_segments)
        if (segment.writer == telemetry::WriterState::alive) segments.try_emplace(segment.identity.pid, &segment);
    std::vector<FoundProcess> found;
    const auto add = [&](std::uint32_t pid, std::uint64_t start_time) {
        FoundProcess& process = found.emplace_back(FoundProcess{pid, start_time, process_name(pid), {}});
        const auto segment = segments.find(pid);
        if (segment == segments.end() || segment->second->identity.kind != telemetry::layout::SegmentKind::server) return;
        process.name = segment->second->identity.name;
        process.segment = segment->second->path;
    };
    const bool by_name = std::ranges::any_of(wanted_, [](const Wanted& each) { return !each.pid; });
    for (Wanted& each : wanted_) {
        if (!each.pid) continue;
        const std::uint64_t start = telemetry::process_start_time(*each.pid);
        if (each.start_time == 0) each.start_time = start;
        if (start != 0 && start == each.start_time) add(*each.pid, start);
    }
    if (by_name) {
        for (const std::uint32_t pid : all_processes()) {
            const std::string name = process_name(pid);
            const std::string program = program_name(pid);
            const auto segment = segments.find(pid);
            const std::string reported = segment == segments.end() ? std::string() : segment->second->identity.name;
            const bool is_wanted = std::ranges::any_of(wanted_, [&](const Wanted& each) {
                return !each.pid && (fits(each.text, name) || fits(each.text, program) || fits(each.text, reported));
            });
            if (!is_wanted) continue;
            if (const std::uint64_t start = telemetry::process_start_time(pid); start != 0) add(pid, start);
        }
    }
    std::ranges::sort(found, {}, &FoundProcess::pid);
    const auto twice = std::ranges::unique(found, {}, &FoundProcess::pid);
    found.erase(twice.begin(), twice.end());
    return found;
}

Error ProcessSelection::nothing_found() const {
    std::string text;
    for (const Wanted& each : wanted_) {
        text += text.empty() ? "there is no process " : ", nor one ";
        text += each.pid ? each.text : fmt::format("called '{}'", each.text);
    }
    return {std::make_error_code(std::errc::no_such_process), text};
}

} // namespace connscope::observe
