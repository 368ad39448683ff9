// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/segment_parts.hpp"

#include "connscope/telemetry/plain_text.hpp"
#include "connscope/telemetry/reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace connscope::telemetry {
namespace {

using namespace layout;

class SegmentCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "connscope.segment"; }
    std::string message(int code) const override {
        switch (static_cast<SegmentErrc>(code)) {
        case SegmentErrc::vanished:
            return "the segment is gone";
        case SegmentErrc::not_permitted:
            return "the segment belongs to somebody else";
        case SegmentErrc::not_a_file:
            return "not a regular file";
        case SegmentErrc::foreign:
            return "not a segment of connscope";
        case SegmentErrc::half_written:
            return "the segment was never finished";
        case SegmentErrc::newer_version:
            return "the segment was made by a newer connscope";
        case SegmentErrc::damaged:
            return "the segment is damaged";
        case SegmentErrc::wrong_kind:
            return "a segment of another kind";
        case SegmentErrc::environment:
            return "the system refused";
        }
        return "unknown error";
    }
};

template <std::size_t N>
std::string text_of(const std::array<char, N>& field) {
    return plain_text({field.data(), static_cast<std::size_t>(std::find(field.begin(), field.end(), '\0') - field.begin())});
}

struct Part {
    SectionKind kind;
    Section SegmentParts::*place;
    std::size_t element_bytes;
    std::size_t alignment;
};

constexpr std::array parts_table{
    Part{SectionKind::gauges, &SegmentParts::gauges, sizeof(std::uint64_t), 8}, // may have fewer gauges than this version
    Part{SectionKind::connections, &SegmentParts::slots, sizeof(Slot), 64},
    Part{SectionKind::rings, &SegmentParts::rings, sizeof(Ring), 64},
    Part{SectionKind::events, &SegmentParts::events, sizeof(Event), 8},
    Part{SectionKind::histograms, &SegmentParts::histograms, sizeof(std::uint64_t) * HistogramBuckets::count, 8},
    Part{SectionKind::load, &SegmentParts::load, sizeof(LoadGauges), 8},
    Part{SectionKind::populations, &SegmentParts::populations, sizeof(Population), 8},
};

// More than any server has, and as much as a reader gets through in the time between two readings. A file may say that it is
// as large as it likes, and be a hole.
constexpr std::uint64_t most_slots = 1u << 21;
constexpr std::uint64_t most_rings = 1u << 14;
constexpr std::uint64_t most_events = 1u << 23;
constexpr std::uint64_t most_populations = 1024; // a reader keeps 216 KiB for each
constexpr std::size_t most_stride = 4;           // times an element of this version

bool lies_inside(const Section& section, const Part& part, std::uint64_t file_bytes) {
    if (section.stride < part.element_bytes || (section.count > 1 && section.stride > part.element_bytes * most_stride))
        return false;
    if (section.stride % part.alignment != 0 || section.offset % part.alignment != 0) return false;
    if (section.offset < sizeof(Header) || section.offset > file_bytes) return false;
    return section.count <= (file_bytes - section.offset) / section.stride;
}

// Nothing when all is well, else what is wrong.
std::string parse_sections(const Header& header, SegmentParts& parts) {
    if (header.section_count > max_sections) return "it has more sections than there can be";
    for (std::uint32_t i = 0; i < header.section_count; ++i) {
        const Section& section = header.sections[i];
        const auto part = std::find_if(parts_table.begin(), parts_table.end(),
                                       [&](const Part& p) { return static_cast<std::uint32_t>(p.kind) == section.kind; });
        if (part == parts_table.end()) continue;
        if (!lies_inside(section, *part, parts.file_bytes)) return "a section does not lie inside the file";
        parts.*(part->place) = section;
    }
    if (parts.identity.kind == SegmentKind::server) {
        if (parts.gauges.count == 0 || parts.slots.stride == 0 || parts.rings.count == 0)
            return "a section of a server is missing";
        if (parts.slots.count > most_slots) return "it has more slots than there can be";
        if (parts.rings.count > most_rings) return "it has more rings than there can be";
        if (parts.events.count > most_events) return "it has more events than there can be";
        parts.events_per_ring = parts.events.count / parts.rings.count;
        if (parts.events_per_ring == 0) return "it has no room for events";
    } else if (parts.populations.count > most_populations) {
        return "it has more populations than there can be";
    } else if (parts.load.count == 0 || parts.populations.count > parts.histograms.count) {
        return "a section of a load is missing";
    }
    return {};
}

Error refuse(SegmentErrc code, const std::filesystem::path& path, const std::string& why) {
    return {code, path.string() + ": " + why};
}

} // namespace

