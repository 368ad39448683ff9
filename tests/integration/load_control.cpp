// SPDX-License-Identifier: BSL-1.0
#include "load_support.hpp"

#include "connscope/control/client.hpp"
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <chrono>
#include <memory>

namespace connscope::test {
namespace {

using namespace std::chrono_literals;
using telemetry::layout::LoadCounter;
namespace json = boost::json;

// connscope-load against an echo server, with its control and its segment.
class LoadControl : public testing::Test {
protected:
    void begin(std::vector<std::string> arguments) {
        static int number = 0;
        name_ = "load-control-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
        arguments.insert(arguments.end(), {"--connect", server_.address(), "--duration", "0", "--name", name_, "--quiet"});
        program_ = std::make_unique<Program>(load_command(std::move(arguments)));
        ASSERT_NE(program_->line("loading "), "") << program_->error();
        const auto folder = telemetry::runtime_folder();
        ASSERT_TRUE(folder);
        auto client = control::Client::connect(telemetry::control_path(*folder, name_));
        ASSERT_TRUE(client) << client.error().text;
        client_ = std::make_unique<control::Client>(std::move(*client));
        auto reader = telemetry::SegmentReader::open(telemetry::segment_path(*folder, name_));
        ASSERT_TRUE(reader) << reader.error().text;
        reader_ = std::make_unique<telemetry::SegmentReader>(std::move(*reader));
    }

    json::object call(std::string_view method, json::object parameters = {}) {
        auto result = client_->call(method, std::move(parameters), 5s);
        EXPECT_TRUE(result) << method << ": " << (result ? "" : result.error().text);
        return result && result->is_object() ? std::move(result->get_object()) : json::object{};
    }
    std::string refused(std::string_view method, json::object parameters) {
        auto result = client_->call(method, std::move(parameters), 5s);
        EXPECT_FALSE(result) << method;
        return result ? "" : result.error().text;
    }

    const telemetry::PopulationReading* population(std::string_view name) {
        EXPECT_TRUE(reader_->read(reading_));
        for (const auto& each : reading_.populations)
            if (each.name == name) return &each;
        return nullptr;
    }
    std::uint64_t counter(std::string_view name, LoadCounter which) {
        const auto* found = population(name);
        return found == nullptr ? 0 : found->counter(which);
    }
    // Waits, at most ten seconds, until the segment shows what is expected.
    template <class Condition>
    bool comes_true(Condition condition) {
        for (int i = 0; i < 2000; ++i) {
            if (condition()) return true;
            ::poll(nullptr, 0, 5);
        }
        return false;
    }

