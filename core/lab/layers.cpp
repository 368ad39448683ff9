// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/layers.hpp"

#include "connscope/lab/asker.hpp"
#include "connscope/lab/crossings.hpp"
#include "connscope/lab/plan.hpp"
#include "connscope/lab/subject.hpp"
#include "connscope/lab/switch_cost.hpp"
#include "connscope/observe/anatomy/symbols.hpp"
#include "connscope/observe/anatomy/thread_state.hpp"
#include "connscope/observe/proc_file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <thread>

namespace connscope::lab {
namespace {

using namespace std::chrono_literals;
using telemetry::Error;
using telemetry::Outcome;

constexpr std::uint64_t sample_period_ns = 250'000;
constexpr double least_samples = 50, enough_samples = 150;
constexpr int most_turns = 4;
constexpr double trace_share = 0.25, counted_share = 0.25, sampled_share = 0.5; // of a mode's seconds

Error wrong(std::string text) { return {std::make_error_code(std::errc::invalid_argument), std::move(text)}; }

std::chrono::nanoseconds nanoseconds_of(double seconds) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

void run_on(const std::vector<int>& cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &set);
    ::sched_setaffinity(0, sizeof set, &set);
}

// A system call that does next to nothing, in ns: what a trace adds to it, it adds to each. A trace has room for all of
// them.
double least_call_ns() {
    constexpr int calls = 4'000;
    double least = 1e9;
    for (int attempt = 0; attempt < 5; ++attempt) {
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; ++i) ::syscall(SYS_getppid);
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
        least = std::min(least, took.count() / calls);
    }
    return least;
}

// Which layer a code address belongs to.
enum class Place { session, mode, probe, runtime, library };
constexpr std::size_t place_count = 5;

Place place_of(const observe::Symbol& symbol) {
    if (!symbol.in_program) {
        const bool is_runtime = symbol.module.starts_with("libboost") || symbol.module.starts_with("libstdc++");
        return is_runtime ? Place::runtime : Place::library;
    }
    // The innermost function that is nobody's template of the standard library.
    for (const observe::CodePlace& place : symbol.places) {
        if (place.folder.find("/c++/") != std::string::npos || place.folder.empty()) continue;
        if (place.folder.find("/boost/") != std::string::npos) return Place::runtime;
        if (place.folder.find("core/protocol") != std::string::npos) return Place::session;
        if (place.folder.find("core/telemetry") != std::string::npos) return Place::probe;
        if (!place.system) return Place::mode;
    }
    for (const auto& [scope, place] :
         {std::pair{"connscope::protocol::", Place::session}, std::pair{"connscope::telemetry::", Place::probe},
          std::pair{"connscope::", Place::mode}})
        if (symbol.full_name.find(scope) != std::string::npos) return place;
    return Place::runtime;
}

// What the kernel has counted of all threads of some processes. No thread ends while they are asked.
struct ThreadTotals {
    std::uint64_t cpu_ns = 0;
    std::uint64_t switches = 0;
};
ThreadTotals totals_of(const std::vector<std::uint32_t>& pids) {
    ThreadTotals totals;
    for (const std::uint32_t pid : pids) {
        const auto folder = observe::open_in(AT_FDCWD, fmt::format("/proc/{}/task", pid).c_str(), O_DIRECTORY);
        std::vector<std::uint32_t> threads;
        if (!folder || !observe::list_numbers(folder.get(), threads)) continue;
        for (const std::uint32_t thread : threads) {
            const auto state = observe::read_thread_state(pid, thread);
            if (!state) continue;
            totals.cpu_ns += static_cast<std::uint64_t>(state->run.value_or(0ns).count());
            totals.switches += state->voluntary_switches + state->involuntary_switches;
        }
    }
    return totals;
}

// Measures one mode.
class OneMode {
public:
    OneMode(const Plan& plan, const LayersOptions& options, const ModeTraits& traits, const std::vector<SwitchCost>& prices,
            const Stop& stop)
        : plan_(plan)
        , options_(options)
        , stop_(stop)
        , prices_(prices) {
        found_.mode = traits.id;
        found_.title = traits.title;
        found_.carrier = traits.carrier;
        found_.connections = options.connections;
    }

