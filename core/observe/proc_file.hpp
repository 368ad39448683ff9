// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::observe {

// Reading the small texts of /proc: descriptors stay open, texts are parsed in place, nothing is allocated per reading.

// Opens `name` in the folder `folder` (AT_FDCWD: anywhere) for reading; an empty UniqueFd with errno set when it cannot be.
telemetry::UniqueFd open_in(int folder, const char* name, int flags = 0);

// What the file says now, read from its start, at most buffer.size() bytes in one call. Empty with errno set on failure.
std::string_view read_again(int fd, std::span<char> buffer);

// Opens, reads whole and closes. None when it cannot be read; errno says why.
std::optional<std::string> read_whole(int folder, const char* name);

// The decimal number at the start of `text`, blanks skipped; `text` then begins after it. None when there is none.
std::optional<std::uint64_t> take_number(std::string_view& text);

// The number that follows `key` where it begins a line: number_of("VmRSS:\t  12 kB\n", "VmRSS:") is 12.
std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key);

// The same for a size given in kB, in bytes.
std::optional<std::uint64_t> bytes_of(std::string_view text, std::string_view key);

// The rest of the line that begins with `key`, blanks around it removed.
std::optional<std::string_view> value_of(std::string_view text, std::string_view key);

// Field `number` of a text in the format of proc_pid_stat(5), counted from 1 as the manual does, from field 3 on: the name
// in parentheses may hold blanks and parentheses itself. Empty when there is none.
std::string_view stat_field(std::string_view stat, unsigned number);

// The next few hundred names in a folder of numbers (/proc, task, fd), in the kernel's order; none at its end. `into` is
// overwritten. False with errno set when the folder cannot be read.
bool list_more_numbers(int folder, std::vector<std::uint32_t>& into);

// All the names in such a folder, from its beginning.
bool list_numbers(int folder, std::vector<std::uint32_t>& into);

// The inode of the socket behind a descriptor, `folder` being /proc/PID/fd; 0 for what is no socket.
std::uint64_t socket_inode(int folder, std::uint32_t descriptor);

// CPU time that this thread has taken.
std::chrono::nanoseconds thread_cpu() noexcept;

} // namespace connscope::observe