    Server server_{echo()};
    std::string name_;
    std::unique_ptr<Program> program_;
    std::unique_ptr<control::Client> client_;
    std::unique_ptr<telemetry::SegmentReader> reader_;
    telemetry::LoadReading reading_;
};

TEST_F(LoadControl, status_tells_what_the_segment_shows) {
    begin({"--population", "active:5,rate=200", "--population", "idle:7"});
    ASSERT_TRUE(comes_true(
        [&] { return counter("all", LoadCounter::open) == 12 && counter("active", LoadCounter::completed) > 20; }));
    const json::object status = call("status");
    EXPECT_EQ(status.at("connections").at("open").to_number<int>(), 12);
    EXPECT_TRUE(status.at("running").as_bool());
    EXPECT_EQ(status.at("protocol").as_string(), "echo");
    EXPECT_EQ(status.at("populations").as_array().size(), 2u);
    EXPECT_EQ(status.at("populations").at(1).at("text").as_string(), "idle:7");
    EXPECT_EQ(status.at("rate").at("offered_per_s").to_number<int>(), 200);
    EXPECT_EQ(population("idle")->text, "idle:7");
    EXPECT_TRUE(reading_.running);
    EXPECT_TRUE(comes_true([&] { return population("active")->latency_since.total() > 0; }));
    EXPECT_EQ(reader_->identity().protocol, "echo");
    EXPECT_EQ(reader_->identity().address, server_.address());
    EXPECT_TRUE(comes_true([&] { return population("all") != nullptr && reading_.system_cpu + reading_.user_cpu > 0ns; }));
}

TEST_F(LoadControl, another_mix_drops_no_connection_that_may_stay) {
    begin({"--population", "active:20,rate=500", "--population", "idle:30"});
    ASSERT_TRUE(comes_true([&] { return counter("all", LoadCounter::open) == 50; }));

    // Another rate and payload, and one more population: nothing closes.
    call("set_populations", {{"populations", {"active:20,rate=1000,payload=256", "idle:30", "churn:0,rate=10"}}});
    ASSERT_TRUE(comes_true([&] { return population("churn") != nullptr; }));
    const auto before = counter("active", LoadCounter::completed);
    ASSERT_TRUE(comes_true([&] { return counter("active", LoadCounter::completed) > before + 500; }));
    EXPECT_EQ(counter("all", LoadCounter::opened), 50u);
    EXPECT_EQ(counter("all", LoadCounter::closed), 0u);

    // More of one, fewer of the other: only the difference is opened and closed.
    call("set_populations", {{"populations", {"active:25,rate=1000", "idle:10"}}});
    ASSERT_TRUE(
        comes_true([&] { return counter("active", LoadCounter::open) == 25 && counter("idle", LoadCounter::open) == 10; }));
    EXPECT_EQ(counter("all", LoadCounter::opened), 55u);
    EXPECT_EQ(counter("all", LoadCounter::closed), 20u);
    EXPECT_TRUE(comes_true([&] { return population("churn") == nullptr; }));

    EXPECT_EQ(counter("all", LoadCounter::failed), 0u);
    EXPECT_EQ(counter("all", LoadCounter::corrupted), 0u);
    EXPECT_EQ(counter("all", LoadCounter::closed_by_peer), 0u);
}

TEST_F(LoadControl, one_population_is_added_changed_and_removed_by_its_name) {
    begin({"--population", "idle:3"});
    call("set_population", {{"population", "active:4,name=extra,rate=50"}});
    ASSERT_TRUE(comes_true([&] { return counter("extra", LoadCounter::completed) > 5; }));
    call("set_population", {{"population", {{"kind", "active"}, {"connections", 2}, {"name", "extra"}}}});
    ASSERT_TRUE(comes_true([&] { return counter("extra", LoadCounter::open) == 2; }));
    const auto before = counter("extra", LoadCounter::completed);
    EXPECT_TRUE(comes_true([&] { return counter("extra", LoadCounter::completed) > before + 200; })) << "a closed loop now";
    call("remove_population", {{"name", "extra"}});
    ASSERT_TRUE(comes_true([&] { return counter("all", LoadCounter::open) == 3; }));
    EXPECT_TRUE(comes_true([&] { return population("extra") == nullptr; }));
}

TEST_F(LoadControl, stop_keeps_connections_and_start_goes_on) {
    begin({"--population", "active:5,rate=500", "--population", "active:2,name=closed"});
    ASSERT_TRUE(comes_true([&] { return counter("closed", LoadCounter::completed) > 10; }));
    EXPECT_FALSE(call("stop").at("running").as_bool());
    ASSERT_TRUE(comes_true([&] { return counter("all", LoadCounter::in_flight) == 0 && !reading_.running; }));
    EXPECT_EQ(counter("all", LoadCounter::open), 7u);
    const auto sent = counter("all", LoadCounter::sent);
    ::poll(nullptr, 0, 50); // nothing must happen in this time
    EXPECT_EQ(counter("all", LoadCounter::sent), sent);
    call("start");
    EXPECT_TRUE(comes_true(
        [&] { return counter("active", LoadCounter::sent) > 100 && counter("all", LoadCounter::sent) > sent + 50; }));
    EXPECT_EQ(counter("all", LoadCounter::opened), 7u);
}

TEST_F(LoadControl, what_cannot_be_is_refused_and_changes_nothing) {
    begin({"--population", "active:5,rate=100"});
    ASSERT_TRUE(comes_true([&] { return counter("all", LoadCounter::open) == 5; }));
    EXPECT_NE(refused("set_populations", {{"populations", {"busy:5"}}}).find("'busy'"), std::string::npos);
    EXPECT_NE(refused("set_populations", {{"populations", {"active:5", "hog:1"}}}).find("http"), std::string::npos);
    EXPECT_NE(refused("set_populations", {{"populations", "active:5"}}).find("array"), std::string::npos);
    refused("set_populations", {});
    refused("set_population", {{"population", 5}});
    EXPECT_NE(refused("remove_population", {{"name", "nobody"}}).find("nobody"), std::string::npos);
    json::array many;
    for (int i = 0; i < 40; ++i) many.emplace_back("idle:1");
    refused("set_populations", {{"populations", many}});
    EXPECT_EQ(call("status").at("populations").as_array().size(), 1u);
    EXPECT_EQ(counter("all", LoadCounter::open), 5u);
}

TEST_F(LoadControl, shutdown_ends_it_with_its_summary) {
    begin({"--population", "active:5,rate=100"});
    ASSERT_TRUE(comes_true([&] { return counter("all", LoadCounter::completed) > 10; }));
    call("shutdown");
    EXPECT_EQ(program_->wait(), 0);
    EXPECT_NE(program_->out().find("measured for"), std::string::npos);
}

TEST_F(LoadControl, connections_come_and_go_hundreds_of_times_and_none_is_forgotten) {
    begin({"--population", "active:50"});
    for (int round = 0; round < 60; ++round) {
        json::array populations{"active:" + std::to_string(10 + round * 37 % 60) +
                                ",pipeline=" + std::to_string(1 + round % 3)};
        if (round % 2 == 0) populations.emplace_back("slow-sender:5,payload=20,piece=3,interval_ms=1");
        if (round % 3 == 0) populations.emplace_back("churn:20");
        call("set_populations", {{"populations", populations}});
    }
    call("set_populations", {{"populations", {"active:10,rate=100"}}});
    EXPECT_TRUE(comes_true([&] { return counter("all", LoadCounter::open) == 10; })) << counter("all", LoadCounter::open);
    EXPECT_TRUE(comes_true([&] {
        const auto* all = population("all");
        const auto of = [&](LoadCounter which) { return all->counter(which); };
        return of(LoadCounter::sent) ==
                   of(LoadCounter::completed) + of(LoadCounter::abandoned) + of(LoadCounter::in_flight) &&
               of(LoadCounter::in_flight) == 0 && of(LoadCounter::overdue) == 0;
    })) << "every request is accounted for";
    EXPECT_EQ(counter("all", LoadCounter::opened) - counter("all", LoadCounter::closed), 10u);
    EXPECT_EQ(counter("all", LoadCounter::corrupted), 0u);
    EXPECT_EQ(counter("all", LoadCounter::failed), 0u);
}

} // namespace
} // namespace connscope::test