    ModeLayers run() {
        if (auto measured = measure(); !measured) found_.failed = measured.error().text;
        if (subject_) subject_->end();
        return std::move(found_);
    }

private:
    telemetry::Status measure() {
        CellSpec cell;
        cell.mode = found_.mode;
        cell.conditions.connections = options_.connections;
        auto subject = Subject::start(plan_, cell);
        if (!subject) return subject.error();
        subject_.emplace(std::move(*subject));
        auto asker = Asker::connect(subject_->address(), options_.connections);
        if (!asker) return asker.error();
        asker_.emplace(std::move(*asker));
        if (auto warm = asker_->ask_for(100ms, stop_, [] {}); !warm) return warm.error(); // it settles
        found_.request_bytes = asker_->request_bytes();
        found_.answer_bytes = asker_->answer_bytes();
        if (auto counted = count(); !counted) return counted;
        if (auto traced = trace(); !traced) return traced;
        if (auto sampled = sample(); !sampled) return sampled;
        if (stop_.asked()) return Error{std::make_error_code(std::errc::interrupted), "interrupted"};
        put_layers();
        return telemetry::success();
    }

    // What the server and the kernel count by themselves, while nobody traces.
    telemetry::Status count() {
        const auto before = subject_->usage(stop_);
        if (!before) return before.error();
        const auto pids = subject_->pids();
        const auto threads_before = totals_of(pids);
        const auto answered = asker_->ask_for(nanoseconds_of(options_.seconds_each * counted_share), stop_, [] {});
        if (!answered) return answered.error();
        const auto threads_after = totals_of(pids);
        const auto after = subject_->usage(stop_);
        if (!after) return after.error();
        const auto requests = static_cast<double>(*answered);
        const auto per_request = [&](const auto& from, const auto& to) -> LayerFigure {
            if (from && to) return {std::max(0.0, *to - *from) / requests, {}};
            return {{}, "this server does not report it"};
        };
        user_space_ = per_request(before->user_space, after->user_space);
        slices_ = per_request(before->slices, after->slices);
        found_.cpu_ns = {static_cast<double>(threads_after.cpu_ns - threads_before.cpu_ns) / requests, {}};
        found_.kernel_switches = {static_cast<double>(threads_after.switches - threads_before.switches) / requests, {}};
        return telemetry::success();
    }

    telemetry::Status trace() {
        const int cpu = plan_.server_cpus.front();
        double call_ns = 0;
        const auto on_its_cpu = [&](double& ns) { // a thread of its own, so that this one stays where it is
            std::jthread([&] {
                run_on({cpu});
                ns = least_call_ns();
            }).join();
        };
        on_its_cpu(call_ns);
        auto trace = KernelTrace::open(cpu);
        if (!trace) {
            trace_missing_ = found_.copies_missing = trace.error().text;
            return telemetry::success();
        }
        double traced_call_ns = 0;
        on_its_cpu(traced_call_ns);
        found_.trace_ns = std::max(0.0, traced_call_ns - call_ns);
        std::vector<TraceRecord> records;
        trace->read(records); // what was before
        CrossingCounter counter(subject_->pids());
        // Between two rounds of requests nobody is in the middle of one.
        const auto answered = asker_->ask_for(nanoseconds_of(options_.seconds_each * trace_share), stop_, [&] {
            records.clear();
            trace->read(records);
            counter.take(records);
        });
        if (!answered) return answered.error();
        if (trace->lost() > 0) {
            trace_missing_ = found_.copies_missing =
                fmt::format("{} records of the trace were lost: the machine was too busy to read them", trace->lost());
            return telemetry::success();
        }
        found_.requests = *answered;
        crossings_ = counter.crossings();
        const auto requests = static_cast<double>(*answered);
        const auto share = [&](std::uint64_t count) { return static_cast<double>(count) / requests; };
        found_.copies = Copies{share(crossings_->copied_in), share(crossings_->copied_out), share(crossings_->bytes_in),
                               share(crossings_->bytes_out)};
        return telemetry::success();
    }

    // Where the server's code is, by looking often.
    telemetry::Status sample() {
        auto sampler = CodeSampler::open(plan_.server_cpus.front(), sample_period_ns);
        if (!sampler) {
            samples_missing_ = sampler.error().text;
            return telemetry::success();
        }
        std::vector<CodeSample> samples;
        sampler->read(samples);
        samples.clear();
        const auto pids = subject_->pids();
        auto symbols = observe::Symbols::open(pids.front());
        if (!symbols) {
            samples_missing_ = symbols.error().text;
            return telemetry::success();
        }
        // Longer where the CPU has had others to run: until there are enough to share out by.
        const auto part = nanoseconds_of(options_.seconds_each * sampled_share);
        for (int turn = 0; turn < most_turns && all_samples_ < enough_samples && !stop_.asked(); ++turn) {
            const auto answered = asker_->ask_for(part, stop_, [&] { sampler->read(samples); });
            if (!answered) return answered.error();
            for (const CodeSample& each : samples) {
                if (std::find(pids.begin(), pids.end(), each.process) == pids.end()) continue;
                ++samples_[static_cast<std::size_t>(place_of(symbols->at(each.address)))];
                ++all_samples_;
            }
            samples.clear();
        }
        if (all_samples_ < least_samples)
            samples_missing_ = fmt::format("only {} looks found the server outside the kernel", all_samples_);
        return telemetry::success();
    }

