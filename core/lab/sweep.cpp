// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/sweep.hpp"

#include "connscope/lab/load_process.hpp"
#include "connscope/lab/plan.hpp"
#include "connscope/lab/subject.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace connscope::lab {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using telemetry::Error;
using telemetry::Outcome;

// A few that compute for longer than any slice, beside many that ask for little, and no more than can be answered with the
// longest slice; all the CPU is wanted all the time.
const std::vector<std::string> populations{"hog:4,name=compute,us=250000",
                                           "active:50,name=interactive,path=/,rate=100,arrivals=poisson"};
const std::vector<std::string> interactive{"interactive"};

Error wrong(std::string text) { return {std::make_error_code(std::errc::invalid_argument), std::move(text)}; }

// The mode with the same carriers that interrupts nobody.
std::string baseline_of(const std::string& mode) {
    if (mode == "preemptive-fibers") return "fibers";
    if (mode == "thread-per-connection") return "cooperative-threads";
    return mode; // it yields between two actions, or never
}

class Sweeper {
public:
    Sweeper(const SweepOptions& options, const Stop& stop, const SweepReports& reports)
        : options_(options)
        , stop_(stop)
        , reports_(reports) {
        plan_.bin_folder = options.bin_folder;
        plan_.protocol = "http";
        give_one_cpu(plan_, options.server_cpus, options.load_cpus);
    }

    Outcome<Sweep> run() {
        const auto begin = std::chrono::steady_clock::now();
        if (auto known = find_mode(); !known) return std::move(known).error();
        sweep_.method = fmt::format(
            "For each slice a fresh server on CPU {}: {} connections that compute for 250 ms a request without a yield, and "
            "{} "
            "that send 100 requests a second together, by a Poisson process. {:.1f} s each. Overhead: the rounds of the "
            "computing loop in a second of the server's CPU time, against {} where nobody is interrupted.",
            plan_.server_cpus.front(), 4, 50, options_.seconds_each, sweep_.baseline);
        const std::size_t all = options_.slices_us.size() + 1;
        tell(fmt::format("{}, nobody is interrupted", sweep_.baseline), 0, all);
        sweep_.without = measure(sweep_.baseline, std::nullopt);
        if (reports_.point) reports_.point(sweep_.without);
        measure_slices(all);
        sweep_.crossing_us = crossing_of(sweep_.points);
        sweep_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        sweep_.complete = !stop_.asked() && sweep_.points.size() == options_.slices_us.size();
        return std::move(sweep_);
    }

private:
    telemetry::Status find_mode() {
        const auto modes = ask_modes(plan_.bin_folder);
        if (!modes) return modes.error();
        std::string with_slices;
        for (const ModeTraits& mode : *modes) {
            if (!mode.has_slice) continue;
            if (mode.id == options_.mode) {
                sweep_.mode = mode.id;
                sweep_.baseline = baseline_of(mode.id);
                return telemetry::success();
            }
            with_slices += (with_slices.empty() ? "" : ", ") + mode.id;
        }
        return wrong(fmt::format("there is no slice to sweep in '{}'; there is in {}", options_.mode, with_slices));
    }

    void tell(const std::string& part, std::size_t done, std::size_t all) const {
        if (reports_.progress) reports_.progress(part, done, all);
    }

    // A server and its load, as they start for a mode.
    struct Running {
        Subject subject;
        LoadProcess load;
    };
    Outcome<Running> start(const std::string& mode, std::optional<int> slice_us) {
        CellSpec cell;
        cell.mode = mode;
        cell.conditions.slice_us = slice_us;
        auto subject = Subject::start(plan_, cell);
        if (!subject) return std::move(subject).error();
        auto load = LoadProcess::start(plan_, subject->address(), populations, stop_);
        if (!load) return std::move(load).error();
        return Running{std::move(*subject), std::move(*load)};
    }

    // In a fresh server with a fresh load: requests that had to wait long are nobody's but the slice's that made them.
    SweepPoint measure(const std::string& mode, std::optional<int> slice_us) {
        SweepPoint point;
        if (auto running = start(mode, slice_us)) {
            point = measure(*running);
            running->load.end();
            running->subject.end();
        } else {
            point.failed = running.error().text;
        }
        point.slice_us = slice_us;
        return point;
    }

