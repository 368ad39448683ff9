// SPDX-License-Identifier: BSL-1.0
// connscope-compare: the same work through every mode, and what each costs.
#include "connscope/lab/child.hpp"
#include "connscope/lab/experiment.hpp"
#include "connscope/lab/findings.hpp"
#include "connscope/lab/layers.hpp"
#include "connscope/lab/report.hpp"
#include "connscope/lab/result.hpp"
#include "connscope/lab/sweep.hpp"
#include "connscope/lab/switch_cost.hpp"
#include "tool.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace connscope;

struct Arguments {
    lab::PlanRequest request;
    std::string json, csv, html, from, journal;
    std::string sweep; // a mode
    bool fresh = false;
    bool switches = false;
    bool layers = false;
    bool connections_given = false;
    bool lines = false;
    bool quiet = false;
    bool exit_with_parent = false;
};

const lab::Stop* the_stop = nullptr; // for the signal handler: set once before it is installed

void describe(CLI::App& app, Arguments& a) {
    lab::PlanRequest& r = a.request;
    app.set_help_flag("-h,--help", "Print this and exit");
    app.add_option("--modes", r.modes, "which, by the ids that connscope-serve --list-modes shows; by default all")
        ->delimiter(',')
        ->type_name("A,B");
    app.add_option("--against", r.against, "a server of your own beside them: NAME=HOST:PORT, any number of times")
        ->allow_extra_args(false);
    app.add_option("--connections", r.connections, "how many")->delimiter(',')->type_name("N,N")->capture_default_str();
    app.add_option("--threads", r.threads, "of the modes that share some")->delimiter(',')->type_name("N,N");
    app.add_option("--slice-us", r.slice_us, "microseconds until a mode that interrupts does")
        ->delimiter(',')
        ->type_name("N,N");
    app.add_option("--payload", r.payload, "bytes of a request's content")->delimiter(',')->type_name("N,N");
    app.add_option("--work-us", r.work_us, "microseconds of CPU in each request (http)")->delimiter(',')->type_name("N,N");
    app.add_option("--protocol", r.protocol, "http or echo; an echo can't be disturbed by a hog")->capture_default_str();
    app.add_option("--preset", r.preset, "a workload by its name (connscope-load --list-presets) or file");
    app.add_option("--population", r.populations, "the workload in connscope-load's words, any number of times")
        ->allow_extra_args(false);
    app.add_option("--rate", r.rate, "requests per second at which latencies are compared; by default what all can do");
    app.add_option("--rounds", r.rounds, "of each cell; by default 5, with --quick 2");
    app.add_option("--stretch", r.stretch_s, "seconds of each of the three measured stretches of a round; by default 2.6");
    app.add_flag("--quick", r.quick, "a first answer within a minute");
    app.add_option("--server-cpus", r.server_cpus, "CPUs of the servers; by default two thirds of those there are")
        ->delimiter(',');
    app.add_option("--load-cpus", r.load_cpus, "CPUs of the load; by default the others")->delimiter(',');
    app.add_flag("--switches", a.switches, "measure what one switch costs instead, by what is switched and what it touches");
    app.add_option("--sweep", a.sweep,
                   "measure how often to interrupt instead, in this mode: what ten slices cost (--slice-us: others) and how "
                   "soon connections that ask for little are answered beside some that compute")
        ->type_name("MODE");
    app.add_flag("--layers", a.layers,
                 "measure instead which layers a request crosses in each mode (--modes), how often and for how long");
    app.add_option("--json", a.json, "write the result for programs; - is standard output")->type_name("FILE");
    app.add_option("--csv", a.csv, "write the figures as a table for spreadsheets")->type_name("FILE");
    app.add_option("--html", a.html, "write the report for people: one file, to be read in a browser and printed")
        ->type_name("FILE");
    app.add_option("--from", a.from, "measure nothing: read this result (--json) and write it in other forms")
        ->type_name("FILE");
    app.add_option("--journal", a.journal,
                   "where rounds are kept until the end, so that an interrupted run goes on when it is started again")
        ->type_name("FILE");
    app.add_flag("--fresh", a.fresh, "begin anew where an interrupted run would go on");
    app.add_flag("--lines", a.lines, "tell what happens as lines of JSON on standard output, for programs");
    app.add_flag("--quiet", a.quiet, "no progress on standard error");
    app.add_flag("--exit-with-parent", a.exit_with_parent, "end when the process that started this one ends");
}

int refuse(const std::string& text, int code) {
    fmt::print(stderr, "connscope-compare: {}\n", text);
    return code;
}

