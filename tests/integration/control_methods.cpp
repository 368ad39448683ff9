// SPDX-License-Identifier: BSL-1.0
#include "../support.hpp"

#include "connscope/server/modes/table.hpp"

#include <set>

namespace connscope::test {
namespace {

namespace json = boost::json;

control::Client connect_to(const RunningServer& server) {
    auto client = control::Client::connect(server.control_path());
    EXPECT_TRUE(client) << (client ? "" : client.error().text);
    return std::move(*client);
}

json::value must(telemetry::Outcome<json::value> answer) {
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().text);
    return answer ? *answer : json::value(nullptr);
}

TEST(control_methods, status_has_every_promised_key) {
    const RunningServer server;
    const TestClient client(server.port());
    ASSERT_TRUE(client.echoes("x"));
    auto control = connect_to(server);
    const json::value status = must(control.call("status", {}, 5s));
    EXPECT_EQ(status.at("mode").as_string(), "coroutines");
    EXPECT_EQ(status.at("protocol").as_string(), "echo");
    EXPECT_EQ(status.at("pid").to_number<int>(), ::getpid());
    for (const char* key : {"open", "accepted", "refused", "closed"})
        EXPECT_TRUE(status.at("connections").as_object().contains(key)) << key;
    for (const char* key : {"thread", "coroutine", "fiber", "closure", "process"})
        EXPECT_TRUE(status.at("carriers").as_object().contains(key)) << key;
    EXPECT_GT(status.at("threads").to_number<int>(), 1);
    EXPECT_EQ(status.at("hand_offs").to_number<int>(), 0);
    EXPECT_GT(status.at("limits").at("connections").to_number<int>(), 100);
}

TEST(control_methods, connections_are_listed_in_pages) {
    const RunningServer server;
    std::vector<TestClient> clients;
    for (int i = 0; i < 25; ++i) clients.emplace_back(server.port());
    for (const TestClient& client : clients) ASSERT_TRUE(client.echoes("x"));
    auto control = connect_to(server);
    std::set<std::uint64_t> seen;
    std::uint64_t after = 0;
    for (bool more = true; more;) {
        const json::value page = must(control.call("list_connections", {{"after", after}, {"limit", 10}}, 5s));
        EXPECT_LE(page.at("connections").as_array().size(), 10u);
        for (const json::value& connection : page.at("connections").as_array()) {
            after = connection.at("id").to_number<std::uint64_t>();
            EXPECT_TRUE(seen.insert(after).second);
            EXPECT_EQ(connection.at("carrier").as_string(), "coroutine");
            EXPECT_TRUE(connection.at("voluntary_switches").is_null()) << "a coroutine has no thread of its own";
        }
        more = page.at("more").as_bool();
    }
    EXPECT_EQ(seen.size(), 25u);
    EXPECT_FALSE(control.call("list_connections", {{"limit", 0}}, 5s));
    EXPECT_FALSE(control.call("list_connections", {{"limit", 1'000'000}}, 5s));
}

TEST(control_methods, the_number_of_threads_changes_under_load_and_no_connection_is_lost) {
    for (const std::string mode : {"thread-pool", "coroutines-pool", "loop-per-core"}) {
        server::ServerOptions options;
        options.mode = mode;
        options.mode_options.threads = 2;
        const RunningServer server(options);
        std::vector<TestClient> clients;
        for (int i = 0; i < 20; ++i) clients.emplace_back(server.port());
        for (const TestClient& client : clients) ASSERT_TRUE(client.echoes("before"));
        const std::uint64_t threads_before = server.status().threads;
        auto control = connect_to(server);
        const json::value answer = must(control.call("set_threads", {{"threads", 5}}, 10s));
        EXPECT_EQ(answer.at("moved").to_number<int>(), 20) << mode;
        EXPECT_TRUE(eventually([&] { return server.status().threads == threads_before + 3; })) << mode;
        for (const TestClient& client : clients) EXPECT_TRUE(client.echoes("after"));
        EXPECT_EQ(must(control.call("set_threads", {{"threads", 5}}, 10s)).at("moved").to_number<int>(), 0)
            << "nothing to change";
        EXPECT_FALSE(control.call("set_threads", {{"threads", -1}}, 5s));
    }
}

TEST(control_methods, the_stack_size_changes_where_there_is_one) {
    for (const std::string mode : {"thread-per-connection", "fibers"}) {
        server::ServerOptions options;
        options.mode = mode;
        const RunningServer server(options);
        const TestClient client(server.port());
        ASSERT_TRUE(client.echoes("before"));
        auto control = connect_to(server);
        EXPECT_EQ(must(control.call("set_stack_size", {{"stack_kib", 64}}, 10s)).at("moved").to_number<int>(), 1);
        ASSERT_TRUE(client.echoes("after"));
        EXPECT_EQ(server.reading().connections.at(0).carrier_bytes, 64u * 1024u) << mode;
        EXPECT_FALSE(control.call("set_stack_size", {{"stack_kib", 1}}, 5s));
    }
}

TEST(control_methods, the_slice_changes_where_there_is_one_and_must_be_between_200_us_and_100_ms) {
    server::ServerOptions options;
    options.mode = "preemptive-fibers";
    const RunningServer server(options);
    const TestClient client(server.port());
    ASSERT_TRUE(client.echoes("before"));
    auto control = connect_to(server);
    EXPECT_EQ(must(control.call("set_slice", {{"us", 5000}}, 10s)).at("moved").to_number<int>(), 1);
    EXPECT_EQ(server.status().mode_options.slice, 5ms);
    ASSERT_TRUE(client.echoes("after"));
    EXPECT_FALSE(control.call("set_slice", {{"us", 0}}, 5s));
    EXPECT_FALSE(control.call("set_slice", {{"us", 3'600'000'000}}, 5s));
    EXPECT_EQ(server.status().mode_options.slice, 5ms) << "what was refused changes nothing";
    EXPECT_EQ(must(control.call("set_slice", {{"us", nullptr}}, 10s)).at("moved").to_number<int>(), 1) << "its own again";
    EXPECT_TRUE(must(control.call("status", {}, 5s)).at("parameters").at("slice_us").is_null());
    ASSERT_TRUE(server.set_mode("thread-pool"));
    EXPECT_EQ(must(control.call("set_slice", {{"us", 1000}}, 10s)).at("moved").to_number<int>(), 0) << "it has none";
}

TEST(control_methods, one_connection_is_moved_by_its_id) {
    const RunningServer server;
    const TestClient client(server.port());
    const TestClient other(server.port());
    ASSERT_TRUE(client.echoes("x"));
    ASSERT_TRUE(other.echoes("x"));
    auto control = connect_to(server);
    const json::value answer = must(control.call("move_connection", {{"id", 2}, {"mode", "fibers"}}, 10s));
    EXPECT_EQ(answer.at("id").to_number<int>(), 2);
    EXPECT_EQ(answer.at("mode").as_string(), "fibers");
    EXPECT_GT(answer.at("duration_ms").to_number<double>(), 0.0);
    const json::value status = must(control.call("status", {}, 5s));
    EXPECT_EQ(status.at("connections").at("by_mode"), (json::object{{"coroutines", 1}, {"fibers", 1}}));
    EXPECT_EQ(status.at("mode").as_string(), "coroutines");
    EXPECT_FALSE(control.call("move_connection", {{"id", 3}, {"mode", "fibers"}}, 5s));
    EXPECT_FALSE(control.call("move_connection", {{"id", 2}, {"mode", "nonsense"}}, 5s));
    EXPECT_FALSE(control.call("move_connection", {{"mode", "fibers"}}, 5s));
    EXPECT_FALSE(control.call("move_connection", {{"id", -1}, {"mode", "fibers"}}, 5s));
    ASSERT_TRUE(client.echoes("y"));
    ASSERT_TRUE(other.echoes("y"));
}

TEST(control_methods, limits_can_be_changed_at_run_time) {
    const RunningServer server;
    auto control = connect_to(server);
    const json::value limits = must(control.call("set_limits", {{"connections", 2}, {"idle_timeout_s", 1}}, 5s));
    EXPECT_EQ(limits.at("connections").to_number<int>(), 2);
    EXPECT_EQ(limits.at("idle_timeout_s").to_number<int>(), 1);
    std::vector<TestClient> clients;
    for (int i = 0; i < 3; ++i) clients.emplace_back(server.port());
    EXPECT_TRUE(eventually([&] { return server.status().refused == 1; }));
    EXPECT_TRUE(eventually([&] { return server.status().open == 0; })) << "the silent two are timed out";
    EXPECT_FALSE(control.call("set_limits", {{"connections", 100'000'000}}, 5s));
}

TEST(control_methods, drain_ends_all_and_the_server_still_answers) {
    const RunningServer server;
    std::vector<TestClient> clients;
    for (int i = 0; i < 5; ++i) clients.emplace_back(server.port());
    for (const TestClient& client : clients) ASSERT_TRUE(client.echoes("x"));
    auto control = connect_to(server);
    EXPECT_EQ(must(control.call("drain", {{"deadline_ms", 2000}}, 10s)).at("left_open").to_number<int>(), 0);
    for (const TestClient& client : clients) EXPECT_TRUE(client.at_end());
    EXPECT_TRUE(must(control.call("status", {}, 5s)).at("draining").as_bool());
}

TEST(control_methods, shutdown_answers_before_the_server_goes) {
    Child child({"connscope-serve", "--listen", ":0", "--name", unique_name("shutdown")});
    const std::string ready = child.line();
    auto control = control::Client::connect(field(ready, "control"));
    ASSERT_TRUE(control);
    EXPECT_TRUE(must(control->call("shutdown", {}, 5s)).as_bool());
    EXPECT_EQ(child.wait(), 0);
}

} // namespace
} // namespace connscope::test