    // The time of a request outside of the kernel, from the trace, without what the trace adds.
    LayerFigure user_ns() const {
        if (!crossings_) return {{}, trace_missing_};
        const double traced = static_cast<double>(crossings_->user_ns) -
                              found_.trace_ns.value_or(0) / 2 * static_cast<double>(crossings_->calls());
        return {std::max(0.0, traced) / static_cast<double>(found_.requests), {}};
    }

    LayerFigure ns_in(Place place) const {
        if (!samples_missing_.empty()) return {{}, samples_missing_};
        LayerFigure all = user_ns();
        if (!all.value) return all;
        return {*all.value * static_cast<double>(samples_[static_cast<std::size_t>(place)]) / all_samples_, {}};
    }

    // ns of one switch; none when it was not measured.
    std::optional<double> price_of(std::string_view way) const {
        for (const SwitchCost& price : prices_)
            if (price.way == way && price.place == "same core" && !price.cold && price.spread_ns)
                return price.spread_ns->median;
        return std::nullopt;
    }

    Layer kernel_layer(std::string id, const std::map<std::int64_t, Crossings::Call> Crossings::*which) const {
        Layer layer;
        layer.id = std::move(id);
        layer.crossed_by = "system calls";
        layer.source =
            fmt::format("the kernel's trace points sys_enter, sys_exit and sched_switch; what the trace adds to a "
                        "call ({:.0f} ns, by a loop of getppid) is taken off",
                        found_.trace_ns.value_or(0));
        if (!crossings_) {
            layer.crossings.missing = layer.ns.missing = trace_missing_;
            return layer;
        }
        const auto requests = static_cast<double>(found_.requests);
        double count = 0, ns = 0;
        for (const auto& [number, call] : (*crossings_).*which) {
            LayerPart part;
            part.name = observe::call_name(number);
            part.count = static_cast<double>(call.count) / requests;
            const double each = call.timed == 0
                                    ? 0
                                    : std::max(0.0, static_cast<double>(call.ns) / static_cast<double>(call.timed) -
                                                        found_.trace_ns.value_or(0) / 2);
            part.ns.value = each * part.count;
            count += part.count;
            ns += *part.ns.value;
            layer.parts.push_back(std::move(part));
        }
        // What the server does now and then, for itself, is in the sums alone.
        std::erase_if(layer.parts, [](const LayerPart& part) { return part.count < 0.005 && *part.ns.value < 5; });
        std::sort(layer.parts.begin(), layer.parts.end(),
                  [](const LayerPart& a, const LayerPart& b) { return *a.ns.value > *b.ns.value; });
        layer.crossings.value = count;
        layer.ns.value = ns;
        return layer;
    }

    Layer user_layer(std::string id, std::string crossed_by, LayerFigure crossings, Place place) const {
        return {.id = std::move(id),
                .crossed_by = std::move(crossed_by),
                .crossings = std::move(crossings),
                .ns = ns_in(place),
                .is_within = false,
                .source = fmt::format("the time between two system calls, from the trace, shared out by {} looks at where "
                                      "the code is, one each {} us of the CPU's time",
                                      all_samples_, sample_period_ns / 1000),
                .parts = {}};
    }

    Layer switch_layer() const {
        Layer layer;
        layer.id = "switch";
        layer.crossed_by = "kernel switches";
        layer.is_within = true;
        const std::string_view way = found_.carrier == "process" ? "process (pipe)" : "thread (futex)";
        const auto price = price_of(way);
        layer.source = fmt::format("counted by the trace point sched_switch; one switch, {}, measured apart, as "
                                   "connscope-compare --switches does; its time is in the two layers above, too",
                                   way);
        if (!crossings_) {
            layer.crossings = found_.kernel_switches;
            layer.source = "counted by the kernel for each thread (/proc); one switch measured apart";
        } else {
            const auto share = [&](std::uint64_t count) {
                return static_cast<double>(count) / static_cast<double>(found_.requests);
            };
            layer.crossings.value = share(crossings_->blocked + crossings_->preempted);
            const auto part = [&](std::string name, std::uint64_t count) {
                LayerFigure ns;
                if (price) ns.value = *price * share(count);
                layer.parts.push_back({std::move(name), share(count), std::move(ns)});
            };
            part("it waited", crossings_->blocked);
            part("it was preempted", crossings_->preempted);
        }
        if (price && layer.crossings.value)
            layer.ns.value = *price * *layer.crossings.value;
        else
            layer.ns.missing = "the price of a switch was not measured";
        return layer;
    }

