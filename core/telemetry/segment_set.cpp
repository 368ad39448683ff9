// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/add_readings.hpp"
#include "connscope/telemetry/reader.hpp"

#include <algorithm>

namespace connscope::telemetry {
namespace {

void add_gauges(std::array<std::uint64_t, gauge_count>& sum, const std::array<std::uint64_t, gauge_count>& one) {
    for (std::size_t i = 0; i < gauge_count; ++i) {
        if (one[i] == layout::not_available) continue;
        sum[i] = sum[i] == layout::not_available ? one[i] : sum[i] + one[i];
    }
}

void add_counters(ServerCounters& sum, const ServerCounters& one) {
    sum.slices += one.slices;
    sum.user_space_switches += one.user_space_switches;
    if (sum.requests == layout::not_available)
        sum.requests = one.requests;
    else if (one.requests != layout::not_available)
        sum.requests += one.requests;
    sum.bytes_in += one.bytes_in;
    sum.bytes_out += one.bytes_out;
    sum.events_written += one.events_written;
    sum.run += one.run;
}

WriterState livelier(WriterState a, WriterState b) {
    if (a == WriterState::alive || b == WriterState::alive) return WriterState::alive;
    return a == WriterState::died || b == WriterState::died ? WriterState::died : WriterState::ended;
}

} // namespace

void add(ServerReading& sum, const ServerReading& one) {
    sum.taken = std::max(sum.taken, one.taken);
    sum.heartbeat = std::max(sum.heartbeat, one.heartbeat);
    sum.writer = livelier(sum.writer, one.writer);
    sum.mode_changes += one.mode_changes;
    add_gauges(sum.gauges, one.gauges);
    add_counters(sum.counters, one.counters);
    sum.connections.insert(sum.connections.end(), one.connections.begin(), one.connections.end());
    sum.unreadable_slots += one.unreadable_slots;
}

void SegmentSet::add(SegmentReader reader) { readers_.push_back(std::move(reader)); }

Status SegmentSet::read(ServerReading& into) {
    into.connections.clear();
    Status first_error = success();
    bool any = false;
    for (std::size_t segment = 0; segment < readers_.size(); ++segment) {
        if (auto status = readers_[segment].read(scratch_); !status) {
            if (first_error) first_error = std::move(status);
            continue;
        }
        for (ConnectionReading& connection : scratch_.connections) connection.segment = static_cast<std::uint32_t>(segment);
        if (!any) {
            std::swap(into, scratch_);
            any = true;
        } else {
            telemetry::add(into, scratch_);
        }
    }
    return any ? success() : std::move(first_error);
}

} // namespace connscope::telemetry
