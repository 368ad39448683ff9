// SPDX-License-Identifier: BSL-1.0
#include "../sanitized.hpp"
#include "../support.hpp"

#include "connscope/server/modes/table.hpp"

#include <random>

namespace connscope::test {
namespace {

std::vector<std::string> mode_ids() {
    std::vector<std::string> ids;
    for (const auto& mode : server::modes()) ids.emplace_back(mode.id);
    return ids;
}

// Clients that echo without a pause and check every byte.
class EchoLoad {
public:
    EchoLoad(std::uint16_t port, std::size_t connections) {
        for (std::size_t i = 0; i < connections; ++i) clients_.emplace_back(port);
        for (const TestClient& client : clients_) EXPECT_TRUE(client.connected());
        thread_ = std::thread([this] { run(); });
    }
    ~EchoLoad() { stop(); }
    void stop() {
        stop_ = true;
        if (thread_.joinable()) thread_.join();
    }
    std::uint64_t rounds() const { return rounds_; }
    std::uint64_t failures() const { return failures_; }

private:
    void run() {
        std::mt19937 random(42);
        while (!stop_) {
            for (const TestClient& client : clients_) {
                std::string bytes(1 + random() % 300, '\0');
                for (char& byte : bytes) byte = static_cast<char>(random());
                if (!client.echoes(bytes)) ++failures_;
            }
            ++rounds_;
        }
    }

    std::vector<TestClient> clients_;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> rounds_{0}, failures_{0};
    std::thread thread_;
};

TEST(hand_off, between_all_ordered_pairs_of_modes_no_connection_and_no_byte_is_lost) {
    const RunningServer server;
    EchoLoad load(server.port(), 100);
    ASSERT_TRUE(eventually([&] { return server.status().open == 100; }));
    for (const std::string& from : mode_ids())
        for (const std::string& to : mode_ids()) {
            if (from == to) continue;
            ASSERT_TRUE(server.set_mode(from));
            const std::uint64_t before = load.rounds();
            const auto report = server.set_mode(to);
            ASSERT_TRUE(report) << report.error().text;
            EXPECT_EQ(report->moved, 100u);
            EXPECT_TRUE(eventually([&] { return load.rounds() > before + 1; })) << from << " to " << to;
        }
    load.stop();
    EXPECT_EQ(load.failures(), 0u);
    EXPECT_EQ(server.status().open, 100u);
    EXPECT_EQ(server.status().closed, 0u);
}

TEST(hand_off, changes_that_overtake_each_other_end_in_the_last_one) {
    const RunningServer server;
    EchoLoad load(server.port(), 50);
    ASSERT_TRUE(eventually([&] { return server.status().open == 50; }));
    std::mt19937 random(7);
    const auto ids = mode_ids();
    std::atomic<int> answers{0};
    for (int i = 0; i < 100; ++i) server.begin_set_mode(ids[random() % ids.size()], [&](const auto&) { ++answers; });
    const auto report = server.set_mode("callbacks");
    ASSERT_TRUE(report) << report.error().text;
    EXPECT_EQ(answers, 100) << "each change is answered";
    EXPECT_EQ(server.status().carriers[static_cast<std::size_t>(telemetry::CarrierKind::closure)], 50u);
    load.stop();
    EXPECT_EQ(load.failures(), 0u);
}

TEST(hand_off, a_connection_moves_while_its_peer_does_not_read) {
    const RunningServer server;
    // More than both kernels' buffers hold: the session stands in a write when it is moved.
    TestClient client(server.port(), 4096);
    const std::string bytes(8 * 1024 * 1024, 'x');
    std::thread sender([&] { EXPECT_TRUE(client.send(bytes)); });
    const auto waits_to_write = [&] {
        const auto reading = server.reading();
        return reading.connections.size() == 1 && reading.connections[0].state == telemetry::ConnectionState::waiting_write;
    };
    for (const std::string& mode : mode_ids()) {
        EXPECT_TRUE(eventually(waits_to_write)) << "before " << mode;
        EXPECT_TRUE(server.set_mode(mode));
    }
    const std::string received = client.receive(bytes.size());
    sender.join();
    EXPECT_TRUE(received == bytes) << received.size();
}

TEST(hand_off, carriers_and_threads_follow_the_mode) {
    const RunningServer server;
    std::vector<TestClient> clients;
    for (int i = 0; i < 30; ++i) clients.emplace_back(server.port());
    ASSERT_TRUE(eventually([&] { return server.status().open == 30; }));
    const std::uint64_t threads_in_a_loop = server.status().threads;
    ASSERT_TRUE(server.set_mode("thread-per-connection"));
    EXPECT_GE(server.status().threads, 30u);
    for (const auto& connection : server.reading().connections) {
        EXPECT_EQ(connection.carrier, telemetry::CarrierKind::thread);
        EXPECT_EQ(connection.hand_offs, 1u);
    }
    ASSERT_TRUE(server.set_mode("coroutines"));
    EXPECT_TRUE(eventually([&] { return server.status().threads == threads_in_a_loop; }));
    for (const auto& connection : server.reading().connections) {
        EXPECT_EQ(connection.carrier, telemetry::CarrierKind::coroutine);
        EXPECT_GT(connection.carrier_bytes, 0u);
        EXPECT_NE(connection.carrier_address, 0u);
    }
}

TEST(hand_off, a_mode_that_cannot_take_all_gives_all_back_with_the_reason) {
    if (sanitized) GTEST_SKIP() << "a sanitizer ends the process when a thread cannot start";
    // Threads of this size cannot all be had: the address space of the child is limited.
    Child child({"connscope-serve", "--listen", "127.0.0.1:0", "--stack-size", "65536", "--name", unique_name("limited")});
    const std::string ready = child.line();
    const std::string address = ready.substr(0, ready.find(" mode"));
    const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    std::vector<TestClient> clients;
    for (int i = 0; i < 100; ++i) clients.emplace_back(port);
    for (const TestClient& client : clients) ASSERT_TRUE(client.echoes("hello"));
    const rlimit limit{2ul << 30, 2ul << 30}; // 2 GiB hold 32 stacks of 64 MiB at most
    ASSERT_EQ(::prlimit(child.pid(), RLIMIT_AS, &limit, nullptr), 0);

    auto control = control::Client::connect(field(ready, "control"));
    ASSERT_TRUE(control) << control.error().text;
    const auto refused = control->call("set_mode", {{"mode", "thread-per-connection"}}, 20s);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("all are back in coroutines"), std::string::npos) << refused.error().text;
    const auto status = control->call("status", {}, 20s);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->at("mode").as_string(), "coroutines");
    EXPECT_EQ(status->at("connections").at("open").to_number<int>(), 100);
    EXPECT_EQ(status->at("carriers").at("coroutine").to_number<int>(), 100);
    for (const TestClient& client : clients) EXPECT_TRUE(client.echoes("still here"));
}

} // namespace
} // namespace connscope::test
