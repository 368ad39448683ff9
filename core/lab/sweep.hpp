// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/stop.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace connscope::lab {

// How often to interrupt: what a slice costs, beside how soon the others react. For each slice a fresh server on one CPU, a
// few connections that compute without an end beside many that ask for little.
struct SweepOptions {
    std::string bin_folder; // where connscope-serve and connscope-load are
    std::string mode = "preemptive-fibers";
    std::vector<int> slices_us{200, 500, 1000, 2000, 5000, 10'000, 20'000, 35'000, 60'000, 100'000};
    double seconds_each = 3.5;
    std::vector<int> server_cpus, load_cpus; // none: the last CPU, and the others
};

// With one slice, or without interruption.
struct SweepPoint {
    std::optional<int> slice_us;          // none: nobody is interrupted
    std::optional<double> work_per_cpu;   // rounds of the computing loop in a second of the server's CPU time
    std::optional<double> overhead;       // the share of the work that is lost against no interruption; below 0 within noise
    std::optional<double> p50_us, p99_us; // latency of the interactive connections
    std::string failed;                   // why there is none
};

struct Sweep {
    std::string mode;
    std::string baseline; // the mode that interrupts nobody: the same carriers
    std::string method;   // in words, for people
    SweepPoint without;
    std::vector<SweepPoint> points; // by slice, in the order asked for
    // Where the two curves cross, each drawn from its own least to its own greatest: a slice that is cheap and quick. None
    // when they do not.
    std::optional<double> crossing_us;
    double seconds = 0;
    bool complete = false;
};

// Measures it. `tell` hears of each part as it begins ("slice 1000 us", 2 of 11), and of each point as it is had. Errors: no
// such mode, or one without slices (std::errc::invalid_argument); a program cannot start.
struct SweepReports {
    std::function<void(const std::string& part, std::size_t done, std::size_t all)> progress;
    std::function<void(const SweepPoint& point)> point;
};
telemetry::Outcome<Sweep> run_sweep(const SweepOptions& options, const Stop& stop, const SweepReports& reports);

boost::json::object to_json(const SweepPoint& point);
boost::json::object to_json(const Sweep& sweep);
// None when it is not of this form.
std::optional<SweepPoint> sweep_point_of_json(const boost::json::value& value);
std::optional<Sweep> sweep_of_json(const boost::json::value& value);
std::string to_table(const Sweep& sweep);

// Where they cross; see Sweep::crossing_us. Needs two points at least.
std::optional<double> crossing_of(const std::vector<SweepPoint>& points);

} // namespace connscope::lab
