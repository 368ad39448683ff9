// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/preset.hpp"
#include "connscope/load/run.hpp"
#include "connscope/load/summary.hpp"
#include "connscope/telemetry/runtime_folder.hpp"
#include "tool.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace connscope;

struct Arguments {
    std::string connect;
    std::optional<std::string> protocol;
    std::optional<std::int64_t> connections;
    double rate = 0;
    std::int64_t payload = 64;
    bool payload_given = false;
    std::vector<std::string> populations;
    std::string preset;
    double duration = 10;
    double warm_up = 0;
    std::optional<double> time_out;
    std::uint64_t seed = 1;
    int threads = 1;
    std::optional<int> cpu;
    std::string name;
    std::string control;
    std::string hdr;
    bool list_presets = false;
    bool json = false;
    bool strict = false;
    bool reconnect = false;
    bool quiet = false;
    bool busy_poll = false;
    bool exit_with_parent = false;
};

int refuse(const std::string& text, int code = tools::wrong_use) {
    std::fprintf(stderr, "connscope-load: %s\n", text.c_str());
    return code;
}

std::chrono::nanoseconds seconds(double value) { return std::chrono::nanoseconds(static_cast<std::int64_t>(value * 1e9)); }

void describe(CLI::App& app, Arguments& a) {
    app.add_option("--connect", a.connect, "The server: HOST:PORT");
    app.add_option("--protocol", a.protocol, "echo (default), http or talk");
    app.add_option("--connections", a.connections, "Active connections: short for --population active:N")->type_name("N");
    app.add_option("--rate", a.rate,
                   "Requests per second of --connections, together; 0 = closed loop: each sends when its answer is there")
        ->type_name("PER_S");
    app.add_option("--payload", a.payload, "Bytes of a request's content (echo: 64; http: 0, more sends POST /echo)")
        ->type_name("BYTES");
    app.add_option(
           "--population", a.populations,
           "KIND:COUNT[,OPTION=VALUE]…, any number of times. Kinds: active, idle, slow-reader, slow-sender, churn, hog, "
           "speaker. "
           "Options: "
           "name, rate, arrivals=constant|poisson, payload, think_us, pipeline, interval_ms and piece (slow ones), requests "
           "(churn); http: path, us (CPU time: /work?us=), ms (pause: /pause?ms=); "
           "talk: words (of a line), yield (after so many words; 0: never) and turn_us (after so long, in mid-word)")
        ->type_name("TEXT")
        ->allow_extra_args(false);
    app.add_option("--preset", a.preset, "A workload by its name (see --list-presets) or file")->type_name("NAME|FILE");
    app.add_flag("--list-presets", a.list_presets, "Show the presets and exit");
    app.add_option("--duration", a.duration, "Seconds to measure; 0 = until SIGINT or SIGTERM")->capture_default_str();
    app.add_option("--warmup", a.warm_up, "Seconds to send before, not counted")->capture_default_str();
    app.add_option(
        "--timeout", a.time_out,
        "Seconds for a connection to be there and for an answer to go on (default 10; talk: 600, as one may speak slowly)");
    app.add_flag("--reconnect", a.reconnect, "Open refused and lost connections again, backing off from 10 ms to 2.56 s");
    app.add_option("--seed", a.seed, "Of contents and poisson arrivals")->capture_default_str();
    app.add_option("--threads", a.threads, "Engine threads")->capture_default_str();
    app.add_option("--cpu", a.cpu, "Pin the engine's thread to this CPU (further threads to the next ones)")->type_name("N");
    app.add_flag("--busy-poll", a.busy_poll, "Never sleep: no wake-up adds to a latency, but it takes a whole CPU");
    app.add_option("--name", a.name, "Of the segment (default load-PID)");
    app.add_option("--control", a.control, "Path of the control socket (default in the runtime folder)")->type_name("PATH");
    app.add_option("--hdr", a.hdr, "Write latencies in HdrHistogram's percentile format")->type_name("FILE");
    app.add_flag("--json", a.json, "One object on standard output at the end; everything else on standard error");
    app.add_flag("--strict", a.strict, "Exit 1 when a connection, a request or a byte failed");
    app.add_flag("--quiet", a.quiet, "No readings while it runs");
    app.add_flag("--exit-with-parent", a.exit_with_parent, "End when the process that started this one ends");
}

