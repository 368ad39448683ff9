// SPDX-License-Identifier: BSL-1.0
// The one who never yields: found, named and dealt with from outside of the loop that it has frozen.
#include "../sanitized.hpp"
#include "../support.hpp"

#include "connscope/server/modes/table.hpp"

#include <fstream>

namespace connscope::test {
namespace {

using std::chrono::steady_clock;

const std::string hello = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

std::vector<std::string> modes_with_hogs() {
    std::vector<std::string> ids;
    for (const auto& mode : server::modes())
        if (mode.one_keeps_others) ids.emplace_back(mode.id);
    return ids;
}

// A server with one thread to run on, whose connection 1 computes for ten seconds, and two that wait for it.
class Frozen {
public:
    explicit Frozen(const std::string& mode)
        : server_(options_with(mode))
        , hog_(server_.port()) {
        for (int i = 0; i < 2; ++i) others_.emplace_back(server_.port());
        EXPECT_TRUE(eventually([&] { return server_.status().open == 3; }));
        for (const TestClient& other : others_) {
            EXPECT_TRUE(other.send(hello));
            EXPECT_NE(other.receive(12), "");
        }
        EXPECT_TRUE(hog_.send("GET /work?us=10000000 HTTP/1.1\r\nHost: x\r\n\r\n"));
        EXPECT_TRUE(eventually([&] {
            for (const auto& connection : server_.reading().connections)
                if (connection.id == 1 && connection.bytes_in > 0 && connection.state == telemetry::ConnectionState::running)
                    return true;
            return false;
        }));
        begin_ = steady_clock::now();
        for (const TestClient& other : others_) EXPECT_TRUE(other.send(hello));
    }

    const RunningServer& server() const { return server_; }
    const TestClient& hog() const { return hog_; }
    std::chrono::milliseconds since_begin() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin_);
    }
    std::vector<server::Hog> wait_for_hogs() const {
        std::vector<server::Hog> hogs;
        EXPECT_TRUE(eventually([&] {
            hogs = server_.status().hogs;
            return !hogs.empty();
        }));
        return hogs;
    }
    bool others_are_answered() const {
        return std::all_of(others_.begin(), others_.end(), [](const TestClient& other) {
            return other.receive(200).find("HTTP/1.1 200") != std::string::npos;
        });
    }

private:
    static server::ServerOptions options_with(const std::string& mode) {
        server::ServerOptions options;
        options.mode = mode;
        options.protocol = "http";
        options.mode_options.threads = 1;
        return options;
    }

    RunningServer server_;
    TestClient hog_;
    std::vector<TestClient> others_;
    steady_clock::time_point begin_;
};

TEST(hogs, one_is_told_in_every_mode_with_who_waits_and_the_line_it_is_in) {
    for (const std::string& mode : modes_with_hogs()) {
        SCOPED_TRACE(mode);
        const Frozen frozen(mode);
        auto hogs = frozen.wait_for_hogs();
        ASSERT_EQ(hogs.size(), 1u);
        std::cout << mode << ": told after " << frozen.since_begin().count() << " ms\n";
        EXPECT_EQ(hogs[0].id, 1u);
        EXPECT_EQ(server::modes()[hogs[0].mode].id, mode);
        EXPECT_GE(hogs[0].held, 50ms);
        EXPECT_TRUE(eventually([&] {
            hogs = frozen.server().status().hogs;
            return !hogs.empty() && hogs[0].waiting == 2 && hogs[0].longest_wait > 50ms;
        })) << hogs.size();
        if (!sanitized) {
            EXPECT_TRUE(eventually([&] {
                hogs = frozen.server().status().hogs;
                return !hogs.empty() && !hogs[0].function.empty();
            })) << (hogs.empty() ? "" : hogs[0].missing);
            ASSERT_FALSE(hogs.empty());
            std::cout << "  " << hogs[0].function << " at " << hogs[0].at << '\n';
            for (const auto& call : hogs[0].calls) std::cout << "    " << call << '\n';
            const auto computes = [](const std::string& call) { return call.starts_with("server::compute at steps.cpp:"); };
            EXPECT_TRUE(std::any_of(hogs[0].calls.begin(), hogs[0].calls.end(), computes));
            EXPECT_FALSE(hogs[0].at.empty());
        }
        EXPECT_TRUE(frozen.server().close_connection(1));
        EXPECT_TRUE(frozen.others_are_answered());
        EXPECT_LT(frozen.since_begin(), 9s) << "it was closed in the middle of its computation";
        EXPECT_TRUE(eventually([&] { return frozen.server().status().hogs.empty(); }));
        EXPECT_TRUE(eventually([&] { return frozen.server().reading().gauge(telemetry::Gauge::closed_by_request) == 1u; }));
    }
}

