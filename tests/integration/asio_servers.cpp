// SPDX-License-Identifier: BSL-1.0
// Servers that link connscope::asio, in the ways that Asio is used: what is seen of them.
#include "../sanitized.hpp"
#include "../support.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <sstream>

namespace connscope::test {
namespace {

using std::chrono::nanoseconds;
using telemetry::CarrierKind;
using telemetry::ConnectionState;
using telemetry::Gauge;

constexpr const char* no_stacks = "sanitizers follow one stack of a thread";

std::string path_of(const std::string& server) {
    return std::filesystem::path(CONNSCOPE_BIN_FOLDER).parent_path() / "tests/servers" / server;
}
std::uint16_t to_port(const std::string& text) { return static_cast<std::uint16_t>(std::stoi(text)); }

telemetry::Outcome<telemetry::SegmentReader> segment_of(pid_t pid) {
    return telemetry::SegmentReader::open(
        telemetry::segment_path(*telemetry::runtime_folder(), "asio-" + std::to_string(pid)));
}

// A server of tests/servers/runtimes.cpp, observed.
struct Observed {
    explicit Observed(const std::string& kind)
        : server({path_of("runtimes"), kind}) {
        const std::string line = server.line();
        port = to_port(field(line, "port"));
        other_port = to_port(field(line, "other"));
        auto opened = segment_of(server.pid());
        EXPECT_TRUE(opened) << (opened ? "" : opened.error().text);
        if (opened) reader.emplace(std::move(*opened));
    }
    // A slot that is being written by somebody who has lost his CPU is looked at again.
    bool look() {
        return reader && eventually([this] { return reader->read(reading) && reading.unreadable_slots == 0; });
    }
    std::size_t accepted() const { return reading.gauge(Gauge::connections_accepted).value_or(0); }
    bool all_wait_to_read() const {
        return std::ranges::all_of(reading.connections,
                                   [](const auto& each) { return each.state == ConnectionState::waiting_read; });
    }

