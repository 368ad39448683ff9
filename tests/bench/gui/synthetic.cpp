// SPDX-License-Identifier: GPL-3.0-or-later
#include "synthetic.hpp"

#include "connscope/telemetry/clock.hpp"

#include <algorithm>

namespace connscope::bench {

using namespace std::chrono_literals;
using telemetry::CarrierKind;
using telemetry::ConnectionState;
using telemetry::Gauge;
using telemetry::layout::EventKind;

SyntheticServer::SyntheticServer(std::uint32_t connections, double rate, std::uint32_t seed)
    : random_(seed)
    , rate_(rate)
    , now_(std::chrono::nanoseconds(telemetry::monotonic_ns()) - 620s) {
    gauges_.fill(telemetry::layout::not_available);
    for (std::uint32_t i = 0; i < connections; ++i) {
        telemetry::ConnectionReading made;
        made.id = i + 1;
        made.slot = i;
        made.state = ConnectionState::waiting_read;
        made.carrier = CarrierKind::coroutine;
        made.thread = 4711;
        made.opened = made.state_since = now_;
        made.peer.family = 4;
        made.peer.bytes = {127, 0, 0, 1};
        made.peer.port = static_cast<std::uint16_t>(20'000 + i % 40'000);
        made.carrier_bytes = 712;
        made.session_bytes = 1100;
        connections_.push_back(made);
    }
}

void SyntheticServer::run_requests(app::Snapshot& into, std::chrono::nanoseconds interval) {
    const auto requests = static_cast<std::int64_t>(rate_ * std::chrono::duration<double>(interval).count());
    std::uniform_int_distribution<std::size_t> any(0, connections_.size() - 1);
    std::exponential_distribution<double> length(1.0 / 9'000);
    std::exponential_distribution<double> delay(1.0 / 60'000);
    const auto begin = now_ - interval;
    for (std::int64_t i = 0; i < requests; ++i) {
        telemetry::ConnectionReading& each = connections_[any(random_)];
        const auto ran = std::chrono::nanoseconds(1'500 + static_cast<std::int64_t>(length(random_)));
        const auto waited = std::chrono::nanoseconds(static_cast<std::int64_t>(delay(random_)));
        app::SegmentEvent event;
        event.event.kind = EventKind::slice_to_read;
        event.event.thread = 4711;
        event.event.connection = each.id;
        event.event.begin = begin + interval * i / std::max<std::int64_t>(requests, 1);
        event.event.length = ran;
        into.events.push_back(event);
        into.delay_from_readiness.add(waited);
        each.state_since = event.event.begin + ran;
        each.run += ran;
        each.ready += waited;
        each.longest_slice = std::max(each.longest_slice, ran);
        each.longest_ready = std::max(each.longest_ready, waited);
        ++each.requests;
        each.slices += 2;
        ++each.user_space_switches;
        each.bytes_in += 166;
        each.bytes_out += 145;
        ++counters_.requests;
        counters_.slices += 2;
        counters_.user_space_switches += 2;
        into.load.populations.front().latency_since.add(waited * 7 + 300us);
    }
}

app::SnapshotPtr SyntheticServer::next(std::chrono::nanoseconds interval) {
    now_ += interval;
    ++looks_;
    auto made = std::make_shared<app::Snapshot>();
    made->load.populations.resize(2);
    made->load.populations[0].name = "all";
    made->load.populations[1].name = "active";
    made->load.populations[1].text =
        "active:" + std::to_string(connections_.size()) + ",rate=" + std::to_string(static_cast<int>(rate_)) + ",payload=64";
    run_requests(*made, interval);
    made->taken = made->server.taken = now_;
    made->has_server = true;
    made->modes = {"thread-per-connection", "coroutines"};
    made->server.mode = 1;

    std::uniform_int_distribution<std::size_t> any(0, connections_.size() - 1);
    std::uniform_int_distribution<std::uint64_t> some(0, 99);
    made->server.connections = connections_;
    for (std::size_t i = 0; i < connections_.size() / 50; ++i) {
        made->server.connections[any(random_)].state =
            std::array{ConnectionState::ready, ConnectionState::running, ConnectionState::waiting_write}[some(random_) % 3];
    }
    if (looks_ % 2 == 1) { // gauges are written ten times a second
        made->server.heartbeat = now_;
        const auto set = [&](Gauge which, std::uint64_t value) { gauges_[static_cast<std::size_t>(which)] = value; };
        const auto add = [&](Gauge which, std::uint64_t amount) {
            std::uint64_t& value = gauges_[static_cast<std::size_t>(which)];
            value = value == telemetry::layout::not_available ? amount : value + amount;
        };
        add(Gauge::user_cpu_ns, 9'000'000 + some(random_) * 40'000);
        add(Gauge::system_cpu_ns, 40'000'000 + some(random_) * 90'000);
        add(Gauge::voluntary_switches, 150 + some(random_));
        add(Gauge::involuntary_switches, 3 + some(random_) / 10);
        set(Gauge::threads, 2);
        set(Gauge::carriers_coroutine, connections_.size());
        set(Gauge::carriers_closure, 0);
        set(Gauge::carriers_thread, 0);
        set(Gauge::carrier_bytes_coroutine, connections_.size() * 712);
        set(Gauge::carrier_bytes_closure, 0);
        set(Gauge::session_bytes, connections_.size() * 1100);
        set(Gauge::heap_used_bytes, connections_.size() * 2400 + 900'000);
        set(Gauge::idle_private_bytes, 3'000'000);
    } else {
        made->server.heartbeat = now_ - interval;
    }
    made->server.gauges = gauges_;
    made->server.counters = counters_;
    observe::ProcessReading process;
    process.taken = now_;
    process.state = 'S';
    process.threads = 2;
    process.resident_bytes = 12'000'000 + connections_.size() * 2600 + some(random_) * 4096;
    process.resident_shared_bytes = 7'000'000;
    process.page_table_bytes = 120'000;
    process.kernel_stack_bytes = 2 * 16384;
    made->server_process = process;
    made->has_load = true;
    made->load.taken = now_;
    made->load.running = true;
    auto& all = made->load.populations.front().counters;
    all[static_cast<std::size_t>(telemetry::layout::LoadCounter::completed)] = counters_.requests;
    all[static_cast<std::size_t>(telemetry::layout::LoadCounter::offered_per_s)] = static_cast<std::uint64_t>(rate_);
    all[static_cast<std::size_t>(telemetry::layout::LoadCounter::open)] = connections_.size();
    made->load_process = process;
    return made;
}

} // namespace connscope::bench
