// SPDX-License-Identifier: BSL-1.0
#include "watch_json.hpp"

#include "watch_table.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>

#include <cmath>
#include <iterator>

namespace connscope::watch {
namespace {

namespace json = boost::json;

json::value or_null(const std::optional<std::uint64_t>& value) { return value ? json::value(*value) : json::value(nullptr); }

// A rate or share to three decimals: more is noise.
json::value or_null(const std::optional<double>& value) {
    if (!value || !std::isfinite(*value)) return nullptr;
    return std::round(*value * 1000) / 1000;
}

json::value or_null(const std::optional<std::string>& value) { return value ? json::value(*value) : json::value(nullptr); }

double microseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1000; }

json::value inode_or_null(std::uint64_t inode) { return inode == 0 ? json::value(nullptr) : json::value(inode); }

json::object to_object(const ConnectionRow& row) {
    const telemetry::ConnectionReading& c = row.reading;
    const auto count = [](const std::optional<std::uint32_t>& value) {
        return value ? json::value(*value) : json::value(nullptr);
    };
    return {
        {"id", c.id},
        {"shard", c.segment},
        {"peer", telemetry::to_string(c.peer)},
        {"state", telemetry::name_of(c.state)},
        {"carrier", telemetry::name_of(c.carrier)},
        {"mode", row.mode},
        {"thread", c.thread == 0 ? json::value(nullptr) : json::value(c.thread)},
        {"cpu", or_null(row.cpu)},
        {"requests_per_s", or_null(row.requests_per_s)},
        {"requests", c.requests},
        {"bytes_in", c.bytes_in},
        {"bytes_out", c.bytes_out},
        {"slices", c.slices},
        {"run_us", microseconds(c.run)},
        {"ready_us", microseconds(c.ready)},
        {"waiting_us", microseconds(c.waiting)},
        {"longest_slice_us", microseconds(c.longest_slice)},
        {"longest_ready_us", microseconds(c.longest_ready)},
        {"user_space_switches", c.user_space_switches},
        {"voluntary_switches", count(c.voluntary_switches)},
        {"involuntary_switches", count(c.involuntary_switches)},
        {"carrier_bytes", c.carrier_bytes},
        {"session_bytes", c.session_bytes},
        {"hand_offs", c.hand_offs},
        {"socket_inode", inode_or_null(c.socket_inode)},
    };
}

json::object to_object(const observe::SocketReading& socket) {
    json::object object{
        {"peer", telemetry::to_string(socket.peer)},
        {"local", telemetry::to_string(socket.local)},
        {"tcp_state", observe::name_of(socket.state)},
        {"receive_queue", socket.receive_queue},
        {"send_queue", socket.send_queue},
        {"socket_inode", inode_or_null(socket.inode)},
        {"memory_bytes", socket.memory ? json::value(socket.memory->held_bytes()) : json::value(nullptr)},
    };
    object["bytes_in"] = or_null(socket.tcp ? socket.tcp->bytes_received : std::nullopt);
    object["bytes_out"] = or_null(socket.tcp ? socket.tcp->bytes_sent : std::nullopt);
    object["round_trip_us"] = socket.tcp ? json::value(socket.tcp->round_trip.count()) : json::value(nullptr);
    object["retransmitted"] = socket.tcp ? json::value(socket.tcp->retransmitted) : json::value(nullptr);
    return object;
}

json::array connection_list(const Snapshot& snapshot) {
    json::array list;
    list.reserve(snapshot.connection_rows.size() + snapshot.socket_rows.size());
    for (const ConnectionRow& row : snapshot.connection_rows) list.push_back(to_object(row));
    for (const observe::SocketReading& socket : snapshot.socket_rows) list.push_back(to_object(socket));
    return list;
}

// As Boost.JSON writes it, but numbers without an exponent: line tools read them too.
void write(const json::value& value, std::string& into) {
    if (value.is_object()) {
        into += '{';
        for (const auto& [key, member] : value.get_object()) {
            if (into.back() != '{') into += ',';
            into += json::serialize(key) + ':';
            write(member, into);
        }
        into += '}';
    } else if (value.is_array()) {
        into += '[';
        for (const json::value& element : value.get_array()) {
            if (into.back() != '[') into += ',';
            write(element, into);
        }
        into += ']';
    } else if (value.is_double()) {
        fmt::format_to(std::back_inserter(into), "{}", value.get_double());
    } else {
        into += json::serialize(value);
    }
}

std::string text_of(const json::value& value) {
    std::string text;
    write(value, text);
    return text;
}

} // namespace

std::string to_json(const Snapshot& snapshot, bool connections) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(snapshot.time.time_since_epoch());
    const auto& open = snapshot.connections;
    const auto& memory = snapshot.memory_bytes;
    json::object carriers;
    for (std::size_t kind = 1; kind < telemetry::carrier_kind_count; ++kind)
        carriers[telemetry::name_of(static_cast<telemetry::CarrierKind>(kind))] = or_null(snapshot.carriers[kind]);
    json::object object{
        {"time", fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(snapshot.time)),
                             milliseconds.count() % 1000)},
        {"pid", snapshot.pid},
        {"name", printable(snapshot.name)},
        {"kind", name_of(snapshot.kind)},
        {"mode", or_null(snapshot.mode)},
        {"connections", json::object{{"open", or_null(open.open)},
                                     {"running", or_null(open.running)},
                                     {"ready", or_null(open.ready)},
                                     {"waiting_read", or_null(open.waiting_read)},
                                     {"waiting_write", or_null(open.waiting_write)},
                                     {"paused", or_null(open.paused)}}},
        {"threads", or_null(snapshot.threads)},
        {"carriers", std::move(carriers)},
        {"memory_bytes", json::object{{"resident", or_null(memory.resident)},
                                      {"stacks", or_null(memory.stacks)},
                                      {"frames", or_null(memory.frames)},
                                      {"heap", or_null(memory.heap)},
                                      {"kernel_stacks", or_null(memory.kernel_stacks)},
                                      {"page_tables", or_null(memory.page_tables)},
                                      {"sockets", or_null(memory.sockets)},
                                      {"per_connection", or_null(memory.per_connection)}}},
        {"switches_per_s", json::object{{"voluntary", or_null(snapshot.switches_per_s.voluntary)},
                                        {"involuntary", or_null(snapshot.switches_per_s.involuntary)},
                                        {"user_space", or_null(snapshot.switches_per_s.user_space)}}},
        {"cpu", json::object{{"user", or_null(snapshot.cpu.user)}, {"system", or_null(snapshot.cpu.system)}}},
        {"requests_per_s", or_null(snapshot.requests_per_s)},
    };
    if (snapshot.ended) object["ended"] = true;
    if (!snapshot.notes.empty()) object["notes"] = json::array(snapshot.notes.begin(), snapshot.notes.end());
    if (connections) object["connection_list"] = connection_list(snapshot);
    return text_of(object);
}

std::string to_json(const std::vector<Target>& targets) {
    json::array list;
    for (const Target& target : targets) {
        const char* const state = target.state == telemetry::WriterState::alive   ? "alive"
                                  : target.state == telemetry::WriterState::ended ? "ended"
                                                                                  : "died";
        list.push_back(
            json::object{{"pid", target.pids.front()},
                         {"name", printable(target.name)},
                         {"kind", name_of(target.kind)},
                         {"state", state},
                         {"address", target.address.empty() ? json::value(nullptr) : json::value(target.address)}});
    }
    return text_of(list);
}

} // namespace connscope::watch
