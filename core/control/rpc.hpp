// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace connscope::control {

// JSON-RPC 2.0 (jsonrpc.org/specification) without its transport.

// The standard's error codes, and this project's own from -32000 down.
enum class RpcErrc : int {
    parse_error = -32700,
    invalid_request = -32600,
    method_not_found = -32601,
    invalid_params = -32602,
    internal_error = -32603,
    refused = -32000, // understood, and cannot be done now: a limit, a state
};

// Answers one call: exactly once, now or later, on the thread that runs the server's io_context.
class Reply {
public:
    using Send = std::function<void(std::string line)>;

    // For a call with this id; a notification has none, and its answers go nowhere.
    Reply(boost::json::value id, Send send)
        : id_(std::move(id))
        , send_(std::move(send)) {}

    void result(boost::json::value value) const;
    void error(RpcErrc code, std::string_view message) const;

private:
    boost::json::value id_;
    Send send_;
};

// Thrown by a method, or by the parameter functions below, for parameters that are not of its form.
struct InvalidParams : std::runtime_error {
    using std::runtime_error::runtime_error;
};

using Method = std::function<void(const boost::json::object& params, Reply reply)>;
using Methods = std::map<std::string, Method, std::less<>>;

// Runs what one line asks for. `send` gets the answer, a line without its end; for a notification it is not called. Bad
// JSON, an unknown method or bad parameters are answered with the standard's errors; no line makes it throw.
void dispatch(const Methods& methods, std::string_view line, Reply::Send send);

// A parameter that must be there, or InvalidParams.
std::string_view string_param(const boost::json::object& params, std::string_view name);
// An integer between two bounds, or InvalidParams; `otherwise` when it is absent.
std::int64_t integer_param(const boost::json::object& params, std::string_view name, std::int64_t low, std::int64_t high);
std::int64_t integer_param_or(const boost::json::object& params, std::string_view name, std::int64_t low, std::int64_t high,
                              std::int64_t otherwise);

} // namespace connscope::control
