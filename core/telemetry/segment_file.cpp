// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/segment_file.hpp"

#include "connscope/telemetry/clock.hpp"
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>
#include <utility>

namespace connscope::telemetry {
namespace {

constexpr std::uint64_t page = 4096;

std::uint64_t round_to_page(std::uint64_t bytes) { return (bytes + page - 1) / page * page; }

// Removes a file that a dead process left; says whether the name is free now.
bool remove_if_dead(const std::filesystem::path& path) {
    if (auto old = SegmentReader::open(path)) {
        const SegmentIdentity& identity = old->identity();
        if (process_start_time(identity.pid) == identity.pid_start_time) return false;
    } else if (old.error().code == SegmentErrc::not_permitted) {
        return false;
    }
    return ::unlink(path.c_str()) == 0 || errno == ENOENT;
}

Outcome<UniqueFd> create_file(const std::filesystem::path& path, const std::string& name) {
    for (int attempt = 0; attempt < 2; ++attempt) {
        UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (file) return file;
        if (errno != EEXIST) return system_error(errno, "cannot make the segment " + path.string());
        if (!remove_if_dead(path)) break;
    }
    return Error{std::make_error_code(std::errc::address_in_use),
                 "the name " + name + " is taken by a running process; choose another with --name"};
}

} // namespace

Outcome<SegmentFile> SegmentFile::create(const SegmentPlan& plan) {
    if (!valid_name(plan.name))
        return Error{std::make_error_code(std::errc::invalid_argument),
                     "'" + plan.name + "' cannot name a segment: use 1 to 48 letters, digits, '.', '_' and '-'"};
    auto folder = runtime_folder();
    if (!folder) return std::move(folder).error();

    SegmentFile segment;
    segment.path_ = segment_path(*folder, plan.name);
    auto file = create_file(segment.path_, plan.name);
    if (!file) return std::move(file).error();
    segment.file_ = std::move(*file);

    std::vector<layout::Section> sections;
    std::uint64_t end = round_to_page(sizeof(layout::Header));
    for (const SectionPlan& section : plan.sections) {
        sections.push_back({static_cast<std::uint32_t>(section.kind), section.stride, end, section.count});
        end = round_to_page(end + section.stride * section.count);
    }
    assert(sections.size() <= layout::max_sections);

    const auto no_room = [&](int error) {
        ::unlink(segment.path_.c_str());
        segment.path_.clear();
        return system_error(error, "no room for a segment of " + std::to_string(end) + " bytes");
    };
    if (::ftruncate(segment.file_.get(), static_cast<off_t>(end)) != 0) return no_room(errno);
    // Memory is taken now: a write into a hole that the file system cannot fill would end the process.
    if (const int error = ::posix_fallocate(segment.file_.get(), 0, sizeof(layout::Header)); error != 0)
        return no_room(error);
    for (std::size_t i = 0; i < sections.size(); ++i) {
        if (!plan.sections[i].reserve_now || sections[i].count == 0) continue;
        const int error = ::posix_fallocate(segment.file_.get(), static_cast<off_t>(sections[i].offset),
                                            static_cast<off_t>(sections[i].stride * sections[i].count));
        if (error != 0) return no_room(error);
    }
    void* memory = ::mmap(nullptr, end, PROT_READ | PROT_WRITE, MAP_SHARED, segment.file_.get(), 0);
    if (memory == MAP_FAILED) return no_room(errno);
    segment.memory_ = memory;
    segment.bytes_ = end;

    auto& header = *new (memory) layout::Header{};
    header.magic = layout::magic;
    header.version = layout::version;
    header.header_bytes = sizeof(layout::Header);
    header.file_bytes = end;
    header.kind = static_cast<std::uint32_t>(plan.kind);
    header.pid = static_cast<std::uint32_t>(::getpid());
    header.pid_start_time = process_start_time(header.pid);
    header.started_realtime_ns = process_clock().anchor_realtime_ns;
    header.section_count = static_cast<std::uint32_t>(sections.size());
    std::copy(sections.begin(), sections.end(), header.sections.begin());
    copy_text(header.name, plan.name);
    copy_text(header.program, plan.program);
    segment.write_clock();
    return segment;
}

SegmentFile::SegmentFile(SegmentFile&& other) noexcept
    : path_(std::exchange(other.path_, {}))
    , file_(std::move(other.file_))
    , memory_(std::exchange(other.memory_, nullptr))
    , bytes_(std::exchange(other.bytes_, 0)) {}

SegmentFile::~SegmentFile() {
    if (memory_ != nullptr) {
        header().ended.store(1, std::memory_order_release); // pairs with the reader's acquire load
        ::munmap(memory_, bytes_);
    }
    if (path_.empty() || !file_) return;
    struct stat mine {};
    struct stat there {};
    if (::fstat(file_.get(), &mine) == 0 && ::lstat(path_.c_str(), &there) == 0 && mine.st_ino == there.st_ino &&
        mine.st_dev == there.st_dev)
        ::unlink(path_.c_str());
}

bool SegmentFile::reserve(layout::SectionKind kind, std::uint64_t first, std::uint64_t count) noexcept {
    const layout::Section& section = plan_of(kind);
    return ::posix_fallocate(file_.get(), static_cast<off_t>(section.offset + first * section.stride),
                             static_cast<off_t>(count * section.stride)) == 0;
}

void SegmentFile::complete() noexcept {
    header().complete.store(1, std::memory_order_release); // pairs with the reader's acquire load
}

bool SegmentFile::watched() const noexcept {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_len = 1;
    return ::fcntl(file_.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK; // who cannot ask believes so
}

void SegmentFile::write_clock() noexcept {
    // The anchor moves along, so that the error of ns_per_tick (measured over 2 ms at first, over the whole life later)
    // never adds up. One writer: `sequence` is odd while it writes, and readers try again (see SegmentReader).
    layout::Clock& clock = header().clock;
    const ClockCalibration& start = process_clock();
    const Ticks before = ticks();
    const std::int64_t now_ns = monotonic_ns();
    const Ticks now = before + (ticks() - before) / 2;
    double ns_per_tick = start.ns_per_tick;
    const std::int64_t life_ns = now_ns - start.anchor_monotonic_ns;
    if (start.kind == ClockKind::tsc && life_ns > 100'000'000)
        ns_per_tick = static_cast<double>(life_ns) / static_cast<double>(now - start.anchor_ticks);

    const std::uint32_t sequence = clock.sequence.load(std::memory_order_relaxed);
    clock.sequence.store(sequence + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release); // the odd sequence is seen before any of the new values
    clock.kind.store(static_cast<std::uint32_t>(start.kind), std::memory_order_relaxed);
    clock.anchor_ticks.store(now, std::memory_order_relaxed);
    clock.anchor_monotonic_ns.store(now_ns, std::memory_order_relaxed);
    clock.anchor_realtime_ns.store(start.anchor_realtime_ns + life_ns, std::memory_order_relaxed);
    clock.ns_per_tick.store(ns_per_tick, std::memory_order_relaxed);
    clock.sequence.store(sequence + 2, std::memory_order_release); // pairs with the reader's acquire load
}

const layout::Section& SegmentFile::plan_of(layout::SectionKind kind) const noexcept {
    const auto& header = *static_cast<const layout::Header*>(memory_);
    const auto* found =
        std::find_if(header.sections.begin(), header.sections.begin() + header.section_count,
                     [kind](const layout::Section& section) { return section.kind == static_cast<std::uint32_t>(kind); });
    assert(found != header.sections.begin() + header.section_count);
    return *found;
}

} // namespace connscope::telemetry
