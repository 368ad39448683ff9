// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/housekeeping.hpp"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>

namespace connscope::server {
namespace {

using telemetry::CarrierKind;
using telemetry::ConnectionState;
using telemetry::Gauge;

constexpr auto relaxed = std::memory_order_relaxed; // statistics that order nothing

// The gauge of one kind of carrier, by the gauge of the first kind.
Gauge of_kind(Gauge first, std::size_t kind) {
    return static_cast<Gauge>(static_cast<std::size_t>(first) + kind - static_cast<std::size_t>(CarrierKind::thread));
}

} // namespace

Housekeeping::Housekeeping(telemetry::ProbeServer& probe, Registry& registry, Zygote* zygote, Timeouts timeouts)
    : probe_(probe)
    , registry_(registry)
    , zygote_(zygote)
    , timeouts_(timeouts) {
    if (auto self = observe::ProcessObserver::open(static_cast<std::uint32_t>(::getpid()))) self_ = std::move(*self);
    run();
    if (!self_) return;
    if (const auto reading = self_->read())
        probe_.set(Gauge::idle_private_bytes, reading->resident_bytes - reading->resident_shared_bytes +
                                                  reading->page_table_bytes + reading->kernel_stack_bytes.value_or(0));
}

void Housekeeping::run() {
    write_process_gauges();
    if (rounds_ % 10 == 0) write_heap_gauges();
    look_at_connections();
    ++rounds_;
    probe_.beat();
}

void Housekeeping::write_process_gauges() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    UsageSum sum = sum_of(usage);
    if (zygote_ != nullptr) {
        const UsageSum of_processes = zygote_->usage();
        std::transform(sum.begin(), sum.end(), of_processes.begin(), sum.begin(), std::plus());
    }
    probe_.set(Gauge::user_cpu_ns, sum[ProcessUsage::user_ns]);
    probe_.set(Gauge::system_cpu_ns, sum[ProcessUsage::system_ns]);
    probe_.set(Gauge::voluntary_switches, sum[ProcessUsage::voluntary]);
    probe_.set(Gauge::involuntary_switches, sum[ProcessUsage::involuntary]);
    probe_.set(Gauge::minor_faults, sum[ProcessUsage::minor_faults]);
    probe_.set(Gauge::major_faults, sum[ProcessUsage::major_faults]);
    if (!self_) return;
    if (const auto reading = self_->read()) {
        threads_ = reading->threads;
        probe_.set(Gauge::threads, threads_);
    }
}

void Housekeeping::write_heap_gauges() {
    // Walks every arena's bins under their locks: once a second is enough.
    const struct mallinfo2 heap = ::mallinfo2();
    probe_.set(Gauge::heap_used_bytes, heap.uordblks + heap.hblkhd);
    probe_.set(Gauge::heap_reserved_bytes, heap.arena + heap.hblkhd);
}

void Housekeeping::look_at_connections() {
    std::array<std::uint64_t, telemetry::carrier_kind_count> carriers{};
    std::array<std::uint64_t, telemetry::carrier_kind_count> carrier_bytes{};
    std::uint64_t session_bytes = 0;
    const telemetry::Ticks now = telemetry::ticks();
    const std::uint32_t end = registry_.end_slot();
    for (std::uint32_t i = 0; i < end; ++i) {
        const telemetry::layout::Slot& slot = probe_.slot(i);
        const ConnectionId id = slot.id.load(relaxed);
        const std::size_t carrier = slot.carrier.load(relaxed);
        if (id == 0 || carrier >= carriers.size()) continue;
        ++carriers[carrier];
        carrier_bytes[carrier] += slot.carrier_bytes.load(relaxed);
        session_bytes += slot.session_bytes.load(relaxed);

        look_for_silence(i, id, static_cast<ConnectionState>(slot.state.load(relaxed)), slot.state_since_ticks.load(relaxed),
                         now);
    }
    for (std::size_t kind = static_cast<std::size_t>(CarrierKind::thread); kind < carriers.size(); ++kind) {
        probe_.set(of_kind(Gauge::carriers_thread, kind), carriers[kind]);
        probe_.set(of_kind(Gauge::carrier_bytes_thread, kind), carrier_bytes[kind]);
    }
    probe_.set(Gauge::session_bytes, session_bytes);
    probe_.set(Gauge::connections_open, registry_.open());
}

void Housekeeping::look_for_silence(std::uint32_t slot, ConnectionId id, ConnectionState state, telemetry::Ticks since,
                                    telemetry::Ticks now) {
    const auto longer_than = [now](telemetry::Ticks begin, std::chrono::seconds limit) {
        return limit.count() > 0 && begin < now && telemetry::process_clock().duration(now - begin) > limit;
    };
    if (state == ConnectionState::waiting_write) {
        if (longer_than(since, timeouts_.request)) registry_.time_out(slot, id, Registry::Silent::reader);
    } else if (state == ConnectionState::waiting_read) {
        // A request has its time as a whole: a peer that sends a byte now and then does not prolong it.
        const telemetry::Ticks request_since = registry_.request_since(slot);
        if (request_since != 0 ? longer_than(request_since, timeouts_.request) : longer_than(since, timeouts_.idle))
            registry_.time_out(slot, id, Registry::Silent::sender);
    }
}

} // namespace connscope::server
