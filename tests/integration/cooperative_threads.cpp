// SPDX-License-Identifier: BSL-1.0
#include "../support.hpp"

#include "connscope/server/modes/fifo_cpu.hpp"

#include <sched.h>

namespace connscope::test {
namespace {

using server::Turns;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

server::ServerOptions options_with(Turns turns) {
    server::ServerOptions options;
    options.mode = "cooperative-threads";
    options.protocol = "http";
    options.mode_options.turns = turns;
    return options;
}

// Both ways of taking turns; SCHED_FIFO's where this machine has it.
std::vector<Turns> all_turns() {
    if (server::FifoCpu::find()) return {Turns::baton, Turns::fifo};
    return {Turns::baton};
}

std::string work(milliseconds time) {
    return "GET /work?us=" + std::to_string(time.count() * 1000) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
}
const std::string hello = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

// As long as it lives, the calling thread keeps off the CPU of SCHED_FIFO, whose hog would keep it from looking.
class OffTheFifoCpu {
public:
    OffTheFifoCpu() {
        ::sched_getaffinity(0, sizeof(before_), &before_);
        if (const auto fifo = server::FifoCpu::find()) fifo->keep_off();
    }
    ~OffTheFifoCpu() { ::sched_setaffinity(0, sizeof(before_), &before_); }

private:
    cpu_set_t before_{};
};

// Connection 1 has a computation begun, connection 2 is idle.
struct BusyAndOther {
    BusyAndOther(const RunningServer& server, milliseconds work_time)
        : busy(server.port())
        , other(server.port()) {
        EXPECT_TRUE(eventually([&] { return server.status().open == 2; }));
        EXPECT_TRUE(other.send(hello));
        EXPECT_TRUE(other.receive(12) == "HTTP/1.1 200");
        EXPECT_TRUE(busy.send(work(work_time)));
        EXPECT_TRUE(eventually([&] {
            for (const auto& connection : server.reading().connections)
                if (connection.id == 1 && connection.bytes_in > 0 && connection.state == telemetry::ConnectionState::running)
                    return true;
            return false;
        }));
    }
    OffTheFifoCpu off;
    TestClient busy, other;
};

milliseconds since(steady_clock::time_point begin) {
    return std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
}

TEST(cooperative_threads, all_wait_while_one_computes) {
    for (const Turns turns : all_turns()) {
        const RunningServer server(options_with(turns));
        const auto begin = steady_clock::now();
        const BusyAndOther clients(server, 300ms);
        ASSERT_TRUE(clients.other.send(hello));
        EXPECT_NE(clients.other.receive(200).find("HTTP/1.1 200"), std::string::npos);
        EXPECT_GE(since(begin), 290ms) << "each has a thread, and yet the kernel interrupts none for another";
        EXPECT_EQ(clients.busy.receive(12), "HTTP/1.1 200");
    }
}

TEST(cooperative_threads, one_that_yields_lets_the_others_run) {
    for (const Turns turns : all_turns()) {
        const RunningServer server(options_with(turns));
        const TestClient busy(server.port()), other(server.port());
        ASSERT_TRUE(other.send(hello));
        ASSERT_EQ(other.receive(12), "HTTP/1.1 200");
        ASSERT_TRUE(busy.send("GET /work?us=1500000&yield_every=1000 HTTP/1.1\r\nHost: x\r\n\r\n"));
        ASSERT_TRUE(other.send("GET /work?us=1000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        while (!other.at_end()) {
        }
        for (const auto& connection : server.reading().connections)
            EXPECT_TRUE(connection.id != 1 || connection.requests == 0)
                << "the one who yields is still at its work when the other has done its own";
    }
}

TEST(cooperative_threads, others_are_taken_away_from_a_hog_that_has_the_turn) {
    for (const Turns turns : all_turns()) {
        const RunningServer server(options_with(turns));
        const BusyAndOther clients(server, 900ms);
        const auto begin = steady_clock::now();
        ASSERT_TRUE(clients.other.send(hello)); // it could run, and waits for its turn
        const auto moved = server.move_connection(2, "coroutines");
        ASSERT_TRUE(moved) << moved.error().text;
        EXPECT_NE(clients.other.receive(200).find("HTTP/1.1 200"), std::string::npos);
        EXPECT_LT(since(begin), 600ms) << "it did not wait for the hog's end";
        EXPECT_EQ(clients.busy.receive(12), "HTTP/1.1 200");
    }
}

TEST(cooperative_threads, a_hog_under_sched_fifo_is_interrupted_by_the_watchdog) {
    if (!server::FifoCpu::find()) GTEST_SKIP() << server::FifoCpu::find().error().text;
    const RunningServer server(options_with(Turns::fifo));
    const BusyAndOther clients(server, 2500ms);
    ASSERT_TRUE(clients.other.send(hello));
    EXPECT_NE(clients.other.receive(200).find("HTTP/1.1 200"), std::string::npos);
    const auto reading = server.reading();
    EXPECT_EQ(reading.connections.at(reading.connections.at(0).id == 1 ? 0 : 1).requests, 0u)
        << "after a second of the CPU the hog goes on as any thread does";
    EXPECT_EQ(clients.busy.receive(12), "HTTP/1.1 200");
}

TEST(cooperative_threads, threads_that_come_after_them_have_the_normal_policy_and_all_cpus) {
    if (!server::FifoCpu::find()) GTEST_SKIP() << server::FifoCpu::find().error().text;
    auto options = options_with(Turns::fifo);
    options.protocol = "echo";
    const RunningServer server(options);
    const TestClient client(server.port());
    ASSERT_TRUE(client.echoes("x"));
    const auto policy_now = [&] {
        return ::sched_getscheduler(static_cast<pid_t>(server.reading().connections.at(0).thread));
    };
    EXPECT_EQ(policy_now(), SCHED_FIFO);
    ASSERT_TRUE(server.set_mode("thread-per-connection"));
    ASSERT_TRUE(client.echoes("y"));
    EXPECT_EQ(policy_now(), SCHED_OTHER);
    cpu_set_t here, there;
    ASSERT_EQ(::sched_getaffinity(0, sizeof(here), &here), 0);
    const auto thread = static_cast<pid_t>(server.reading().connections.at(0).thread);
    ASSERT_EQ(::sched_getaffinity(thread, sizeof(there), &there), 0);
    EXPECT_TRUE(CPU_EQUAL(&here, &there));
}

TEST(cooperative_threads, the_server_says_who_sees_to_the_turns) {
    const RunningServer server(options_with(Turns::automatic));
    auto control = control::Client::connect(server.control_path());
    ASSERT_TRUE(control) << control.error().text;
    const auto status = control->call("status", {}, 10s);
    ASSERT_TRUE(status) << status.error().text;
    const std::string here(status->at("mode_here").as_string());
    EXPECT_NE(here.find(server::FifoCpu::find() ? "SCHED_FIFO on CPU" : "a baton is handed over"), std::string::npos)
        << here;
}

} // namespace
} // namespace connscope::test
