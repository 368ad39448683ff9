// SPDX-License-Identifier: BSL-1.0
#include "connscope/control/client.hpp"
#include "connscope/control/rpc.hpp"
#include "connscope/control/server.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <boost/asio.hpp>
#include <boost/json.hpp>

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>
#include <thread>

namespace connscope::control {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

const Methods methods{
    {"add",
     [](const json::object& params, const Reply& reply) {
         reply.result(integer_param(params, "a", 0, 100) + integer_param_or(params, "b", 0, 100, 1));
     }},
    {"refuse", [](const json::object&, const Reply& reply) { reply.error(RpcErrc::refused, "not now"); }},
    {"fail", [](const json::object&, const Reply&) { throw std::runtime_error("broken"); }},
};

json::object answer_to(std::string_view line) {
    std::string answer;
    dispatch(methods, line, [&](std::string text) { answer = std::move(text); });
    return answer.empty() ? json::object{} : json::parse(answer).as_object();
}

std::int64_t code_of(std::string_view line) { return answer_to(line).at("error").at("code").as_int64(); }

TEST(rpc, a_call_is_answered_with_its_result_and_id) {
    const json::object answer = answer_to(R"({"jsonrpc":"2.0","method":"add","params":{"a":2,"b":3},"id":"x"})");
    EXPECT_EQ(answer.at("result").as_int64(), 5);
    EXPECT_EQ(answer.at("id").as_string(), "x");
    EXPECT_EQ(answer.at("jsonrpc").as_string(), "2.0");
}

TEST(rpc, a_notification_is_not_answered) {
    EXPECT_TRUE(answer_to(R"({"jsonrpc":"2.0","method":"add","params":{"a":2}})").empty());
    EXPECT_TRUE(answer_to(R"({"jsonrpc":"2.0","method":"nothing"})").empty());
}

TEST(rpc, every_kind_of_bad_request_has_the_standards_code) {
    EXPECT_EQ(code_of("{nonsense"), -32700);
    EXPECT_EQ(code_of(""), -32700);
    EXPECT_EQ(code_of(std::string(1000, '[')), -32700);
    EXPECT_EQ(code_of("[]"), -32600);
    EXPECT_EQ(code_of("7"), -32600);
    EXPECT_EQ(code_of(R"({"method":"add","id":1})"), -32600);
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","method":7,"id":1})"), -32600);
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","method":"add","id":{}})"), -32600);
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","method":"nothing","id":1})"), -32601);
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","method":"add","params":[1],"id":1})"), -32602);
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","method":"add","params":{},"id":1})"), -32602);
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","method":"add","params":{"a":101},"id":1})"), -32602);
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","method":"add","params":{"a":1.5},"id":1})"), -32602);
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","method":"add","params":{"a":"1"},"id":1})"), -32602);
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","method":"fail","id":1})"), -32603);
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","method":"refuse","id":1})"), -32000);
}

// A control server on a thread of its own.
class RunningServer {
public:
    RunningServer()
        : path_(telemetry::control_path(*telemetry::runtime_folder(), "test-control-" + std::to_string(::getpid())))
        , server_(std::move(*Server::listen(context_, path_, methods)))
        , thread_([this] { context_.run(); }) {}
    ~RunningServer() {
        boost::asio::post(context_, [this] { server_.reset(); });
        thread_.join();
    }
    const std::filesystem::path& path() const { return path_; }

private:
    boost::asio::io_context context_;
    std::filesystem::path path_;
    std::unique_ptr<Server> server_;
    std::thread thread_;
};

TEST(control_server, calls_go_over_a_socket_for_its_owner_only) {
    const RunningServer server;
    struct stat status {};
    ASSERT_EQ(::stat(server.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    auto client = Client::connect(server.path());
    ASSERT_TRUE(client) << client.error().text;
    for (int i = 0; i < 100; ++i) {
        const auto sum = client->call("add", {{"a", i}, {"b", 1}}, 5s);
        ASSERT_TRUE(sum) << sum.error().text;
        EXPECT_EQ(sum->as_int64(), i + 1);
    }
}

TEST(control_server, a_connection_outlives_its_errors) {
    const RunningServer server;
    auto client = Client::connect(server.path());
    EXPECT_EQ(client->call("refuse", {}, 5s).error().text, "not now");
    EXPECT_FALSE(client->call("nothing", {}, 5s));
    EXPECT_FALSE(client->call("add", {{"a", "x"}}, 5s));
    EXPECT_TRUE(client->call("add", {{"a", 1}}, 5s));
}

TEST(control_server, a_second_server_does_not_take_the_socket_of_the_first) {
    const RunningServer server;
    boost::asio::io_context context;
    EXPECT_FALSE(Server::listen(context, server.path(), methods));
    EXPECT_TRUE(Client::connect(server.path()));
}

TEST(control_server, a_file_at_its_path_is_left_alone) {
    const std::filesystem::path path = *telemetry::runtime_folder() / ("test-file-" + std::to_string(::getpid()));
    std::ofstream(path) << "precious";
    boost::asio::io_context context;
    EXPECT_FALSE(Server::listen(context, path, methods));
    EXPECT_TRUE(std::filesystem::exists(path));
    std::filesystem::remove(path);
}

TEST(control_client, says_when_nobody_listens) {
    const auto client = Client::connect("/nowhere/at/all");
    ASSERT_FALSE(client);
    EXPECT_NE(client.error().text.find("/nowhere/at/all"), std::string::npos);
}

} // namespace
} // namespace connscope::control
