// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/control_methods.hpp"

#include "connscope/server/modes/table.hpp"
#include "connscope/server/talk_methods.hpp"
#include "connscope/server/work.hpp"
#include "connscope/telemetry/reader.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include <unistd.h>

#include <algorithm>

namespace connscope::server {
namespace {

namespace json = boost::json;
using control::Reply;
using control::RpcErrc;

double milliseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

json::value name_of(Slices slices) {
    switch (slices) {
    case Slices::timer:
        return "timer";
    case Slices::scheduler:
        return "scheduler";
    case Slices::budget:
        return "budget";
    case Slices::none:
        break;
    }
    return nullptr;
}

// How a mode works on this machine, or null where that is no question.
json::value here(const ModeInfo& mode, const ModeOptions& options) {
    return mode.here != nullptr ? json::value(mode.here(options)) : json::value(nullptr);
}

json::object parameters_of(const ServerStatus& status) {
    const auto& slice = status.mode_options.slice;
    return {{"threads", status.mode_options.threads},
            {"stack_kib", status.mode_options.stack_bytes / 1024},
            {"slice_us", slice ? json::value(slice->count() / 1000) : json::value(nullptr)},
            {"actions", status.mode_options.actions}};
}

json::array to_json(const std::vector<Hog>& hogs) {
    json::array list;
    for (const Hog& hog : hogs) {
        json::array calls(hog.calls.begin(), hog.calls.end());
        const auto text_or_null = [](const std::string& text) {
            return text.empty() ? json::value(nullptr) : json::value(text);
        };
        list.push_back(json::object{{"id", hog.id},
                                    {"mode", modes()[hog.mode].id},
                                    {"thread", hog.thread},
                                    {"held_ms", milliseconds(hog.held)},
                                    {"waiting", hog.waiting},
                                    {"longest_wait_ms", milliseconds(hog.longest_wait)},
                                    {"function", text_or_null(hog.function)},
                                    {"at", text_or_null(hog.at)},
                                    {"calls", std::move(calls)},
                                    {"missing", text_or_null(hog.missing)}});
    }
    return list;
}

json::object to_json(const ServerStatus& status) {
    json::object carriers;
    for (std::size_t kind = 1; kind < telemetry::carrier_kind_count; ++kind)
        carriers[telemetry::name_of(static_cast<telemetry::CarrierKind>(kind))] = status.carriers[kind];
    json::object by_mode;
    for (const auto& [mode, count] : status.open_by_mode) by_mode[modes()[mode].id] = count;
    json::object refused;
    for (std::size_t reason = 0; reason < refuse_reason_count; ++reason)
        refused[name_of(static_cast<RefuseReason>(reason))] = status.refused_by[reason];
    return {
        {"mode", status.mode},
        {"mode_here", here(modes()[*find_mode(status.mode)], status.mode_options)},
        {"protocol", status.protocol},
        {"pid", ::getpid()},
        {"connections",
         {{"open", status.open},
          {"by_mode", std::move(by_mode)},
          {"accepted", status.accepted},
          {"refused", status.refused},
          {"closed", status.closed}}},
        {"threads", status.threads},
        {"carriers", std::move(carriers)},
        {"hand_offs", status.hand_offs},
        {"moving", status.moving},
        {"work_done", work_done()},
        {"draining", status.draining},
        {"hogs", to_json(status.hogs)},
        {"parameters", parameters_of(status)},
        {"limits",
         {{"connections", status.max_connections},
          {"slots", status.slots},
          {"open_files", status.open_files_limit},
          {"idle_timeout_s", status.idle_timeout.count()},
          {"request_timeout_s", status.request_timeout.count()},
          {"refused_by", std::move(refused)}}},
    };
}

json::array list_modes(const ModeOptions& options) {
    json::array list;
    for (const ModeInfo& mode : modes())
        list.push_back(json::object{{"id", mode.id},
                                    {"title", mode.title},
                                    {"carrier", mode.carrier},
                                    {"scheduling", mode.scheduling},
                                    {"hint", mode.hint},
                                    {"here", here(mode, options)},
                                    {"has_threads", mode.has_threads},
                                    {"has_stack_size", mode.has_stack_size},
                                    {"has_slice", mode.slices != Slices::none},
                                    {"slices", name_of(mode.slices)}});
    return list;
}

// What one connection's slot says now.
json::object to_json(const telemetry::ConnectionReading& connection) {
    const auto number_or_null = [](std::optional<std::uint32_t> value) {
        return value ? json::value(*value) : json::value(nullptr);
    };
    const auto seconds = [](std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e9; };
    return {
        {"id", connection.id},
        {"peer", telemetry::to_string(connection.peer)},
        {"state", telemetry::name_of(connection.state)},
        {"carrier", telemetry::name_of(connection.carrier)},
        {"mode", modes()[std::min<std::size_t>(connection.mode, modes().size() - 1)].id},
        {"thread", connection.thread},
        {"requests", connection.requests},
        {"bytes_in", connection.bytes_in},
        {"bytes_out", connection.bytes_out},
        {"slices", connection.slices},
        {"run_s", seconds(connection.run)},
        {"ready_s", seconds(connection.ready)},
        {"waiting_s", seconds(connection.waiting)},
        {"longest_slice_s", seconds(connection.longest_slice)},
        {"user_space_switches", connection.user_space_switches},
        {"voluntary_switches", number_or_null(connection.voluntary_switches)},
        {"involuntary_switches", number_or_null(connection.involuntary_switches)},
        {"carrier_bytes", connection.carrier_bytes},
        {"session_bytes", connection.session_bytes},
        {"hand_offs", connection.hand_offs},
    };
}

constexpr std::int64_t longest_page = 1000;

// A page of the open connections by id: {"after": 0, "limit": 100} gives those with a greater id than `after`.
void list_connections(Server& server, const json::object& params, const Reply& reply) {
    const auto after = static_cast<ConnectionId>(control::integer_param_or(params, "after", 0, std::int64_t{1} << 40, 0));
    const auto limit = static_cast<std::size_t>(control::integer_param_or(params, "limit", 1, longest_page, 100));
    auto reader = telemetry::SegmentReader::open(server.segment_path());
    telemetry::ServerReading reading;
    if (!reader) return reply.error(RpcErrc::internal_error, reader.error().text);
    if (auto read = reader->read(reading); !read) return reply.error(RpcErrc::internal_error, read.error().text);
    auto& connections = reading.connections;
    std::erase_if(connections, [after](const auto& connection) { return connection.id <= after; });
    const auto page_end = connections.begin() + static_cast<std::ptrdiff_t>(std::min(limit, connections.size()));
    std::partial_sort(connections.begin(), page_end, connections.end(),
                      [](const auto& a, const auto& b) { return a.id < b.id; });
    json::array page;
    std::for_each(connections.begin(), page_end, [&](const auto& connection) { page.push_back(to_json(connection)); });
    const bool more = page_end != connections.end();
    reply.result(json::object{{"connections", std::move(page)}, {"more", more}});
}

// Answers when a hand-off is complete.
HandOffDone answer_hand_off(Server& server, const Reply& reply) {
    return [&server, reply](const telemetry::Outcome<HandOffReport>& outcome) {
        if (!outcome) return reply.error(RpcErrc::refused, outcome.error().text);
        const ServerStatus status = server.status();
        json::object answer = parameters_of(status);
        answer["mode"] = status.mode;
        answer["moved"] = outcome->moved;
        answer["duration_ms"] = milliseconds(outcome->duration);
        reply.result(std::move(answer));
    };
}

// The parameter `mode`, which must be one that there is.
std::string mode_param(const json::object& params) {
    std::string mode(control::string_param(params, "mode"));
    if (!find_mode(mode)) throw control::InvalidParams("there is no mode '" + mode + "'; list_modes tells which there are");
    return mode;
}

void move_connection(Server& server, const json::object& params, const Reply& reply) {
    const auto id = static_cast<ConnectionId>(control::integer_param(params, "id", 1, std::int64_t{1} << 40));
    const std::string mode = mode_param(params);
    server.move_connection(id, mode, [id, mode, reply](const telemetry::Outcome<std::chrono::nanoseconds>& taken) {
        if (!taken) return reply.error(RpcErrc::refused, taken.error().text);
        reply.result(json::object{{"id", id}, {"mode", mode}, {"duration_ms", milliseconds(*taken)}});
    });
}

void set_limits(Server& server, const json::object& params, const Reply& reply) {
    const ServerStatus now = server.status();
    const auto seconds = [&](std::string_view name, std::chrono::seconds otherwise) {
        return std::chrono::seconds(control::integer_param_or(params, name, 0, 1'000'000, otherwise.count()));
    };
    const auto connections = control::integer_param_or(params, "connections", 0, static_cast<std::int64_t>(now.slots),
                                                       static_cast<std::int64_t>(now.max_connections));
    server.set_limits(static_cast<std::uint64_t>(connections), seconds("idle_timeout_s", now.idle_timeout),
                      seconds("request_timeout_s", now.request_timeout));
    reply.result(to_json(server.status()).at("limits"));
}

} // namespace

control::Methods control_methods(Server& server) {
    control::Methods methods{
        {"status", [&server](const json::object&, const Reply& reply) { reply.result(to_json(server.status())); }},
        {"list_modes",
         [&server](const json::object&, const Reply& reply) { reply.result(list_modes(server.status().mode_options)); }},
        {"set_mode", [&server](const json::object& params,
                               const Reply& reply) { server.set_mode(mode_param(params), answer_hand_off(server, reply)); }},
        {"move_connection",
         [&server](const json::object& params, const Reply& reply) { move_connection(server, params, reply); }},
        {"set_threads",
         [&server](const json::object& params, const Reply& reply) {
             ModeOptions options = server.status().mode_options;
             options.threads = static_cast<std::size_t>(control::integer_param(params, "threads", 0, 1024));
             server.set_options(options, answer_hand_off(server, reply));
         }},
        {"set_stack_size",
         [&server](const json::object& params, const Reply& reply) {
             ModeOptions options = server.status().mode_options;
             options.stack_bytes = static_cast<std::size_t>(control::integer_param(params, "stack_kib", 16, 65536)) * 1024;
             server.set_options(options, answer_hand_off(server, reply));
         }},
        {"set_slice",
         [&server](const json::object& params, const Reply& reply) {
             // {"us": 5000} or {"us": null}, and {"actions": 10}: what is not named stays.
             ModeOptions options = server.status().mode_options;
             const json::value* const us = params.if_contains("us");
             if (us != nullptr && us->is_null())
                 options.slice.reset();
             else if (us != nullptr || !params.contains("actions"))
                 options.slice = std::chrono::microseconds(control::integer_param(params, "us", 200, 100'000));
             options.actions =
                 static_cast<std::uint32_t>(control::integer_param_or(params, "actions", 0, 1'000'000, options.actions));
             server.set_options(options, answer_hand_off(server, reply));
         }},
        {"set_limits", [&server](const json::object& params, const Reply& reply) { set_limits(server, params, reply); }},
        {"list_connections",
         [&server](const json::object& params, const Reply& reply) { list_connections(server, params, reply); }},
        {"close_connection",
         [&server](const json::object& params, const Reply& reply) {
             const auto id = control::integer_param(params, "id", 1, std::int64_t{1} << 40);
             if (!server.close_connection(static_cast<ConnectionId>(id)))
                 return reply.error(RpcErrc::refused, "there is no connection " + std::to_string(id));
             reply.result(true);
         }},
        {"hogs", [&server](const json::object&, const Reply& reply) { reply.result(to_json(server.hogs())); }},
        {"excuse_hog",
         [&server](const json::object& params, const Reply& reply) {
             const auto id = control::integer_param(params, "id", 1, std::int64_t{1} << 40);
             if (!server.excuse_hog(static_cast<ConnectionId>(id)))
                 return reply.error(RpcErrc::refused, "connection " + std::to_string(id) + " keeps nobody waiting");
             reply.result(true);
         }},
        {"drain",
         [&server](const json::object& params, const Reply& reply) {
             const auto deadline = control::integer_param_or(params, "deadline_ms", 0, 3'600'000, 5000);
             server.drain(std::chrono::milliseconds(deadline), [reply](std::uint64_t left_open) {
                 reply.result(json::object{{"left_open", left_open}});
             });
         }},
        {"shutdown",
         [&server](const json::object&, const Reply& reply) {
             reply.result(true);
             // After the answer has been sent: the control socket goes with the server.
             boost::asio::post(server.context(), [&server] { server.shutdown(); });
         }},
    };
    methods.merge(talk_methods(server));
    return methods;
}

} // namespace connscope::server