    void put_layers() {
        Layer session = user_layer("session", "resumes", slices_, Place::session);
        Layer mode = user_layer("mode", "user-space switches", user_space_, Place::mode);
        const std::string_view way = found_.carrier == "fiber"       ? "fiber"
                                     : found_.carrier == "coroutine" ? "coroutine"
                                                                     : "call";
        if (const auto price = price_of(way); price && user_space_.value && *user_space_.value > 0)
            mode.parts.push_back(
                {fmt::format("a {}'s switch, measured apart", way), *user_space_.value, {*price * *user_space_.value, {}}});
        found_.layers = {std::move(session),
                         std::move(mode),
                         user_layer("probe", {}, {}, Place::probe),
                         user_layer("runtime", {}, {}, Place::runtime),
                         user_layer("library", {}, {}, Place::library),
                         kernel_layer("socket", &Crossings::socket_calls),
                         kernel_layer("scheduler", &Crossings::other_calls),
                         switch_layer()};
        found_.layers[0].source += "; resumes: the slices that the server counts";
        found_.layers[1].source += "; switches: counted by the server";
    }

    const Plan& plan_;
    const LayersOptions& options_;
    const Stop& stop_;
    const std::vector<SwitchCost>& prices_;
    ModeLayers found_;
    std::optional<Subject> subject_;
    std::optional<Asker> asker_;
    LayerFigure user_space_, slices_;
    std::optional<Crossings> crossings_;
    std::string trace_missing_;
    std::array<std::uint64_t, place_count> samples_{};
    double all_samples_ = 0;
    std::string samples_missing_;
};

} // namespace

Outcome<LayersResult> measure_layers(const LayersOptions& options, const Stop& stop, const LayersReports& reports) {
    const auto begin = std::chrono::steady_clock::now();
    if (options.connections < 1 || options.connections > 1000)
        return wrong(fmt::format("layers are measured with 1 to 1000 connections, not {}", options.connections));
    if (!(options.seconds_each >= 0.2 && options.seconds_each <= 600))
        return wrong(fmt::format("each mode is measured for 0.2 to 600 s, not {}", options.seconds_each));
    const auto known = ask_modes(options.bin_folder);
    if (!known) return known.error();
    std::vector<ModeTraits> chosen;
    for (const std::string& id : options.modes) {
        const auto found = std::find_if(known->begin(), known->end(), [&](const auto& mode) { return mode.id == id; });
        if (found == known->end()) return wrong(fmt::format("there is no mode '{}'", id));
        chosen.push_back(*found);
    }
    if (chosen.empty()) chosen = *known;
    Plan plan;
    plan.bin_folder = options.bin_folder;
    plan.protocol = "http";
    give_one_cpu(plan, options.server_cpus, options.load_cpus);
    plan.server_cpus.resize(1); // the trace is of one CPU

    LayersResult result;
    result.method = fmt::format(
        "A fresh server on CPU {} for each mode. {} connections ask for a short answer at once, and again when the last is "
        "answered. {:.1f} s each: a part without a trace, a part with one, a part in which it is looked at where the code "
        "is.",
        plan.server_cpus.front(), options.connections, options.seconds_each);
    const std::size_t all = chosen.size() + 1;
    // On a thread of its own: it is pinned, the caller's is not.
    std::jthread([&] {
        run_on(plan.load_cpus);
        if (reports.progress) reports.progress("what a switch costs", 0, all);
        SwitchOptions switches;
        switches.working_sets = {0};
        switches.rounds = 1;
        switches.cpu = plan.server_cpus.front();
        const auto prices = measure_switches(switches, stop, [](std::string_view) {});
        for (const ModeTraits& mode : chosen) {
            if (stop.asked()) break;
            if (reports.progress) reports.progress(mode.title, result.modes.size() + 1, all);
            ModeLayers measured = OneMode(plan, options, mode, prices, stop).run();
            if (stop.asked()) break;
            if (reports.mode) reports.mode(measured);
            result.modes.push_back(std::move(measured));
        }
    }).join();
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    result.complete = !stop.asked() && std::all_of(result.modes.begin(), result.modes.end(),
                                                   [](const ModeLayers& mode) { return mode.failed.empty(); });
    return result;
}

} // namespace connscope::lab
