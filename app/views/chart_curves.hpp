// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/columns.hpp"
#include "views/chart_catalog.hpp"

#include <qcustomplot.h>

#include <functional>
#include <optional>
#include <vector>

namespace connscope::app {

// Draws the curves of a chart, or its stacked areas, a column of pixels at a time: a filled rectangle a column costs a
// twentieth of what a painter takes for the same polygon. For vector graphics it draws lines and polygons. `spec` and
// `columns` outlive it.
class ChartCurves : public QCPLayerable {
public:
    ChartCurves(QCustomPlot* plot, const ChartSpec& spec, const Columns& columns);

protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override { painter->setAntialiasing(false); }
    void draw(QCPPainter* painter) override;

private:
    void draw_columns(QCPPainter& painter);
    void draw_lines(QCPPainter& painter) const;

    const ChartSpec& spec_;
    const Columns& columns_;
    std::vector<QRect> rectangles_; // of the curve being drawn
    std::vector<int> tops_;         // of the area below, by column
};

// The plot of a chart, with a line over it at the instant that the mouse points at: moving it draws no curve anew.
class Plot : public QCustomPlot {
public:
    using QCustomPlot::QCustomPlot;

    // At this x of the axis rectangle, in pixels, with these words at its foot; none: no line.
    void show_cursor(std::optional<double> x, const QString& words);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    std::optional<double> cursor_;
    QString words_;
};

} // namespace connscope::app
