// SPDX-License-Identifier: BSL-1.0
#include "watch_cost.hpp"

#include "json_writer.hpp"
#include "watch_table.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace connscope::watch {

telemetry::Outcome<CostWatch> CostWatch::open(const Target& target) {
    if (target.segments.size() != 1 || target.kind != TargetKind::server)
        return telemetry::Error{
            std::make_error_code(std::errc::invalid_argument),
            fmt::format("{} is not one server with a segment; a cost is of one server's connections", target.name)};
    auto segment = telemetry::SegmentReader::open(target.segments.front());
    if (!segment) return std::move(segment).error();
    CostWatch watch(std::move(*segment), target.pids.front());
    auto first = watch.read_now();
    if (!first) return std::move(first).error();
    watch.first_ = std::move(*first);
    return watch;
}

telemetry::Outcome<observe::CostReading> CostWatch::read_now() {
    if (auto read = segment_.read(server_); !read) return std::move(read).error();
    auto now = observe::read_cost(pid_, server_);
    if (now && now->connections != std::exchange(connections_, now->connections)) same_since_ = server_.taken;
    return now;
}

telemetry::Outcome<CostWatch::Reading> CostWatch::read() {
    constexpr std::chrono::milliseconds until_told{2500}; // the server writes its gauges once a second
    const auto now = read_now();
    if (!now) return now.error();
    Reading reading;
    reading.from = first_.connections;
    reading.to = now->connections;
    if (reading.to <= reading.from) return reading;
    reading.settled = server_.taken - same_since_ >= until_told;
    reading.cost = observe::cost_between(first_, *now, observe::ends_here(server_));
    return reading;
}

std::string to_text(const CostWatch::Reading& reading) {
    std::string text;
    const auto line = [&](std::string_view name, const std::string& value, std::string_view source) {
        fmt::format_to(std::back_inserter(text), "  {:<28} {:>12}   {}\n", name, value, source);
    };
    const auto bytes = [](double value) { return fmt::format("{:.0f} B", value); };
    if (reading.cost.parts.empty())
        return fmt::format("{} connections, {} at the start: what one more costs is known when there are more\n",
                           number_text(reading.to), number_text(reading.from));
    text = fmt::format("what one more open connection costs, between {} and {} connections{}\n", number_text(reading.from),
                       number_text(reading.to), reading.settled ? "" : " (they still come)");
    const observe::Cost& cost = reading.cost;
    for (const observe::CostPart& part : cost.parts) line(part.name, part.bytes ? bytes(*part.bytes) : "-", part.source);
    line("sum of the parts", bytes(cost.sum), "");
    line("the memory grew by", bytes(cost.grown),
         cost.has_kernel ? "/proc/PID/status, kernel stacks and objects of the whole machine"
                         : "/proc/PID/status, kernel stacks of the whole machine");
    line("not explained", bytes(cost.difference()),
         cost.grown > 0 ? fmt::format("{:+.1f} %", 100 * cost.difference() / cost.grown) : std::string());
    return text;
}

std::string to_json(const CostWatch::Reading& reading) {
    const observe::Cost& cost = reading.cost;
    const bool known = !cost.parts.empty();
    const auto if_known = [known](double value) { return known ? std::optional(value) : std::nullopt; };
    std::string text;
    Writer json(text);
    json.begin('{');
    json.member("connections_from", reading.from).member("connections_to", reading.to).member("settled", reading.settled);
    json.key("parts").begin('[');
    for (const observe::CostPart& part : cost.parts) {
        json.begin('{');
        json.member("name", std::string_view(part.name)).member("bytes", part.bytes);
        json.member("source", std::string_view(part.source));
        json.end('}');
    }
    json.end(']');
    json.member("sum_bytes", if_known(cost.sum)).member("grown_bytes", if_known(cost.grown));
    json.member("difference_bytes", if_known(cost.difference())).member("kernel_objects", cost.has_kernel);
    json.end('}');
    return text;
}

} // namespace connscope::watch
