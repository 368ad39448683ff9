// SPDX-License-Identifier: BSL-1.0

// What a request costs in a session alone: no sockets, no kernel, no carrier.

#include "connscope/protocol/protocols.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace {

using connscope::protocol::Action;
using connscope::protocol::find_protocol;
using connscope::protocol::Session;

// Gives the session all of `input` and takes everything it says, until it wants more.
std::size_t bytes_answered(Session& session, std::string_view input) {
    std::size_t taken = 0;
    for (;;) {
        const Action action = session.next();
        switch (action.kind) {
        case Action::Kind::read: {
            if (input.empty()) return taken;
            const auto room = session.input();
            const std::size_t bytes = std::min(room.size(), input.size());
            std::memcpy(room.data(), input.data(), bytes);
            input.remove_prefix(bytes);
            session.received(bytes);
            break;
        }
        case Action::Kind::write: {
            const auto ready = session.output();
            benchmark::DoNotOptimize(ready.data());
            taken += ready.size();
            session.sent(ready.size());
            break;
        }
        case Action::Kind::compute:
        case Action::Kind::pause:
        case Action::Kind::yield:
            session.elapsed(action.duration);
            break;
        case Action::Kind::close:
            return taken;
        }
    }
}

void run(benchmark::State& state, std::string_view protocol, const std::string& input, int requests_in_input = 1) {
    const auto session = find_protocol(protocol)->make_session({});
    std::size_t taken = 0;
    for (auto _ : state) taken += bytes_answered(*session, input);
    state.SetItemsProcessed(state.iterations() * requests_in_input);
    state.SetBytesProcessed(static_cast<std::int64_t>(taken));
    state.counters["requests"] = static_cast<double>(session->requests());
    state.counters["idle_bytes"] = static_cast<double>(session->memory_bytes());
}

std::string repeated(const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
}

const std::string get = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const std::string browser =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 "
    "Firefox/115.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n"
    "Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\n\r\n";

void echo_64_bytes(benchmark::State& state) { run(state, "echo", std::string(64, 'x')); }
void http_get(benchmark::State& state) { run(state, "http", get); }
void http_get_1_0_keep_alive(benchmark::State& state) {
    run(state, "http",
        "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nHost: 127.0.0.1:8080\r\nUser-Agent: ab/2.3\r\nAccept: */*\r\n\r\n");
}
void http_get_of_a_browser(benchmark::State& state) { run(state, "http", browser); }
void http_get_pipelined_by_16(benchmark::State& state) { run(state, "http", repeated(get, 16), 16); }
void http_work(benchmark::State& state) { run(state, "http", "GET /work?us=100 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"); }
void http_bytes(benchmark::State& state) {
    run(state, "http", "GET /bytes?n=" + std::to_string(state.range(0)) + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
}
void http_echo(benchmark::State& state) {
    const auto n = static_cast<std::size_t>(state.range(0));
    run(state, "http",
        "POST /echo HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: " + std::to_string(n) + "\r\n\r\n" +
            std::string(n, 'x'));
}
void http_session_made_and_ended(benchmark::State& state) {
    const auto* http = find_protocol("http");
    for (auto _ : state) benchmark::DoNotOptimize(http->make_session({}));
}

BENCHMARK(echo_64_bytes);
BENCHMARK(http_get);
BENCHMARK(http_get_1_0_keep_alive);
BENCHMARK(http_get_of_a_browser);
BENCHMARK(http_get_pipelined_by_16);
BENCHMARK(http_work);
BENCHMARK(http_bytes)->Arg(1000)->Arg(100'000)->Arg(10'000'000);
BENCHMARK(http_echo)->Arg(64)->Arg(10'000)->Arg(1'000'000);
BENCHMARK(http_session_made_and_ended);

} // namespace

BENCHMARK_MAIN();