int list_presets() {
    const auto presets = load::presets();
    if (presets.empty()) return refuse("no presets are installed beside this program", tools::environment_refused);
    for (const load::Preset& preset : presets) {
        std::printf("%-22s %s\n%22s %s\n", preset.name.c_str(), preset.title.c_str(), "", preset.explains.c_str());
        std::string text = fmt::format("--protocol {}", load::name_of(preset.protocol));
        for (const load::Population& population : preset.populations) text += " --population " + load::to_text(population);
        std::printf("%22s %s\n", "", text.c_str());
    }
    return tools::done;
}

// The populations that the arguments ask for, or why they cannot be had.
telemetry::Outcome<load::RunOptions> understand(const Arguments& a) {
    const auto wrong = [](std::string text) {
        return telemetry::Error{std::make_error_code(std::errc::invalid_argument), std::move(text)};
    };
    load::RunOptions options;
    if (a.connect.empty()) return wrong("--connect HOST:PORT is needed: the server to load");
    auto target = load::resolve(a.connect);
    if (!target) return std::move(target).error();
    options.load.target = std::move(*target);

    std::optional<load::Preset> preset;
    if (!a.preset.empty()) {
        auto loaded = load::load_preset(a.preset);
        if (!loaded) return std::move(loaded).error();
        preset = std::move(*loaded);
        options.load.protocol = preset->protocol;
    }
    if (a.protocol) {
        auto protocol = load::parse_protocol(*a.protocol);
        if (!protocol) return std::move(protocol).error();
        if (preset && preset->protocol != *protocol)
            return wrong(
                fmt::format("the preset {} speaks {}, not {}", preset->name, load::name_of(preset->protocol), *a.protocol));
        options.load.protocol = *protocol;
    }

    constexpr std::int64_t most_payload = 1 << 30;
    if (a.payload < 0 || a.payload > most_payload)
        return wrong(fmt::format("--payload {}: a payload is 0 to {} bytes", a.payload, most_payload));
    if (!(a.rate >= 0) || a.rate > load::max_rate)
        return wrong(fmt::format("--rate {}: a rate is 0 to {} per second", a.rate, load::max_rate));
    const bool echo = options.load.protocol == load::Protocol::echo;
    options.default_payload = !echo ? 0 : static_cast<std::uint64_t>(a.payload);
    const load::PopulationDefaults defaults{options.load.protocol, options.default_payload};
    if (preset) options.populations = preset->populations;
    for (const std::string& text : a.populations) {
        auto population = load::parse_population(text, defaults);
        if (!population) return std::move(population).error();
        options.populations.push_back(std::move(*population));
    }
    if (a.connections && *a.connections <= 0)
        return wrong(fmt::format("--connections {}: at least one connection is needed", *a.connections));
    if (a.connections || options.populations.empty()) {
        const bool speaks = options.load.protocol == load::Protocol::talk;
        std::string text =
            fmt::format("{}:{},rate={}", speaks ? "speaker" : "active", a.connections.value_or(speaks ? 4 : 100), a.rate);
        if (echo || a.payload_given) text += fmt::format(",payload={}", a.payload);
        auto active = load::parse_population(text, defaults);
        if (!active) return std::move(active).error();
        options.populations.insert(options.populations.begin(), std::move(*active));
    } else if (a.rate > 0) {
        return wrong(
            "--rate belongs to --connections; a population has a rate of its own: --population active:100,rate=1000");
    }
    if (auto named = load::name_apart(options.populations); !named) return std::move(named).error();
    if (std::all_of(options.populations.begin(), options.populations.end(),
                    [](const auto& each) { return each.connections == 0; }))
        return wrong("at least one connection is needed");

    constexpr double longest = 30.0 * 24 * 3600;
    if (!(a.duration >= 0) || a.duration > longest)
        return wrong(fmt::format("--duration {}: 0 to {} seconds", a.duration, longest));
    if (!(a.warm_up >= 0) || a.warm_up > longest)
        return wrong(fmt::format("--warmup {}: 0 to {} seconds", a.warm_up, longest));
    const bool talks = options.load.protocol == load::Protocol::talk;
    const double time_out = a.time_out.value_or(talks ? 600 : 10);
    if (!(time_out >= 0.01) || time_out > 3600) return wrong(fmt::format("--timeout {}: 0.01 to 3600 seconds", time_out));
    if (a.threads < 1 || a.threads > 64) return wrong(fmt::format("--threads {}: 1 to 64", a.threads));
    if (a.cpu) {
        cpu_set_t allowed;
        CPU_ZERO(&allowed);
        ::sched_getaffinity(0, sizeof allowed, &allowed);
        for (int cpu = *a.cpu; cpu < *a.cpu + a.threads; ++cpu)
            if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(static_cast<unsigned>(cpu), &allowed))
                return wrong(fmt::format("--cpu {}: this process may not run on CPU {}", *a.cpu, cpu));
    }
    options.duration = seconds(a.duration);
    options.warm_up = seconds(a.warm_up);
    options.load.time_out = seconds(time_out);
    options.load.seed = a.seed;
    options.load.reconnect = a.reconnect;
    options.load.busy_poll = a.busy_poll;
    options.load.threads = static_cast<std::uint32_t>(a.threads);
    options.load.cpu = a.cpu;
    options.load.name = a.name.empty() ? fmt::format("load-{}", ::getpid()) : a.name;
    if (!telemetry::valid_name(options.load.name))
        return wrong(fmt::format("--name {}: 1 to 48 letters, digits, '.', '_' and '-'", options.load.name));
    return options;
}

