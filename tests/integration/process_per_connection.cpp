// SPDX-License-Identifier: BSL-1.0
#include "../support.hpp"

#include <filesystem>
#include <fstream>

namespace connscope::test {
namespace {

using std::chrono::steady_clock;

server::ServerOptions options_with(const std::string& protocol) {
    server::ServerOptions options;
    options.mode = "process-per-connection";
    options.protocol = protocol;
    return options;
}

std::string stat_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(file, text);
    return text;
}
// Fields from the third on: state, parent, ...
std::string field_of(pid_t pid, int number) {
    const std::string text = stat_of(pid);
    const std::size_t end = text.rfind(')');
    if (end == std::string::npos) return {};
    std::istringstream rest(text.substr(end + 1));
    std::string value;
    for (int i = 2; i < number; ++i) rest >> value;
    return value;
}
bool runs(pid_t pid) {
    const std::string state = field_of(pid, 3);
    return !state.empty() && state != "Z" && state != "X";
}

// A server that is a process, in this mode, and clients of it.
class Served {
public:
    explicit Served(std::size_t clients)
        : serve_({"connscope-serve", "--listen", "127.0.0.1:0", "--mode", "process-per-connection", "--name",
                  unique_name("processes")}) {
        const std::string ready = serve_.line();
        const std::string address = ready.substr(0, ready.find(" mode"));
        const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
        name_ = field(ready, "segment");
        control_path_ = field(ready, "control");
        for (std::size_t i = 0; i < clients; ++i) clients_.emplace_back(port);
        for (const TestClient& client : clients_) EXPECT_TRUE(client.echoes("hello"));
    }

