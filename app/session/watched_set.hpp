// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/kernel_report.hpp"
#include "session/memory_watch.hpp"
#include "session/snapshot.hpp"
#include "session/switch_watch.hpp"

#include "connscope/observe/process_list.hpp"
#include "connscope/observe/socket_reads.hpp"
#include "connscope/telemetry/reader.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace connscope::app {

// The processes that are looked at together as one server, whoever started them: one with a probe as its segment tells, one
// without as the kernel does. They come and go while the set is watched. One thread at a time.
class WatchedSet {
public:
    void clear();
    bool empty() const noexcept { return alive() == 0; }
    std::size_t alive() const noexcept;
    bool has(std::uint32_t pid) const noexcept;

    // Watches one more. Errors: it has ended, or its segment cannot be read, in which case it is watched without.
    telemetry::Status add(const observe::FoundProcess& found);

    // Fills the server's part of a snapshot. Those that have ended are left out from now on; without any left, `into` says
    // nothing of a server. Errors: none could be read.
    telemetry::Status look(Snapshot& into);

    // Of the first that lives: where it says that it listens, and where it can be asked; empty: nowhere.
    std::string address() const;
    std::string control_path() const;
    // Of the only one that lives; empty: there is none, or several, or it has no probe.
    std::string segment_name() const;
    // The names of those that live, each once.
    std::vector<std::string> names() const;
    std::vector<std::uint32_t> pids() const;
    // What cannot be seen of those that live for want of rights, each once.
    std::vector<std::string> missing() const;
    // False: a segment that is read was removed or replaced by another file.
    bool segments_are_there() const;

private:
    struct Member {
        std::uint32_t pid = 0;
        std::string name;
        std::optional<telemetry::SegmentReader> segment;
        std::optional<observe::ProcessObserver> process;
        std::optional<observe::ProcessReading> process_reading;
        std::unique_ptr<MemoryWatch> memory;
        std::optional<KernelReport> report; // without a segment
        std::optional<SwitchWatch> switches;
        std::vector<std::uint8_t> modes; // of the set, by those of its segment
        std::uint64_t mode_changes = 0;
        telemetry::ServerReading reading;
        std::vector<SocketFigures> sockets;
        OutgoingConnections outgoing;
    };
    void report_by_kernel(Member& member, double share);
    void read_socket_reads();
    static WatchedProcess told_of(const Member& member);
    telemetry::Status read(Member& member);
    void add_up(Snapshot& into);
    void add_process(Snapshot& into, const Member& member) const;
    void add_events(Snapshot& into, Member& member, std::uint32_t number);
    void settle_gauges(telemetry::ServerReading& sum);
    void learn_modes(Member& member);
    const Member* only() const noexcept;

    std::vector<std::unique_ptr<Member>> members_; // by number; empty: was given back
    std::vector<std::string> modes_;               // of all segments, each once
    // Of several processes, each of which writes its gauges at times of its own: held for as long as several writings take.
    std::optional<std::array<std::uint64_t, telemetry::gauge_count>> gauges_;
    std::chrono::nanoseconds gauges_taken_{};
    std::size_t gauges_of_ = 0; // so many processes
    telemetry::Histogram delays_;
    telemetry::EventsReading events_;
    // While there is one without a segment; or why they are not to be had.
    std::shared_ptr<observe::SharedSocketTable> sockets_;
    std::string sockets_missing_;
    std::optional<observe::SocketReadRecorder> reads_;
    std::string reads_missing_;
    std::vector<observe::SocketRead> socket_reads_;
    std::vector<std::uint16_t> ports_;
};

} // namespace connscope::app
