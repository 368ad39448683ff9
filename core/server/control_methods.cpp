// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/control_methods.hpp"

#include "connscope/server/modes/table.hpp"
#include "connscope/telemetry/reading.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include <unistd.h>

namespace connscope::server {
namespace {

namespace json = boost::json;
using control::Reply;
using control::RpcErrc;

double milliseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

json::object to_json(const ServerStatus& status) {
    json::object carriers;
    for (std::size_t kind = 1; kind < telemetry::carrier_kind_count; ++kind)
        carriers[telemetry::name_of(static_cast<telemetry::CarrierKind>(kind))] = status.carriers[kind];
    json::object refused;
    for (std::size_t reason = 0; reason < refuse_reason_count; ++reason)
        refused[name_of(static_cast<RefuseReason>(reason))] = status.refused_by[reason];
    return {
        {"mode", status.mode},
        {"protocol", status.protocol},
        {"pid", ::getpid()},
        {"connections",
         {{"open", status.open}, {"accepted", status.accepted}, {"refused", status.refused}, {"closed", status.closed}}},
        {"threads", status.threads},
        {"carriers", std::move(carriers)},
        {"hand_offs", status.hand_offs},
        {"moving", status.moving},
        {"draining", status.draining},
        {"parameters", {{"threads", status.mode_options.threads}, {"stack_kib", status.mode_options.stack_bytes / 1024}}},
        {"limits",
         {{"connections", status.max_connections},
          {"open_files", status.open_files_limit},
          {"refused_by", std::move(refused)}}},
    };
}

json::array list_modes() {
    json::array list;
    for (const ModeInfo& mode : modes())
        list.push_back(json::object{{"id", mode.id},
                                    {"title", mode.title},
                                    {"carrier", mode.carrier},
                                    {"scheduling", mode.scheduling},
                                    {"hint", mode.hint},
                                    {"has_threads", mode.has_threads},
                                    {"has_stack_size", mode.has_stack_size}});
    return list;
}

} // namespace

control::Methods control_methods(Server& server, telemetry::ProbeServer&) {
    return {
        {"status", [&server](const json::object&, const Reply& reply) { reply.result(to_json(server.status())); }},
        {"list_modes", [](const json::object&, const Reply& reply) { reply.result(list_modes()); }},
        {"set_mode",
         [&server](const json::object& params, const Reply& reply) {
             const std::string mode(control::string_param(params, "mode"));
             if (!find_mode(mode))
                 throw control::InvalidParams("there is no mode '" + mode + "'; list_modes tells which there are");
             server.set_mode(mode, [reply, mode](const telemetry::Outcome<HandOffReport>& outcome) {
                 if (!outcome) return reply.error(RpcErrc::refused, outcome.error().text);
                 reply.result(json::object{
                     {"mode", mode}, {"moved", outcome->moved}, {"duration_ms", milliseconds(outcome->duration)}});
             });
         }},
        {"close_connection",
         [&server](const json::object& params, const Reply& reply) {
             const auto id = control::integer_param(params, "id", 1, std::int64_t{1} << 40);
             if (!server.close_connection(static_cast<ConnectionId>(id)))
                 return reply.error(RpcErrc::refused, "there is no connection " + std::to_string(id));
             reply.result(true);
         }},
        {"shutdown",
         [&server](const json::object&, const Reply& reply) {
             reply.result(true);
             // After the answer has been sent: the control socket goes with the server.
             boost::asio::post(server.context(), [&server] { server.shutdown(); });
         }},
    };
}

} // namespace connscope::server
