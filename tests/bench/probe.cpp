// SPDX-License-Identifier: BSL-1.0
// What the probe costs a server: the events of one request of a connection, and one event alone.
#include "connscope/telemetry/probe.hpp"

#include <benchmark/benchmark.h>

#include <unistd.h>

#include <memory>

namespace {

using namespace connscope::telemetry;

std::unique_ptr<ProbeServer> make_server() {
    auto made = ProbeServer::create({.name = "bench-probe-" + std::to_string(::getpid()), .program = "probe"});
    if (!made) return nullptr;
    (*made)->describe("none", "none", {});
    return std::move(*made);
}

// Four events: bytes came, the slice ends, the next begins, bytes went.
void four_events_of_a_request(benchmark::State& state) {
    const auto server = make_server();
    if (!server) return state.SkipWithError("the segment cannot be made");
    const EnteredThread stay(*server, true);
    std::vector<ConnectionProbe> probes;
    for (std::int64_t i = 0; i < state.range(0); ++i) probes.push_back(server->open({}, 0));
    std::size_t next = 0;
    for (auto _ : state) {
        ConnectionProbe& probe = probes[next];
        next = next + 1 == probes.size() ? 0 : next + 1;
        probe.resume();
        probe.received(64);
        probe.sent(64);
        probe.suspend(ConnectionState::waiting_read, true);
    }
}
BENCHMARK(four_events_of_a_request)->Arg(1)->Arg(64)->Arg(10'000);

void one_slice(benchmark::State& state) {
    const auto server = make_server();
    if (!server) return state.SkipWithError("the segment cannot be made");
    const EnteredThread stay(*server, true);
    ConnectionProbe probe = server->open({}, 0);
    for (auto _ : state) {
        probe.resume();
        probe.suspend(ConnectionState::waiting_read, true);
    }
}
BENCHMARK(one_slice);

} // namespace

BENCHMARK_MAIN();
