// SPDX-License-Identifier: BSL-1.0
// connscope-watch beside servers that know nothing of connscope, checked against what they and the kernel's own tools say.
#include "watch_support.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace connscope::test {
namespace {

namespace json = boost::json;

// Each prints its process and its port, and then "THREAD PORT" each time that a thread has read from a client's port.
constexpr const char* thread_for_each = R"(
import os, socket, threading
def serve(connection, peer):
    while True:
        data = connection.recv(4096)
        if not data: break
        print(threading.get_native_id(), peer[1], flush=True)
        connection.sendall(data)
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(os.getpid(), listener.getsockname()[1], flush=True)
while True:
    connection, peer = listener.accept()
    threading.Thread(target=serve, args=(connection, peer), daemon=True).start()
)";
constexpr const char* two_event_loops = R"(
import os, selectors, socket, threading
def loop(selector):
    while True:
        for key, events in selector.select():
            data = key.fileobj.recv(4096)
            if data:
                print(threading.get_native_id(), key.data, flush=True)
                key.fileobj.sendall(data)
            else:
                selector.unregister(key.fileobj)
                key.fileobj.close()
loops = [selectors.EpollSelector() for _ in range(2)]
for each in loops: threading.Thread(target=loop, args=(each,), daemon=True).start()
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(os.getpid(), listener.getsockname()[1], flush=True)
turn = 0
while True:
    connection, peer = listener.accept()
    turn += 1
    loops[turn % 2].register(connection, selectors.EVENT_READ, peer[1])
)";
// For each client it opens a connection of its own to another server, as a proxy does, and passes nothing on.
constexpr const char* proxy = R"(
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(os.getpid(), listener.getsockname()[1], flush=True)
kept = []
while True:
    connection, peer = listener.accept()
    kept.append(connection)
    kept.append(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
    print(len(kept), flush=True)
)";

class PythonServer {
public:
    explicit PythonServer(const char* program, const std::string& argument = "")
        : child_({"/usr/bin/env", "python3", "-c", program, argument}) {
        std::istringstream line(child_.line());
        line >> pid_ >> port_;
        EXPECT_GT(port_, 0);
    }
    std::uint16_t port() const { return port_; }
    std::string pid() const { return std::to_string(pid_); }
    std::string line() { return child_.line(); }

private:
    Child child_;
    int pid_ = 0;
    std::uint16_t port_ = 0;
};

std::int64_t port_of(const TestClient& client) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(client.fd(), reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.sin_port);
}

// What connscope-watch says at one moment.
json::object seen_of(const std::string& pid) { return watch({pid, "--once", "--json", "--connections"}); }

// The connections of one moment by the ports of their peers.
std::map<std::int64_t, json::object> by_peer(const json::object& seen) {
    std::map<std::int64_t, json::object> connections;
    for (const json::value& each : seen.at("connection_list").as_array()) {
        const std::string peer(each.at("peer").as_string());
        connections[std::stoll(peer.substr(peer.rfind(':') + 1))] = each.as_object();
    }
    return connections;
}

// Has each client served once, and returns the thread that served it by the server's own word, by the client's port.
std::map<std::int64_t, std::int64_t> serve_all(PythonServer& server, const std::vector<TestClient>& clients) {
    std::map<std::int64_t, std::int64_t> threads;
    for (const TestClient& client : clients) {
        EXPECT_TRUE(client.echoes("x"));
        std::istringstream told(server.line());
        std::int64_t thread = 0, port = 0;
        told >> thread >> port;
        threads[port] = thread;
    }
    return threads;
}

TEST(watch_foreign, each_connection_of_a_threading_server_shows_the_thread_that_waits_for_it) {
    PythonServer server(thread_for_each);
    std::vector<TestClient> clients;
    for (int i = 0; i < 30; ++i) clients.emplace_back(server.port());
    const auto told = serve_all(server, clients);
    ASSERT_EQ(told.size(), 30u);
    std::set<std::int64_t> different;
    // A thread that is about to wait again when it is looked at is found waiting the next time.
    std::map<std::int64_t, json::object> connections;
    const auto all_wait = [&] {
        connections = by_peer(seen_of(server.pid()));
        return connections.size() == 30 &&
               std::ranges::all_of(connections, [](const auto& each) { return each.second.at("thread_source") == "waits"; });
    };
    ASSERT_TRUE(eventually(all_wait, 30s));
    for (const TestClient& client : clients) {
        const std::int64_t port = port_of(client);
        const json::object& connection = connections.at(port);
        EXPECT_EQ(connection.at("thread"), told.at(port));
        EXPECT_EQ(connection.at("thread_call"), "recvfrom");
        EXPECT_EQ(connection.at("opened_by"), "peer");
        different.insert(connection.at("thread").to_number<std::int64_t>());
    }
    EXPECT_EQ(different.size(), 30u);
}

TEST(watch_foreign, each_connection_of_event_loops_shows_the_thread_whose_loop_has_it) {
    PythonServer server(two_event_loops);
    std::vector<TestClient> clients;
    for (int i = 0; i < 20; ++i) clients.emplace_back(server.port());
    const auto told = serve_all(server, clients);
    ASSERT_EQ(told.size(), 20u);
    std::map<std::int64_t, json::object> connections;
    const auto all_known = [&] {
        connections = by_peer(seen_of(server.pid()));
        return connections.size() == 20 &&
               std::ranges::all_of(connections, [](const auto& each) { return !each.second.at("thread").is_null(); });
    };
    ASSERT_TRUE(eventually(all_known, 30s));
    for (const auto& [port, thread] : told) {
        EXPECT_EQ(connections.at(port).at("thread"), thread);
        EXPECT_EQ(connections.at(port).at("thread_source"), "waits_among");
        const std::string words(connections.at(port).at("thread_told_by").as_string());
        EXPECT_EQ(words, "one of 10 in epoll_wait");
    }
}