    void measure_slices(std::size_t all) {
        for (const int slice : options_.slices_us) {
            if (stop_.asked()) break;
            tell(fmt::format("slices of {} us", slice), sweep_.points.size() + 1, all);
            SweepPoint point = measure(sweep_.mode, slice);
            if (point.work_per_cpu && sweep_.without.work_per_cpu)
                point.overhead = 1 - *point.work_per_cpu / *sweep_.without.work_per_cpu;
            if (stop_.asked()) break; // cut short
            sweep_.points.push_back(point);
            if (reports_.point) reports_.point(point);
        }
    }

    SweepPoint measure(Running& running) {
        SweepPoint point;
        const auto failed = [&](std::string why) {
            point.failed = std::move(why);
            return point;
        };
        if (!stop_.pass(300ms)) return failed("interrupted");
        const auto work = [&]() -> Outcome<double> {
            auto status = running.subject.control()->call("status", {}, 20s);
            if (!status) return std::move(status).error();
            return status->at("work_done").to_number<double>();
        };
        if (auto forgotten = running.load.latencies(interactive); !forgotten) return failed(forgotten.error().text);
        const auto usage_before = running.subject.usage(stop_);
        const auto work_before = work();
        if (!usage_before) return failed(usage_before.error().text);
        if (!work_before) return failed(work_before.error().text);
        if (!stop_.pass(
                std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(options_.seconds_each))))
            return failed("interrupted");
        const auto usage_after = running.subject.usage(stop_);
        const auto work_after = work();
        const auto latencies = running.load.latencies(interactive);
        if (!usage_after) return failed(usage_after.error().text);
        if (!work_after) return failed(work_after.error().text);
        if (!latencies) return failed(latencies.error().text);
        const double cpu = std::chrono::duration<double>(usage_after->user_cpu + usage_after->system_cpu -
                                                         usage_before->user_cpu - usage_before->system_cpu)
                               .count();
        if (cpu > 0) point.work_per_cpu = (*work_after - *work_before) / cpu;
        if (latencies->total() > 0) {
            point.p50_us = static_cast<double>(latencies->percentile(0.5).count()) / 1e3;
            point.p99_us = static_cast<double>(latencies->percentile(0.99).count()) / 1e3;
        }
        return point;
    }

    const SweepOptions& options_;
    const Stop& stop_;
    const SweepReports& reports_;
    Plan plan_;
    Sweep sweep_;
};

template <class T>
json::value or_null(const std::optional<T>& value) {
    return value ? json::value(*value) : json::value(nullptr);
}

} // namespace

