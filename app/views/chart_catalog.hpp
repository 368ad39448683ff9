// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/quantity.hpp"
#include "views/palette.hpp"

#include <QString>

#include <vector>

namespace connscope::app {

// How a chart's numbers are written.
enum class Notation { count, per_second, mebibytes, kibibytes, percent, duration };

struct SeriesSpec {
    Quantity quantity;
    QString label;
    QString short_label; // where there is little room
    Meaning meaning;
    bool hidden_while_unused = false; // not in the legend until it has been more than 0
    int dashes = 0; // tells curves of one colour apart: 0 is a whole line, 1 long dashes, 2 and more shorter ones
};

// When a chart is there: one that could only be empty is not.
enum class Shown {
    always,
    // By what is told, see Sources.
    with_probe,
    with_requests,
    with_idle_memory,
    with_load,
    without_load, // something else stands for what clients would tell
};

// What one chart shows. A new chart is a new entry of chart_catalog().
struct ChartSpec {
    QString id; // "memory"
    QString title;
    QString unit;
    Notation notation = Notation::count;
    bool is_logarithmic = false;
    bool is_stacked = false;
    double smallest_top = 1; // the axis reaches at least this far, in the unit of the quantity
    double log_floor = 1;    // a logarithmic axis begins here; what is less is drawn on it
    std::vector<SeriesSpec> series;
    QString about; // what it counts, where from, how often
    Shown shown = Shown::always;
    QString short_title{}; // where there is little room; empty: the title is short
};

std::vector<ChartSpec> chart_catalog();

// A value in a chart's notation, with the unit where the chart's head does not have it.
QString value_text(Notation notation, double value);
// The same for an axis.
QString tick_text(Notation notation, double value);
// What a quantity is divided by to be drawn: nice ticks of MiB are not nice ticks of bytes.
double drawn_unit(Notation notation);

} // namespace connscope::app