TEST(watch_foreign, who_has_read_from_a_connection_is_told_while_it_is_watched) {
    PythonServer server(two_event_loops);
    std::vector<TestClient> clients;
    for (int i = 0; i < 4; ++i) clients.emplace_back(server.port());
    auto told = serve_all(server, clients);
    Child program({"connscope-watch", server.pid(), "--json", "--connections", "--interval", "0.1"});
    bool recorded = false;
    std::string note;
    std::map<std::int64_t, json::object> connections;
    const auto all_read = [&] {
        boost::system::error_code error;
        const json::value read = json::parse(program.line(), error);
        if (error || !read.is_object()) return false;
        if (read.as_object().contains("notes")) note = json::serialize(read.at("notes"));
        if (!note.empty()) return true;
        connections = by_peer(read.as_object());
        recorded = connections.size() == clients.size() && std::ranges::all_of(connections, [](const auto& each) {
                       return each.second.at("thread_source") == "read";
                   });
        told = serve_all(server, clients);
        return recorded;
    };
    ASSERT_TRUE(eventually(all_read, 30s));
    if (!note.empty()) {
        EXPECT_NE(note.find("needs"), std::string::npos) << note;
        GTEST_SKIP() << note;
    }
    for (const auto& [port, thread] : told) EXPECT_EQ(connections.at(port).at("thread"), thread);
}

TEST(watch_foreign, what_a_process_has_opened_itself_does_not_count_as_its_connections) {
    PythonServer behind(thread_for_each);
    PythonServer server(proxy, std::to_string(behind.port()));
    std::vector<TestClient> clients;
    for (int i = 0; i < 12; ++i) {
        clients.emplace_back(server.port());
        EXPECT_EQ(server.line(), std::to_string(2 * (i + 1)));
    }
    const json::object seen = seen_of(server.pid());
    EXPECT_EQ(seen.at("connections").at("open"), 12);
    EXPECT_EQ(seen.at("connections").at("outgoing"), 12);
    for (const json::value& each : seen.at("connection_list").as_array()) {
        const std::string peer(each.at("peer").as_string());
        const bool is_out = peer.ends_with(":" + std::to_string(behind.port()));
        EXPECT_EQ(each.at("opened_by"), is_out ? "process" : "peer") << peer;
    }
    const json::object other = seen_of(behind.pid());
    EXPECT_EQ(other.at("connections").at("open"), 12) << "what one has opened, the other serves";
    EXPECT_EQ(other.at("connections").at("outgoing"), 0);
    Child text({"connscope-watch", server.pid(), "--once"});
    EXPECT_NE(text.rest().find("and 12 outgoing, not counted"), std::string::npos);
}

// The numbers of a process's sockets by their states, as ss(8) tells them.
std::map<std::string, int> states_by_ss(const std::string& pid) {
    const std::map<std::string, std::string> names{
        {"ESTAB", "established"}, {"CLOSE-WAIT", "close_wait"}, {"FIN-WAIT-1", "fin_wait_1"}, {"FIN-WAIT-2", "fin_wait_2"},
        {"SYN-SENT", "syn_sent"}, {"SYN-RECV", "syn_received"}, {"LAST-ACK", "last_ack"},     {"CLOSING", "closing"}};
    Child ss({"/usr/bin/env", "ss", "-tanpH"});
    std::istringstream lines(ss.rest());
    std::map<std::string, int> states;
    for (std::string line; std::getline(lines, line);) {
        if (line.find("pid=" + pid + ",") == std::string::npos) continue;
        const auto name = names.find(line.substr(0, line.find(' ')));
        if (name != names.end()) ++states[name->second];
    }
    return states;
}

TEST(watch_foreign, the_sockets_of_a_process_are_as_many_in_each_state_as_ss_counts) {
    {
        Child probe({"/usr/bin/env", "ss", "-V"});
        if (probe.wait() != 0) GTEST_SKIP() << "ss is not installed (iproute2)";
    }
    PythonServer behind(thread_for_each);
    PythonServer server(proxy, std::to_string(behind.port()));
    std::vector<TestClient> clients;
    for (int i = 0; i < 150; ++i) {
        clients.emplace_back(server.port());
        server.line();
    }
    for (std::size_t i = 0; i < 40; ++i) clients[i].finish_sending(); // the server does not close: CLOSE-WAIT
    std::map<std::string, int> own, ss;
    const auto settled = [&] {
        own.clear();
        const json::object seen = seen_of(server.pid());
        for (const json::value& each : seen.at("connection_list").as_array())
            ++own[std::string(each.at("tcp_state").as_string())];
        ss = states_by_ss(server.pid());
        return own == ss;
    };
    EXPECT_TRUE(eventually(settled, 30s)) << own.size() << " states, ss has " << ss.size();
    const std::map<std::string, int> expected{{"established", 260}, {"close_wait", 40}};
    EXPECT_EQ(own, expected);
    EXPECT_EQ(ss, expected);
}

} // namespace
} // namespace connscope::test
