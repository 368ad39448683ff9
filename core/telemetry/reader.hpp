// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/reading.hpp"

#include <filesystem>
#include <memory>
#include <vector>

namespace connscope::telemetry {

// Why a segment could not be read.
enum class SegmentErrc {
    vanished = 1,  // there is no such file (any more)
    not_permitted, // another user's, or others may write it
    not_a_file,    // a symbolic link, a folder, a device
    foreign,       // a file, but no segment
    half_written,  // a segment whose writer has not finished making it, or died before
    newer_version, // made by a newer connscope
    damaged,       // says of itself what cannot be
    wrong_kind,    // a load's segment where a server's was asked for, or the other way round
    environment,   // the system refused (memory, descriptors)
};
std::error_code make_error_code(SegmentErrc code) noexcept;

// Reads one segment: no lock, no cooperation of the writer, which may stop, crash or truncate the file at any moment.
// Nothing in the file is trusted. One thread at a time.
class SegmentReader {
public:
    // Maps a segment read-only after checking owner, type, permissions, size and every section's place.
    static Outcome<SegmentReader> open(const std::filesystem::path& path);
    SegmentReader(SegmentReader&&) noexcept;
    SegmentReader& operator=(SegmentReader&&) noexcept;
    ~SegmentReader();

    const SegmentIdentity& identity() const noexcept;
    const std::filesystem::path& path() const noexcept;

    // True while the path still names the file that was opened. False: it was removed, or replaced by another one.
    bool still_there() const;

    // Reads everything but the events. `into` is overwritten; its memory is reused. Errors: damaged (the file was cut short
    // under the reader), wrong_kind. About 20 ns a connection.
    Status read(ServerReading& into);
    Status read(LoadReading& into);

    // Reads one connection, in the slot where it was last. Errors: it has ended (std::errc::no_such_process; the slot may
    // have another one's by now), it is half written (std::errc::resource_unavailable_try_again), damaged, wrong_kind. Less
    // than 1 us.
    Outcome<ConnectionReading> read_connection(std::uint32_t slot, std::uint64_t id);

    // The events since the previous call, at most `limit`, sorted by their begin. The first call starts at the present.
    Status read_events(EventsReading& into, std::size_t limit = 100'000);

    // Delays recorded by a server since the previous call with the same histogram.
    Status read_delays(layout::DelayHistogram which, Histogram& since);

private:
    struct Impl;
    explicit SegmentReader(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// A segment found in the runtime folder.
struct FoundSegment {
    std::filesystem::path path;
    SegmentIdentity identity;
    WriterState writer = WriterState::alive;
};

// All readable segments of this user, alive ones first, by name. Unreadable ones are left out.
std::vector<FoundSegment> find_segments();

// Removes segments and control sockets whose writer died. Returns how many.
std::size_t remove_dead_segments();

// Several segments observed as one: the shards of a server, or several servers. Connections are told apart by
// (segment, id); gauges and counters add up. One thread at a time.
class SegmentSet {
public:
    void add(SegmentReader reader);
    bool empty() const noexcept { return readers_.empty(); }
    std::size_t size() const noexcept { return readers_.size(); }
    SegmentReader& at(std::size_t segment) { return readers_[segment]; }

    // Reads every segment and adds them up into `into`. `writer` is alive while any writer is. A segment that fails is
    // left out of the sum; its error is returned when no segment could be read.
    Status read(ServerReading& into);

private:
    std::vector<SegmentReader> readers_;
    ServerReading scratch_;
};

} // namespace connscope::telemetry

template <>
struct std::is_error_code_enum<connscope::telemetry::SegmentErrc> : std::true_type {};
