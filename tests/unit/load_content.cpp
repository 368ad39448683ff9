// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/arrivals.hpp"
#include "connscope/load/content.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <set>
#include <vector>

namespace connscope::load {
namespace {

using namespace std::chrono_literals;

std::vector<std::byte> bytes_at(const Content& content, std::uint64_t position, std::size_t size) {
    std::vector<std::byte> bytes(size);
    content.write(position, bytes);
    return bytes;
}

TEST(LoadContent, does_not_depend_on_the_pieces_it_is_made_of) {
    const Content content(7);
    const auto whole = bytes_at(content, 0, 200);
    for (std::size_t begin = 0; begin < 20; ++begin) {
        for (std::size_t size = 0; size < 40; ++size) {
            const auto piece = bytes_at(content, begin, size);
            EXPECT_TRUE(std::equal(piece.begin(), piece.end(), whole.begin() + static_cast<std::ptrdiff_t>(begin)))
                << "piece of " << size << " at " << begin;
        }
    }
}

TEST(LoadContent, one_changed_bit_is_found_wherever_it_is) {
    const Content content(7);
    for (const std::uint64_t position : {0u, 1u, 7u, 8u, 13u}) {
        for (const std::size_t size : {1u, 2u, 7u, 8u, 9u, 31u}) {
            auto bytes = bytes_at(content, position, size);
            EXPECT_TRUE(content.matches(position, bytes));
            for (std::size_t i = 0; i < size; ++i) {
                bytes[i] ^= std::byte{0x10};
                EXPECT_FALSE(content.matches(position, bytes)) << "byte " << i << " of " << size << " at " << position;
                bytes[i] ^= std::byte{0x10};
            }
        }
    }
}

TEST(LoadContent, differs_between_connections_and_positions) {
    const auto bytes = bytes_at(Content(Content::mix(1)), 0, 64);
    EXPECT_FALSE(Content(Content::mix(2)).matches(0, bytes));
    EXPECT_FALSE(Content(Content::mix(1)).matches(64, bytes));
}

TEST(LoadArrivals, constant_ones_keep_their_distance_and_never_drift) {
    Arrivals arrivals(ArrivalProcess::constant, 1);
    arrivals.start(1s, 3000);
    for (int i = 1; i <= 30'000; ++i) {
        EXPECT_NEAR(static_cast<double>((arrivals.next() - 1s).count()), i * 1e9 / 3000, 5);
        arrivals.advance();
    }
}

TEST(LoadArrivals, poisson_ones_have_the_rate_and_the_spread_of_independent_users) {
    Arrivals arrivals(ArrivalProcess::poisson, 1);
    arrivals.start(0s, 1000);
    double sum = 0;
    double squares = 0;
    constexpr int count = 100'000;
    auto before = arrivals.next();
    for (int i = 0; i < count; ++i) {
        arrivals.advance();
        const double gap_ms = std::chrono::duration<double, std::milli>(arrivals.next() - before).count();
        ASSERT_GE(gap_ms, 0);
        before = arrivals.next();
        sum += gap_ms;
        squares += gap_ms * gap_ms;
    }
    const double mean = sum / count;
    EXPECT_NEAR(mean, 1.0, 0.02);
    EXPECT_NEAR(std::sqrt(squares / count - mean * mean), 1.0, 0.03)
        << "an exponential distribution's deviation is its mean";
}

TEST(LoadArrivals, what_was_due_and_not_taken_is_known) {
    Arrivals arrivals(ArrivalProcess::constant, 1);
    arrivals.start(0s, 1000);
    EXPECT_EQ(arrivals.due(500us), 0u);
    EXPECT_EQ(arrivals.due(1s), 1000u);
    arrivals.advance();
    EXPECT_EQ(arrivals.due(1s), 999u);
}

TEST(LoadArrivals, another_rate_keeps_what_is_overdue) {
    Arrivals arrivals(ArrivalProcess::constant, 1);
    arrivals.start(0s, 100);
    arrivals.change_rate(1s, 1000);
    EXPECT_EQ(arrivals.next(), 10ms) << "a request that was due before the change is still due then";
    arrivals.start(0s, 1);
    arrivals.change_rate(0s, 1000);
    EXPECT_LE(arrivals.next(), 1ms) << "a far one comes as near as the new rate has it";
}

} // namespace
} // namespace connscope::load