// Looking up where it is takes megabytes, and would be read as what the connections take.
TEST(hogs, the_servers_memory_does_not_grow_by_naming_one) {
    if (sanitized) GTEST_SKIP() << "the sanitizer's memory grows by itself";
    const auto resident = [] {
        std::ifstream file("/proc/self/statm");
        std::uint64_t total = 0, pages = 0;
        file >> total >> pages;
        return pages * 4096;
    };
    const Frozen frozen("coroutines");
    const std::uint64_t before = resident();
    std::vector<server::Hog> hogs;
    ASSERT_TRUE(eventually([&] {
        hogs = frozen.server().status().hogs;
        return !hogs.empty() && !hogs[0].function.empty();
    }));
    EXPECT_LT(resident(), before + (1u << 20));
    EXPECT_TRUE(frozen.server().close_connection(1));
}

TEST(hogs, one_is_moved_out_of_every_frozen_mode_to_a_thread_of_its_own_and_goes_on_there) {
    for (const std::string& mode : modes_with_hogs()) {
        SCOPED_TRACE(mode);
        const Frozen frozen(mode);
        ASSERT_EQ(frozen.wait_for_hogs().size(), 1u);
        const auto moved = frozen.server().move_connection(1, "thread-per-connection");
        ASSERT_TRUE(moved) << moved.error().text;
        EXPECT_TRUE(frozen.others_are_answered());
        EXPECT_LT(frozen.since_begin(), 9s) << "it was moved in the middle of its computation";
        bool computes_on = false;
        for (const auto& connection : frozen.server().reading().connections)
            if (connection.id == 1)
                computes_on = connection.carrier == telemetry::CarrierKind::thread && connection.requests == 0;
        EXPECT_TRUE(computes_on);
        EXPECT_TRUE(frozen.server().close_connection(1));
    }
}

TEST(hogs, one_that_is_let_go_on_is_told_no_more) {
    const Frozen frozen("coroutines");
    ASSERT_EQ(frozen.wait_for_hogs().size(), 1u);
    auto control = control::Client::connect(frozen.server().control_path());
    ASSERT_TRUE(control) << control.error().text;
    const auto told = control->call("hogs", {}, 10s);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->as_array().at(0).at("id").to_number<int>(), 1);
    EXPECT_TRUE(control->call("excuse_hog", {{"id", 1}}, 10s));
    EXPECT_TRUE(control->call("hogs", {}, 10s)->as_array().empty());
    EXPECT_FALSE(control->call("excuse_hog", {{"id", 2}}, 10s)) << "that one waits";
    EXPECT_TRUE(frozen.server().close_connection(1));
}

TEST(hogs, who_is_interrupted_or_computes_while_nobody_waits_is_none) {
    for (const std::string mode : {"preemptive-fibers", "thread-per-connection", "coroutines"}) {
        server::ServerOptions options;
        options.mode = mode;
        options.protocol = "http";
        const RunningServer server(options);
        const TestClient busy(server.port()), other(server.port());
        ASSERT_TRUE(eventually([&] { return server.status().open == 2; }));
        ASSERT_TRUE(busy.send("GET /work?us=300000 HTTP/1.1\r\nHost: x\r\n\r\n"));
        if (mode != "coroutines") {
            ASSERT_TRUE(other.send(hello));
        }
        const auto begin = steady_clock::now();
        while (steady_clock::now() - begin < 250ms) EXPECT_TRUE(server.status().hogs.empty()) << mode;
        EXPECT_EQ(busy.receive(12), "HTTP/1.1 200");
    }
}

} // namespace
} // namespace connscope::test
