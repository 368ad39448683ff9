// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/load_process.hpp"

#include "connscope/telemetry/runtime_folder.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace connscope::lab {
namespace {

namespace json = boost::json;
using telemetry::Error;
using telemetry::Outcome;
using telemetry::Status;
using namespace std::chrono_literals;

Error ended_error(const std::string& how) {
    return {std::make_error_code(std::errc::no_such_process), "connscope-load " + how};
}

} // namespace

Outcome<LoadProcess> LoadProcess::start(const Plan& plan, const std::string& address,
                                        const std::vector<std::string>& populations, const Stop& stop) {
    std::vector<std::string> command{plan.bin_folder + "/connscope-load",
                                     "--connect",
                                     address,
                                     "--protocol",
                                     plan.protocol,
                                     "--duration",
                                     "0",
                                     "--timeout",
                                     "30",
                                     "--threads",
                                     std::to_string(plan.load_cpus.size()),
                                     "--quiet"};
    for (const std::string& population : populations) command.insert(command.end(), {"--population", population});
    auto child = Child::start(command, plan.load_cpus);
    if (!child) return std::move(child).error();
    const auto ready = child->line(10s);
    if (!ready) return ended_error(child->ended().value_or("did not say within 10 s that it is ready"));
    auto control = control::Client::connect(value_in(*ready, "control"));
    if (!control) return std::move(control).error();
    const auto folder = telemetry::runtime_folder();
    if (!folder) return folder.error();
    auto reader = telemetry::SegmentReader::open(telemetry::segment_path(*folder, value_in(*ready, "segment")));
    if (!reader) return std::move(reader).error();
    LoadProcess load(std::move(*child), std::move(*control), std::move(*reader));
    if (auto settled = load.settle(stop); !settled) return settled.error();
    return load;
}

Status LoadProcess::settle(const Stop& stop) {
    const auto until = std::chrono::steady_clock::now() + 60s;
    for (;;) {
        const auto status = control_.call("status", {}, 10s);
        if (!status) return status.error();
        const json::value& connections = status->at("connections");
        const auto count = [&](const char* name) { return connections.at(name).to_number<std::uint64_t>(); };
        const bool settled = status->at("settled").as_bool();
        if (settled && count("open") >= count("target")) return telemetry::success();
        const bool late = std::chrono::steady_clock::now() > until;
        if (settled || late || !stop.pass(5ms)) {
            std::string why;
            for (const char* fault : {"refused", "reset", "closed_by_peer", "timed_out", "unavailable"})
                if (count(fault) > 0) why += fmt::format(", {} {}", count(fault), std::string_view(fault));
            std::replace(why.begin(), why.end(), '_', ' ');
            return Error{
                std::make_error_code(std::errc::timed_out),
                fmt::format("only {} of {} connections of the load came to be{}", count("open"), count("target"), why)};
        }
    }
}

Status LoadProcess::set(const std::vector<std::string>& populations, const Stop& stop) {
    json::array list;
    for (const std::string& population : populations) list.push_back(json::value(population));
    auto set = control_.call("set_populations", {{"populations", std::move(list)}}, 10s);
    if (!set) return std::move(set).error();
    return settle(stop);
}

Status LoadProcess::read() {
    if (auto how = child_.ended()) return ended_error(*how);
    if (auto got = reader_.read(reading_); !got) return got;
    // A reading has what was recorded since the one before, whoever asked for that one.
    for (const telemetry::PopulationReading& population : reading_.populations)
        latencies_[population.name].merge(population.latency_since);
    return telemetry::success();
}

Outcome<std::uint64_t> LoadProcess::completed(const std::vector<std::string>& names) {
    if (auto got = read(); !got) return got.error();
    std::uint64_t sum = 0;
    for (const telemetry::PopulationReading& population : reading_.populations)
        if (std::find(names.begin(), names.end(), population.name) != names.end())
            sum += population.counter(telemetry::layout::LoadCounter::completed);
    return sum;
}

Outcome<telemetry::Histogram> LoadProcess::latencies(const std::vector<std::string>& names) {
    if (auto got = read(); !got) return got.error();
    telemetry::Histogram sum;
    for (const std::string& name : names) sum.merge(latencies_[name]);
    latencies_.clear();
    return sum;
}

Outcome<LoadProcess::Faults> LoadProcess::faults() {
    const auto status = control_.call("status", {}, 10s);
    if (!status) return status.error();
    Faults faults;
    const auto add = [&](std::uint64_t count, std::string_view words) {
        if (count > 0) faults.text += fmt::format("{}{} {}", faults.text.empty() ? "" : ", ", count, words);
    };
    const json::value& connections = status->at("connections");
    const json::value& requests = status->at("requests");
    add(requests.at("failed").to_number<std::uint64_t>(), "requests failed");
    add(requests.at("corrupted").to_number<std::uint64_t>(), "answers were wrong");
    add(connections.at("reset").to_number<std::uint64_t>(), "connections were reset");
    add(connections.at("closed_by_peer").to_number<std::uint64_t>(), "connections were closed by the server");
    add(connections.at("timed_out").to_number<std::uint64_t>(), "connections timed out");
    if (const auto* text = status->at("bottleneck").if_string()) faults.bottleneck = std::string(*text);
    return faults;
}

std::optional<std::string> LoadProcess::ended() {
    auto how = child_.ended();
    if (!how) return std::nullopt;
    return "connscope-load " + *how;
}

void LoadProcess::end() { child_.end(2s); }

} // namespace connscope::lab
