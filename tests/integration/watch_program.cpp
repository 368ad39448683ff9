// SPDX-License-Identifier: BSL-1.0
// connscope-watch as a program, beside a real server whose connections are in several modes.
#include "watch_support.hpp"

#include <map>

namespace connscope::test {
namespace {

namespace json = boost::json;

TEST(watch_program, connections_are_counted_by_the_mode_that_carries_them) {
    const RunningServer server;
    std::vector<TestClient> clients;
    for (int i = 0; i < 5; ++i) {
        clients.emplace_back(server.port());
        ASSERT_TRUE(clients.back().echoes("x"));
    }
    ASSERT_TRUE(server.move_connection(2, "fibers"));
    ASSERT_TRUE(server.move_connection(3, "fibers"));
    ASSERT_TRUE(server.move_connection(4, "thread-per-connection"));
    const json::object seen = watch({server.name(), "--once", "--json"});
    const json::object expected{{"coroutines", 2}, {"fibers", 2}, {"thread-per-connection", 1}};
    EXPECT_EQ(seen.at("modes"), json::value(expected)) << json::serialize(seen.at("modes"));

    Child text({"connscope-watch", server.name(), "--once"});
    const std::string shown = text.rest();
    EXPECT_NE(shown.find("in fibers 2"), std::string::npos) << shown;
}

TEST(watch_program, the_cost_of_one_more_connection_is_told_by_parts_with_the_source_of_each) {
    server::ServerOptions options;
    options.mode = "fibers";
    const RunningServer server(options);
    Child program({"connscope-watch", server.name(), "--cost", "--json", "--interval", "0.2"});
    const auto reading = [&] {
        boost::system::error_code error;
        const json::value read = json::parse(program.line(), error);
        return error ? json::object() : read.as_object();
    };
    const json::object first = reading();
    EXPECT_TRUE(first.at("parts").as_array().empty());
    EXPECT_TRUE(first.at("sum_bytes").is_null()) << "nothing is known, and that is not 0";

    std::vector<TestClient> clients;
    for (int i = 0; i < 50; ++i) {
        clients.emplace_back(server.port());
        ASSERT_TRUE(clients.back().echoes("x"));
    }
    json::object now;
    ASSERT_TRUE(
        eventually([&] { return (now = reading()).at("connections_to") == 50 && now.at("settled").as_bool(); }, 30s));
    EXPECT_EQ(now.at("connections_from"), 0);
    double sum = 0;
    std::map<std::string, json::value> parts;
    for (const json::value& part : now.at("parts").as_array()) {
        const std::string source(part.at("source").as_string());
        EXPECT_NE(source, "");
        if (part.at("bytes").is_null())
            EXPECT_NE(source.find("not available"), std::string::npos) << source;
        else
            sum += part.at("bytes").to_number<double>();
        parts[std::string(part.at("name").as_string())] = part.at("bytes");
    }
    EXPECT_NEAR(now.at("sum_bytes").to_number<double>(), sum, 1);
    EXPECT_GE(parts.at("stacks, user part").to_number<double>(), 4096) << "a page of each fiber's stack is touched";
    EXPECT_EQ(parts.at("slot in the segment"), 192);
    EXPECT_TRUE(now.at("grown_bytes").is_number() && now.at("difference_bytes").is_number());
    program.signal(SIGTERM);
    EXPECT_EQ(program.wait(), 0);
}

TEST(watch_program, a_cost_of_what_has_no_connections_of_its_own_is_refused_with_a_word) {
    Child program({"connscope-watch", std::to_string(::getpid()), "--cost", "--once"});
    EXPECT_EQ(program.wait(), 2);
}

} // namespace
} // namespace connscope::test
