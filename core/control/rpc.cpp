// SPDX-License-Identifier: BSL-1.0
#include "connscope/control/rpc.hpp"

#include <boost/json.hpp>

#include <cmath>

namespace connscope::control {

namespace json = boost::json;

void Reply::result(json::value value) const {
    if (send_) send_(json::serialize(json::object{{"jsonrpc", "2.0"}, {"result", std::move(value)}, {"id", id_}}));
}

void Reply::error(RpcErrc code, std::string_view message) const {
    if (!send_) return;
    json::object error{{"code", static_cast<int>(code)}, {"message", message}};
    send_(json::serialize(json::object{{"jsonrpc", "2.0"}, {"error", std::move(error)}, {"id", id_}}));
}

void dispatch(const Methods& methods, std::string_view line, Reply::Send send) {
    const Reply nobody(nullptr, send); // errors before an id is known carry null, says the standard
    boost::system::error_code failure;
    json::parse_options options;
    options.max_depth = 32;
    const json::value message = json::parse(json::string_view(line.data(), line.size()), failure, {}, options);
    if (failure) return nobody.error(RpcErrc::parse_error, "not JSON: " + failure.message());
    const json::object* request = message.if_object();
    if (request == nullptr) {
        // Batches are left out: one message a line does what they are for.
        return nobody.error(RpcErrc::invalid_request, "a request is a JSON object, one a line");
    }
    const json::value* id = request->if_contains("id");
    // A number that overflowed could not be sent back as JSON.
    const bool number = id != nullptr && id->is_number() && !(id->is_double() && !std::isfinite(id->get_double()));
    if (id != nullptr && !id->is_string() && !number && !id->is_null())
        return nobody.error(RpcErrc::invalid_request, "id must be a string, a number or null");
    const Reply reply(id != nullptr ? *id : json::value(nullptr), id != nullptr ? std::move(send) : Reply::Send{});
    const Reply& always = id != nullptr ? reply : nobody; // a request that is no request is answered even without an id

    const json::value* version = request->if_contains("jsonrpc");
    if (version == nullptr || !version->is_string() || version->get_string() != "2.0")
        return always.error(RpcErrc::invalid_request, "jsonrpc must be \"2.0\"");
    const json::value* method = request->if_contains("method");
    if (method == nullptr || !method->is_string()) return always.error(RpcErrc::invalid_request, "method must be a string");
    const json::value* params = request->if_contains("params");
    if (params != nullptr && !params->is_object())
        return reply.error(RpcErrc::invalid_params, "params must be an object: parameters go by name");

    const auto found = methods.find(std::string_view(method->get_string()));
    if (found == methods.end()) {
        std::string known;
        for (const auto& [name, ignored] : methods) known += (known.empty() ? "" : ", ") + name;
        return reply.error(RpcErrc::method_not_found,
                           "no method '" + std::string(method->get_string()) + "'; there are " + known);
    }
    try {
        found->second(params != nullptr ? params->get_object() : json::object{}, reply);
    } catch (const InvalidParams& wrong) {
        reply.error(RpcErrc::invalid_params, wrong.what());
    } catch (const std::exception& failed) {
        reply.error(RpcErrc::internal_error, failed.what());
    }
}

std::string_view string_param(const json::object& params, std::string_view name) {
    const json::value* value = params.if_contains(name);
    if (value == nullptr || !value->is_string()) throw InvalidParams(std::string(name) + " must be a string");
    return value->get_string();
}

std::int64_t integer_param(const json::object& params, std::string_view name, std::int64_t low, std::int64_t high) {
    const json::value* value = params.if_contains(name);
    boost::system::error_code failure;
    const std::int64_t number = value != nullptr && value->is_number() ? value->to_number<std::int64_t>(failure) : low - 1;
    if (failure || number < low || number > high)
        throw InvalidParams(std::string(name) + " must be a whole number from " + std::to_string(low) + " to " +
                            std::to_string(high));
    return number;
}

std::int64_t integer_param_or(const json::object& params, std::string_view name, std::int64_t low, std::int64_t high,
                              std::int64_t otherwise) {
    return params.contains(name) ? integer_param(params, name, low, high) : otherwise;
}

} // namespace connscope::control
