// SPDX-License-Identifier: BSL-1.0
// connscope-serve: the live server core.
#include "connscope/server/modes/table.hpp"
#include "connscope/server/server.hpp"
#include "tool.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <map>
#include <optional>

namespace {

using namespace connscope;

void list_modes() {
    for (const auto& mode : server::modes())
        fmt::print("{:<24}{:<11}{:<9}{}\n", mode.id, mode.carrier, mode.scheduling, mode.hint);
}

int exit_code_of(const std::error_code& code) {
    return code == std::errc::invalid_argument ? tools::wrong_use : tools::environment_refused;
}

int serve(const server::ServerOptions& options) {
    auto started = server::Server::start(options);
    if (!started) {
        fmt::print(stderr, "connscope-serve: {}\n", started.error().text);
        return exit_code_of(started.error().code);
    }
    server::Server& server = **started;
    boost::asio::signal_set signals(server.context(), SIGINT, SIGTERM);
    const std::function<void()> await_signal = [&] {
        signals.async_wait([&](boost::system::error_code error, int) {
            if (error) return;
            server.shutdown();
            await_signal();
        });
    };
    await_signal();
    const auto endpoint = server.endpoint();
    fmt::print("listening on {}:{} mode={} protocol={} pid={} control={} segment={}\n",
               endpoint.address().is_v6() ? "[" + endpoint.address().to_string() + "]" : endpoint.address().to_string(),
               endpoint.port(), options.mode, options.protocol, ::getpid(), server.control_path().string(), server.name());
    std::fflush(stdout);
    if (server.run()) return tools::done;
    // A carrier did not come back: its thread cannot be waited for.
    std::fflush(nullptr);
    std::_Exit(tools::done);
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"connscope-serve: a live TCP server whose way of scheduling connections can be switched while clients stay "
                 "connected"};
    server::ServerOptions options;
    std::string listen = "127.0.0.1:7777";
    std::size_t stack_kib = options.mode_options.stack_bytes / 1024;
    std::optional<std::int64_t> slice_us;
    std::int64_t word_us = options.word_time.count();
    double idle_timeout = 0, request_timeout = 30, drain_deadline = 5;
    bool exit_with_parent = false;
    bool list = false;
    app.add_option("--listen", listen, "HOST:PORT; port 0 picks a free one")->capture_default_str();
    app.add_option("--mode", options.mode, "how connections are scheduled; see --list-modes")->capture_default_str();
    app.add_option("--protocol", options.protocol, "what connections speak")->capture_default_str();
    app.add_option("--threads", options.mode_options.threads,
                   "threads of the modes that share some; 0: as many as suit the machine")
        ->check(CLI::Range(0, 1024))
        ->capture_default_str();
    app.add_option("--stack-size", stack_kib, "KiB of stack for a thread or fiber of a connection's own")
        ->check(CLI::Range(16, 65536))
        ->capture_default_str();
    app.add_option("--slice-us", slice_us,
                   "microseconds one may compute before others run: preemptive-fibers interrupts it then (by itself after "
                   "1000), thread-per-connection asks the kernel for such slices, and in the cooperative modes it yields")
        ->check(CLI::Range(200, 100'000));
    app.add_option("--yield-actions", options.mode_options.actions,
                   "actions after which one yields in the cooperative modes; 0: none")
        ->check(CLI::Range(0, 1'000'000))
        ->capture_default_str();
    app.add_option("--word-us", word_us, "microseconds that one speaks on a word, with --protocol talk")
        ->check(CLI::Range(10, 1'000'000))
        ->capture_default_str();
    app.add_option("--turns", options.mode_options.turns,
                   "who lets the threads of cooperative-threads run one at a time: the kernel (fifo: SCHED_FIFO on one CPU, "
                   "needs CAP_SYS_NICE) or they themselves (baton)")
        ->transform(CLI::CheckedTransformer(std::map<std::string, server::Turns>{
            {"automatic", server::Turns::automatic}, {"fifo", server::Turns::fifo}, {"baton", server::Turns::baton}}))
        ->default_str("automatic");
    app.add_option("--control", options.control, "path of the control socket; by default in the runtime folder");
    app.add_option("--name", options.name, "name that observers find the server by; by default serve-PID");
    app.add_option("--max-connections", options.max_connections, "0: as many as there may be open files")
        ->check(CLI::Range(0, 1'000'000))
        ->capture_default_str();
    app.add_option("--idle-timeout", idle_timeout, "seconds a peer may be silent between requests; 0: for ever")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    app.add_option("--request-timeout", request_timeout, "seconds a peer may be silent within a request; 0: for ever")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    app.add_option("--drain-deadline", drain_deadline, "seconds that a shutdown waits for connections to end")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    app.add_option(
           "--stamp-every", options.stamp_every,
           "one connection in so many has the arrival of its bytes stamped by the kernel, for its exact scheduling delay; "
           "0: none")
        ->check(CLI::Range(0, 1'000'000))
        ->capture_default_str();
    std::int64_t hog_ms = options.hog_threshold.count();
    app.add_option("--hog-ms", hog_ms,
                   "milliseconds a connection may keep its thread while others could run, before that is told; 0: for ever")
        ->check(CLI::Range(0, 3'600'000))
        ->capture_default_str();
    app.add_flag("--exit-with-parent", exit_with_parent, "drain and exit when the process that started this one ends");
    app.add_flag("--list-modes", list, "print the modes with their carrier and who schedules them, and exit");
    if (const auto code = tools::parse(app, argc, argv)) return *code;
    if (list) {
        list_modes();
        return tools::done;
    }
    spdlog::set_default_logger(spdlog::stderr_color_mt("connscope-serve"));
    const auto address = tools::parse_address(listen);
    if (!address) {
        fmt::print(stderr, "connscope-serve: --listen {}: {}\n", listen, address.error().text);
        return tools::wrong_use;
    }
    options.host = address->host;
    options.port = address->port;
    options.mode_options.stack_bytes = stack_kib * 1024;
    if (slice_us) options.mode_options.slice = std::chrono::microseconds(*slice_us);
    options.word_time = std::chrono::microseconds(word_us);
    options.hog_threshold = std::chrono::milliseconds(hog_ms);
    options.idle_timeout = std::chrono::seconds(static_cast<std::int64_t>(idle_timeout));
    options.request_timeout = std::chrono::seconds(static_cast<std::int64_t>(request_timeout));
    options.drain_deadline = std::chrono::milliseconds(static_cast<std::int64_t>(drain_deadline * 1000));
    if (exit_with_parent) tools::end_with_parent();
    std::signal(SIGPIPE, SIG_IGN);
    return serve(options);
}
