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

// The one of `connections` with that id.
std::optional<telemetry::ConnectionReading> find(const telemetry::ServerReading& reading, std::uint64_t id) {
    for (const auto& connection : reading.connections)
        if (connection.id == id) return connection;
    return std::nullopt;
}

TEST(hand_off, one_connection_moves_alone_through_all_modes_under_load_and_no_byte_is_lost) {
    const RunningServer server;
    const TestClient quiet(server.port()); // connection 1: stands in a read all the while
    ASSERT_TRUE(quiet.echoes("before"));
    EchoLoad load(server.port(), 40);
    ASSERT_TRUE(eventually([&] { return server.status().open == 41; }));
    const auto modes = server::modes();
    for (int round = 0; round < 3; ++round)
        for (std::uint8_t mode = 0; mode < modes.size(); ++mode)
            for (const std::uint64_t id : {std::uint64_t{1}, std::uint64_t{7}}) {
                const std::uint64_t before = load.rounds();
                const auto moved = server.move_connection(id, std::string(modes[mode].id));
                ASSERT_TRUE(moved) << moved.error().text;
                telemetry::ServerReading reading;
                // A slot that is just being written is left out of a reading.
                ASSERT_TRUE(eventually([&] {
                    reading = server.reading();
                    return find(reading, id).has_value();
                }));
                EXPECT_EQ(find(reading, id)->mode, mode);
                for (const auto& connection : reading.connections)
                    if (connection.id > 7) {
                        EXPECT_EQ(modes[connection.mode].id, "coroutines") << "all others stay where they are";
                    }
                EXPECT_TRUE(eventually([&] { return load.rounds() > before + 1; })) << modes[mode].id;
            }
    EXPECT_TRUE(quiet.echoes("after"));
    load.stop();
    EXPECT_EQ(load.failures(), 0u);
    EXPECT_EQ(server.status().closed, 0u);
}

TEST(hand_off, connections_in_several_modes_are_counted_by_mode_and_by_carrier) {
    const RunningServer server;
    std::vector<TestClient> clients;
    for (int i = 0; i < 10; ++i) clients.emplace_back(server.port());
    for (const TestClient& client : clients) ASSERT_TRUE(client.echoes("x"));
    const std::uint64_t threads = server.status().threads;
    ASSERT_TRUE(server.move_connection(1, "thread-per-connection"));
    ASSERT_TRUE(server.move_connection(2, "fibers"));
    ASSERT_TRUE(server.move_connection(3, "fibers"));
    const auto number = [](std::string_view mode) { return *server::find_mode(mode); };
    auto status = server.status();
    const std::map<std::uint8_t, std::uint64_t> expected{
        {number("coroutines"), 7}, {number("thread-per-connection"), 1}, {number("fibers"), 2}};
    EXPECT_EQ(status.mode, "coroutines") << "new connections go there";
    EXPECT_EQ(status.open_by_mode, expected);
    EXPECT_EQ(status.carriers[static_cast<std::size_t>(telemetry::CarrierKind::coroutine)], 7u);
    EXPECT_EQ(status.carriers[static_cast<std::size_t>(telemetry::CarrierKind::thread)], 1u);
    EXPECT_EQ(status.carriers[static_cast<std::size_t>(telemetry::CarrierKind::fiber)], 2u);
    EXPECT_EQ(status.threads, threads + 2) << "the connection's own, and the fibers' loop";

    for (const std::uint64_t id : {1, 2, 3}) ASSERT_TRUE(server.move_connection(id, "coroutines"));
    EXPECT_TRUE(eventually([&] { return server.status().threads == threads; })) << "a mode that nobody uses ends";
    ASSERT_TRUE(server.move_connection(1, "fibers"));
    const auto gathered = server.set_mode("coroutines");
    ASSERT_TRUE(gathered);
    EXPECT_EQ(gathered->moved, 1u) << "a change of mode gathers those that were moved alone";
    for (const TestClient& client : clients) EXPECT_TRUE(client.echoes("y"));
}

TEST(hand_off, a_move_that_cannot_be_is_answered_with_the_reason) {
    const RunningServer server;
    TestClient client(server.port());
    ASSERT_TRUE(client.echoes("x"));
    const auto none = server.move_connection(99, "fibers");
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().text.find("no connection 99"), std::string::npos) << none.error().text;
    EXPECT_FALSE(server.move_connection(1, "no-such-mode"));
    EXPECT_TRUE(server.move_connection(1, "coroutines")) << "where it is already";
    ASSERT_TRUE(client.echoes("x"));

    // A stack too small for its mode: the connection stays where it was.
    server::ServerOptions options;
    options.mode_options.stack_bytes = 1;
    const RunningServer small(options);
    const TestClient another(small.port());
    ASSERT_TRUE(another.echoes("x"));
    const auto refused = small.move_connection(1, "preemptive-fibers");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("stays where it was"), std::string::npos) << refused.error().text;
    EXPECT_TRUE(another.echoes("y"));
    EXPECT_EQ(small.status().open_by_mode.at(*server::find_mode("coroutines")), 1u);
}

TEST(hand_off, moves_of_single_connections_and_of_all_may_overtake_each_other) {
    const RunningServer server;
    EchoLoad load(server.port(), 20);
    ASSERT_TRUE(eventually([&] { return server.status().open == 20; }));
    std::mt19937 random(11);
    const auto ids = mode_ids();
    std::atomic<int> answers{0};
    for (int i = 0; i < 200; ++i) {
        const std::string mode = ids[random() % ids.size()];
        if (random() % 8 == 0)
            server.begin_set_mode(mode, [&](const auto&) { ++answers; });
        else
            server.begin_move(1 + random() % 20, mode, [&](const auto&) { ++answers; });
    }
    const auto report = server.set_mode("callbacks");
    ASSERT_TRUE(report) << report.error().text;
    EXPECT_EQ(answers, 200) << "each is answered";
    EXPECT_EQ(server.status().open_by_mode.at(*server::find_mode("callbacks")), 20u);
    load.stop();
    EXPECT_EQ(load.failures(), 0u);
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
