// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/saved_file.hpp"

#include <QImage>

namespace connscope::app {

class Chart;
class History;
class TimeView;

// Writes a chart as it is on the screen, by the file's extension: .png, .svg or .csv (the shown stretch of its quantities,
// one line per reading). A file that cannot be written completely is not written at all.
SaveError save_chart(Chart& chart, const History& history, const TimeView& view, const QString& file);

// A chart's card as a picture, twice as fine as the screen.
QImage picture_of(Chart& chart);

// The shown stretch as comma-separated values: seconds before the view's end, then each series in SI units.
QByteArray csv_of(const Chart& chart, const History& history, const TimeView& view);

} // namespace connscope::app