int run(const Arguments& arguments) {
    auto options = understand(arguments);
    if (!options) return refuse(options.error().text);
    options->load.control_path = arguments.control;
    if (arguments.control.empty()) {
        auto folder = telemetry::runtime_folder();
        if (!folder) return refuse(folder.error().text, tools::environment_refused);
        options->load.control_path = telemetry::control_path(*folder, options->load.name).string();
    }
    std::ofstream hdr;
    if (!arguments.hdr.empty()) {
        hdr.open(arguments.hdr);
        if (!hdr) return refuse(fmt::format("cannot write {}", arguments.hdr), tools::environment_refused);
    }

    std::FILE* told = arguments.json ? stderr : stdout;
    const auto line = [told](const std::string& text) {
        std::fprintf(told, "%s\n", text.c_str());
        std::fflush(told);
    };
    const load::RunReports reports{line, [&](const std::string& text) {
                                       if (!arguments.quiet) line(text);
                                   }};
    auto result = load::run(std::move(*options), reports);
    if (!result) return refuse(result.error().text, tools::environment_refused);

    if (hdr.is_open()) load::write_hdr(hdr, result->summary.figures.front().latencies);
    if (arguments.json)
        std::printf("%s\n", boost::json::serialize(load::to_json(result->summary)).c_str());
    else
        std::printf("%s", load::to_text(result->summary).c_str());
    if (std::fflush(stdout) != 0) return tools::environment_refused;
    if (result->never_connected)
        return refuse(fmt::format("no connection to {} could be opened; is the server there?", arguments.connect),
                      tools::environment_refused);
    return arguments.strict && load::anything_failed(result->summary) ? tools::promise_failed : tools::done;
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN); // a reader of our output that went away is no reason to stop
    Arguments arguments;
    CLI::App app{"Real clients for a TCP server: opens connections, sends requests on a schedule, checks every byte that "
                 "comes back."};
    describe(app, arguments);
    if (const auto code = tools::parse(app, argc, argv)) return *code;
    arguments.payload_given = app.count("--payload") > 0;
    if (arguments.list_presets) return list_presets();
    if (arguments.exit_with_parent) tools::end_with_parent();
    return run(arguments);
}
