// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "connscope/lab/sweep.hpp"

#include <QWidget>

#include <optional>
#include <vector>

namespace connscope::app {

// What a slice costs and how soon the others are answered, as two curves over the slice, with the place where they cross:
// each is drawn from its own least to its own greatest value.
class SweepView : public QWidget {
    Q_OBJECT
public:
    explicit SweepView(QWidget* parent = nullptr);

    // `message` is shown while there are fewer than two points to draw.
    void show_sweep(lab::Sweep sweep, const QString& message);
    const lab::Sweep& sweep() const noexcept { return sweep_; }
    // Where the crossing is drawn; none when there is none.
    std::optional<int> crossing_x() const;

    QSize sizeHint() const override { return {760, 380}; }
    QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override; // tool tips

private:
    // One of the two curves: what it draws of a point, and from where to where.
    struct Scale {
        double low = 0;
        double high = 1;
        bool is_known = false;
    };
    QRect area() const;
    double x_of(double slice_us) const;
    double y_of(const Scale& scale, double value) const;
    void measure();
    void paint_overhead_axis(QPainter& painter) const;
    void paint_latency_axis(QPainter& painter) const;
    void paint_slices(QPainter& painter) const;
    void paint_curves(QPainter& painter) const;
    void paint_crossing(QPainter& painter) const;

    lab::Sweep sweep_;
    QString message_;
    Scale overhead_; // of the share
    Scale latency_;  // of the logarithm of microseconds
    Scale slices_;   // of the logarithm of microseconds
};

// "2.3 %", with a sign of its own: less than nothing is within noise.
QString overhead_text(double share);

} // namespace connscope::app
