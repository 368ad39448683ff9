// SPDX-License-Identifier: BSL-1.0
// Moves all connections of a server under load through every ordered pair of modes: what is lost, and how long it takes.
#include "contestant.hpp"

#include "connscope/control/client.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <map>

namespace {

using namespace connscope;
using namespace connscope::bench;
using Clock = std::chrono::steady_clock;

// A way through all ordered pairs of `count` modes that ends where it began:
// 0 1 0 2 0 3 ... 1 2 1 3 ... 5 6, then 5 4 3 ... 0.
std::vector<std::size_t> through_all_pairs(std::size_t count) {
    std::vector<std::size_t> way;
    for (std::size_t from = 0; from < count; ++from) {
        way.push_back(from);
        for (std::size_t to = from + 2; to < count; ++to) {
            way.push_back(to);
            way.push_back(from);
        }
    }
    for (std::size_t from = count - 1; from > 0; --from) way.push_back(from - 1); // and back down, step by step
    return way;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"hand_off: 2,000 connections through every ordered pair of modes"};
    unsigned connections = 2000;
    int interval_ms = 200;
    double rate = 0;
    app.add_option("--connections", connections, "how many")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--interval", interval_ms, "milliseconds from change to change")->capture_default_str();
    app.add_option("--rate", rate, "requests per second; 0: each connection sends when its answer is there")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    const std::vector<std::string> modes{"thread-per-connection", "thread-pool",           "callbacks", "coroutines",
                                         "coroutines-pool",       "loop-per-core",         "fibers",    "preemptive-fibers",
                                         "cooperative-threads",   "process-per-connection"};
    Child serve({bin_folder() + "/connscope-serve", "--listen", "127.0.0.1:0", "--mode", modes.front()}, 0);
    const std::string ready = serve.line();
    auto control = control::Client::connect(value_of(ready, "control"));
    if (!control) fail(control.error().text);
    Child load({bin_folder() + "/connscope-load", "--connect", value_of(ready, ""), "--connections",
                std::to_string(connections), "--rate", fmt::format("{}", rate), "--duration", "0", "--json", "--quiet"},
               1);
    const auto open = [&] {
        const auto status = control->call("status", {}, std::chrono::seconds(10));
        return status ? status->at("connections").at("open").to_number<unsigned>() : 0;
    };
    for (int i = 0; i < 1000 && open() < connections; ++i) ::poll(nullptr, 0, 10);
    if (open() < connections) fail("not every connection came to be");

    std::map<std::pair<std::size_t, std::size_t>, double> took_ms;
    const std::vector<std::size_t> way = through_all_pairs(modes.size());
    const auto begin = Clock::now();
    for (std::size_t i = 1; i < way.size(); ++i) {
        const auto step = Clock::now();
        const auto done = control->call("set_mode", {{"mode", modes[way[i]]}}, std::chrono::seconds(60));
        if (!done) fail(fmt::format("{} to {}: {}", modes[way[i - 1]], modes[way[i]], done.error().text));
        const std::chrono::duration<double, std::milli> took = Clock::now() - step;
        took_ms[{way[i - 1], way[i]}] = took.count();
        const auto left = step + std::chrono::milliseconds(interval_ms) - Clock::now();
        if (left.count() > 0)
            ::poll(nullptr, 0, static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(left).count()));
    }
    const std::chrono::duration<double> whole = Clock::now() - begin;
    load.signal(SIGTERM);
    const auto result = boost::json::parse(load.rest());

    fmt::print("ms of a hand-off of {} connections, from row to column\n{:<23}", connections, "");
    for (std::size_t to = 0; to < modes.size(); ++to) fmt::print("{:>9.8}", modes[to]);
    fmt::print("\n");
    std::vector<double> all;
    for (std::size_t from = 0; from < modes.size(); ++from) {
        fmt::print("{:<23}", modes[from]);
        for (std::size_t to = 0; to < modes.size(); ++to) {
            const auto found = took_ms.find({from, to});
            if (found == took_ms.end()) {
                fmt::print("{:>9}", "");
                continue;
            }
            all.push_back(found->second);
            fmt::print("{:>9.0f}", found->second);
        }
        fmt::print("\n");
    }
    const auto count = [&](const char* group, const char* name) {
        return result.at(group).at(name).to_number<std::uint64_t>();
    };
    fmt::print("{} ordered pairs in {:.1f} s: median {:.0f} ms, longest {:.0f} ms; {} requests, {} failed, {} corrupted, "
               "{} connections reset, {} closed by the server, {} open at the end\n",
               all.size(), whole.count(), median(all), quantile(all, 1), count("requests", "completed"),
               count("requests", "failed"), count("requests", "corrupted"), count("connections", "reset"),
               count("connections", "closed_by_peer"), count("connections", "open"));
}
