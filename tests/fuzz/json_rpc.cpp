// SPDX-License-Identifier: BSL-1.0

// The bytes are one line from whoever reached the control socket. Whatever it says, it gets at most one answer, and that is
// a JSON-RPC 2.0 response on one line.

#include "connscope/control/rpc.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

namespace json = boost::json;
using namespace connscope::control;

void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "broken promise: %s\n", what);
    std::abort();
}

// Methods with parameters of every kind that the server's own have.
Methods methods() {
    return {
        {"status",
         [](const json::object&, Reply reply) {
             reply.result({{"mode", "coroutines"}, {"pid", 1}});
         }},
        {"set_mode",
         [](const json::object& params, Reply reply) { reply.result(json::string(string_param(params, "mode"))); }},
        {"set_threads",
         [](const json::object& params, Reply reply) {
             const auto threads = integer_param(params, "threads", 1, 1024);
             require(threads >= 1 && threads <= 1024, "an integer parameter lies between its bounds");
             reply.result(threads);
         }},
        {"list_connections",
         [](const json::object& params, Reply reply) {
             const auto offset = integer_param_or(params, "offset", 0, INT64_MAX, 0);
             const auto limit = integer_param_or(params, "limit", 0, 1000, 100);
             require(offset >= 0 && limit >= 0 && limit <= 1000, "an optional integer lies between its bounds");
             reply.result({offset, limit});
         }},
        {"count", [](const json::object& params, Reply reply) { reply.result(params.size()); }},
        {"refuse", [](const json::object&, Reply reply) { reply.error(RpcErrc::refused, "not now"); }},
        {"fail", [](const json::object&, Reply) { throw std::runtime_error("failed"); }},
    };
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Methods known = methods();
    int answers = 0;
    dispatch(known, {reinterpret_cast<const char*>(data), size}, [&](const std::string& line) {
        require(++answers == 1, "a call is answered once");
        require(line.find('\n') == std::string::npos, "an answer is one line");
        boost::system::error_code failure;
        const json::value answer = json::parse(line, failure, {}, {.max_depth = 64});
        require(!failure && answer.is_object(), "an answer is a JSON object");
        const json::object& object = answer.get_object();
        require(object.contains("id") && object.contains("jsonrpc") && object.at("jsonrpc") == "2.0",
                "an answer is JSON-RPC 2.0");
        require(object.contains("result") != object.contains("error"), "an answer is a result or an error");
    });
    return 0;
}