Outcome<Sweep> run_sweep(const SweepOptions& options, const Stop& stop, const SweepReports& reports) {
    if (options.slices_us.empty() || options.slices_us.size() > 100) return wrong("1 to 100 slices can be swept");
    for (const int slice : options.slices_us)
        if (slice < 200 || slice > 100'000)
            return wrong(fmt::format("a slice is 200 to 100000 microseconds, not {}", slice));
    if (!(options.seconds_each >= 0.2 && options.seconds_each <= 600))
        return wrong(fmt::format("each slice is measured for 0.2 to 600 s, not {}", options.seconds_each));
    return Sweeper(options, stop, reports).run();
}

std::optional<double> crossing_of(const std::vector<SweepPoint>& points) {
    struct At {
        double slice, overhead, reaction;
    };
    std::vector<At> known;
    for (const SweepPoint& point : points)
        if (point.slice_us && point.overhead && point.p99_us)
            known.push_back({std::log(*point.slice_us), *point.overhead, std::log(std::max(*point.p99_us, 1.0))});
    if (known.size() < 2) return std::nullopt;
    std::sort(known.begin(), known.end(), [](const At& a, const At& b) { return a.slice < b.slice; });
    const auto to_unit = [&](double At::*which) {
        const auto [least, most] = std::minmax_element(known.begin(), known.end(),
                                                       [which](const At& a, const At& b) { return a.*which < b.*which; });
        const double low = (*least).*which, range = (*most).*which - low;
        for (At& at : known) at.*which = range > 0 ? (at.*which - low) / range : 0;
    };
    to_unit(&At::overhead);
    to_unit(&At::reaction);
    for (std::size_t i = 1; i < known.size(); ++i) {
        const double before = known[i - 1].overhead - known[i - 1].reaction;
        const double after = known[i].overhead - known[i].reaction;
        if (before < 0 || after > 0 || before == after) continue;
        const double share = before / (before - after);
        return std::exp(known[i - 1].slice + share * (known[i].slice - known[i - 1].slice));
    }
    return std::nullopt;
}

json::object to_json(const SweepPoint& point) {
    return {{"slice_us", or_null(point.slice_us)},
            {"work_per_cpu_s", or_null(point.work_per_cpu)},
            {"overhead", or_null(point.overhead)},
            {"latency_p50_us", or_null(point.p50_us)},
            {"latency_p99_us", or_null(point.p99_us)},
            {"failed", point.failed.empty() ? json::value(nullptr) : json::value(point.failed)}};
}

json::object to_json(const Sweep& sweep) {
    json::array points;
    for (const SweepPoint& point : sweep.points) points.push_back(to_json(point));
    return {{"mode", sweep.mode},          {"baseline", sweep.baseline},
            {"method", sweep.method},      {"without", to_json(sweep.without)},
            {"points", std::move(points)}, {"crossing_us", or_null(sweep.crossing_us)},
            {"seconds", sweep.seconds},    {"complete", sweep.complete}};
}

std::optional<SweepPoint> sweep_point_of_json(const json::value& value) {
    try {
        const auto number = [&](const char* key) -> std::optional<double> {
            const json::value& found = value.at(key);
            return found.is_null() ? std::nullopt : std::optional(found.to_number<double>());
        };
        SweepPoint point;
        if (!value.at("slice_us").is_null()) point.slice_us = value.at("slice_us").to_number<int>();
        point.work_per_cpu = number("work_per_cpu_s");
        point.overhead = number("overhead");
        point.p50_us = number("latency_p50_us");
        point.p99_us = number("latency_p99_us");
        if (const auto* failed = value.at("failed").if_string()) point.failed = std::string(*failed);
        return point;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

std::optional<Sweep> sweep_of_json(const json::value& value) {
    try {
        Sweep sweep;
        sweep.mode = std::string(value.at("mode").as_string());
        sweep.baseline = std::string(value.at("baseline").as_string());
        sweep.method = std::string(value.at("method").as_string());
        const auto without = sweep_point_of_json(value.at("without"));
        if (!without) return std::nullopt;
        sweep.without = *without;
        for (const json::value& each : value.at("points").as_array()) {
            const auto point = sweep_point_of_json(each);
            if (!point) return std::nullopt;
            sweep.points.push_back(*point);
        }
        if (!value.at("crossing_us").is_null()) sweep.crossing_us = value.at("crossing_us").to_number<double>();
        sweep.seconds = value.at("seconds").to_number<double>();
        sweep.complete = value.at("complete").as_bool();
        return sweep;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

std::string to_table(const Sweep& sweep) {
    std::string text =
        fmt::format("{}\n\n{:>12}  {:>10}  {:>12}  {:>12}\n", sweep.method, "slice", "overhead", "p50", "p99");
    const auto row = [&](const std::string& name, const SweepPoint& point) {
        const auto ms = [](const std::optional<double>& us) { return us ? fmt::format("{:.2f} ms", *us / 1e3) : "-"; };
        text += fmt::format("{:>12}  {:>10}  {:>12}  {:>12}  {}\n", name,
                            point.overhead ? fmt::format("{:.1f} %", *point.overhead * 100) : "-", ms(point.p50_us),
                            ms(point.p99_us), point.failed);
    };
    for (const SweepPoint& point : sweep.points) row(fmt::format("{:.1f} ms", point.slice_us.value_or(0) / 1e3), point);
    row("none", sweep.without);
    if (sweep.crossing_us) text += fmt::format("\nThe two cross at a slice of {:.1f} ms.\n", *sweep.crossing_us / 1e3);
    return text;
}

} // namespace connscope::lab