std::error_code make_error_code(SegmentErrc code) noexcept {
    static const SegmentCategory category;
    return {static_cast<int>(code), category};
}

Outcome<OpenedSegment> open_segment(const std::filesystem::path& path) {
    OpenedSegment opened;
    opened.file.reset(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!opened.file) {
        switch (errno) {
        case ENOENT:
        case ENOTDIR:
            return refuse(SegmentErrc::vanished, path, "there is no such segment (any more)");
        case EACCES:
        case EPERM:
            return refuse(SegmentErrc::not_permitted, path, "may not be read by this user");
        case ELOOP:
            return refuse(SegmentErrc::not_a_file, path, "is a symbolic link; segments never are");
        case ENXIO:
            return refuse(SegmentErrc::not_a_file, path, "is not a regular file");
        default:
            return Error{SegmentErrc::environment, system_error(errno, "cannot open " + path.string()).text};
        }
    }
    struct stat status {};
    if (::fstat(opened.file.get(), &status) != 0)
        return Error{SegmentErrc::environment, system_error(errno, "cannot look at " + path.string()).text};
    if (!S_ISREG(status.st_mode)) return refuse(SegmentErrc::not_a_file, path, "is not a regular file");
    if (status.st_uid != ::geteuid() && ::geteuid() != 0)
        return refuse(SegmentErrc::not_permitted, path,
                      "belongs to another user (uid " + std::to_string(status.st_uid) + ")");
    if ((status.st_mode & 022) != 0)
        return refuse(SegmentErrc::not_permitted, path, "may be written by other users, so nothing in it can be believed");
    opened.device = status.st_dev;
    opened.inode = status.st_ino;

    // The header is read, not mapped: this copy cannot change while it is being checked.
    Header header{};
    const ssize_t length = ::pread(opened.file.get(), static_cast<void*>(&header), sizeof(header), 0);
    if (length < 0) return Error{SegmentErrc::environment, system_error(errno, "cannot read " + path.string()).text};
    if (length == 0)
        return refuse(SegmentErrc::half_written, path, "is empty: its server has not finished making it, or died before");
    if (static_cast<std::size_t>(length) >= sizeof(header.magic) && header.magic != magic &&
        header.magic != std::array<char, 8>{}) // zero: not yet written
        return refuse(SegmentErrc::foreign, path, "is not a segment of connscope");
    constexpr std::size_t version_end = offsetof(Header, version) + sizeof(header.version);
    if (static_cast<std::size_t>(length) >= version_end && header.magic == magic && header.version > version)
        return refuse(SegmentErrc::newer_version, path,
                      "has layout version " + std::to_string(header.version) + ", and this connscope reads up to " +
                          std::to_string(version) + "; use the connscope that came with the server");
    if (static_cast<std::size_t>(length) < sizeof(header) || header.complete.load(std::memory_order_acquire) != 1)
        return refuse(SegmentErrc::half_written, path,
                      "is not finished: its server is still making it, or died before it was");
    if (header.version != version || header.header_bytes < sizeof(Header))
        return refuse(SegmentErrc::damaged, path, "its header cannot be right");
    if (header.file_bytes > static_cast<std::uint64_t>(status.st_size))
        return refuse(SegmentErrc::damaged, path,
                      "says it has " + std::to_string(header.file_bytes) + " bytes, but has " +
                          std::to_string(status.st_size));
    if (header.kind != static_cast<std::uint32_t>(SegmentKind::server) &&
        header.kind != static_cast<std::uint32_t>(SegmentKind::load))
        return refuse(SegmentErrc::damaged, path, "is of no known kind");

    SegmentParts& parts = opened.parts;
    parts.file_bytes = header.file_bytes;
    SegmentIdentity& identity = parts.identity;
    identity.kind = static_cast<SegmentKind>(header.kind);
    identity.layout_version = header.version;
    identity.pid = header.pid;
    identity.pid_start_time = header.pid_start_time;
    identity.name = text_of(header.name);
    identity.program = text_of(header.program);
    identity.protocol = text_of(header.protocol);
    identity.address = text_of(header.address);
    identity.control_path = text_of(header.control_path);
    for (const auto& mode : header.modes) identity.modes.push_back(text_of(mode));
    while (!identity.modes.empty() && identity.modes.back().empty()) identity.modes.pop_back();
    identity.started = std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(
        std::chrono::nanoseconds(header.started_realtime_ns)));
    if (const std::string wrong = parse_sections(header, parts); !wrong.empty())
        return refuse(SegmentErrc::damaged, path, wrong);
    return opened;
}

} // namespace connscope::telemetry
