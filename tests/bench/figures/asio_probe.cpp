// SPDX-License-Identifier: BSL-1.0
// What connscope::asio costs a server that links it: the same hand-written echo servers with and without it, 64 bytes there
// and back, as CPU time per request and as requests per second.
#include "contestant.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

int main(int argc, char** argv) {
    using namespace connscope::bench;
    CLI::App app{"asio_probe: servers that link connscope::asio against the same without"};
    std::vector<std::string> idioms{"callbacks", "coroutines", "fibers"};
    std::vector<unsigned> connections{64, 1000};
    unsigned pairs = 9;
    int window_ms = 400;
    app.add_option("--idioms", idioms, "which")->delimiter(',');
    app.add_option("--connections", connections, "how many")->delimiter(',');
    app.add_option("--pairs", pairs, "rounds of one window each")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--window", window_ms, "milliseconds of a window")->check(CLI::PositiveNumber)->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    const std::chrono::milliseconds window(window_ms);
    print_head("without", "with connscope::asio");
    for (const std::string& idiom : idioms)
        for (const unsigned count : connections) {
            Contestant base({reference_folder() + "/" + idiom, "1"}, "echo", count);
            Contestant ours({reference_folder() + "/" + idiom + "_probed", "1"}, "echo", count);
            const Duel result = duel([&] { return base.run(window); }, [&] { return ours.run(window); }, pairs);
            print_row(fmt::format("{} x {}", idiom, count), result, 0.98);
        }
}