    Child server;
    std::uint16_t port = 0;
    std::uint16_t other_port = 0;
    std::optional<telemetry::SegmentReader> reader;
    telemetry::ServerReading reading;
};

using Clients = std::vector<std::unique_ptr<TestClient>>;

// Each client says so many lines that compute, pause and yield; all at once.
void converse(const Clients& clients, int rounds) {
    const std::string lines[]{"w 0\n", "p 1\n", "y\n"};
    for (int round = 0; round < rounds; ++round)
        for (const std::string& line : lines) {
            for (const auto& client : clients) ASSERT_TRUE(client->send(line));
            for (const auto& client : clients) ASSERT_EQ(client->receive(line.size()), line);
        }
}

class EachRuntime : public testing::TestWithParam<std::string> {};

TEST_P(EachRuntime, every_connection_is_seen_with_its_bytes_slices_and_end) {
    const std::string kind = GetParam();
    if (sanitized && kind == "servers") GTEST_SKIP() << no_stacks;
    Observed observed(kind);
    Clients clients;
    for (int i = 0; i < 8; ++i)
        clients.push_back(
            std::make_unique<TestClient>(kind == "servers" && i % 2 != 0 ? observed.other_port : observed.port));
    // Slices are timed as soon as the server has seen that it is observed.
    std::uint64_t rounds = 20;
    converse(clients, 20);
    ASSERT_TRUE(eventually([&] {
        converse(clients, 1);
        ++rounds;
        return observed.look() &&
               std::ranges::all_of(observed.reading.connections, [](const auto& each) { return each.run > 0ns; });
    }));
    ASSERT_TRUE(eventually([&] {
        return observed.look() && observed.reading.connections.size() == 8 && observed.all_wait_to_read();
    })) << observed.reading.connections.size();
    const std::uint64_t bytes = rounds * 10;
    const std::uint64_t lines = rounds * 3;
    for (const auto& each : observed.reading.connections) {
        EXPECT_EQ(each.bytes_in, bytes);
        EXPECT_EQ(each.bytes_out, bytes);
        EXPECT_GE(each.slices, lines * 2 + rounds * 2) << "of a line and its answer, and of each pause and yield";
        EXPECT_EQ(each.requests, telemetry::layout::not_available) << "what a request is, Asio does not know";
        EXPECT_LT(each.run, each.waiting) << "it computes little";
        if (kind == "strands") {
            EXPECT_EQ(each.carrier, CarrierKind::coroutine);
        }
        if (kind == "pool" || kind == "contexts") {
            EXPECT_EQ(each.carrier, CarrierKind::closure);
        }
    }
    if (kind == "servers") {
        const auto fibers =
            std::ranges::count(observed.reading.connections, CarrierKind::fiber, &telemetry::ConnectionReading::carrier);
        EXPECT_EQ(fibers, 4) << "those of the second server";
    }
    EXPECT_EQ(observed.accepted(), 8u);
    EXPECT_EQ(observed.reading.counters.requests, telemetry::layout::not_available);
    EXPECT_GT(observed.reading.gauge(Gauge::user_cpu_ns).value_or(0) +
                  observed.reading.gauge(Gauge::system_cpu_ns).value_or(0),
              0u);
    clients.erase(clients.begin() + 3, clients.end());
    EXPECT_TRUE(eventually([&] { return observed.look() && observed.reading.connections.size() == 3; }))
        << observed.reading.connections.size();
}
INSTANTIATE_TEST_SUITE_P(AsioServer, EachRuntime, testing::Values("pool", "contexts", "strands", "servers"),
                         [](const auto& about) { return about.param; });

// What a server has written of itself: what its connection did, from when on.
struct Logged {
    nanoseconds begin{};
    nanoseconds end{};
    std::string next; // what it waits for then
};

// What the server at the other end logged of this client, first to last.
std::vector<Logged> log_of(Child& server, const TestClient& client, std::uint16_t client_port) {
    EXPECT_TRUE(client.send("log\n"));
    std::vector<Logged> log;
    for (std::string line = server.line(); !line.empty() && line != "done"; line = server.line()) {
        std::istringstream words(line);
        unsigned port = 0;
        std::string what;
        std::int64_t at = 0;
        words >> port >> what >> at;
        if (port != client_port) continue;
        if (what == "begin") {
            log.push_back({nanoseconds(at), {}, {}});
        } else if (!log.empty()) { // the first wait was begun by who accepted
            log.back().end = nanoseconds(at);
            words >> log.back().next;
        }
    }
    if (!log.empty() && log.back().next.empty()) log.pop_back(); // the slice that printed
    return log;
}

// What need not be waited for, bytes that are there and room that there is, makes it ready at once.
bool means(telemetry::layout::EventKind kind, const std::string& next) {
    using telemetry::layout::EventKind;
    if (next == "paused") return kind == EventKind::slice_to_pause;
    if (kind == EventKind::slice_to_ready) return true;
    return kind == (next == "waiting_read" ? EventKind::slice_to_read : EventKind::slice_to_write) && next != "ready";
}

class AgainstItsOwnLog : public testing::TestWithParam<std::string> {};

TEST_P(AgainstItsOwnLog, states_and_slices_are_what_the_server_did) {
    if (sanitized && GetParam() == "spawn") GTEST_SKIP() << no_stacks;
    Observed observed(GetParam());
    ASSERT_TRUE(observed.reader);
    const TestClient client(observed.port);
    ASSERT_TRUE(client.echoes("first\n"));
    sockaddr_in mine{};
    socklen_t length = sizeof mine;
    ASSERT_EQ(::getsockname(client.fd(), reinterpret_cast<sockaddr*>(&mine), &length), 0);

    struct Look {
        nanoseconds before;
        nanoseconds after;
        ConnectionState state;
    };
    std::vector<Look> looks;
    telemetry::EventsReading some;
    std::vector<telemetry::EventReading> slices;
    ASSERT_TRUE(observed.reader->read_events(some)); // from now on
    // Slices are timed as soon as the server has seen that it is observed.
    ASSERT_TRUE(eventually([&] {
        return client.echoes("first\n") && observed.reader->read_events(some) &&
               std::ranges::any_of(some.events, [](const auto& each) { return each.length > 0ns; });
    }));
    ASSERT_TRUE(eventually([&] {
        return observed.look() && observed.reading.connections.front().state == ConnectionState::waiting_read &&
               observed.reader->read_events(some);
    }));
    const auto look = [&] {
        const nanoseconds before(telemetry::monotonic_ns());
        ASSERT_TRUE(observed.look());
        const nanoseconds after(telemetry::monotonic_ns());
        ASSERT_EQ(observed.reading.connections.size(), 1u);
        looks.push_back({before, after, observed.reading.connections.front().state});
        ASSERT_TRUE(observed.reader->read_events(some));
        ASSERT_EQ(some.lost, 0u);
        for (const auto& event : some.events)
            if (event.kind <= telemetry::layout::EventKind::slice_to_close) slices.push_back(event);
    };
    for (const std::string line : {"w 20\n", "p 30\n", "y\n", "w 1\n", "p 2\n", "w 6\n", "hello\n", "p 5\n"}) {
        ASSERT_TRUE(client.send(line));
        for (pollfd answer{client.fd(), POLLIN, 0}; ::poll(&answer, 1, 1) == 0;) look();
        ASSERT_EQ(client.receive(line.size()), line);
        ASSERT_TRUE(eventually([&] {
            look();
            return looks.back().state == ConnectionState::waiting_read;
        }));
    }
    if (GetParam() == "callbacks") {
        ASSERT_TRUE(client.send("t 400\n"));
        ASSERT_TRUE(eventually([&] {
            look();
            return looks.back().state == ConnectionState::paused;
        }));
        ASSERT_EQ(client.receive(6), "t 400\n");
        ASSERT_TRUE(eventually([&] {
            look();
            return looks.back().state == ConnectionState::waiting_read;
        }));
        EXPECT_LT(observed.reading.connections.front().longest_ready, 300ms) << "it did not wait for its turn";
    }
    const std::size_t seen = slices.size();
    std::vector<Logged> log = log_of(observed.server, client, ntohs(mine.sin_port));
    // Of the first line its last slice may be there, which ended after the answer was sent.
    while (!log.empty() && !slices.empty() && log.front().begin < slices.front().begin) log.erase(log.begin());
    log.resize(std::min(log.size(), seen));

    // Slice by slice: what the server says that it did lies within, and the hooks around it add little. The ends that are
    // not the server's own, before its first statement and after its last, may be interrupted by whatever else runs here.
    ASSERT_EQ(log.size(), seen);
    ASSERT_GE(seen, 8 * 2 + 4u);
    std::vector<double> outside_us;
    for (std::size_t i = 0; i < seen; ++i) {
        const nanoseconds begin = slices[i].begin;
        const nanoseconds end = begin + slices[i].length;
        constexpr nanoseconds clocks_differ = 20us;
        EXPECT_LE(begin, log[i].begin + clocks_differ) << i;
        EXPECT_GE(end, log[i].end - clocks_differ) << i;
        EXPECT_TRUE(means(slices[i].kind, log[i].next))
            << i << " " << log[i].next << " " << static_cast<int>(slices[i].kind);
        outside_us.push_back(static_cast<double>(((log[i].begin - begin) + (end - log[i].end)).count()) / 1e3);
    }
    std::ranges::sort(outside_us);
    EXPECT_LT(outside_us[outside_us.size() / 2], sanitized ? 2000 : 200) << "us, the median";

    // State by state: at each look it is one that the log has about then.
    constexpr nanoseconds about = 1ms;
    std::size_t compared = 0;
    std::map<std::string, int> states;
    for (const Look& each : looks) {
        if (each.before < log.front().begin || each.after > log.back().end) continue;
        std::set<ConnectionState> possible;
        for (std::size_t i = 0; i < log.size(); ++i) {
            const auto is_about = [&](nanoseconds begin, nanoseconds end) {
                return begin <= each.after + about && end >= each.before - about;
            };
            if (is_about(log[i].begin, log[i].end)) possible.insert(ConnectionState::running);
            if (i + 1 == log.size() || !is_about(log[i].end, log[i + 1].begin)) continue;
            if (log[i].next == "waiting_read") possible.insert(ConnectionState::waiting_read);
            if (log[i].next == "paused") possible.insert(ConnectionState::paused);
            // The answer to `t` is written by work that is nobody's, for which the pause is over.
            const bool is_written = log[i].next == "paused" && GetParam() == "callbacks";
            if (log[i].next == "waiting_write" || is_written) possible.insert(ConnectionState::waiting_write);
            // Everything that it waited for comes in the end, and then it waits for its turn.
            possible.insert(ConnectionState::ready);
        }
        EXPECT_TRUE(possible.contains(each.state)) << telemetry::name_of(each.state);
        states[std::string(telemetry::name_of(each.state))] += 1;
        ++compared;
    }
    EXPECT_GE(compared, 10u);
    EXPECT_GE(states["running"], 1);
    EXPECT_GE(states["paused"], 1);
    std::printf("%zu slices, outside of the log median %.1f us, most %.1f us; %zu looks\n", seen,
                outside_us[outside_us.size() / 2], outside_us.back(), compared);
}
INSTANTIATE_TEST_SUITE_P(AsioServer, AgainstItsOwnLog, testing::Values("callbacks", "awaitable", "spawn"),
                         [](const auto& about) { return about.param; });

TEST(AsioServer, slices_are_counted_while_nobody_looks_and_timed_from_the_first_look_on) {
    Child server({path_of("runtimes"), "callbacks"});
    const TestClient client(to_port(field(server.line(), "port")));
    // Whether somebody looks is asked ten times a second: until it has been, slices are timed.
    for (int i = 0; i < 15; ++i) {
        ASSERT_TRUE(client.echoes("p 10\n"));
    }
    ASSERT_TRUE(client.echoes("w 5\n"));
    telemetry::ServerReading reading;
    auto reader = segment_of(server.pid());
    ASSERT_TRUE(reader) << reader.error().text;
    ASSERT_TRUE(reader->read(reading));
    ASSERT_EQ(reading.connections.size(), 1u);
    const telemetry::ConnectionReading unseen = reading.connections.front();
    EXPECT_TRUE(unseen.partly_timed);
    EXPECT_GE(unseen.slices, 15u * 3);
    EXPECT_EQ(unseen.bytes_in, 15u * 5 + 4);
    EXPECT_LT(unseen.longest_slice, 5ms) << "the one of 5 ms came when nobody looked";
    const auto is_timed = [&] {
        return client.echoes("w 20\n") && reader->read(reading) && reading.connections.front().longest_slice >= 20ms;
    };
    EXPECT_TRUE(eventually(is_timed));
    EXPECT_TRUE(reading.connections.front().partly_timed);
}

TEST(AsioServer, datagrams_are_left_out) {
    Observed observed("udp");
    const telemetry::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const timeval limit{10, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(observed.other_port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    for (int i = 0; i < 3; ++i) {
        char text[8];
        ASSERT_EQ(::send(socket.get(), "hello", 5, 0), 5);
        ASSERT_EQ(::recv(socket.get(), text, sizeof text, 0), 5);
    }
    ASSERT_TRUE(observed.look());
    EXPECT_TRUE(observed.reading.connections.empty());
    const TestClient client(observed.port);
    ASSERT_TRUE(client.echoes("hello\n"));
    ASSERT_TRUE(observed.look());
    EXPECT_EQ(observed.reading.connections.size(), 1u);
    EXPECT_EQ(observed.accepted(), 1u);

    Child watch({"connscope-watch", "asio-" + std::to_string(observed.server.pid()), "--once", "--json", "--connections"});
    const auto said = boost::json::parse(watch.rest());
    EXPECT_TRUE(said.at("requests_per_s").is_null()) << said;
    EXPECT_TRUE(said.at("connection_list").at(0).at("requests").is_null()) << said;
}

TEST(AsioServer, a_forked_child_has_a_segment_of_its_own_and_leaves_its_parents_alone) {
    Observed parent("callbacks");
    const TestClient first(parent.port);
    ASSERT_TRUE(first.echoes("hello\n"));
    ASSERT_TRUE(first.send("fork\n"));
    const std::string line = parent.server.line();
    ASSERT_TRUE(line.starts_with("child ")) << line;
    const pid_t pid = std::stoi(field(line, "pid"));
    struct End {
        pid_t pid;
        ~End() { ::kill(pid, SIGKILL); }
    } const end{pid};
    const TestClient second(to_port(field(line, "port")));
    const TestClient third(to_port(field(line, "port")));
    ASSERT_TRUE(second.echoes("hello again\n"));
    ASSERT_TRUE(third.echoes("hello too\n"));
    ASSERT_EQ(first.receive(5), "fork\n");
    ASSERT_TRUE(first.echoes("still here\n"));

    auto child = segment_of(pid);
    ASSERT_TRUE(child) << child.error().text;
    telemetry::ServerReading reading;
    ASSERT_TRUE(child->read(reading));
    EXPECT_EQ(reading.connections.size(), 2u);
    EXPECT_EQ(child->identity().pid, static_cast<std::uint32_t>(pid));
    ASSERT_TRUE(parent.look());
    ASSERT_EQ(parent.reading.connections.size(), 1u);
    EXPECT_EQ(parent.reading.connections.front().bytes_in, 6u + 5 + 11);
    ::kill(pid, SIGKILL);
    EXPECT_TRUE(eventually([&] { return child->read(reading) && reading.writer == telemetry::WriterState::died; }));
    ASSERT_TRUE(parent.look());
    EXPECT_EQ(parent.reading.writer, telemetry::WriterState::alive);
}

TEST(AsioServer, a_server_that_exits_without_clean_up_can_still_be_read_and_is_said_to_have_died) {
    Observed observed("callbacks");
    const TestClient client(observed.port);
    ASSERT_TRUE(client.echoes("hello\n"));
    ASSERT_TRUE(client.send("exit\n"));
    EXPECT_EQ(observed.server.wait(10s), 0);
    ASSERT_TRUE(eventually([&] { return observed.look() && observed.reading.writer == telemetry::WriterState::died; }));
    ASSERT_EQ(observed.reading.connections.size(), 1u);
    EXPECT_EQ(observed.reading.connections.front().state, ConnectionState::running) << "what it did last";
    telemetry::remove_dead_segments();
    EXPECT_FALSE(segment_of(observed.server.pid()));
}

TEST(AsioServer, tls_and_beast_streams_are_seen_as_their_sockets) {
    Child server({path_of("secure")});
    const std::string port = field(server.line(), "port");
    auto reader = segment_of(server.pid());
    ASSERT_TRUE(reader) << reader.error().text;
    Child curl({"/usr/bin/curl", "--silent", "--show-error", "--insecure", "https://127.0.0.1:" + port + "/",
                "https://127.0.0.1:" + port + "/later"});
    telemetry::ServerReading reading;
    // One connection for both; the second request makes it pause.
    EXPECT_TRUE(eventually([&] {
        return reader->read(reading) && reading.connections.size() == 1 &&
               reading.connections.front().state == ConnectionState::paused;
    }));
    ASSERT_EQ(reading.connections.size(), 1u);
    EXPECT_EQ(reading.connections.front().carrier, CarrierKind::coroutine);
    EXPECT_GT(reading.connections.front().bytes_in, 200u) << "the handshake and two requests";
    EXPECT_GT(reading.connections.front().bytes_out, 200u);
    EXPECT_GE(reading.connections.front().slices, 3u);
    EXPECT_EQ(curl.rest(), "hello\nhello\n");
    EXPECT_EQ(curl.wait(10s), 0);
    EXPECT_TRUE(eventually([&] { return reader->read(reading) && reading.connections.empty(); }));
    EXPECT_EQ(reading.gauge(Gauge::connections_accepted), 1u);
}

TEST(AsioServer, outgoing_connections_are_left_out_and_sockets_closed_behind_its_back_are_let_go) {
    Child server({path_of("corners")});
    const auto port = to_port(field(server.line(), "port"));
    const TestClient first(port);
    ASSERT_TRUE(first.send("o"));
    auto reader = segment_of(server.pid());
    ASSERT_TRUE(reader) << reader.error().text;
    telemetry::ServerReading reading;
    // The client's, and the accepted ends of the two that the server opened to itself.
    const auto accepted = [&] { return reading.gauge(telemetry::Gauge::connections_accepted).value_or(0); };
    ASSERT_TRUE(eventually([&] { return reader->read(reading) && accepted() == 3; })) << accepted();
    EXPECT_EQ(reading.connections.size(), 3u);
    const TestClient second(port);
    ASSERT_TRUE(first.send("c"));
    // The client sees its end; the slot is given back although Asio was not told, as soon as anything else has happened.
    EXPECT_TRUE(first.at_end());
    EXPECT_TRUE(eventually([&] { return second.send("x") && reader->read(reading) && reading.connections.size() == 3; }))
        << reading.connections.size();
    EXPECT_EQ(accepted(), 4u);
}

} // namespace
} // namespace connscope::test