int code_of(const telemetry::Error& error) {
    return error.code == std::errc::invalid_argument ? tools::wrong_use : tools::environment_refused;
}

// The command as a shell would take it again.
std::string command_text(int argc, char** argv) {
    std::string text = "connscope-compare";
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const bool plain = !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                                   "0123456789-_=.,:/+") == std::string::npos;
        text += plain ? " " + word : " '" + word + "'";
    }
    return text;
}

std::size_t terminal_width() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 160;
}

std::string duration_text(double seconds) {
    const auto whole = static_cast<long>(seconds + 0.5);
    return whole >= 60 ? fmt::format("{} min {:02} s", whole / 60, whole % 60) : fmt::format("{} s", whole);
}

// Tells a person on standard error and a program on standard output how the experiment goes.
class Teller {
public:
    explicit Teller(const Arguments& arguments)
        : lines_(arguments.lines)
        , quiet_(arguments.quiet)
        , one_line_(::isatty(STDERR_FILENO) != 0) {}
    ~Teller() { clear(); }

    lab::ExperimentReports reports() {
        return {[this](const lab::Progress& progress) { tell(progress); },
                [this](const lab::CellResult& cell, const lab::RoundRecord& round) { tell(cell, round); },
                [this](const std::string& text) { note(text); }};
    }
    void note(const std::string& text) {
        clear();
        if (!quiet_) fmt::print(stderr, "{}\n", text);
        if (lines_) line({{"event", "note"}, {"text", text}});
    }
    void line(boost::json::object object) const {
        std::printf("%s\n", boost::json::serialize(object).c_str());
        std::fflush(stdout);
    }

private:
    void tell(const lab::Progress& progress) {
        last_ = fmt::format("{:>3.0f} %  {} left",
                            100.0 * static_cast<double>(progress.done) /
                                static_cast<double>(std::max<std::size_t>(progress.all, 1)),
                            duration_text(progress.left_s));
        if (one_line_ && !quiet_) {
            fmt::print(stderr, "\r\x1b[K{}  round {}  {}: {}", last_, progress.round, progress.cell->key(), progress.part);
            std::fflush(stderr);
            written_ = true;
        }
        if (lines_)
            line({{"event", "progress"},
                  {"done", progress.done},
                  {"all", progress.all},
                  {"round", progress.round},
                  {"cell", progress.cell->key()},
                  {"part", progress.part},
                  {"elapsed_s", progress.elapsed_s},
                  {"left_s", progress.left_s}});
    }
    void tell(const lab::CellResult& cell, const lab::RoundRecord& round) {
        if (!quiet_ && (!one_line_ || round.failed)) {
            clear();
            fmt::print(stderr, "{}  round {} of {}: {}\n", last_, round.round + 1, cell.spec.key(),
                       round.failed ? "failed: " + *round.failed : fmt::format("{:.1f} s", round.seconds));
        }
        if (lines_) line({{"event", "round"}, {"cell", cell.spec.key()}, {"round", lab::to_json(round)}});
    }
    void clear() {
        if (written_) fmt::print(stderr, "\r\x1b[K");
        written_ = false;
    }

    bool lines_, quiet_, one_line_;
    bool written_ = false;
    std::string last_ = "  0 %";
};

// Writes the result in every form that was asked for. False when one could not be written; it was said why.
bool write_forms(const Arguments& arguments, const lab::Result& result) {
    bool whole = true;
    const auto write = [&](const std::string& path, const std::string& content) {
        if (path.empty()) return;
        if (path == "-") {
            std::fwrite(content.data(), 1, content.size(), stdout);
            whole = std::fflush(stdout) == 0 && whole;
            return;
        }
        if (auto written = lab::write_whole(path, content); !written) {
            refuse(written.error().text, 0);
            whole = false;
        }
    };
    if (!arguments.json.empty()) write(arguments.json, boost::json::serialize(lab::to_json(result)) + "\n");
    if (!arguments.csv.empty()) write(arguments.csv, lab::to_csv(result));
    if (!arguments.html.empty()) write(arguments.html, lab::to_html(result));
    return whole;
}

void print(const lab::Result& result) {
    if (!result.cells.empty()) fmt::print("{}\n", lab::to_table(result, terminal_width()));
    if (!result.switches.empty()) fmt::print("{}\n", lab::to_table(result.switches));
    for (const lab::Finding& finding : lab::find(result)) fmt::print("• {}\n", finding.text);
}

