// SPDX-License-Identifier: BSL-1.0
// A probe that knows whether it is read, and does less while it is not.
#include "connscope/telemetry/probe.hpp"
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <optional>

namespace connscope::telemetry {
namespace {

using namespace std::chrono_literals;

class SegmentWatched : public testing::Test {
protected:
    void SetUp() override {
        auto made = ProbeServer::create({.name = name_, .program = "test", .connections = 1000, .own_slots = true});
        ASSERT_TRUE(made) << made.error().text;
        server_ = std::move(*made);
        server_->describe("tcp", "", "");
        server_->enter_thread(true);
    }
    void TearDown() override { server_->leave_thread(); }
    SegmentReader open_reader() const {
        auto reader = SegmentReader::open(segment_path(*runtime_folder(), name_));
        EXPECT_TRUE(reader) << reader.error().text;
        return std::move(*reader);
    }
    ServerReading read() const {
        ServerReading reading;
        EXPECT_TRUE(open_reader().read(reading));
        return reading;
    }

    std::string name_ = "watched-" + std::to_string(::getpid());
    std::unique_ptr<ProbeServer> server_;
};

TEST_F(SegmentWatched, a_server_knows_whether_it_is_read) {
    EXPECT_FALSE(server_->watched());
    std::optional<SegmentReader> one = open_reader();
    std::optional<SegmentReader> two = open_reader();
    EXPECT_TRUE(server_->watched());
    one.reset();
    EXPECT_TRUE(server_->watched());
    two.reset();
    EXPECT_FALSE(server_->watched());
}

TEST_F(SegmentWatched, slices_that_are_not_timed_are_counted_with_state_and_bytes) {
    ConnectionProbe probe = server_->open_at(7, {}, 99);
    const Ticks about = ticks();
    probe.untimed(ConnectionState::running, about);
    probe.received(5);
    probe.untimed(ConnectionState::waiting_read, about);
    const ServerReading reading = read();
    ASSERT_EQ(reading.connections.size(), 1u);
    const ConnectionReading& connection = reading.connections.front();
    EXPECT_EQ(connection.slot, 7u);
    EXPECT_EQ(connection.state, ConnectionState::waiting_read);
    EXPECT_EQ(connection.slices, 1u);
    EXPECT_EQ(connection.bytes_in, 5u);
    EXPECT_EQ(connection.run, 0ns);
    EXPECT_TRUE(connection.partly_timed);
    EXPECT_EQ(reading.counters.slices, 1u);
    EXPECT_EQ(reading.counters.events_written, 1u); // that it was opened
}

TEST_F(SegmentWatched, what_began_unwatched_has_no_length_and_what_comes_then_has) {
    ConnectionProbe probe = server_->open_at(0, {}, 1);
    const Ticks now = ticks();
    const auto later = [&](std::chrono::nanoseconds by) {
        return now + static_cast<Ticks>(static_cast<double>(by.count()) / process_clock().ns_per_tick);
    };
    probe.untimed(ConnectionState::running, now);
    EXPECT_EQ(read().connections.front().run, 0ns) << "its begin is rough: how long it runs is not known";
    probe.suspend_at(later(1s), ConnectionState::ready, true);
    EXPECT_EQ(read().connections.front().run, 0ns);
    probe.resume_at(later(2s), 0);
    probe.suspend_at(later(2s + 1ms), ConnectionState::waiting_read, true);
    const ServerReading reading = read();
    const ConnectionReading& connection = reading.connections.front();
    EXPECT_NEAR(static_cast<double>(connection.run.count()), 1e6, 1e4);
    EXPECT_NEAR(static_cast<double>(connection.longest_slice.count()), 1e6, 1e4);
    EXPECT_NEAR(static_cast<double>(connection.longest_ready.count()), 1e9, 1e7) << "exactly known since the suspend";
    EXPECT_EQ(connection.slices, 2u);
    EXPECT_TRUE(connection.partly_timed) << "for good";
}

TEST_F(SegmentWatched, a_turn_awaited_since_a_rough_time_is_no_delay) {
    ConnectionProbe probe = server_->open_at(0, {}, 1);
    const Ticks now = ticks();
    probe.untimed(ConnectionState::ready, now);
    probe.resume_at(now + 1'000'000'000, 0);
    probe.suspend_at(now + 1'000'000'000, ConnectionState::waiting_read, true);
    EXPECT_EQ(read().connections.front().ready, 0ns);
}

TEST_F(SegmentWatched, a_slot_of_the_callers_choice_is_free_again_after_its_connection) {
    ConnectionProbe first = server_->open_at(999, {}, 1);
    ASSERT_TRUE(first);
    EXPECT_FALSE(server_->open_at(1000, {}, 2)) << "beyond the segment";
    const std::uint64_t id = first.id();
    first.close();
    EXPECT_TRUE(read().connections.empty());
    const ConnectionProbe second = server_->open_at(999, {}, 3);
    const ServerReading reading = read();
    ASSERT_EQ(reading.connections.size(), 1u);
    EXPECT_GT(reading.connections.front().id, id);
    EXPECT_FALSE(reading.connections.front().partly_timed);
}

} // namespace
} // namespace connscope::telemetry
