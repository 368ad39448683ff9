// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/quantity.hpp"

#include <QObject>
#include <QString>

#include <array>
#include <span>
#include <vector>

namespace connscope::app {

// Something that happened at one time and is shown on every chart.
struct Mark {
    enum class Kind { mode_change, load_change, moment, server_gone, server_started }; // a moment: the user set it
    double time = 0;                                                                   // s of CLOCK_MONOTONIC
    Kind kind = Kind::mode_change;
    QString label; // "Coroutines"
    QString mode;  // the mode's id from this time on
};

// The last ten minutes of every quantity, and the marks. GUI thread.
class History : public QObject {
    Q_OBJECT
public:
    static constexpr double length = 600; // s

    explicit History(QObject* parent = nullptr);

    // Precondition: later than the sample before.
    void append(const Sample& sample);
    void mark(Mark mark);

    bool empty() const noexcept { return times().empty(); }
    std::span<const double> times() const noexcept { return std::span(times_).subspan(first_); }
    std::span<const double> values(Quantity which) const noexcept {
        return std::span(values_[static_cast<std::size_t>(which)]).subspan(first_);
    }
    std::span<const Mark> marks() const noexcept { return marks_; }

    double newest_time() const noexcept { return empty() ? 0 : times_.back(); }

    // The value at the last sample not later than `time`; not_known when there is none within a second before.
    double at(Quantity which, double time) const;
    // The mean of the known values in (from, to]; not_known when there is none.
    double mean(Quantity which, double from, double to) const;

    // The indexes [first, last) of the samples within [from, to], with one more on either side, so that a line drawn through
    // them reaches both ends.
    std::pair<std::size_t, std::size_t> range(double from, double to) const;

signals:
    void marked(const connscope::app::Mark& mark);

private:
    std::vector<double> times_;
    std::array<std::vector<double>, quantity_count> values_;
    std::size_t first_ = 0; // samples before it are too old; they are removed many at a time
    std::vector<Mark> marks_;
};

} // namespace connscope::app
