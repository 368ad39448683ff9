// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/chart_catalog.hpp"

#include <qcustomplot.h>

#include <memory>
#include <vector>

namespace connscope::app {

class History;
class TimeView;

// Ticks of a shared time axis: "−60 s … now" while the view is live, times of day when it is not.
class TimeTicker : public QCPAxisTicker {
public:
    explicit TimeTicker(const TimeView& view)
        : view_(view) {}

    // How many labels of `metrics`' font have room beside each other on an axis of so many pixels.
    void fit(int width, const QFontMetrics& metrics);

protected:
    double getTickStep(const QCPRange& range) override;
    QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;
    int getSubTickCount(double) override { return 0; }
    QVector<double> createTickVector(double step, const QCPRange& range) override;

private:
    const TimeView& view_;
    double most_ = 4;
    double end_ = 0; // of the axis: what is "now" while the view is live
};

// "−12.3 s" while the view is live, else the time of day.
QString instant_text(const TimeView& view, double time);

// Ticks whose labels are written as people read numbers.
class NumberTicker : public QCPAxisTicker {
public:
    explicit NumberTicker(Notation notation)
        : notation_(notation) {}

protected:
    QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;
    int getSubTickCount(double) override { return 0; }

private:
    Notation notation_;
};

// Powers of ten.
class PowerTicker : public QCPAxisTickerLog {
public:
    explicit PowerTicker(Notation notation)
        : notation_(notation) {
        setSubTickCount(0);
    }

protected:
    QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;

private:
    Notation notation_;
};

// What all charts have behind and over their curves: a tint for every other stretch between two changes of mode, and a
// dashed line and a label at each change.
class ChartMarks : public QCPLayerable {
public:
    enum class Part { bands, lines };
    ChartMarks(QCustomPlot* plot, const QString& layer, Part part, const History& history, const TimeView& view);

protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override;
    void draw(QCPPainter* painter) override;

private:
    void draw_bands(QCPPainter& painter) const;
    void draw_lines(QCPPainter& painter) const;

    Part part_;
    const History& history_;
    const TimeView& view_;
};

// A mark on its way to the screen: its line, and its label where there is room for one.
struct PlacedMark {
    int x = 0;
    QString text; // shortened, or empty
    int text_left = 0;
    bool is_bad = false;
};
// Gives the labels places between `left` and `right` where none touches another or crosses a line. Precondition: in the
// order of time.
void place_labels(std::vector<PlacedMark>& marks, int left, int right, const QFontMetrics& metrics);

// The least "nice" number not less than `value`, so that an axis ends where a tick may be.
double nice_top(double value);

} // namespace connscope::app
