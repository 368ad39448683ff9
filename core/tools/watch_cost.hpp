// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/cost.hpp"
#include "connscope/observe/targets.hpp"
#include "connscope/telemetry/reader.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace connscope::watch {

using observe::Target;

// Reads what one more open connection of a server costs, by parts, between the moment of opening and each reading. One
// thread at a time.
class CostWatch {
public:
    // Errors: the target has no segment or is several processes; it has ended; it may not be read.
    static telemetry::Outcome<CostWatch> open(const Target& target);

    struct Reading {
        std::uint64_t from = 0; // connections at the opening
        std::uint64_t to = 0;   // and now
        bool settled = false;   // there are more than at the opening, and as many for so long that the server has told all
        observe::Cost cost;     // no parts while there are not more
    };
    // Errors: the server has ended.
    telemetry::Outcome<Reading> read();

private:
    CostWatch(telemetry::SegmentReader segment, std::uint32_t pid)
        : segment_(std::move(segment))
        , pid_(pid) {}
    telemetry::Outcome<observe::CostReading> read_now();

    telemetry::SegmentReader segment_;
    std::uint32_t pid_;
    telemetry::ServerReading server_;
    observe::CostReading first_;
    std::uint64_t connections_ = 0;         // in the last reading
    std::chrono::nanoseconds same_since_{}; // CLOCK_MONOTONIC
};

// As a table for a person, or as a line of JSON.
std::string to_text(const CostWatch::Reading& reading);
std::string to_json(const CostWatch::Reading& reading);

} // namespace connscope::watch
