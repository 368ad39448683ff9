// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/control/client.hpp"
#include "connscope/lab/child.hpp"
#include "connscope/lab/plan.hpp"
#include "connscope/lab/stop.hpp"
#include "connscope/telemetry/reader.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace connscope::lab {

// A fresh connscope-load, told by its control socket what to send and read by its segment. One thread at a time.
class LoadProcess {
public:
    // Opens the connections and begins to send. Errors: it cannot start, or not every connection came to be.
    static telemetry::Outcome<LoadProcess> start(const Plan& plan, const std::string& address,
                                                 const std::vector<std::string>& populations, const Stop& stop);

    // Sends otherwise from now on, over the same connections.
    telemetry::Status set(const std::vector<std::string>& populations, const Stop& stop);

    // What was completed so far by these populations.
    telemetry::Outcome<std::uint64_t> completed(const std::vector<std::string>& names);
    // Their latencies since the previous call.
    telemetry::Outcome<telemetry::Histogram> latencies(const std::vector<std::string>& names);

    struct Faults {
        std::string text;       // "12 requests failed, 3 connections were reset"; empty of none
        std::string bottleneck; // why the load itself is what limits; empty when it is not
    };
    telemetry::Outcome<Faults> faults();

    std::optional<std::string> ended();
    void end();

private:
    LoadProcess(Child child, control::Client control, telemetry::SegmentReader reader)
        : child_(std::move(child))
        , control_(std::move(control))
        , reader_(std::move(reader)) {}
    telemetry::Status settle(const Stop& stop);
    telemetry::Status read();

    Child child_;
    control::Client control_;
    telemetry::SegmentReader reader_;
    telemetry::LoadReading reading_;
    std::map<std::string, telemetry::Histogram> latencies_; // by population, since latencies() was called
};

} // namespace connscope::lab
