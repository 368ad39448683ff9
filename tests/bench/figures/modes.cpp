// SPDX-License-Identifier: BSL-1.0
// What a mode costs against the same idiom written by hand, or one build of connscope-serve against another: 64 bytes there
// and back, as CPU time per request and as requests per second.
#include "contestant.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace {

using namespace connscope::bench;

// How many threads a mode and its reference get on their one CPU.
std::string threads_of(const std::string& mode) { return mode == "thread-pool" || mode == "coroutines-pool" ? "2" : "1"; }

std::vector<std::string> server_of(const std::string& bin, const std::string& mode) {
    return {bin + "/connscope-serve", "--listen", "127.0.0.1:0", "--mode", mode, "--threads", threads_of(mode)};
}

std::vector<std::string> reference_of(std::string mode) {
    const std::string threads = threads_of(mode);
    std::replace(mode.begin(), mode.end(), '-', '_');
    return {reference_folder() + "/" + mode, threads};
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"modes: the modes of connscope-serve against hand-written servers"};
    std::vector<std::string> modes{"thread-per-connection", "thread-pool",   "callbacks", "coroutines",
                                   "coroutines-pool",       "loop-per-core", "fibers"};
    std::vector<unsigned> connections{64, 1000};
    unsigned pairs = 9;
    int window_ms = 400;
    std::string against;
    app.add_option("--modes", modes, "which")->delimiter(',');
    app.add_option("--connections", connections, "how many")->delimiter(',');
    app.add_option("--pairs", pairs, "rounds of one window each")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--window", window_ms, "milliseconds of a window")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--against", against,
                   "the bin folder of another build, for example one without the probe, instead of the references");
    CLI11_PARSE(app, argc, argv);

    const std::chrono::milliseconds window(window_ms);
    print_head(against.empty() ? "reference" : "other build", "connscope-serve");
    for (const std::string& mode : modes)
        for (const unsigned count : connections) {
            Contestant base(against.empty() ? reference_of(mode) : server_of(against, mode), "echo", count);
            Contestant ours(server_of(bin_folder(), mode), "echo", count);
            const Duel result = duel([&] { return base.run(window); }, [&] { return ours.run(window); }, pairs);
            print_row(fmt::format("{} x {}", mode, count), result, against.empty() ? 0.97 : 0.99);
        }
}
