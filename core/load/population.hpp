// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/load/arrivals.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::load {

enum class Protocol : std::uint8_t { echo, http, talk };
telemetry::Outcome<Protocol> parse_protocol(std::string_view id);
std::string_view name_of(Protocol protocol) noexcept;

// How the clients of a population behave.
enum class PopulationKind : std::uint8_t {
    active,      // send requests and wait for their answers
    idle,        // connect and say nothing
    slow_reader, // take their answers a few bytes at a time
    slow_sender, // send their requests a few bytes at a time
    churn,       // connect, make a few requests, close
    hog,         // ask for CPU time without a yield (http only)
    speaker,     // say their lines in a room (talk only)
};
std::string_view name_of(PopulationKind kind) noexcept; // "slow-reader"

// Clients that behave alike. A checked value: parse_population() and populations_of() make it.
struct Population {
    std::string name;
    PopulationKind kind = PopulationKind::active;
    std::uint32_t connections = 0;
    double rate = 0; // requests (churn: connections) per second, all connections together; 0 = closed loop
    ArrivalProcess arrivals = ArrivalProcess::constant;
    std::uint64_t payload = 0;            // bytes of a request's content
    std::string path;                     // http: what is asked for
    std::chrono::microseconds think{};    // closed loop: from an answer to the next request
    std::chrono::milliseconds interval{}; // slow reader and slow sender: between two pieces
    std::uint64_t piece = 0;              // slow reader and slow sender: bytes
    std::uint32_t pipeline = 1;           // requests under way on one connection
    std::uint32_t requests = 1;           // churn: requests of each connection
    std::uint32_t words = 0;              // speaker: of a line
    std::uint32_t yield_words = 1;        // speaker: hands over after so many words; 0: never
    std::chrono::microseconds turn{};     // speaker: hands over after so much time, in mid-word; 0: not

    bool operator==(const Population&) const = default;
};

// The text form of a population, all options that differ from their defaults named: "active:900,rate=5000".
std::string to_text(const Population& population);

// What a population gets where its text names nothing.
struct PopulationDefaults {
    Protocol protocol = Protocol::echo;
    std::uint64_t payload = 64; // echo
};

// Reads KIND:COUNT[,OPTION=VALUE]… . Errors say what cannot be and what could.
telemetry::Outcome<Population> parse_population(std::string_view text, const PopulationDefaults& defaults);

// Reads an object {"kind": …, "connections": …, OPTION: VALUE…} or a text.
telemetry::Outcome<Population> population_of(const boost::json::value& value, const PopulationDefaults& defaults);

// Gives every population a name of its own: those that named none are called by their kind, with a number when it is taken.
// Errors: two that named the same, too many, more connections than max_connections together.
telemetry::Status name_apart(std::vector<Population>& populations);

inline constexpr std::uint32_t max_populations = 31;
inline constexpr std::uint32_t max_connections = 16'000'000;
inline constexpr double max_rate = 10'000'000;

} // namespace connscope::load