    Child& serve() { return serve_; }
    const std::vector<TestClient>& clients() const { return clients_; }
    const std::string& control_path() const { return control_path_; }
    telemetry::ServerReading reading() const {
        auto reader = telemetry::SegmentReader::open(telemetry::segment_path(*telemetry::runtime_folder(), name_));
        EXPECT_TRUE(reader) << (reader ? "" : reader.error().text);
        telemetry::ServerReading into;
        EXPECT_TRUE(reader->read(into));
        return into;
    }
    // Of the connections, and the one that they were forked from.
    std::vector<pid_t> processes() const {
        std::vector<pid_t> pids;
        for (const auto& connection : reading().connections) pids.push_back(static_cast<pid_t>(connection.thread));
        if (!pids.empty()) pids.push_back(static_cast<pid_t>(std::stoi(field_of(pids.front(), 4))));
        return pids;
    }

private:
    Child serve_;
    std::string name_, control_path_;
    std::vector<TestClient> clients_;
};

TEST(process_per_connection, each_connection_has_a_process_that_says_what_it_uses) {
    Served served(3);
    const auto pids = served.processes();
    ASSERT_EQ(pids.size(), 4u);
    for (const pid_t pid : pids) EXPECT_TRUE(runs(pid));
    EXPECT_EQ(std::set<pid_t>(pids.begin(), pids.end()).size(), 4u);
    EXPECT_EQ(field_of(pids.back(), 4), std::to_string(served.serve().pid())) << "forked from one that the server forked";
    // A process counts a request after it has sent the answer.
    EXPECT_TRUE(eventually([&] {
        const auto connections = served.reading().connections;
        return std::all_of(connections.begin(), connections.end(), [](const auto& each) { return each.requests == 1; });
    }));
    for (const auto& connection : served.reading().connections) {
        EXPECT_EQ(connection.carrier, telemetry::CarrierKind::process);
        EXPECT_GT(connection.carrier_bytes, 16'384u) << "its memory, as it read it itself";
        EXPECT_TRUE(connection.voluntary_switches);
    }
}

TEST(process_per_connection, the_server_counts_the_cpu_of_the_processes_that_run_and_of_those_that_have_ended) {
    const RunningServer server(options_with("http"));
    const auto cpu = [&] { // the kernel samples which of the two it is
        const auto reading = server.reading();
        return *reading.gauge(telemetry::Gauge::user_cpu_ns) + *reading.gauge(telemetry::Gauge::system_cpu_ns);
    };
    const std::uint64_t before = cpu();
    {
        const TestClient client(server.port());
        ASSERT_TRUE(client.send("GET /work?us=200000 HTTP/1.1\r\nHost: x\r\n\r\n"));
        ASSERT_EQ(client.receive(12), "HTTP/1.1 200");
        ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        EXPECT_TRUE(eventually([&] { return cpu() >= before + 190'000'000; })) << "it runs still";
    }
    EXPECT_TRUE(eventually([&] { return server.status().open == 0; }));
    EXPECT_TRUE(eventually([&] { return cpu() >= before + 190'000'000; }));
}

TEST(process_per_connection, none_is_left_when_the_server_is_killed) {
    Served served(40);
    const auto pids = served.processes();
    ASSERT_EQ(pids.size(), 41u);
    served.serve().signal(SIGKILL);
    EXPECT_TRUE(eventually([&] { return std::none_of(pids.begin(), pids.end(), runs); }));
}

TEST(process_per_connection, none_is_left_and_the_others_go_on_when_one_is_killed) {
    Served served(3);
    const auto victim = served.reading().connections.at(1);
    ASSERT_EQ(::kill(static_cast<pid_t>(victim.thread), SIGKILL), 0);
    EXPECT_TRUE(eventually([&] { return served.reading().connections.size() == 2; }));
    EXPECT_EQ(served.reading().gauge(telemetry::Gauge::closed_by_error), 1u);
    int alive = 0;
    for (const TestClient& client : served.clients()) alive += client.echoes("still here") ? 1 : 0;
    EXPECT_EQ(alive, 2);
    EXPECT_TRUE(eventually([&] { return stat_of(static_cast<pid_t>(victim.thread)).empty(); })) << "it is reaped";
}

TEST(process_per_connection, the_server_goes_on_without_processes_when_the_one_they_are_forked_from_is_killed) {
    Served served(3);
    const auto pids = served.processes();
    auto control = control::Client::connect(served.control_path());
    ASSERT_TRUE(control) << control.error().text;
    ASSERT_EQ(::kill(pids.back(), SIGKILL), 0);
    EXPECT_TRUE(eventually([&] { return std::none_of(pids.begin(), pids.end(), runs); }));
    EXPECT_TRUE(eventually([&] { return served.reading().connections.empty(); })) << "their sessions are lost";
    EXPECT_TRUE(control->call("set_mode", {{"mode", "coroutines"}}, 10s)) << "it serves on in other modes";
    const auto status = control->call("status", {}, 10s);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->at("connections").at("closed").to_number<int>(), 3);
}

TEST(process_per_connection, a_session_goes_to_its_process_and_back_in_the_middle_of_a_request) {
    const RunningServer server(options_with("http"));
    ASSERT_TRUE(server.set_mode("coroutines"));
    const TestClient client(server.port());
    const std::string body(100'000, 'x');
    ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHo"));
    const auto received_at_least = [&](std::size_t bytes) {
        return eventually([&] {
            const auto reading = server.reading();
            return reading.connections.size() == 1 && reading.connections[0].bytes_in >= bytes;
        });
    };
    ASSERT_TRUE(received_at_least(23));
    ASSERT_TRUE(server.set_mode("process-per-connection"));
    ASSERT_TRUE(client.send("st: x\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + body.substr(0, 50'000)));
    ASSERT_TRUE(received_at_least(50'060));
    ASSERT_TRUE(server.set_mode("fibers"));
    ASSERT_TRUE(client.send(body.substr(0, 25'000)));
    ASSERT_TRUE(received_at_least(75'060));
    ASSERT_TRUE(server.set_mode("process-per-connection"));
    ASSERT_TRUE(client.send(body.substr(0, 25'000) + "\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    std::string answer = client.receive(200'000);
    EXPECT_NE(answer.find("\r\n\r\n" + body + "HTTP/1.1 200"), std::string::npos) << answer.size();
}

TEST(process_per_connection, it_is_closed_moved_and_timed_out_from_outside) {
    auto options = options_with("http");
    options.request_timeout = std::chrono::seconds(1);
    const RunningServer server(options);
    const TestClient closed(server.port()), moved(server.port()), slow(server.port());
    for (const TestClient* client : {&closed, &moved}) {
        ASSERT_TRUE(client->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        ASSERT_EQ(client->receive(12), "HTTP/1.1 200");
    }
    ASSERT_TRUE(slow.send("GET / HT"));
    ASSERT_TRUE(eventually([&] { return server.status().open == 3; }));
    EXPECT_TRUE(server.close_connection(1));
    EXPECT_TRUE(eventually([&] { return server.status().open == 2; }));
    const auto way = server.move_connection(2, "callbacks");
    ASSERT_TRUE(way) << way.error().text;
    ASSERT_TRUE(moved.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_NE(moved.receive(200).find("HTTP/1.1 200"), std::string::npos);
    EXPECT_EQ(slow.receive(12), "HTTP/1.1 408") << "the session says so, in its process";
}

} // namespace
} // namespace connscope::test
