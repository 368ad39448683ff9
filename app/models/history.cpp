// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/history.hpp"

#include <algorithm>
#include <cmath>

namespace connscope::app {

namespace {
constexpr std::size_t removed_at_once = 1024;
constexpr std::size_t usual_samples = static_cast<std::size_t>(History::length) * 20 + removed_at_once + 256;
} // namespace

// The room for ten minutes is taken and touched at once: memory that grew while somebody watches would look like a leak.
History::History(QObject* parent)
    : QObject(parent) {
    times_.assign(usual_samples, 0);
    times_.clear();
    for (auto& values : values_) {
        values.assign(usual_samples, 0);
        values.clear();
    }
}

void History::append(const Sample& sample) {
    times_.push_back(sample.time);
    for (std::size_t which = 0; which < quantity_count; ++which) values_[which].push_back(sample.values[which]);

    const double oldest = sample.time - length;
    while (times_[first_] < oldest) ++first_;
    if (first_ >= removed_at_once) {
        const auto count = static_cast<std::ptrdiff_t>(first_);
        times_.erase(times_.begin(), times_.begin() + count);
        for (auto& values : values_) values.erase(values.begin(), values.begin() + count);
        first_ = 0;
    }
    // The last mark before the oldest sample still says which mode the oldest stretch was in.
    while (marks_.size() > 1 && marks_[1].time < oldest) marks_.erase(marks_.begin());
}

void History::mark(Mark mark) {
    marks_.push_back(std::move(mark));
    emit marked(marks_.back());
}

double History::at(Quantity which, double time) const {
    const auto all = times();
    const auto after = std::upper_bound(all.begin(), all.end(), time);
    if (after == all.begin()) return not_known;
    const auto index = static_cast<std::size_t>(after - all.begin()) - 1;
    if (time - all[index] > 1) return not_known;
    return values(which)[index];
}

double History::mean(Quantity which, double from, double to) const {
    const auto all = times();
    const auto first = static_cast<std::size_t>(std::upper_bound(all.begin(), all.end(), from) - all.begin());
    const auto last = static_cast<std::size_t>(std::upper_bound(all.begin(), all.end(), to) - all.begin());
    double sum = 0;
    std::size_t known = 0;
    for (std::size_t index = first; index < last; ++index) {
        const double value = values(which)[index];
        if (std::isnan(value)) continue;
        sum += value;
        ++known;
    }
    return known == 0 ? not_known : sum / static_cast<double>(known);
}

std::pair<std::size_t, std::size_t> History::range(double from, double to) const {
    const auto all = times();
    auto first = static_cast<std::size_t>(std::lower_bound(all.begin(), all.end(), from) - all.begin());
    auto last = static_cast<std::size_t>(std::upper_bound(all.begin(), all.end(), to) - all.begin());
    if (first > 0) --first;
    if (last < all.size()) ++last;
    return {first, std::max(first, last)};
}

} // namespace connscope::app
