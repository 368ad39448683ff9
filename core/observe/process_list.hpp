// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::observe {

// The processes of this machine but this one, sorted. Any thread.
std::vector<std::uint32_t> all_processes();

// The name of a process (comm, at most 15 bytes); empty when there is none.
std::string process_name(std::uint32_t pid);

// The file that a process runs, without its folder; empty where it may not be seen.
std::string program_name(std::uint32_t pid);

// The text as a process's number; none when it is not one.
std::optional<std::uint32_t> as_pid(std::string_view text);

// A process that could be watched, with what this user can see of it.
struct ListedProcess {
    std::uint32_t pid = 0;
    std::string name;    // comm
    std::string command; // with its arguments, blanks between them
    std::uint32_t user = 0;
    std::string user_name; // the number where it has no name
    std::uint32_t threads = 0;
    bool files_seen = false;              // its descriptors may be looked at; otherwise nothing is known of its sockets
    std::uint32_t sockets = 0;            // TCP, without those that listen
    std::vector<std::uint16_t> listening; // the ports on which it listens, sorted
    std::string address;                  // of the first socket that listens; empty: none does
};
// All processes that have memory of their own, so no threads of the kernel, by their numbers. Takes some milliseconds, and 8
// µs for each descriptor that they have. Any thread.
std::vector<ListedProcess> list_processes();

// A process that was selected.
struct FoundProcess {
    std::uint32_t pid = 0;
    std::uint64_t start_time = 0;  // clock ticks since boot: tells a pid from its reuse
    std::string name;              // of its segment, or its program's
    std::filesystem::path segment; // where a probe in it reports; empty: there is none
};

// Which processes are watched, in words of a user: pids, names of programs or of servers that report, and patterns of such
// names ("shard-*"). Those that come later are found later. One thread at a time.
class ProcessSelection {
public:
    // Errors: a text that cannot be a pid, name or pattern (std::errc::invalid_argument).
    static telemetry::Outcome<ProcessSelection> parse(std::span<const std::string> wanted);

    // All that fit now, by their numbers, this process left out. A pid stays that of the process that had it at first. Reads
    // the name of every process of the machine: about 20 µs each.
    std::vector<FoundProcess> find();

    // Of a selection that finds nothing: why, and what can be done.
    telemetry::Error nothing_found() const;

private:
    struct Wanted {
        std::string text;
        std::optional<std::uint32_t> pid;
        std::uint64_t start_time = 0; // of the pid, once it was found
    };
    std::vector<Wanted> wanted_;
};

} // namespace connscope::observe
