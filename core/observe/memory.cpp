// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/memory.hpp"

#include "connscope/observe/proc_file.hpp"
#include "connscope/telemetry/clock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <span>

namespace connscope::observe {
namespace {

telemetry::Error cannot_read(std::uint32_t pid, const char* what) {
    const int error = errno;
    if (error == EACCES || error == EPERM)
        return {std::make_error_code(std::errc::permission_denied),
                fmt::format(
                    "{} of process {} may not be read: it belongs to another user or is protected; root, or a program with "
                    "CAP_SYS_PTRACE, may read it",
                    what, pid)};
    if (error == 0 || error == ENOENT || error == ESRCH)
        return {std::make_error_code(std::errc::no_such_process), fmt::format("there is no process {}", pid)};
    return telemetry::system_error(error, fmt::format("cannot read {} of process {}", what, pid));
}

std::optional<std::string> read_of(std::uint32_t pid, const char* file) {
    errno = 0;
    auto text = read_whole(AT_FDCWD, fmt::format("/proc/{}/{}", pid, file).c_str());
    if (text && text->empty()) return std::nullopt; // a zombie has no memory
    return text;
}

// "7f00-7f10 rw-p 00000000 00:00 0    name" (proc_pid_maps(5)); false for anything else.
bool parse_mapping(std::string_view line, Mapping& mapping) {
    const char* const end = line.data() + line.size();
    const auto first = std::from_chars(line.data(), end, mapping.begin, 16);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return false;
    const auto second = std::from_chars(first.ptr + 1, end, mapping.end, 16);
    if (second.ec != std::errc{} || end - second.ptr < 6 || mapping.end < mapping.begin) return false;
    const char* const rights = second.ptr + 1;
    mapping.readable = rights[0] == 'r';
    mapping.writable = rights[1] == 'w';
    mapping.executable = rights[2] == 'x';
    mapping.shared = rights[3] == 's';
    std::string_view rest(rights + 4, static_cast<std::size_t>(end - rights - 4)); // offset, device, inode, name
    for (int field = 0; field < 3; ++field) {
        rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
        rest.remove_prefix(std::min(rest.find(' '), rest.size()));
    }
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    mapping.name = rest;
    return true;
}

// Of the C library's malloc: an arena lies at a multiple of 64 MiB, its unused end is not accessible. It looks like a guard
// for what follows, and the arena like a stack when the one before it is nearly full.
constexpr std::uint64_t arena_bytes = 64u << 20;

bool is_arena(const Mapping& mapping, const Mapping* next) {
    if (mapping.begin % arena_bytes != 0) return false;
    const bool rest_is_reserved = next != nullptr && next->begin == mapping.end && !next->accessible();
    return mapping.bytes() == arena_bytes || (rest_is_reserved && next->end - mapping.begin >= arena_bytes);
}

bool is_anonymous(const Mapping& mapping) {
    return mapping.name.empty() || mapping.name.starts_with("[anon:"); // named by prctl(PR_SET_VMA_ANON_NAME)
}

struct Range {
    std::uint64_t begin;
    std::uint64_t end;
};

// ioctl(PAGEMAP_SCAN) of Linux 6.7 (Documentation/admin-guide/mm/pagemap.rst), which the headers here may not have yet.
struct PageRegion {
    std::uint64_t start, end, categories;
};
struct ScanArguments {
    std::uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    std::uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
constexpr unsigned long pagemap_scan = _IOWR('f', 16, ScanArguments);
constexpr std::uint64_t page_is_present = 1u << 3;
constexpr std::uint64_t page_is_zero = 1u << 5; // the one page of zeros that stands for what was read and never written

// ioctl(PROCMAP_QUERY) of Linux 6.11 (include/uapi/linux/fs.h), likewise.
struct MappingQuery {
    std::uint64_t size, flags, address;
    std::uint64_t begin, end, mapping_flags, page_size, offset, inode;
    std::uint32_t device_major, device_minor, name_size, build_id_size;
    std::uint64_t name_address, build_id_address;
};
constexpr unsigned long mapping_query = _IOWR('f', 17, MappingQuery);

std::uint64_t overlap(const Range& one, const Range& other) {
    const std::uint64_t begin = std::max(one.begin, other.begin);
    const std::uint64_t end = std::min(one.end, other.end);
    return end > begin ? end - begin : 0;
}

// Scans from the first range to the last in as few calls as possible. None where the kernel cannot.
std::optional<std::uint64_t> scan_resident(int pagemap, std::span<const Range> ranges) {
    std::vector<PageRegion> regions(4096);
    ScanArguments scan{};
    scan.size = sizeof scan;
    scan.start = ranges.front().begin;
    scan.end = ranges.back().end;
    scan.vec = reinterpret_cast<std::uintptr_t>(regions.data());
    scan.vec_len = regions.size();
    scan.category_mask = page_is_present | page_is_zero;
    scan.category_inverted = page_is_zero;
    scan.return_mask = page_is_present;
    std::uint64_t resident = 0;
    std::size_t at = 0;
    while (scan.start < scan.end) {
        const int found = ::ioctl(pagemap, pagemap_scan, &scan);
        if (found < 0 && errno == EINTR) continue;
        if (found < 0) return std::nullopt;
        for (const PageRegion& region : std::span(regions).first(static_cast<std::size_t>(found))) {
            const Range present{region.start, region.end};
            while (at < ranges.size() && ranges[at].end <= present.begin) ++at;
            for (std::size_t i = at; i < ranges.size() && ranges[i].begin < present.end; ++i)
                resident += overlap(ranges[i], present);
        }
        if (scan.walk_end <= scan.start) return std::nullopt; // no progress: not as documented
        scan.start = scan.walk_end;
    }
    return resident;
}

// Counts the entries whose bit 63 says "present" (Documentation/admin-guide/mm/pagemap.rst), page by page.
std::optional<std::uint64_t> count_resident(int pagemap, std::span<const Range> ranges) {
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::array<std::uint64_t, 4096> entries;
    std::uint64_t pages = 0;
    for (const Range& range : ranges) {
        for (std::uint64_t at = range.begin / page; at < (range.end + page - 1) / page;) {
            const std::uint64_t wanted = std::min<std::uint64_t>(entries.size(), (range.end + page - 1) / page - at);
            const ssize_t got = ::pread(pagemap, entries.data(), wanted * 8, static_cast<off_t>(at * 8));
            if (got < 0) return std::nullopt;
            if (got < 8) break;
            const auto count = static_cast<std::size_t>(got) / 8;
            for (std::size_t i = 0; i < count; ++i) pages += entries[i] >> 63;
            at += count;
        }
    }
    return pages * page;
}

// Precondition: ranges in the order of addresses.
telemetry::Outcome<std::uint64_t> resident_in(std::uint32_t pid, std::span<const Range> ranges) {
    const telemetry::UniqueFd pagemap = open_in(AT_FDCWD, fmt::format("/proc/{}/pagemap", pid).c_str());
    if (!pagemap) return cannot_read(pid, "the memory map");
    if (ranges.empty()) return std::uint64_t{0};
    if (const auto scanned = scan_resident(pagemap.get(), ranges)) return *scanned;
    if (const auto counted = count_resident(pagemap.get(), ranges)) return *counted;
    return cannot_read(pid, "the memory map");
}

} // namespace

telemetry::Outcome<MemoryRollup> read_memory_rollup(std::uint32_t pid) {
    const auto text = read_of(pid, "smaps_rollup");
    if (!text) return cannot_read(pid, "the memory");
    const auto bytes = [&](std::string_view key) { return bytes_of(*text, key).value_or(0); };
    MemoryRollup rollup;
    rollup.resident_bytes = bytes("Rss:");
    rollup.proportional_bytes = bytes("Pss:");
    rollup.private_clean_bytes = bytes("Private_Clean:");
    rollup.private_dirty_bytes = bytes("Private_Dirty:");
    rollup.shared_bytes = bytes("Shared_Clean:") + bytes("Shared_Dirty:");
    rollup.anonymous_bytes = bytes("Anonymous:");
    rollup.swapped_bytes = bytes("Swap:");
    rollup.huge_page_bytes = bytes("AnonHugePages:");
    rollup.locked_bytes = bytes("Locked:");
    return rollup;
}

telemetry::Outcome<std::vector<Mapping>> read_mappings(std::uint32_t pid) {
    const auto text = read_of(pid, "maps");
    if (!text) return cannot_read(pid, "the mappings");
    std::vector<Mapping> mappings;
    std::string_view rest = *text;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        Mapping mapping;
        if (parse_mapping(rest.substr(0, end), mapping)) mappings.push_back(std::move(mapping));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return mappings;
}

const Mapping* mapping_at(const std::vector<Mapping>& mappings, std::uint64_t address) noexcept {
    const auto after = std::ranges::upper_bound(mappings, address, {}, &Mapping::begin);
    if (after == mappings.begin()) return nullptr;
    const Mapping& before = *std::prev(after);
    return address < before.end ? &before : nullptr;
}

telemetry::Outcome<std::optional<Mapping>> read_mapping_at(std::uint32_t pid, std::uint64_t address) {
    errno = 0;
    const telemetry::UniqueFd maps = open_in(AT_FDCWD, fmt::format("/proc/{}/maps", pid).c_str());
    if (!maps) return cannot_read(pid, "the mappings");
    std::array<char, 512> name{};
    MappingQuery query{};
    query.size = sizeof(query);
    query.address = address;
    query.name_size = name.size();
    query.name_address = reinterpret_cast<std::uintptr_t>(name.data());
    if (::ioctl(maps.get(), mapping_query, &query) == 0) {
        Mapping mapping;
        mapping.begin = query.begin;
        mapping.end = query.end;
        mapping.readable = (query.mapping_flags & 1) != 0;
        mapping.writable = (query.mapping_flags & 2) != 0;
        mapping.executable = (query.mapping_flags & 4) != 0;
        mapping.shared = (query.mapping_flags & 8) != 0;
        if (query.name_size > 0) mapping.name = name.data();
        return std::optional(std::move(mapping));
    }
    if (errno == ENOENT) return std::optional<Mapping>();
    const auto mappings = read_mappings(pid);
    if (!mappings) return mappings.error();
    const Mapping* const found = mapping_at(*mappings, address);
    return found == nullptr ? std::optional<Mapping>() : std::optional(*found);
}

telemetry::Outcome<std::uint64_t> read_resident_bytes(std::uint32_t pid, std::uint64_t begin, std::uint64_t end) {
    errno = 0;
    const Range range{begin, std::max(begin, end)};
    return resident_in(pid, std::span(&range, 1));
}

std::vector<bool> find_stacks(const std::vector<Mapping>& mappings) {
    constexpr std::uint64_t largest_guard = 1u << 20;
    std::vector<bool> is_stack(mappings.size());
    for (std::size_t i = 0; i < mappings.size(); ++i) {
        const Mapping& mapping = mappings[i];
        const Mapping* const below = i > 0 ? &mappings[i - 1] : nullptr;
        const Mapping* const above = i + 1 < mappings.size() ? &mappings[i + 1] : nullptr;
        const bool guarded = below != nullptr && below->end == mapping.begin && !below->accessible() &&
                             is_anonymous(*below) && below->bytes() <= largest_guard;
        const bool usable = mapping.readable && mapping.writable && !mapping.shared && is_anonymous(mapping);
        is_stack[i] = mapping.name == "[stack]" || (guarded && usable && !is_arena(mapping, above));
    }
    return is_stack;
}

telemetry::Outcome<StackMemory> read_stack_memory(std::uint32_t pid) {
    const std::int64_t begin = telemetry::monotonic_ns();
    const auto mappings = read_mappings(pid);
    if (!mappings) return mappings.error();
    const std::vector<bool> is_stack = find_stacks(*mappings);
    StackMemory memory;
    std::vector<Range> ranges;
    for (std::size_t i = 0; i < mappings->size(); ++i) {
        if (!is_stack[i]) continue;
        ranges.push_back({(*mappings)[i].begin, (*mappings)[i].end});
        memory.reserved_bytes += (*mappings)[i].bytes();
    }
    memory.stacks = static_cast<std::uint32_t>(ranges.size());
    errno = 0;
    const auto resident = resident_in(pid, ranges);
    if (!resident) return resident.error();
    memory.resident_bytes = *resident;
    memory.took = std::chrono::nanoseconds(telemetry::monotonic_ns() - begin);
    return memory;
}

} // namespace connscope::observe
