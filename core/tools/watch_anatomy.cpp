// SPDX-License-Identifier: BSL-1.0
#include "watch_anatomy.hpp"

#include "json_writer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace connscope::watch {
namespace {

using observe::Anatomy;
using observe::AnatomyRow;
using telemetry::Error;

void print_rows(std::string& text, std::string_view title, const std::vector<AnatomyRow>& rows) {
    fmt::format_to(std::back_inserter(text), "{}\n", title);
    for (const AnatomyRow& row : rows) {
        std::string_view label = row.label;
        const auto print_line = [&](std::string_view line) {
            fmt::format_to(std::back_inserter(text), "  {:<14} {}\n", label, printable(line));
            label = {};
        };
        if (row.values.empty()) print_line("– (" + (row.missing.empty() ? std::string("not known") : row.missing) + ")");
        for (const std::string& value : row.values) print_line(value);
    }
}

void write_rows(Writer& json, std::string_view name, const std::vector<AnatomyRow>& rows) {
    json.key(name).begin('[');
    for (const AnatomyRow& row : rows) {
        json.begin('{');
        json.member("label", std::string_view(row.label));
        json.key("values").begin('[');
        for (const std::string& value : row.values) json.value(std::string_view(value));
        json.end(']');
        json.member("missing", row.missing.empty() ? std::nullopt : std::optional(std::string_view(row.missing)));
        json.member("source", std::string_view(row.source));
        json.end('}');
    }
    json.end(']');
}

std::string as_text(const Anatomy& anatomy, std::string_view mode) {
    std::string text =
        fmt::format("connection {} ({}), mode {}; read in {:.2f} ms, from memory that stood still for {:.3f} ms\n",
                    anatomy.connection.id, telemetry::to_string(anatomy.connection.peer), printable(mode),
                    static_cast<double>(anatomy.took.count()) / 1e6, static_cast<double>(anatomy.read_over.count()) / 1e6);
    print_rows(text, "control: where it will continue", observe::control_rows(anatomy));
    print_rows(text, "state: what it continues with", observe::state_rows(anatomy));
    return text;
}

std::string as_json_line(const Anatomy& anatomy, std::string_view mode) {
    std::string text;
    Writer json(text);
    json.begin('{');
    json.member("id", anatomy.connection.id).member("mode", mode);
    json.member("carrier", telemetry::name_of(anatomy.connection.carrier))
        .member("state", telemetry::name_of(anatomy.connection.state));
    json.member("took_us", anatomy.took).member("read_over_us", anatomy.read_over).member("attempts", anatomy.attempts);
    write_rows(json, "control", observe::control_rows(anatomy));
    write_rows(json, "state_kept", observe::state_rows(anatomy));
    json.end('}');
    return text;
}

} // namespace

telemetry::Outcome<Anatomist> Anatomist::open(const Target& target, std::uint64_t connection) {
    if (target.segments.size() != 1 || target.kind != TargetKind::server)
        return Error{
            std::make_error_code(std::errc::invalid_argument),
            fmt::format("{} is not one server with a segment; an anatomy is of one server's connection", target.name)};
    auto segment = telemetry::SegmentReader::open(target.segments.front());
    if (!segment) return std::move(segment).error();
    telemetry::ServerReading reading;
    if (auto read = segment->read(reading); !read) return std::move(read).error();
    const auto found = std::ranges::find(reading.connections, connection, &telemetry::ConnectionReading::id);
    if (found == reading.connections.end())
        return Error{std::make_error_code(std::errc::invalid_argument),
                     fmt::format("{} has no connection {}; --connections lists them", target.name, connection)};
    auto reader = observe::AnatomyReader::open(target.pids.front());
    if (!reader) return std::move(reader).error();
    return Anatomist(std::move(*segment), std::move(*reader), found->slot, connection);
}

telemetry::Outcome<std::string> Anatomist::read(bool as_json) {
    const auto anatomy = reader_.read([this] { return segment_.read_connection(slot_, connection_); });
    if (!anatomy) return anatomy.error();
    const auto& modes = segment_.identity().modes;
    const std::string mode = anatomy->connection.mode < modes.size() ? modes[anatomy->connection.mode] : std::string();
    return as_json ? as_json_line(*anatomy, mode) : as_text(*anatomy, mode);
}

} // namespace connscope::watch
