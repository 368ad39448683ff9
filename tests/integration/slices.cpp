// SPDX-License-Identifier: BSL-1.0
// How often one gives way, where that can be chosen.
#include "../support.hpp"

#include "connscope/observe/anatomy/thread_state.hpp"
#include "connscope/server/modes/table.hpp"

#include <unistd.h>

namespace connscope::test {
namespace {

using namespace std::chrono_literals;

server::ServerOptions options_with(std::string_view mode, std::optional<std::chrono::nanoseconds> slice) {
    server::ServerOptions options;
    options.mode = mode;
    options.protocol = "http";
    options.mode_options.slice = slice;
    return options;
}

// A client that has a computation begun in the server's first connection.
TestClient busy_client(const RunningServer& server, int ms) {
    TestClient client(server.port());
    EXPECT_TRUE(client.send("GET /work?us=" + std::to_string(ms * 1000) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_TRUE(eventually([&] {
        for (const auto& connection : server.reading().connections)
            if (connection.bytes_in > 0) return true;
        return false;
    }));
    return client;
}

TEST(slices, a_connection_with_a_budget_yields_when_it_has_computed_for_so_long) {
    for (const auto& mode : server::modes()) {
        if (mode.slices != server::Slices::budget) continue;
        SCOPED_TRACE(mode.id);
        const RunningServer server(options_with(mode.id, 2ms));
        const TestClient busy = busy_client(server, 5000);
        const TestClient other(server.port());
        ASSERT_TRUE(other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        ASSERT_EQ(other.receive(12), "HTTP/1.1 200");
        const auto reading = server.reading();
        EXPECT_EQ(reading.connections.at(reading.connections.at(0).id == 1 ? 0 : 1).requests, 0u)
            << "the other is answered while it computes";
        EXPECT_TRUE(eventually([&] {
            const auto now = server.reading();
            return now.connections.size() == 2 && now.connections[0].slices + now.connections[1].slices > 20;
        })) << "it yields, and goes on";
        EXPECT_TRUE(server.close_connection(1));
    }
}

TEST(slices, a_connection_with_a_budget_of_actions_yields_after_so_many) {
    auto options = options_with("coroutines", std::nullopt);
    options.mode_options.actions = 3;
    const RunningServer bounded(options), unbounded(options_with("coroutines", std::nullopt));
    const auto slices_of = [](const RunningServer& server) {
        const TestClient client(server.port());
        std::string requests;
        for (int i = 0; i < 30; ++i) requests += "GET /work?us=1 HTTP/1.1\r\nHost: x\r\n\r\n";
        EXPECT_TRUE(client.send(requests + "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        while (client.receive(1).size() == 1) {
        }
        EXPECT_TRUE(eventually([&] { return server.status().open == 0; }));
        return server.reading().counters.slices;
    };
    EXPECT_GT(slices_of(bounded), slices_of(unbounded) + 5) << "30 computations and their answers";
}

TEST(slices, the_scheduler_gives_threads_the_slice_that_was_asked_for) {
    const RunningServer server(options_with("thread-per-connection", 20ms));
    const TestClient client(server.port());
    ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    ASSERT_EQ(client.receive(12), "HTTP/1.1 200");
    const auto slice_now = [&] {
        const auto state =
            observe::read_thread_state(static_cast<std::uint32_t>(::getpid()), server.reading().connections.at(0).thread);
        EXPECT_TRUE(state);
        return state ? state->slice : std::nullopt;
    };
    if (!slice_now()) GTEST_SKIP() << "the kernel does not tell: it is older than 6.12";
    EXPECT_EQ(slice_now(), 20ms);
    ASSERT_TRUE(server.set_mode("thread-pool"));
    ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    ASSERT_NE(client.receive(200), "");
    EXPECT_NE(slice_now(), 20ms) << "threads that come after them have the scheduler's own";
}

} // namespace
} // namespace connscope::test
