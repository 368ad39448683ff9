// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace connscope::observe {

// The memory of a process added up over its mappings (/proc/PID/smaps_rollup, proc_pid_smaps(5)). The kernel walks the page
// tables for it: some milliseconds for a process of gigabytes, so not for several times a second.
struct MemoryRollup {
    std::uint64_t resident_bytes = 0;
    std::uint64_t proportional_bytes = 0;  // a page that n processes share counts 1/n
    std::uint64_t private_clean_bytes = 0; //
    std::uint64_t private_dirty_bytes = 0; // what would be free if this process ended
    std::uint64_t shared_bytes = 0;        // resident in other processes as well
    std::uint64_t anonymous_bytes = 0;     // heap, stacks and the like: behind no file
    std::uint64_t swapped_bytes = 0;
    std::uint64_t huge_page_bytes = 0; // the part of the anonymous that lies in huge pages
    std::uint64_t locked_bytes = 0;
};
// Errors: no such process; another user's (std::errc::permission_denied). Any thread.
telemetry::Outcome<MemoryRollup> read_memory_rollup(std::uint32_t pid);

// One line of /proc/PID/maps.
struct Mapping {
    std::uint64_t begin = 0;
    std::uint64_t end = 0; // one past the last byte
    bool readable = false;
    bool writable = false;
    bool executable = false;
    bool shared = false;
    std::string name; // a path, "[heap]", "[stack]"; empty for anonymous memory

    std::uint64_t bytes() const noexcept { return end - begin; }
    bool accessible() const noexcept { return readable || writable || executable; }
};
// In the order of addresses; about 1 µs a mapping. Errors as read_memory_rollup. Any thread.
telemetry::Outcome<std::vector<Mapping>> read_mappings(std::uint32_t pid);

// The mapping that holds an address; nullptr when none does. Precondition: `mappings` is in the order of addresses.
const Mapping* mapping_at(const std::vector<Mapping>& mappings, std::uint64_t address) noexcept;

// The one mapping that holds an address; none when none does. About 2 µs where the kernel answers for one address (ioctl
// PROCMAP_QUERY, Linux 6.11), otherwise all mappings are read. Errors as read_memory_rollup. Any thread.
telemetry::Outcome<std::optional<Mapping>> read_mapping_at(std::uint32_t pid, std::uint64_t address);

// How many bytes in [begin, end) of a process's memory are resident, in whole pages (/proc/PID/pagemap). Errors as
// read_memory_rollup. Any thread.
telemetry::Outcome<std::uint64_t> read_resident_bytes(std::uint32_t pid, std::uint64_t begin, std::uint64_t end);

// The mappings of a process that are made like stacks: the main thread's, and anonymous writable memory right above a guard
// that may not be touched. Threads' stacks are, those too that the C library keeps for the next thread, and fibers' stacks
// where they have a guard.
struct StackMemory {
    std::uint32_t stacks = 0;
    std::uint64_t reserved_bytes = 0;
    std::uint64_t resident_bytes = 0;
    std::chrono::nanoseconds took{}; // to read: about 5 µs a stack
};
// Errors as read_memory_rollup. Any thread.
telemetry::Outcome<StackMemory> read_stack_memory(std::uint32_t pid);

// Which of the mappings are made like stacks, as said above.
std::vector<bool> find_stacks(const std::vector<Mapping>& mappings);

} // namespace connscope::observe
