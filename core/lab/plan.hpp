// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace connscope::lab {

// What is compared under which conditions. A plan is a checked value; make_plan() makes it.

// A mode as connscope-serve describes it.
struct ModeTraits {
    std::string id;
    std::string title;
    std::string carrier;
    bool has_threads = false; // shares a number of threads that can be chosen
    bool has_slice = false;   // interrupts after a time that can be chosen
};
// Asks the connscope-serve of that folder for its modes, by its control socket. Errors: it cannot be run.
telemetry::Outcome<std::vector<ModeTraits>> ask_modes(const std::string& bin_folder);

// What is varied. None: as the workload or the server has it by itself.
struct Conditions {
    std::uint32_t connections = 0;
    std::optional<int> threads;
    std::optional<int> slice_us;
    std::optional<std::uint64_t> payload; // bytes
    std::optional<int> work_us;           // of CPU in each request

    bool operator==(const Conditions&) const = default;
};
// "1,000 connections, 2 threads, 100 µs of work".
std::string text_of(const Conditions& conditions);

// One square of the table: a subject under conditions.
struct CellSpec {
    std::string mode;    // a mode's id, or the name of a server of the user's
    std::string address; // of the user's; empty: a fresh connscope-serve in `mode`
    std::string carrier; // "thread", "coroutine", ...; "server" of the user's
    Conditions conditions;

    bool own() const noexcept { return address.empty(); }
    std::string key() const; // unique in its plan, for journals and findings
};

// What the user asks for.
struct PlanRequest {
    std::string bin_folder;           // where connscope-serve and connscope-load are
    std::vector<std::string> modes;   // none: all that there are
    std::vector<std::string> against; // NAME=HOST:PORT
    std::vector<std::int64_t> connections{1000};
    std::vector<std::int64_t> threads, slice_us, payload, work_us;
    std::string protocol = "http";
    std::string preset;                   // a name or a file
    std::vector<std::string> populations; // in connscope-load's words
    std::optional<double> rate;           // requests per second of the stretch at a fixed rate
    std::optional<int> rounds;
    std::optional<double> stretch_s; // of each measured stretch
    bool quick = false;
    std::vector<int> server_cpus, load_cpus; // none: chosen
};

struct Plan {
    std::string bin_folder;
    std::string protocol;
    std::string workload; // in words, for people
    // In connscope-load's words; each with the connections that the workload names.
    std::vector<std::string> populations;
    std::string hog; // the population that computes; empty: the protocol has none
    double rate = 0; // of the default workload; 0: the populations have rates of their own
    int rounds = 1;
    bool quick = false;
    std::chrono::milliseconds stretch{};
    std::chrono::milliseconds warm_up{};
    std::vector<int> server_cpus, load_cpus;
    bool cpus_shared = false; // the machine has one: server and load share it
    std::vector<CellSpec> cells;

    // Long enough to hold at least one request of the hog from its begin to its end.
    std::chrono::milliseconds hog_stretch() const { return std::max(stretch, std::chrono::milliseconds(600)); }
    // The order of a round: each begins with another cell, so that no cell always comes first.
    std::vector<std::size_t> order_of(int round) const;
    // What the same measurement is told by: two plans with the same text may go on with each other's rounds.
    std::string fingerprint() const;
};

// Errors (std::errc::invalid_argument) name the argument at fault; others: the environment refused.
telemetry::Outcome<Plan> make_plan(const PlanRequest& request);

// For experiments of one server on one CPU: the last CPU for it and the others for the load, where none are named.
void give_one_cpu(Plan& plan, std::vector<int> server_cpus, std::vector<int> load_cpus);

// The populations of a plan for a cell: scaled to its connections, with its payload and work.
struct Workload {
    std::vector<std::string> fixed;     // as they are, at their rates
    std::vector<std::string> saturated; // each sends when its answer is there
    std::vector<std::string> beside_hog;
    std::vector<std::string> names; // whose latency counts
    std::vector<std::string> hogs;  // names of those who compute
    std::string first_request;      // what the experiment's own connections ask once
    std::uint32_t connections = 0;
};
Workload workload_of(const Plan& plan, const CellSpec& cell);

} // namespace connscope::lab
