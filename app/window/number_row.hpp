// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/quantity.hpp"

#include <QWidget>

#include <array>

namespace connscope::app {

class History;
struct Sources;
class NumberCard;

// The numbers above the charts, each with what it was before the last change of mode. `history` outlives it.
class NumberRow : public QWidget {
    Q_OBJECT
public:
    explicit NumberRow(const History& history, QWidget* parent = nullptr);

    // Writes all numbers anew; a few times a second, so that they can be read.
    void refresh();
    // Other numbers stand for those that could not be had.
    void show_sources(const Sources& sources);

private:
    void remember_before_change();
    double now(Quantity which) const;

    const History& history_;
    NumberCard* connections_;
    NumberCard* threads_;
    NumberCard* carriers_;
    NumberCard* memory_;
    NumberCard* switches_;
    NumberCard* latency_;
    NumberCard* requests_;
    // Where there is no load, or no probe.
    NumberCard* resident_;
    NumberCard* cpu_;
    NumberCard* all_switches_;
    NumberCard* received_;
    NumberCard* sent_;
    Sample before_; // the means before the last change of mode
};

} // namespace connscope::app