int finish(const Arguments& arguments, const lab::Result& result, bool to_terminal) {
    if (to_terminal) print(result);
    const bool written = write_forms(arguments, result);
    if (!written) return tools::environment_refused;
    bool any = !result.switches.empty(), failed = !result.complete;
    for (const lab::CellResult& cell : result.cells) {
        any = any || !cell.rounds.empty();
        failed = failed || cell.failed.has_value();
    }
    return !any ? tools::environment_refused : failed ? tools::promise_failed : tools::done;
}

int read_again(const Arguments& arguments) {
    std::ifstream file(arguments.from, std::ios::binary);
    if (!file) return refuse(fmt::format("--from {}: cannot be read", arguments.from), tools::environment_refused);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    boost::json::error_code error;
    const auto value = boost::json::parse(content, error);
    if (error)
        return refuse(fmt::format("--from {}: is not JSON: {}", arguments.from, error.message()),
                      tools::environment_refused);
    const auto result = lab::result_of_json(value);
    if (!result)
        return refuse(fmt::format("--from {}: {}", arguments.from, result.error().text), tools::environment_refused);
    return finish(arguments, *result, arguments.json != "-");
}

int measure_switches(const Arguments& arguments, const std::string& command, const lab::Stop& stop) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    lab::SwitchOptions options;
    std::vector<int> cpus;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) cpus.push_back(cpu);
    options.cpu = cpus.front();
    if (cpus.size() > 1) options.other_cpu = cpus[1];
    options.rounds = arguments.request.rounds.value_or(arguments.request.quick ? 2 : 5);
    if (options.rounds < 1 || options.rounds > 1000)
        return refuse(fmt::format("--rounds {}: 1 to 1000", options.rounds), tools::wrong_use);
    Teller teller(arguments);
    lab::Result result = lab::begin_result({}, command);
    result.rounds = options.rounds;
    result.workload = "switches";
    result.method = fmt::format(
        "Two sides hand CPU {} to each other; whoever has it reads and writes a word in each cache line of its working set. "
        "Cold: before each switch the side that leaves touches 8 MiB of other memory, and each switch is timed alone. The "
        "medians of {} interleaved rounds.",
        options.cpu, options.rounds);
    const auto begin = std::chrono::steady_clock::now();
    result.switches = lab::measure_switches(options, stop, [&](std::string_view text) { teller.note(std::string(text)); });
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    result.complete = !stop.asked();
    return finish(arguments, result, arguments.json != "-" && !arguments.lines);
}

// How far a sweep or the layers are.
void tell_part(const Arguments& arguments, Teller& teller, const std::string& part, std::size_t done, std::size_t all) {
    if (arguments.lines)
        teller.line({{"event", "progress"}, {"part", part}, {"done", done}, {"all", all}});
    else
        teller.note(fmt::format("{} of {}: {}", done + 1, all, part));
}

// To --json, where it was given. False when it could not be written; it was said why.
bool write_json(const Arguments& arguments, const boost::json::object& whole) {
    const std::string json = boost::json::serialize(whole) + "\n";
    if (arguments.json == "-") fmt::print("{}", json);
    if (arguments.json == "-" || arguments.json.empty()) return true;
    const auto written = lab::write_whole(arguments.json, json);
    if (!written) refuse(written.error().text, 0);
    return static_cast<bool>(written);
}

int sweep(const Arguments& arguments, const lab::Stop& stop) {
    lab::SweepOptions options;
    options.bin_folder = arguments.request.bin_folder;
    options.mode = arguments.sweep;
    options.seconds_each = arguments.request.stretch_s.value_or(arguments.request.quick ? 1.5 : options.seconds_each);
    options.server_cpus = arguments.request.server_cpus;
    options.load_cpus = arguments.request.load_cpus;
    if (!arguments.request.slice_us.empty())
        options.slices_us.assign(arguments.request.slice_us.begin(), arguments.request.slice_us.end());
    Teller teller(arguments);
    const auto swept = lab::run_sweep(options, stop,
                                      {.progress = [&](const std::string& part, std::size_t done,
                                                       std::size_t all) { tell_part(arguments, teller, part, done, all); },
                                       .point =
                                           [&](const lab::SweepPoint& point) {
                                               if (arguments.lines)
                                                   teller.line({{"event", "point"}, {"point", lab::to_json(point)}});
                                           }});
    if (!swept) return refuse(swept.error().text, code_of(swept.error()));
    if (arguments.lines)
        teller.line({{"event", "end"}, {"sweep", lab::to_json(*swept)}});
    else if (arguments.json != "-")
        fmt::print("{}", lab::to_table(*swept));
    if (!write_json(arguments, lab::to_json(*swept))) return tools::environment_refused;
    return swept->complete ? tools::done : tools::promise_failed;
}

