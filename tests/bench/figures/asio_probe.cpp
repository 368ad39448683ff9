// SPDX-License-Identifier: BSL-1.0
// What connscope::asio costs a server that links it: the same hand-written echo servers with and without it, 64 bytes there
// and back, as CPU time per request and as requests per second.
#include "contestant.hpp"

#include "connscope/telemetry/runtime_folder.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

namespace {

// Bytes of memory that the server takes for each of so many connections that wait for their peer: its own and the segment's.
double bytes_per_connection(const std::string& server, std::size_t connections) {
    using namespace connscope::bench;
    Child child({reference_folder() + "/" + server, "1"}, std::nullopt);
    IdleClients clients(value_of(child.line(), ""));
    const auto memory = [&] {
        std::ifstream status(fmt::format("/proc/{}/status", child.pid()));
        double kib = 0;
        for (std::string line; std::getline(status, line);)
            for (const std::string_view field : {"RssAnon:", "RssShmem:", "VmPTE:"})
                if (line.starts_with(field)) kib += std::strtod(line.c_str() + field.size(), nullptr);
        return kib * 1024;
    };
    clients.open(500, 10); // the first ones pay for what all share
    const double before = memory();
    clients.open(connections);
    return (memory() - before) / static_cast<double>(connections);
}

} // namespace

int main(int argc, char** argv) {
    using namespace connscope;
    using namespace bench;
    CLI::App app{"asio_probe: servers that link connscope::asio against the same without"};
    std::vector<std::string> idioms{"callbacks", "coroutines", "fibers"};
    std::vector<unsigned> connections{64, 1000};
    unsigned pairs = 9;
    int window_ms = 400;
    app.add_option("--idioms", idioms, "which")->delimiter(',');
    app.add_option("--connections", connections, "how many")->delimiter(',');
    app.add_option("--pairs", pairs, "rounds of one window each")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--window", window_ms, "milliseconds of a window")->check(CLI::PositiveNumber)->capture_default_str();
    std::size_t idle = 10'000;
    app.add_option("--idle", idle, "connections whose memory is measured, at most what a process may open")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    if (idle > 0) {
        raise_open_files();
        for (const std::string& idiom : idioms) {
            const double without = bytes_per_connection(idiom, idle);
            const double with = bytes_per_connection(idiom + "_probed", idle);
            fmt::print("{}: bytes of one of {} idle connections: {:.0f} without, {:.0f} with, {:.0f} more\n", idiom, idle,
                       without, with, with - without);
        }
    }
    const std::chrono::milliseconds window(window_ms);
    print_head("without", "with connscope::asio");
    for (const std::string& idiom : idioms)
        for (const unsigned count : connections) {
            Contestant base({reference_folder() + "/" + idiom, "1"}, "echo", count);
            Contestant ours({reference_folder() + "/" + idiom + "_probed", "1"}, "echo", count);
            const auto row = [&](const std::string& reader) {
                const Duel result = duel([&] { return base.run(window); }, [&] { return ours.run(window); }, pairs);
                print_row(fmt::format("{} x {}, {}", idiom, count, reader), result, 0.98);
            };
            row("nobody looks");
            // From now on each slice is timed.
            const auto path = telemetry::segment_path(*telemetry::runtime_folder(), fmt::format("asio-{}", ours.pid()));
            auto reader = telemetry::SegmentReader::open(path);
            if (!reader) fail(reader.error().text);
            ours.run(window);
            row("looked at");
        }
}
