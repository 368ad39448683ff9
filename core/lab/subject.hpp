// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/control/client.hpp"
#include "connscope/lab/child.hpp"
#include "connscope/lab/plan.hpp"
#include "connscope/lab/stop.hpp"
#include "connscope/observe/threads.hpp"
#include "connscope/telemetry/reader.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace connscope::lab {

// What a server has used up to a moment. None where nobody can say.
struct Usage {
    std::chrono::nanoseconds user_cpu{};
    std::chrono::nanoseconds system_cpu{};
    std::optional<double> voluntary;
    std::optional<double> involuntary;
    std::optional<double> user_space;
    std::optional<double> slices;
};

// What a server holds now, in bytes.
struct MemoryUse {
    double user = 0;
    double page_tables = 0;
    double kernel_stacks = 0;
    std::optional<double> slab; // of the whole machine
};

// A server under measurement: a fresh connscope-serve, or one of the user's. One thread at a time.
class Subject {
public:
    // Errors: it cannot start, or nobody listens there.
    static telemetry::Outcome<Subject> start(const Plan& plan, const CellSpec& cell);

    const std::string& address() const noexcept { return address_; }
    // Its processes now, those that its connections have for themselves too.
    std::vector<std::uint32_t> pids();
    control::Client* control() noexcept { return control_ ? &*control_ : nullptr; }

    // As of now. Waits, at most a quarter of a second, until a connscope server has just written its own. Errors: it ended.
    telemetry::Outcome<Usage> usage(const Stop& stop);
    telemetry::Outcome<MemoryUse> memory();
    std::optional<std::uint32_t> threads();

    // Requests of each open connection so far, by its id; none of servers without a segment.
    std::optional<std::unordered_map<std::uint64_t, std::uint64_t>> requests_by_connection();
    std::optional<std::size_t> open_connections();
    // Scheduling delays since the previous call.
    std::optional<telemetry::Histogram> delays();

    // A sentence when it is there no more.
    std::optional<std::string> ended();
    void end();

private:
    Subject() = default;
    static telemetry::Outcome<Subject> start_own(const Plan& plan, const CellSpec& cell);
    static telemetry::Outcome<Subject> find(const CellSpec& cell);
    telemetry::Status read();
    telemetry::Outcome<Usage> usage_from_outside();

    std::string name_; // for sentences
    std::string address_;
    std::vector<std::uint32_t> pids_;
    std::optional<Child> child_;
    std::optional<control::Client> control_;
    std::optional<telemetry::SegmentReader> reader_;
    telemetry::ServerReading reading_;
    std::vector<observe::ThreadsObserver> threads_; // of servers without a segment
};

} // namespace connscope::lab
