// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/timeline.hpp"
#include "views/palette.hpp"

#include <QWidget>

#include <memory>
#include <optional>
#include <vector>

class QComboBox;

namespace connscope::app {

class TimeView;

// What ran when: a lane for each thread of the server, a block for each slice of a connection. While the shared view is live
// it shows the newest stretch; paused, it can be zoomed from ten seconds down to a microsecond. `timeline` and `view`
// outlive it.
class TimelineView : public QWidget {
    Q_OBJECT
public:
    static constexpr double shortest_span = 1e-6; // s
    static constexpr double longest_span = Timeline::length;

    TimelineView(const Timeline& timeline, TimeView& view, QWidget* parent = nullptr);

    void refresh();
    void select(std::optional<ConnectionKey> key);
    double span() const noexcept { return span_; }
    void show_span(double seconds);
    // Where a thread's lane is at a time; none when neither is shown.
    std::optional<QPoint> place_of(std::uint32_t thread, double time) const;
    double begin() const { return end() - span_; }
    double end() const;
    // What colours mean stands in the panel's head.
    QComboBox* chooser() const noexcept { return chooser_; }
    QString summary() const;

    QSize sizeHint() const override { return {420, 160}; }
    QSize minimumSizeHint() const override;

signals:
    void clicked(connscope::app::ConnectionKey key);
    void summaryChanged(const QString& summary);

protected:
    void paintEvent(QPaintEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;

private:
    struct Pixel {
        double busy = 0;      // share of it in which something ran
        double strongest = 0; // the greatest share of one slice
        std::size_t hue = 0;  // of that slice
    };
    const Timeline& timeline() const noexcept { return frozen_ ? *frozen_ : live_; }
    void choose_lanes();
    QRect lanes_area() const;
    QString label_of(std::uint32_t thread) const;
    int lane_height() const;
    QRect lane_place(std::size_t row) const;
    double time_at(double x) const;
    double x_of(double time) const;
    void learn_hues();
    std::size_t hue_of(const TimelineSlice& slice) const noexcept; // an index of hues_
    std::span<const TimelineSlice> slices_of(std::size_t row, double from, double to) const;
    void paint_lane(QPainter& painter, std::size_t row);
    void paint_labels(QPainter& painter, std::size_t row) const;
    void paint_preemptions(QPainter& painter, std::size_t row);
    QString preemption_tip_at(const QPoint& position) const;
    QString tip_at(const QPoint& position) const;
    void paint_losses(QPainter& painter) const;
    void paint_axis(QPainter& painter) const;
    const TimelineSlice* slice_at(const QPoint& position) const;
    void zoom(double factor, double around);
    void pan(double seconds);

    const Timeline& live_;
    TimeView& view_;
    std::unique_ptr<Timeline> frozen_; // while the view is paused
    QComboBox* chooser_;
    int label_width_ = 0;
    double span_ = 0.2;
    double end_ = 0; // while frozen
    std::optional<ConnectionKey> selected_;
    std::vector<ShownLane> shown_;
    std::vector<QRgb> hues_; // by connection, or by ending
    bool by_connection_ = true;
    std::vector<Pixel> pixels_;              // of the lane being painted
    std::vector<std::vector<QRect>> bars_;   // of the lane being painted, by hue, in device pixels
    std::vector<double> without_cpu_;        // share of each pixel of that lane, as the kernel recorded it
    std::vector<const TimelineSlice*> wide_; // slices of the lane being painted that have room for words
    QString summary_;
    std::optional<QPoint> pressed_at_;
    bool dragged_ = false;
};

} // namespace connscope::app
