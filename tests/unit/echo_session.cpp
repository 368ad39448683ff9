// SPDX-License-Identifier: BSL-1.0
#include "connscope/protocol/echo.hpp"

#include "session_driver.hpp"

#include <gtest/gtest.h>

namespace connscope::tests {
namespace {

std::string noise(std::size_t bytes, unsigned seed) {
    std::mt19937 random(seed);
    std::string text(bytes, '\0');
    std::generate(text.begin(), text.end(), [&] { return static_cast<char>(random()); });
    return text;
}

SessionDriver echo() { return SessionDriver(protocol::make_echo_session()); }

TEST(EchoSession, sends_back_every_byte_in_order_however_it_was_cut) {
    const auto text = noise(300'000, 1);
    for (const auto& [read_cut, write_cut] : {std::pair{whole(), whole()}, std::pair{one_by_one(), whole()},
                                              std::pair{whole(), one_by_one()}, std::pair{one_by_one(), one_by_one()}}) {
        auto driver = echo();
        ASSERT_TRUE(driver.run(text, read_cut, write_cut));
        EXPECT_EQ(driver.output, text);
    }
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto driver = echo();
    ASSERT_TRUE(driver.run(text, random_pieces(seed, 100'000), random_pieces(seed + 1, 100'000)));
    EXPECT_EQ(driver.output, text);
}

TEST(EchoSession, travels_between_any_two_actions_and_loses_nothing) {
    const auto text = noise(100'000, 2);
    for (const auto& [read_cut, write_cut] :
         {std::pair{whole(), whole()}, std::pair{random_pieces(3, 5000), random_pieces(4, 5000)}}) {
        auto driver = echo();
        driver.make_another = protocol::make_echo_session;
        ASSERT_TRUE(driver.run(text, read_cut, write_cut));
        EXPECT_EQ(driver.output, text);
        const std::uint64_t requests = driver.session().requests();
        ASSERT_TRUE(driver.finish());
        EXPECT_TRUE(driver.closed);
        EXPECT_EQ(driver.session().requests(), requests);
    }
}

TEST(EchoSession, refuses_a_state_that_is_none) {
    protocol::StateWriter state;
    protocol::make_echo_session()->save(state);
    for (std::size_t length = 0; length < state.bytes().size(); ++length) {
        protocol::StateReader cut(std::string_view(state.bytes()).substr(0, length));
        EXPECT_FALSE(protocol::make_echo_session()->restore(cut)) << length;
    }
}

TEST(EchoSession, closes_after_its_peer_has_finished_and_everything_was_sent_back) {
    auto driver = echo();
    ASSERT_TRUE(driver.run("some bytes"));
    EXPECT_FALSE(driver.closed);
    ASSERT_TRUE(driver.finish());
    EXPECT_TRUE(driver.closed);
    EXPECT_EQ(driver.output, "some bytes");
}

TEST(EchoSession, counts_what_was_read_at_once_and_sent_back_as_one_request) {
    auto driver = echo();
    ASSERT_TRUE(driver.run("twelve bytes", whole(), one_by_one()));
    EXPECT_EQ(driver.session().requests(), 1u);
    ASSERT_TRUE(driver.run("x"));
    EXPECT_EQ(driver.session().requests(), 2u);
}

TEST(EchoSession, is_in_a_request_until_its_last_byte_was_taken) {
    auto driver = echo();
    auto& session = driver.session();
    EXPECT_FALSE(session.in_request());
    std::memcpy(session.input().data(), "abc", 3);
    session.received(3);
    EXPECT_TRUE(session.in_request());
    session.sent(2);
    EXPECT_TRUE(session.in_request());
    EXPECT_EQ(session.output().size(), 1u);
    session.sent(1);
    EXPECT_FALSE(session.in_request());
}

TEST(EchoSession, stays_small_while_idle_and_under_a_flood) {
    auto driver = echo();
    EXPECT_LE(driver.session().memory_bytes(), 512u);
    ASSERT_TRUE(driver.run(noise(1'000'000, 2)));
    EXPECT_GT(driver.largest_memory, 32u * 1024);
    EXPECT_LE(driver.largest_memory, 66u * 1024);
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(driver.run("small"));
    EXPECT_LE(driver.session().memory_bytes(), 512u) << "a large buffer was not given back";
}

TEST(EchoSession, asks_for_the_same_again_until_progress_is_reported) {
    auto driver = echo();
    auto& session = driver.session();
    EXPECT_EQ(session.next().kind, Action::Kind::read);
    EXPECT_EQ(session.next().kind, Action::Kind::read);
    session.received(1);
    EXPECT_EQ(session.next().kind, Action::Kind::write);
    EXPECT_EQ(session.next().kind, Action::Kind::write);
}

TEST(EchoSession, leaves_a_time_out_to_its_owner) {
    auto driver = echo();
    driver.session().timed_out();
    ASSERT_TRUE(driver.run("still here"));
    EXPECT_EQ(driver.output, "still here");
}

} // namespace
} // namespace connscope::tests