int layers(const Arguments& arguments, const lab::Stop& stop) {
    lab::LayersOptions options;
    options.bin_folder = arguments.request.bin_folder;
    options.modes = arguments.request.modes;
    options.seconds_each = arguments.request.stretch_s.value_or(arguments.request.quick ? 1 : options.seconds_each);
    options.server_cpus = arguments.request.server_cpus;
    options.load_cpus = arguments.request.load_cpus;
    if (arguments.connections_given) options.connections = static_cast<std::uint32_t>(arguments.request.connections.front());
    Teller teller(arguments);
    const auto measured =
        lab::measure_layers(options, stop,
                            {.progress = [&](const std::string& part, std::size_t done,
                                             std::size_t all) { tell_part(arguments, teller, part, done, all); },
                             .mode =
                                 [&](const lab::ModeLayers& mode) {
                                     if (arguments.lines) teller.line({{"event", "layers"}, {"layers", lab::to_json(mode)}});
                                 }});
    if (!measured) return refuse(measured.error().text, code_of(measured.error()));
    boost::json::array modes;
    for (const lab::ModeLayers& mode : measured->modes) modes.push_back(lab::to_json(mode));
    boost::json::object whole{
        {"method", measured->method}, {"seconds", measured->seconds}, {"complete", measured->complete}};
    if (arguments.lines) {
        whole["event"] = "end";
        teller.line(whole);
        whole.erase("event");
    } else if (arguments.json != "-") {
        fmt::print("{}\n\n", measured->method);
        for (const lab::ModeLayers& mode : measured->modes) fmt::print("{}", lab::to_table(mode));
    }
    whole["modes"] = std::move(modes);
    if (!write_json(arguments, whole)) return tools::environment_refused;
    return measured->complete ? tools::done : tools::promise_failed;
}

int compare(const Arguments& arguments, const std::string& command, const lab::Stop& stop) {
    const auto plan = lab::make_plan(arguments.request);
    if (!plan) return refuse(plan.error().text, code_of(plan.error()));
    Teller teller(arguments);
    std::optional<lab::Journal> journal;
    const auto path = arguments.journal.empty() ? lab::journal_path(*plan) : std::filesystem::path(arguments.journal);
    if (path) {
        std::error_code ignored;
        if (arguments.fresh) std::filesystem::remove(*path, ignored);
        auto opened = lab::Journal::open(*path, *plan);
        if (opened)
            journal.emplace(std::move(*opened));
        else if (!arguments.journal.empty())
            return refuse(opened.error().text, tools::environment_refused);
        else
            teller.note(opened.error().text + "; an interrupted run cannot go on");
    } else {
        teller.note(path.error().text + "; an interrupted run cannot go on");
    }
    if (arguments.lines) {
        boost::json::array cells;
        for (const lab::CellSpec& cell : plan->cells) cells.push_back(boost::json::value(cell.key()));
        teller.line({{"event", "plan"},
                     {"rounds", plan->rounds},
                     {"cells", std::move(cells)},
                     {"result", lab::to_json(lab::begin_result(*plan, command))}});
    }
    lab::Result result = lab::run_experiment(*plan, command, journal ? &*journal : nullptr, stop, teller.reports());
    const int code = finish(arguments, result, arguments.json != "-" && !arguments.lines);
    if (arguments.lines) teller.line({{"event", "end"}, {"complete", result.complete}, {"seconds", result.seconds}});
    if (!result.complete)
        teller.note("interrupted; the same command goes on where this run ended");
    else if (journal && code != tools::environment_refused)
        journal->remove();
    return code;
}

} // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    CLI::App app{"connscope-compare: the same work through several modes, each in a fresh process, and what each costs"};
    describe(app, arguments);
    if (const auto code = tools::parse(app, argc, argv)) return *code;
    if (arguments.exit_with_parent) tools::end_with_parent();
    if (!arguments.from.empty()) return read_again(arguments);
    const lab::Stop stop;
    the_stop = &stop;
    const auto ask = [](int) { the_stop->ask(); };
    std::signal(SIGINT, ask);
    std::signal(SIGTERM, ask);
    std::signal(SIGHUP, ask);
    std::signal(SIGPIPE, SIG_IGN);
    arguments.request.bin_folder = lab::program_folder();
    if (!arguments.sweep.empty()) return sweep(arguments, stop);
    arguments.connections_given = app.count("--connections") > 0;
    if (arguments.layers) return layers(arguments, stop);
    const std::string command = command_text(argc, argv);
    return arguments.switches ? measure_switches(arguments, command, stop) : compare(arguments, command, stop);
}
