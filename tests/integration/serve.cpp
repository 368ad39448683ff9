// SPDX-License-Identifier: BSL-1.0
#include "../sanitized.hpp"
#include "../support.hpp"

#include "connscope/server/modes/table.hpp"

#include <sys/stat.h>

#include <fstream>

namespace connscope::test {
namespace {

class EveryMode : public testing::TestWithParam<std::string> {
protected:
    static server::ServerOptions options() {
        server::ServerOptions options;
        options.mode = GetParam();
        return options;
    }
};

// Bytes of a process's address space.
std::uint64_t address_space_of(pid_t pid) {
    std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
    std::uint64_t pages = 0;
    statm >> pages;
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST_P(EveryMode, sends_back_what_it_receives) {
    const RunningServer server(options());
    const TestClient client(server.port());
    for (const std::size_t size : {1, 64, 255, 256, 257, 5'000, 100'000}) {
        const std::string bytes(size, static_cast<char>('a' + size % 26));
        std::thread sender([&] { EXPECT_TRUE(client.send(bytes)); });
        EXPECT_TRUE(client.receive(size) == bytes) << size;
        sender.join();
    }
}

TEST_P(EveryMode, a_connection_is_seen_with_what_it_did) {
    const RunningServer server(options());
    const TestClient client(server.port());
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(client.echoes("0123456789"));
    // The last write is counted after the client has its bytes.
    ASSERT_TRUE(eventually([&] {
        const auto connections = server.reading().connections;
        return connections.size() == 1 && connections[0].requests == 10 &&
               connections[0].state == telemetry::ConnectionState::waiting_read;
    }));
    const auto reading = server.reading();
    const telemetry::ConnectionReading& connection = reading.connections.at(0);
    EXPECT_EQ(connection.bytes_in, 100u);
    EXPECT_EQ(connection.bytes_out, 100u);
    EXPECT_GE(connection.slices, 10u);
    EXPECT_GT(connection.run.count(), 0);
    EXPECT_GE(connection.run, connection.longest_slice);
    EXPECT_NE(connection.thread, 0u);
    EXPECT_EQ(reading.counters.requests, 10u);
    // In a pool nobody carries a connection that waits: only its entry is there.
    EXPECT_EQ(telemetry::name_of(connection.carrier),
              GetParam() == "thread-pool" ? "none" : server::modes()[connection.mode].carrier);
}

TEST_P(EveryMode, a_half_closed_peer_gets_its_last_bytes_and_the_end) {
    const RunningServer server(options());
    const TestClient client(server.port());
    ASSERT_TRUE(client.send("last words"));
    client.finish_sending();
    EXPECT_EQ(client.receive(100), "last words");
    EXPECT_TRUE(eventually([&] { return server.reading().gauge(telemetry::Gauge::closed_by_peer) == 1u; }));
}

TEST_P(EveryMode, a_reset_connection_is_counted_and_its_slot_reused) {
    const RunningServer server(options());
    TestClient first(server.port());
    ASSERT_TRUE(first.echoes("x"));
    first.reset();
    EXPECT_TRUE(eventually([&] { return server.reading().gauge(telemetry::Gauge::closed_by_reset) == 1u; }));
    const TestClient second(server.port());
    ASSERT_TRUE(second.echoes("y"));
    const auto reading = server.reading();
    ASSERT_EQ(reading.connections.size(), 1u);
    EXPECT_EQ(reading.connections[0].slot, 0u);
    EXPECT_EQ(reading.connections[0].id, 2u);
}

TEST_P(EveryMode, a_silent_client_disturbs_nobody_and_is_timed_out_when_asked) {
    server::ServerOptions with_timeout = options();
    with_timeout.idle_timeout = std::chrono::seconds(1);
    const RunningServer server(with_timeout);
    const TestClient silent(server.port());
    const TestClient busy(server.port());
    ASSERT_TRUE(eventually([&] {
        EXPECT_TRUE(busy.echoes("hello"));
        return server.reading().gauge(telemetry::Gauge::closed_by_timeout) == 1u;
    }));
    EXPECT_TRUE(silent.at_end());
    EXPECT_EQ(server.status().open, 1u);
}

TEST_P(EveryMode, the_scheduling_delay_of_a_stamped_connection_counts_from_the_arrival_of_its_bytes) {
    server::ServerOptions stamped = options();
    stamped.stamp_every = 2;
    const RunningServer server(stamped);
    const TestClient with(server.port()), without(server.port());
    // The kernel begins to stamp a moment after the first socket has asked it to.
    ASSERT_TRUE(eventually([&] {
        return with.echoes("hello") && without.echoes("hello") && server.reading().connections.at(0).stamped_count >= 10;
    }));
    const auto reading = server.reading();
    for (const auto& connection : reading.connections) {
        if (connection.id != 1) {
            EXPECT_EQ(connection.stamped_count, 0u);
            continue;
        }
        EXPECT_GT(connection.stamped_delay, 0ns);
        EXPECT_LT(connection.longest_stamped_delay, 5s);
        EXPECT_LE(connection.longest_stamped_delay, connection.stamped_delay);
    }
}

TEST(serve, bytes_that_wait_behind_a_hog_show_in_the_stamped_delay) {
    server::ServerOptions options;
    options.mode = "callbacks";
    options.protocol = "http";
    options.stamp_every = 2;
    const RunningServer server(options);
    const TestClient waiting(server.port()), hog(server.port());
    const std::string request = "GET /bytes?n=0 HTTP/1.1\r\nHost: a\r\n\r\n";
    const auto of_waiting = [&] {
        for (const auto& connection : server.reading().connections)
            if (connection.id == 1) return connection;
        return telemetry::ConnectionReading{};
    };
    ASSERT_TRUE(eventually([&] { return waiting.send(request) && of_waiting().stamped_count > 0; }));
    ASSERT_TRUE(hog.send("GET /work?us=300000 HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_TRUE(eventually([&] {
        for (const auto& connection : server.reading().connections)
            if (connection.id == 2) return connection.state == telemetry::ConnectionState::running;
        return false;
    }));
    const auto sent = std::chrono::steady_clock::now();
    ASSERT_TRUE(waiting.send(request));
    ASSERT_EQ(hog.receive(15), "HTTP/1.1 200 OK");
    EXPECT_TRUE(eventually([&] { return of_waiting().longest_stamped_delay > 20ms; }));
    EXPECT_LT(of_waiting().longest_stamped_delay, std::chrono::steady_clock::now() - sent);
}

TEST_P(EveryMode, one_connection_can_be_closed_from_outside) {
    const RunningServer server(options());
    const TestClient one(server.port()), other(server.port());
    ASSERT_TRUE(one.echoes("1") && other.echoes("2"));
    EXPECT_TRUE(server.close_connection(1));
    EXPECT_FALSE(server.close_connection(77));
    EXPECT_TRUE(eventually([&] { return server.status().open == 1; }));
    EXPECT_EQ(server.reading().gauge(telemetry::Gauge::closed_by_request), 1u);
}

TEST_P(EveryMode, draining_answers_what_was_begun_and_ends_all) {
    RunningServer server(options());
    std::vector<TestClient> clients;
    for (int i = 0; i < 20; ++i) clients.emplace_back(server.port());
    for (const TestClient& client : clients) ASSERT_TRUE(client.echoes("hello"));
    EXPECT_TRUE(server.stop());
    for (const TestClient& client : clients) EXPECT_TRUE(client.at_end());
}

INSTANTIATE_TEST_SUITE_P(modes, EveryMode, testing::ValuesIn([] {
                             std::vector<std::string> ids;
                             for (const auto& mode : server::modes()) ids.emplace_back(mode.id);
                             return ids;
                         }()),
                         [](const auto& parameter) {
                             std::string name = parameter.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST(serve, says_where_it_listens_and_exits_0_on_each_signal) {
    for (const int number : {SIGINT, SIGTERM}) {
        const std::string name = unique_name("signals");
        Child child({"connscope-serve", "--listen", "127.0.0.1:0", "--mode", "callbacks", "--name", name});
        const std::string ready = child.line();
        EXPECT_EQ(ready.rfind("listening on 127.0.0.1:", 0), 0u) << ready;
        EXPECT_EQ(field(ready, "mode"), "callbacks");
        EXPECT_EQ(field(ready, "protocol"), "echo");
        EXPECT_EQ(field(ready, "pid"), std::to_string(child.pid()));
        EXPECT_EQ(field(ready, "segment"), name);
        struct stat status {};
        ASSERT_EQ(::stat(field(ready, "control").c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777, 0600u);
        child.signal(number);
        EXPECT_EQ(child.wait(), 0);
        EXPECT_NE(::stat(field(ready, "control").c_str(), &status), 0) << "the socket is removed";
        EXPECT_FALSE(telemetry::SegmentReader::open(telemetry::segment_path(*telemetry::runtime_folder(), name)));
    }
}

TEST(serve, wrong_use_exits_2_and_what_the_system_refuses_exits_3) {
    const auto exit_code = [](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "connscope-serve");
        Child child(std::move(arguments));
        return child.wait();
    };
    EXPECT_EQ(exit_code({"--mode", "no-such-mode", "--listen", ":0"}), 2);
    EXPECT_EQ(exit_code({"--protocol", "no-such-protocol", "--listen", ":0"}), 2);
    EXPECT_EQ(exit_code({"--listen", "127.0.0.1"}), 2);
    EXPECT_EQ(exit_code({"--listen", "127.0.0.1:99999"}), 2);
    EXPECT_EQ(exit_code({"--listen", "example.org:80"}), 2);
    EXPECT_EQ(exit_code({"--no-such-option"}), 2);
    EXPECT_EQ(exit_code({"--listen", "192.0.2.1:0"}), 3) << "not a local address";
    const RunningServer server;
    EXPECT_EQ(exit_code({"--listen", "127.0.0.1:" + std::to_string(server.port())}), 3) << "the port is taken";
    EXPECT_EQ(exit_code({"--listen", ":0", "--name", server.name()}), 3) << "the name is taken";
    EXPECT_EQ(exit_code({"--list-modes"}), 0);
}

TEST(serve, connections_beyond_the_limit_are_refused_and_counted_and_the_others_served) {
    server::ServerOptions options;
    options.max_connections = 3;
    const RunningServer server(options);
    std::vector<TestClient> clients;
    for (int i = 0; i < 5; ++i) clients.emplace_back(server.port());
    EXPECT_TRUE(eventually([&] { return server.status().refused == 2; }));
    EXPECT_EQ(server.status().refused_by[static_cast<std::size_t>(server::RefuseReason::limit)], 2u);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(clients[static_cast<std::size_t>(i)].echoes("hello"));
    clients.erase(clients.begin());
    EXPECT_TRUE(eventually([&] { return server.status().open == 2; }));
    const TestClient late(server.port());
    EXPECT_TRUE(late.echoes("there is room again"));
}

TEST(serve, out_of_descriptors_it_turns_clients_away_and_recovers) {
    Child child({"connscope-serve", "--listen", "127.0.0.1:0", "--name", unique_name("descriptors")});
    const std::string ready = child.line();
    const auto port = static_cast<std::uint16_t>(std::stoi(ready.substr(ready.find(':') + 1)));
    const rlimit limit{30, 30};
    ASSERT_EQ(::prlimit(child.pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
    std::vector<TestClient> clients;
    for (int i = 0; i < 40; ++i) clients.emplace_back(port);
    auto control = control::Client::connect(field(ready, "control"));
    ASSERT_TRUE(control);
    ASSERT_TRUE(control->call("status", {}, 5s)) << "who asks what is wrong gets in though no descriptor is left";
    const auto refused = [&] {
        const auto status = control->call("status", {}, 5s);
        return status ? status->at("limits").at("refused_by").at("descriptors").to_number<int>() : -1;
    };
    EXPECT_TRUE(eventually([&] { return refused() > 0; }));
    EXPECT_TRUE(clients.front().echoes("served all the while"));
    clients.clear();
    EXPECT_TRUE(eventually([&] { return TestClient(port).echoes("recovered"); }));
}

TEST(serve, out_of_memory_it_keeps_whom_it_has_refuses_the_rest_and_recovers) {
    if (sanitized) GTEST_SKIP() << "a sanitizer ends the process when memory runs out";
    for (const server::ModeInfo& one : server::modes()) {
        const std::string mode(one.id);
        SCOPED_TRACE(mode);
        Child child({"connscope-serve", "--listen", "127.0.0.1:0", "--mode", mode, "--name", unique_name("memory")});
        const std::string ready = child.line();
        const auto port = static_cast<std::uint16_t>(std::stoi(ready.substr(ready.find(':') + 1)));
        auto control = control::Client::connect(field(ready, "control"));
        ASSERT_TRUE(control);
        const TestClient first(port);
        ASSERT_TRUE(first.echoes("before"));
        ASSERT_TRUE(control->call("status", {}, 5s));
        // Little more address space than it has now; what malloc has in hand is used up first.
        const std::uint64_t now = address_space_of(child.pid());
        ASSERT_GT(now, 0u);
        const rlimit little{now, RLIM_INFINITY};
        ASSERT_EQ(::prlimit(child.pid(), RLIMIT_AS, &little, nullptr), 0);
        const auto counted = [&](const char* reason) {
            const auto status = control->call("status", {}, 5s);
            return status ? status->at("limits").at("refused_by").at(reason).to_number<int>() : -1;
        };
        std::vector<TestClient> clients;
        while (clients.size() < 4000 && counted("memory") + counted("carriers") == 0)
            for (int i = 0; i < 100; ++i) clients.emplace_back(port);
        EXPECT_GT(counted("memory") + counted("carriers"), 0);
        EXPECT_TRUE(first.echoes("all the while"));
        const rlimit enough{RLIM_INFINITY, RLIM_INFINITY};
        ASSERT_EQ(::prlimit(child.pid(), RLIMIT_AS, &enough, nullptr), 0);
        EXPECT_TRUE(eventually([&] { return TestClient(port).echoes("recovered"); }));
        EXPECT_TRUE(first.echoes("after"));
        clients.clear();
        EXPECT_TRUE(eventually([&] {
            const auto status = control->call("status", {}, 5s);
            return status && status->at("connections").at("open").to_number<int>() <= 2;
        })) << "no connection is forgotten";
    }
}

TEST_P(EveryMode, half_a_request_is_answered_with_408_when_its_time_is_over) {
    server::ServerOptions http = options();
    http.protocol = "http";
    http.request_timeout = std::chrono::seconds(1);
    const RunningServer server(http);
    const TestClient slow(server.port());
    ASSERT_TRUE(slow.send("GET / HTTP/1.1\r\nHost: a\r\n"));
    const std::string answer = slow.receive(4096);
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 408") << answer;
    EXPECT_TRUE(eventually([&] { return server.reading().gauge(telemetry::Gauge::closed_by_timeout) == 1u; }));
}

TEST_P(EveryMode, an_oversize_request_gets_its_answer_though_the_rest_of_it_is_never_read) {
    server::ServerOptions http = options();
    http.protocol = "http";
    const RunningServer server(http);
    const TestClient talkative(server.port());
    // The head alone is more than a server takes, and more follows after the answer has been decided.
    std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 4000; ++i) head += "X-Padding: 0123456789012345678901234567890123456789\r\n";
    std::ignore = talkative.send(head);
    EXPECT_EQ(talkative.receive(4096).substr(0, 12), "HTTP/1.1 431");
    EXPECT_TRUE(eventually([&] { return server.status().open == 0; }));
}

TEST(serve, a_thread_of_a_connection_reports_how_often_the_kernel_switched_it) {
    server::ServerOptions options;
    options.mode = "thread-per-connection";
    const RunningServer server(options);
    const TestClient client(server.port());
    EXPECT_TRUE(eventually([&] {
        EXPECT_TRUE(client.echoes("hello"));
        const auto reading = server.reading();
        return reading.connections.size() == 1 && reading.connections[0].voluntary_switches.value_or(0) > 5;
    }));
    ASSERT_TRUE(server.set_mode("callbacks"));
    EXPECT_FALSE(server.reading().connections.at(0).voluntary_switches) << "a closure has no thread of its own";
}

TEST(serve, a_frozen_loop_can_still_be_asked_and_watched) {
    server::ServerOptions options;
    options.protocol = "http";
    const RunningServer server(options);
    const TestClient hog(server.port());
    ASSERT_TRUE(hog.send("GET /work?us=1500000 HTTP/1.1\r\nHost: x\r\n\r\n"));
    const auto frozen_for = [&] {
        for (const auto& connection : server.reading().connections)
            if (connection.id == 1 && connection.state == telemetry::ConnectionState::running)
                return connection.longest_slice;
        return 0ns;
    };
    ASSERT_TRUE(eventually([&] { return frozen_for() > 100ms; }));
    auto control = control::Client::connect(server.control_path());
    ASSERT_TRUE(control);
    EXPECT_TRUE(control->call("status", {}, 500ms));
    const auto modes = control->call("list_modes", {}, 500ms);
    ASSERT_TRUE(modes);
    EXPECT_EQ(modes->as_array().size(), server::modes().size());
    const TestClient late(server.port());
    EXPECT_TRUE(eventually([&] { return server.status().open == 2; }, 500ms)) << "accepting goes on";
    EXPECT_GT(frozen_for(), 100ms) << "all that while the loop was frozen";
}

TEST(serve, a_flood_of_short_connections_leaves_nothing_behind) {
    const RunningServer server;
    for (int i = 0; i < 500; ++i) {
        TestClient client(server.port());
        if (i % 3 == 0) client.reset();
        if (i % 3 == 1) {
            EXPECT_TRUE(client.echoes("x"));
        }
    }
    EXPECT_TRUE(eventually([&] { return server.status().open == 0; }));
    const server::ServerStatus status = server.status();
    EXPECT_EQ(status.accepted, status.closed);
    EXPECT_TRUE(server.reading().connections.empty());
}

} // namespace
} // namespace connscope::test
