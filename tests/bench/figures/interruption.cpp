// SPDX-License-Identifier: BSL-1.0
// What interrupting is worth and what it costs: the p99 of connections that ask for little beside one that computes, the
// requests per second where nobody computes, and the work that is done where some do.
#include "contestant.hpp"

#include "connscope/lab/load_process.hpp"
#include "connscope/lab/plan.hpp"
#include "connscope/lab/subject.hpp"
#include "connscope/lab/sweep.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace {

using namespace connscope;
using connscope::bench::fail;

struct Measured {
    double p99_us = 0;
    double requests_per_s = 0;
};

// A fresh server in a mode on the last CPU, and its load on the others.
Measured measure(const lab::Plan& plan, const std::string& mode, const std::vector<std::string>& populations, double seconds,
                 const lab::Stop& stop) {
    lab::CellSpec cell;
    cell.mode = mode;
    auto subject = lab::Subject::start(plan, cell);
    if (!subject) fail(subject.error().text);
    auto load = lab::LoadProcess::start(plan, subject->address(), populations, stop);
    if (!load) fail(load.error().text);
    const std::vector<std::string> names{"interactive"};
    if (!stop.pass(std::chrono::milliseconds(500)) || !load->latencies(names)) fail("interrupted");
    const auto before = load->completed(names);
    const auto begin = std::chrono::steady_clock::now();
    stop.pass(std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds)));
    const auto after = load->completed(names);
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const auto latencies = load->latencies(names);
    if (!before || !after || !latencies) fail("the load has ended");
    load->end();
    subject->end();
    return {static_cast<double>(latencies->percentile(0.99).count()) / 1e3, static_cast<double>(*after - *before) / took};
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"interruption: what it is worth and what it costs"};
    int rounds = 3;
    double seconds = 3;
    app.add_option("--rounds", rounds, "of each, interleaved")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--seconds", seconds, "of each measurement")->check(CLI::PositiveNumber)->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    const lab::Stop stop;
    lab::Plan plan;
    plan.bin_folder = bench::bin_folder();
    plan.protocol = "http";
    plan.server_cpus = {1};
    plan.load_cpus = {0};

    const std::vector<std::string> modes{"fibers", "coroutines", "preemptive-fibers", "thread-per-connection"};
    const std::vector<std::string> beside_hog{"hog:1,name=hog,us=300000", "active:50,name=interactive,path=/,rate=500"};
    std::map<std::string, std::vector<double>> p99, rate;
    for (int round = 0; round < rounds; ++round) {
        for (const std::string& mode : modes) p99[mode].push_back(measure(plan, mode, beside_hog, seconds, stop).p99_us);
        for (const std::string mode : {"fibers", "preemptive-fibers"})
            rate[mode].push_back(measure(plan, mode, {"active:50,name=interactive,path=/"}, seconds, stop).requests_per_s);
    }
    fmt::print("p99 of 50 interactive connections, 500 requests/s, beside one that computes for 300 ms a request:\n");
    const double least = std::min(median(p99["fibers"]), median(p99["coroutines"]));
    for (const std::string& mode : modes)
        fmt::print("  {:<24}{:>10.2f} ms   {:.3f} of the lower of fibers and coroutines\n", mode, median(p99[mode]) / 1e3,
                   median(p99[mode]) / least);
    const double without = median(rate["fibers"]), with = median(rate["preemptive-fibers"]);
    fmt::print("requests/s where nobody computes: fibers {:.0f}, preemptive-fibers {:.0f}: {:.3f}\n", without, with,
               with / without);

    lab::SweepOptions options;
    options.bin_folder = plan.bin_folder;
    options.slices_us = {200, 1000};
    options.seconds_each = seconds;
    options.server_cpus = plan.server_cpus;
    options.load_cpus = plan.load_cpus;
    std::map<int, std::vector<double>> shares;
    for (int round = 0; round < rounds; ++round) {
        const auto sweep = lab::run_sweep(options, stop, {});
        if (!sweep) fail(sweep.error().text);
        for (const lab::SweepPoint& point : sweep->points) {
            if (!point.overhead) fail(point.failed);
            shares[*point.slice_us].push_back(1 - *point.overhead);
        }
    }
    for (const auto& [slice, values] : shares)
        fmt::print("work done in slices of {} us, against no interruption: {:.3f}\n", slice, median(values));
}
