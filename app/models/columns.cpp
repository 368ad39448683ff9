// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/columns.hpp"

#include "models/history.hpp"

#include <algorithm>
#include <cmath>

namespace connscope::app {

namespace {

constexpr Extent unknown{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};

bool same(const Extent& a, const Extent& b) {
    const bool neither_is_known = std::isnan(a.least) && std::isnan(b.least);
    return neither_is_known || (a.least == b.least && a.greatest == b.greatest);
}

std::int64_t column_of(double time, double width) { return static_cast<std::int64_t>(std::floor(time / width)); }

} // namespace

Columns::Change Columns::update(const History& history, double width, std::int64_t first, std::size_t count) {
    const auto end = first + static_cast<std::int64_t>(count);
    const bool is_recorded =
        !history.empty() && column_of(history.newest_time(), width) < end; // nothing lies after the last column
    const bool goes_on = width == width_ && count == count_ && first >= first_ && reaches_the_end_ && is_recorded &&
                         first < first_ + static_cast<std::int64_t>(count_);
    if (!goes_on) {
        if (width == width_ && count == count_ && first == first_ && !reaches_the_end_ && !is_recorded)
            return Change::nothing;
        width_ = width;
        first_ = first;
        count_ = count;
        reaches_the_end_ = is_recorded;
        begin_anew(history);
        fill();
        return Change::columns;
    }
    const bool moved = first != first_;
    if (moved) move_to(first);
    const auto times = history.times();
    const auto from = std::upper_bound(times.begin(), times.end(), taken_until_) - times.begin();
    const bool changed = take(history, static_cast<std::size_t>(from), times.size());
    if (!moved && !changed) return Change::nothing;
    fill();
    return moved ? Change::columns : Change::values;
}

void Columns::begin_anew(const History& history) {
    for (Curve& curve : curves_) {
        curve.read.assign(count_, {});
        curve.before.reset();
        curve.after.reset();
    }
    if (history.empty()) return;
    const double begin = static_cast<double>(first_) * width_;
    const double end = static_cast<double>(first_ + static_cast<std::int64_t>(count_)) * width_;
    const auto [from, to] = history.range(begin, end);
    take(history, from, to);
}

void Columns::move_to(std::int64_t first) {
    const auto by = static_cast<std::ptrdiff_t>(first - first_);
    for (Curve& curve : curves_) {
        for (std::ptrdiff_t column = by - 1; column >= 0; --column) {
            const Extent& left = curve.read[static_cast<std::size_t>(column)];
            if (left.is_empty()) continue;
            curve.before.reset();
            if (left.is_known()) curve.before = Outside{first_ + column, (left.least + left.greatest) / 2};
            break;
        }
        std::move(curve.read.begin() + by, curve.read.end(), curve.read.begin());
        std::fill(curve.read.end() - by, curve.read.end(), Extent{});
    }
    first_ = first;
}

bool Columns::take(const History& history, std::size_t from, std::size_t to) {
    const auto times = history.times();
    bool changed = false;
    std::vector<std::span<const double>> values;
    for (const Quantity quantity : quantities_) values.push_back(history.values(quantity));
    const auto end = first_ + static_cast<std::int64_t>(count_);
    for (std::size_t sample = from; sample < to; ++sample) {
        const std::int64_t column = column_of(times[sample], width_);
        double sum = not_known;
        for (std::size_t which = 0; which < curves_.size(); ++which) {
            double value = values[which][sample];
            if (stacked_) {
                if (!std::isnan(value)) sum = std::isnan(sum) ? value : sum + value;
                value = sum;
            }
            Curve& curve = curves_[which];
            if (column < first_ || column >= end) {
                auto& outside = column < first_ ? curve.before : curve.after;
                if (column >= end && outside) continue; // the first behind the end
                outside.reset();
                if (!std::isnan(value)) outside = Outside{column, value};
                continue;
            }
            Extent& extent = curve.read[static_cast<std::size_t>(column - first_)];
            const Extent before = extent;
            if (std::isnan(value)) {
                if (extent.is_empty()) extent = unknown;
            } else if (std::isnan(extent.least)) {
                extent = {value, value};
            } else {
                extent.add(value);
            }
            changed = changed || !same(extent, before);
        }
    }
    if (to > from) taken_until_ = times[to - 1];
    return changed;
}

void Columns::fill() {
    bounds_ = {};
    for (Curve& curve : curves_) {
        curve.filled = curve.read;
        std::optional<Outside> last = curve.before; // the newest known value, unless an unknown one followed
        const auto line_to = [&](std::int64_t column, double value) {
            if (!last) return;
            const double steps = static_cast<double>(column - last->column);
            for (std::int64_t between = std::max(last->column + 1, first_); between < column; ++between) {
                const double at = last->value + (value - last->value) * static_cast<double>(between - last->column) / steps;
                curve.filled[static_cast<std::size_t>(between - first_)] = {at, at};
            }
        };
        for (std::size_t place = 0; place < curve.read.size(); ++place) {
            const Extent& extent = curve.read[place];
            if (extent.is_empty()) continue;
            if (!extent.is_known()) {
                last.reset();
                continue;
            }
            const std::int64_t column = first_ + static_cast<std::int64_t>(place);
            const double middle = (extent.least + extent.greatest) / 2;
            line_to(column, middle);
            last = Outside{column, middle};
            for (const double value : {extent.least, extent.greatest}) {
                if (value > 0) bounds_.least = std::min(bounds_.least, value);
            }
            bounds_.greatest = std::max(bounds_.greatest, extent.greatest);
        }
        if (curve.after && last) {
            const std::int64_t end = first_ + static_cast<std::int64_t>(count_);
            const double share =
                static_cast<double>(end - last->column) / static_cast<double>(curve.after->column - last->column);
            line_to(end, last->value + (curve.after->value - last->value) * share);
        }
    }
}

} // namespace connscope::app
