// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/sweep.hpp"

#include <gtest/gtest.h>

namespace connscope::lab {
namespace {

SweepPoint point(int slice_us, double overhead, double p99_us) {
    SweepPoint made;
    made.slice_us = slice_us;
    made.overhead = overhead;
    made.p99_us = p99_us;
    return made;
}

TEST(LabSweep, the_curves_cross_where_cost_and_reaction_are_the_same_share_of_their_ranges) {
    // On a logarithmic axis of slices, cost falls from 1 to 0 and reaction rises from 0 to 1: half-way is the root of 100.
    const auto crossing = crossing_of({point(1000, 0.2, 1000), point(100'000, 0.0, 100'000)});
    ASSERT_TRUE(crossing);
    EXPECT_NEAR(*crossing, 10'000, 1);
}

TEST(LabSweep, points_that_could_not_be_had_are_left_out) {
    SweepPoint failed;
    failed.slice_us = 5000;
    failed.failed = "the server has ended";
    const auto crossing = crossing_of({point(100'000, 0.0, 100'000), failed, point(1000, 0.2, 1000)});
    ASSERT_TRUE(crossing);
    EXPECT_NEAR(*crossing, 10'000, 1);
    EXPECT_FALSE(crossing_of({failed, point(1000, 0.2, 1000)}));
    EXPECT_TRUE(to_json(failed).at("overhead").is_null());
}

TEST(LabSweep, a_sweep_is_read_again_as_it_was_written) {
    Sweep sweep;
    sweep.mode = "fibers";
    sweep.baseline = "fibers";
    sweep.method = "some words";
    sweep.without.work_per_cpu = 5000;
    SweepPoint failed;
    failed.slice_us = 5000;
    failed.failed = "the server has ended";
    sweep.points = {point(1000, 0.2, 1000), failed};
    sweep.crossing_us = 2500;
    sweep.seconds = 3;
    sweep.complete = true;
    const auto read = sweep_of_json(to_json(sweep));
    ASSERT_TRUE(read);
    EXPECT_EQ(to_json(*read), to_json(sweep));
    EXPECT_FALSE(sweep_of_json("sweep"));
    EXPECT_FALSE(sweep_point_of_json(boost::json::object{{"slice_us", "short"}}));
}

TEST(LabSweep, curves_that_do_not_cross_have_no_crossing) {
    EXPECT_FALSE(crossing_of({}));
    EXPECT_FALSE(crossing_of({point(1000, 0.0, 1000), point(100'000, 0.2, 100'000)})) << "both rise";
}

TEST(LabSweep, slices_that_cannot_be_are_refused_with_a_sentence) {
    const Stop stop;
    for (const int slice : {0, 100, 3'600'000}) {
        SweepOptions options;
        options.slices_us = {slice};
        const auto swept = run_sweep(options, stop, {});
        ASSERT_FALSE(swept);
        EXPECT_NE(swept.error().text.find("200 to 100000"), std::string::npos) << swept.error().text;
    }
}

} // namespace
} // namespace connscope::lab
