// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/quantity.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace connscope::app {

class History;

// What a curve does within one column of pixels.
struct Extent {
    double least = std::numeric_limits<double>::infinity();
    double greatest = -std::numeric_limits<double>::infinity();

    bool is_empty() const noexcept { return least > greatest; } // nothing was read in this time
    bool is_known() const noexcept { return least <= greatest; }
    void add(double value) noexcept {
        if (value < least) least = value;
        if (value > greatest) greatest = value;
    }
};

// Time divided into columns as wide as a pixel, on a grid that stays where it is: column k is [k * width, (k + 1) * width).
// So a chart that moves with time moves by whole pixels, its past does not shimmer, and only what is new is looked at. GUI
// thread.
class Columns {
public:
    // `stacked`: each curve is the sum of its quantity and those before it; what is not known adds nothing.
    Columns(std::vector<Quantity> quantities, bool stacked)
        : quantities_(std::move(quantities))
        , stacked_(stacked)
        , curves_(quantities_.size()) {}

    // What an update has changed: nothing, some values within the columns that were there, or which columns there are.
    enum class Change { nothing, values, columns };

    // Shows the columns [first, first + count) of `width` seconds each.
    Change update(const History& history, double width, std::int64_t first, std::size_t count);

    std::int64_t first() const noexcept { return first_; }
    std::size_t count() const noexcept { return count_; }
    double width() const noexcept { return width_; }

    // One curve's columns. Between known columns, those without a reading are filled in on a straight line.
    std::span<const Extent> curve(std::size_t which) const noexcept { return curves_[which].filled; }
    // Of what is drawn of all curves; `least` is the least above 0. Empty: nothing is known.
    const Extent& bounds() const noexcept { return bounds_; }

private:
    // A value outside of the shown columns, to draw a line to.
    struct Outside {
        std::int64_t column = 0;
        double value = 0;
    };
    struct Curve {
        std::vector<Extent> read;
        std::vector<Extent> filled;
        std::optional<Outside> before;
        std::optional<Outside> after;
    };

    void begin_anew(const History& history);
    void move_to(std::int64_t first);
    bool take(const History& history, std::size_t from, std::size_t to);
    void fill();

    std::vector<Quantity> quantities_;
    bool stacked_;
    double width_ = 0;
    std::int64_t first_ = 0;
    std::size_t count_ = 0;
    double taken_until_ = 0; // s: samples up to here are in
    bool reaches_the_end_ = false;
    std::vector<Curve> curves_;
    Extent bounds_;
};

} // namespace connscope::app
