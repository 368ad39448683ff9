// SPDX-License-Identifier: BSL-1.0
#include "../support.hpp"

#include <csignal>

namespace connscope::test {
namespace {

using std::chrono::steady_clock;

const std::string hello = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

// Starts a computation of some milliseconds and does not wait for its answer.
bool ask_for_work(const TestClient& client, int ms) {
    return client.send("GET /work?us=" + std::to_string(ms * 1000) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

// What a short request takes beside a computation of 500 ms that has begun.
std::chrono::milliseconds answered_beside_a_computation(const std::string& mode) {
    server::ServerOptions options;
    options.mode = mode;
    options.protocol = "http";
    const RunningServer server(options);
    const TestClient other(server.port());
    const TestClient busy(server.port());
    EXPECT_TRUE(eventually([&] { return server.status().open == 2; }));
    EXPECT_TRUE(ask_for_work(busy, 500));
    EXPECT_TRUE(eventually([&] {
        for (const auto& connection : server.reading().connections)
            if (connection.bytes_in > 0) return true;
        return false;
    }));
    const auto begin = steady_clock::now();
    EXPECT_TRUE(other.send(hello));
    EXPECT_EQ(other.receive(12), "HTTP/1.1 200");
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin);
    EXPECT_EQ(busy.receive(12), "HTTP/1.1 200") << "the one interrupted comes to its end";
    return took;
}

TEST(preemptive_fibers, one_that_computes_is_interrupted_for_another_and_a_cooperative_one_is_not) {
    const auto cooperative = answered_beside_a_computation("fibers");
    const auto preemptive = answered_beside_a_computation("preemptive-fibers");
    EXPECT_GT(cooperative.count(), 200);
    EXPECT_LT(preemptive * 4, cooperative);
}

TEST(preemptive_fibers, those_who_compute_at_once_share_the_thread_and_all_end) {
    server::ServerOptions options;
    options.mode = "preemptive-fibers";
    options.protocol = "http";
    options.mode_options.slice = std::chrono::microseconds(200);
    const RunningServer server(options);
    std::vector<TestClient> clients;
    for (int i = 0; i < 8; ++i) clients.emplace_back(server.port());
    const auto begin = steady_clock::now();
    for (const TestClient& client : clients) ASSERT_TRUE(ask_for_work(client, 50));
    std::vector<double> ends_ms;
    for (const TestClient& client : clients) {
        EXPECT_EQ(client.receive(12), "HTTP/1.1 200");
        ends_ms.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count());
    }
    EXPECT_GE(ends_ms.back(), 400.0) << "each did its work in full";
    EXPECT_GT(ends_ms.front(), ends_ms.back() / 2) << "the first shared with the others";
}

TEST(preemptive_fibers, connections_are_handed_off_while_one_stands_interrupted) {
    server::ServerOptions options;
    options.mode = "preemptive-fibers";
    options.protocol = "http";
    const RunningServer server(options);
    const TestClient busy(server.port()), other(server.port());
    ASSERT_TRUE(eventually([&] { return server.status().open == 2; }));
    ASSERT_TRUE(ask_for_work(busy, 200));
    const auto report = server.set_mode("coroutines");
    ASSERT_TRUE(report) << report.error().text;
    EXPECT_EQ(report->moved, 2u);
    EXPECT_EQ(busy.receive(12), "HTTP/1.1 200");
    ASSERT_TRUE(other.send(hello));
    EXPECT_EQ(other.receive(12), "HTTP/1.1 200");
}

TEST(preemptive_fibers, a_stack_too_small_for_a_signal_is_refused_with_a_sentence) {
    server::ServerOptions options;
    options.mode_options.stack_bytes = 4096;
    const RunningServer server(options);
    const TestClient client(server.port());
    ASSERT_TRUE(client.echoes("before"));
    const auto refused = server.set_mode("preemptive-fibers");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("too small to be interrupted on"), std::string::npos) << refused.error().text;
    EXPECT_TRUE(client.echoes("after"));
}

TEST(preemptive_fibers, a_storm_of_signals_from_elsewhere_changes_nothing) {
    server::ServerOptions options;
    options.mode = "preemptive-fibers";
    options.protocol = "http";
    const RunningServer server(options);
    const TestClient busy(server.port());
    ASSERT_TRUE(ask_for_work(busy, 100));
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(::kill(::getpid(), SIGVTALRM), 0);
    EXPECT_EQ(busy.receive(12), "HTTP/1.1 200");
}

} // namespace
} // namespace connscope::test
