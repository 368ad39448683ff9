// SPDX-License-Identifier: BSL-1.0
// connscope-watch: a server, or any process, in a terminal or as lines of JSON.
#include "tool.hpp"
#include "watch_anatomy.hpp"
#include "watch_cost.hpp"
#include "watch_json.hpp"
#include "watch_table.hpp"
#include "watch_terminal.hpp"
#include "watch_wait.hpp"

#include "connscope/observe/targets.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

namespace {

using namespace connscope;

struct Arguments {
    std::string target;
    std::optional<double> interval;
    bool once = false;
    bool json = false;
    bool list = false;
    bool connections = false;
    bool threads = false;
    bool cost = false;
    std::optional<std::uint64_t> anatomy; // of this connection

    std::chrono::nanoseconds period() const {
        constexpr double for_once = 0.25; // enough for rates, not long to wait for
        return std::chrono::nanoseconds(static_cast<std::int64_t>(interval.value_or(once ? for_once : 1.0) * 1e9));
    }
};

int refuse(const telemetry::Error& error) {
    fmt::print(stderr, "connscope-watch: {}\n", error.text);
    return error.code == std::errc::invalid_argument ? tools::wrong_use : tools::environment_refused;
}

int list(bool as_json) {
    const auto targets = observe::list_targets();
    if (as_json) {
        fmt::print("{}\n", watch::to_json(targets));
    } else {
        fmt::print("{:>8}  {:<8} {:<24} {}\n", "PID", "KIND", "NAME", "ADDRESS");
        for (const observe::Target& target : targets) {
            const bool alive = target.state == telemetry::WriterState::alive;
            fmt::print("{:>8}  {:<8} {:<24} {}{}\n", target.pids.front(), observe::name_of(target.kind),
                       watch::printable(target.name), watch::printable(target.address),
                       alive ? "" : "  (has ended; its last moment can be read)");
        }
    }
    std::fflush(stdout);
    for (const std::string& text : observe::unreadable_segments())
        fmt::print(stderr, "connscope-watch: {}\n", watch::printable(text));
    return tools::done;
}

// The summary and, where asked for, all rows.
void print_table(const watch::Snapshot& snapshot, const Arguments& arguments) {
    for (const std::string& line : watch::summary_lines(snapshot)) fmt::print("{}\n", line);
    const auto print_rows = [&](watch::View view) {
        const auto table =
            watch::make_table(snapshot, view, watch::default_order(snapshot, view), {}, 0, ~std::size_t{0} / 2);
        fmt::print("\n{}\n", table.head);
        for (const std::string& row : table.rows) fmt::print("{}\n", row);
    };
    if (arguments.connections) print_rows(watch::View::connections);
    if (arguments.threads) print_rows(watch::View::threads);
}

void print_snapshot(const watch::Snapshot& snapshot, const Arguments& arguments) {
    if (!arguments.json) return print_table(snapshot, arguments);
    std::string line = watch::to_json(snapshot, arguments.connections);
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stdout);
}

// Prints a snapshot for each interval until the target ends or a signal comes.
int print(watch::Watcher& watcher, const Arguments& arguments) {
    watch::Waiter waiter(arguments.period(), {SIGINT, SIGTERM, SIGHUP});
    watch::Snapshot snapshot;
    if (auto read = watcher.read(snapshot); !read) return refuse(read.error());
    while (!snapshot.ended) { // the first reading is there for the rates of the second
        const auto woken = waiter.wait(false);
        if (woken.signal != 0) return tools::done;
        if (!woken.interval) continue;
        if (auto read = watcher.read(snapshot); !read) return refuse(read.error());
        if (snapshot.ended || arguments.once) break;
        print_snapshot(snapshot, arguments);
        if (!arguments.json) fmt::print("\n");
        if (std::fflush(stdout) != 0) return tools::done; // nobody reads any more
    }
    print_snapshot(snapshot, arguments);
    std::fflush(stdout);
    if (snapshot.ended) fmt::print(stderr, "connscope-watch: {} has ended\n", watch::printable(snapshot.name));
    return tools::done;
}

// Prints what one connection is made of, once or for each interval until it ends or a signal comes.
int print_anatomies(const observe::Target& target, const Arguments& arguments) {
    auto anatomist = watch::Anatomist::open(target, *arguments.anatomy);
    if (!anatomist) return refuse(anatomist.error());
    watch::Waiter waiter(arguments.period(), {SIGINT, SIGTERM, SIGHUP});
    for (;;) {
        const auto text = anatomist->read(arguments.json);
        if (!text) return refuse(text.error());
        fmt::print("{}\n", *text);
        if (std::fflush(stdout) != 0 || arguments.once) return tools::done;
        for (auto woken = waiter.wait(false); !woken.interval; woken = waiter.wait(false))
            if (woken.signal != 0) return tools::done;
    }
}

// Prints what one more connection costs for each interval, or once when those that come have come.
int print_costs(const observe::Target& target, const Arguments& arguments) {
    auto costs = watch::CostWatch::open(target);
    if (!costs) return refuse(costs.error());
    watch::Waiter waiter(arguments.period(), {SIGINT, SIGTERM, SIGHUP});
    for (;;) {
        for (auto woken = waiter.wait(false); !woken.interval; woken = waiter.wait(false))
            if (woken.signal != 0) return tools::done;
        const auto reading = costs->read();
        if (!reading) return refuse(reading.error());
        if (arguments.once && !reading->settled) continue;
        fmt::print("{}\n", arguments.json ? watch::to_json(*reading) : watch::to_text(*reading));
        if (std::fflush(stdout) != 0 || arguments.once) return tools::done;
    }
}

int watch_target(const Arguments& arguments) {
    const auto target = observe::find_target(arguments.target);
    if (!target) return refuse(target.error());
    if (arguments.anatomy) return print_anatomies(*target, arguments);
    if (arguments.cost) return print_costs(*target, arguments);
    auto watcher = watch::Watcher::open(*target, {.connections = arguments.connections, .threads = arguments.threads});
    if (!watcher) return refuse(watcher.error());
    if (arguments.once || arguments.json || ::isatty(STDOUT_FILENO) == 0) return print(**watcher, arguments);
    if (const auto watched = watch::watch_on_terminal(**watcher, arguments.period()); !watched)
        return refuse(watched.error());
    return tools::done;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"connscope-watch: what a server does with its connections, in a terminal or as lines of JSON"};
    Arguments arguments;
    app.add_option(
        "target", arguments.target,
        "PID, NAME of a server, pattern of names (\"shard-*\") or of a program; without one: the only server there is");
    app.add_option("--interval", arguments.interval, "seconds between readings (1; with --once 0.25)")
        ->check(CLI::Range(0.01, 86400.0));
    app.add_flag("--once", arguments.once, "print one reading and exit");
    app.add_flag("--json", arguments.json, "a line of JSON for each reading; null is what cannot be had");
    app.add_flag("--list", arguments.list, "show what can be watched, and exit");
    app.add_flag("--connections", arguments.connections, "with --json or --once: every connection too");
    app.add_flag("--threads", arguments.threads, "with --once: every thread too");
    app.add_option("--anatomy", arguments.anatomy,
                   "ID of a connection: where it will continue and what it continues with, read from the server's memory");
    app.add_flag(
        "--cost", arguments.cost,
        "what one more open connection costs, by parts, between now and later; with --once: when those have come that "
        "come");
    if (const auto code = tools::parse(app, argc, argv)) return *code;
    std::signal(SIGPIPE, SIG_IGN);
    if (arguments.list) return list(arguments.json);
    return watch_target(arguments);
}
