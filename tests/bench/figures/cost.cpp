// SPDX-License-Identifier: BSL-1.0
// What one more open connection costs, by parts that add up: 5,000 idle connections beside 500, in the modes that differ
// most. The sum of the parts stands beside what the server's memory grew by.
#include "contestant.hpp"

#include "connscope/observe/cost.hpp"
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <poll.h>

namespace {

using namespace connscope;
using namespace connscope::bench;

// The reading once the server's own gauges have followed: they are written once a second.
observe::CostReading settled(telemetry::SegmentReader& segment, pid_t pid, std::size_t connections) {
    telemetry::ServerReading server;
    if (!segment.read(server)) fail("the segment cannot be read");
    const auto begin = server.taken;
    while (server.connections.size() != connections || server.taken - begin < std::chrono::milliseconds(2500)) {
        ::poll(nullptr, 0, 50);
        if (!segment.read(server)) fail("the segment cannot be read");
        if (server.taken - begin > std::chrono::seconds(20)) fail("the connections were not all accepted");
    }
    auto reading = observe::read_cost(static_cast<std::uint32_t>(pid), server);
    if (!reading) fail(reading.error().text);
    return *reading;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"cost: bytes of one open connection, by parts"};
    std::vector<std::string> modes{"thread-per-connection", "fibers", "coroutines", "callbacks"};
    std::size_t connections = 5000;
    app.add_option("--modes", modes, "which")->delimiter(',');
    app.add_option("--connections", connections, "how many")->check(CLI::Range(100, 100'000))->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    raise_open_files();

    constexpr std::size_t first = 500; // these pay for what all share: arenas, rings of events, tables
    std::vector<observe::Cost> costs;
    for (const std::string& mode : modes) {
        Child serve({bin_folder() + "/connscope-serve", "--listen", "127.0.0.1:0", "--mode", mode}, std::nullopt);
        const std::string ready = serve.line();
        const std::string address = value_of(ready, "");
        auto segment = telemetry::SegmentReader::open(
            telemetry::segment_path(*telemetry::runtime_folder(), value_of(ready, "segment")));
        if (!segment) fail(segment.error().text);
        IdleClients clients(address);
        clients.open(first, 100);
        const observe::CostReading before = settled(*segment, serve.pid(), first);
        clients.open(connections);
        const observe::CostReading after = settled(*segment, serve.pid(), first + connections);
        costs.push_back(observe::cost_between(before, after, 2));
    }
    fmt::print("bytes of one open connection, {} of them\n{:<28}", connections, "");
    for (const std::string& mode : modes) fmt::print("{:>24}", mode);
    fmt::print("\n");
    const auto print_line = [&](std::string_view name, auto value) {
        fmt::print("{:<28}", name);
        for (const observe::Cost& cost : costs) fmt::print("{:>24}", value(cost));
        fmt::print("\n");
    };
    for (std::size_t part = 0; part < costs.front().parts.size(); ++part)
        print_line(costs.front().parts[part].name, [part](const observe::Cost& cost) {
            const auto bytes = cost.parts[part].bytes;
            return bytes ? fmt::format("{:.0f}", *bytes) : std::string("–");
        });
    print_line("sum of the parts", [](const observe::Cost& cost) { return fmt::format("{:.0f}", cost.sum); });
    print_line("the memory grew by", [](const observe::Cost& cost) { return fmt::format("{:.0f}", cost.grown); });
    print_line("difference", [](const observe::Cost& cost) {
        return fmt::format("{:.0f} ({:+.1f} %)", cost.difference(), 100 * cost.difference() / cost.grown);
    });
    fmt::print("\nwhere the figures are from:\n");
    for (const observe::CostPart& part : costs.front().parts) fmt::print("  {:<28}{}\n", part.name, part.source);
}
