// SPDX-License-Identifier: BSL-1.0
#include "watch_json.hpp"

#include "json_writer.hpp"
#include "watch_table.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

namespace connscope::watch {
namespace {

std::optional<std::uint64_t> unless_zero(std::uint64_t value) { return value == 0 ? std::nullopt : std::optional(value); }

void write(Writer& json, const ConnectionRow& row) {
    const telemetry::ConnectionReading& c = row.reading;
    json.begin('{');
    json.member("id", c.id).member("shard", c.segment).member("peer", telemetry::to_string(c.peer));
    json.member("state", telemetry::name_of(c.state))
        .member("carrier", telemetry::name_of(c.carrier))
        .member("mode", row.mode);
    json.member("thread", unless_zero(c.thread)).member("cpu", row.cpu).member("requests_per_s", row.requests_per_s);
    json.member("requests", c.requests == telemetry::layout::not_available ? std::nullopt : std::optional(c.requests))
        .member("bytes_in", c.bytes_in)
        .member("bytes_out", c.bytes_out);
    json.member("slices", c.slices).member("run_us", c.run).member("ready_us", c.ready).member("waiting_us", c.waiting);
    json.member("longest_slice_us", c.longest_slice).member("longest_ready_us", c.longest_ready);
    json.member("user_space_switches", c.user_space_switches);
    json.member("voluntary_switches", c.voluntary_switches).member("involuntary_switches", c.involuntary_switches);
    json.member("carrier_bytes", c.carrier_bytes).member("session_bytes", c.session_bytes).member("hand_offs", c.hand_offs);
    json.member("socket_inode", unless_zero(c.socket_inode));
    json.end('}');
}

void write(Writer& json, const SocketRow& row) {
    const observe::SocketReading& socket = row.reading;
    json.begin('{');
    json.member("peer", telemetry::to_string(socket.peer)).member("local", telemetry::to_string(socket.local));
    json.member("tcp_state", observe::name_of(socket.state));
    json.member("receive_queue", socket.receive_queue).member("send_queue", socket.send_queue);
    json.member("socket_inode", unless_zero(socket.inode));
    json.member("memory_bytes", socket.memory ? std::optional(socket.memory->held_bytes()) : std::nullopt);
    const auto& tcp = socket.tcp;
    json.member("bytes_in", tcp ? tcp->bytes_received : std::nullopt)
        .member("bytes_out", tcp ? tcp->bytes_sent : std::nullopt);
    json.member("round_trip_us", tcp ? std::optional<std::chrono::nanoseconds>(tcp->round_trip) : std::nullopt);
    json.member("retransmitted", tcp ? std::optional(tcp->retransmitted) : std::nullopt);
    json.member("opened_by", socket.accepted ? "peer" : "process");
    const auto unless_empty = [](std::string_view text) { return text.empty() ? std::nullopt : std::optional(text); };
    const bool is_known = row.thread.source != observe::ThreadSource::none;
    json.member("thread", unless_zero(row.thread.thread)).member("thread_name", unless_empty(row.thread_name));
    json.member("thread_source", is_known ? std::optional(observe::name_of(row.thread.source)) : std::nullopt);
    json.member("thread_call", unless_empty(row.thread.call)).member("thread_told_by", unless_empty(row.told_by));
    json.end('}');
}

std::string time_text(std::chrono::system_clock::time_point time) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)), milliseconds % 1000);
}

} // namespace

std::string to_json(const Snapshot& snapshot, bool connections) {
    const auto& open = snapshot.connections;
    const auto& memory = snapshot.memory_bytes;
    const auto& switches = snapshot.switches_per_s;
    std::string text;
    text.reserve(1000 + (connections ? 700 * (snapshot.connection_rows.size() + snapshot.socket_rows.size()) : 0));
    Writer json(text);
    json.begin('{');
    json.member("time", time_text(snapshot.time))
        .member("pid", snapshot.pid)
        .member("name", std::string_view(snapshot.name));
    json.member("kind", name_of(snapshot.kind)).member("mode", snapshot.mode);
    json.key("connections").begin('{');
    json.member("open", open.open).member("running", open.running).member("ready", open.ready);
    json.member("waiting_read", open.waiting_read).member("waiting_write", open.waiting_write).member("paused", open.paused);
    json.member("outgoing", open.outgoing);
    json.end('}');
    json.member("threads", snapshot.threads);
    json.key("carriers").begin('{');
    for (std::size_t kind = 1; kind < telemetry::carrier_kind_count; ++kind)
        json.member(telemetry::name_of(static_cast<telemetry::CarrierKind>(kind)), snapshot.carriers[kind]);
    json.end('}');
    json.key("modes").begin('{');
    for (const Snapshot::ModeCount& each : snapshot.modes) {
        std::string name = printable(each.mode); // a key is not escaped
        std::erase_if(name, [](char c) { return c == '"' || c == '\\'; });
        json.member(name, each.open);
    }
    json.end('}');
    json.key("memory_bytes").begin('{');
    json.member("resident", memory.resident).member("stacks", memory.stacks).member("frames", memory.frames);
    json.member("heap", memory.heap).member("kernel_stacks", memory.kernel_stacks).member("page_tables", memory.page_tables);
    json.member("sockets", memory.sockets).member("per_connection", memory.per_connection);
    json.end('}');
    json.key("switches_per_s").begin('{');
    json.member("voluntary", switches.voluntary).member("involuntary", switches.involuntary);
    json.member("user_space", switches.user_space);
    json.end('}');
    json.key("cpu").begin('{');
    json.member("user", snapshot.cpu.user).member("system", snapshot.cpu.system);
    json.end('}');
    json.member("requests_per_s", snapshot.requests_per_s);
    if (snapshot.ended) json.member("ended", true);
    if (!snapshot.notes.empty()) {
        json.key("notes").begin('[');
        for (const std::string& note : snapshot.notes) json.value(std::string_view(note));
        json.end(']');
    }
    if (connections) {
        json.key("connection_list").begin('[');
        for (const ConnectionRow& row : snapshot.connection_rows) write(json, row);
        for (const SocketRow& row : snapshot.socket_rows) write(json, row);
        json.end(']');
    }
    json.end('}');
    return text;
}

std::string to_json(const std::vector<Target>& targets) {
    std::string text;
    Writer json(text);
    json.begin('[');
    for (const Target& target : targets) {
        json.begin('{');
        json.member("pid", target.pids.front())
            .member("name", std::string_view(target.name))
            .member("kind", name_of(target.kind));
        json.member("state", target.state == telemetry::WriterState::alive   ? "alive"
                             : target.state == telemetry::WriterState::ended ? "ended"
                                                                             : "died");
        const auto address = target.address.empty() ? std::nullopt : std::optional<std::string_view>(target.address);
        json.member("address", address);
        json.end('}');
    }
    json.end(']');
    return text;
}

} // namespace connscope::watch
