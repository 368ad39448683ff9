// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include <optional>

namespace connscope::app {

// Which stretch of time all charts show, and which instant the mouse points at. Times are s of CLOCK_MONOTONIC. GUI thread.
class TimeView : public QObject {
    Q_OBJECT
public:
    static constexpr double usual_span = 60;
    static constexpr double first_span = 15; // at first, doubled as the recording fills it, up to the usual
    static constexpr double shortest_span = 1;
    static constexpr double longest_span = 600;

    explicit TimeView(QObject* parent = nullptr) : QObject(parent) {}

    double span() const noexcept { return span_; }
    double end() const noexcept { return live_ ? now_ : end_; }
    double begin() const noexcept { return end() - span_; }
    double now() const noexcept { return now_; }
    // The end of the view is now and moves with it.
    bool is_live() const noexcept { return live_; }
    std::optional<double> hovered() const noexcept { return hovered_; }

    // Time goes on: a live view moves with it, and grows with what has been recorded until it has its usual span. Emits nothing; whoever calls draws.
    void advance(double now);

public slots:
    void pause();
    void goLive();
    void togglePause() { is_live() ? pause() : goLive(); }
    void resetSpan();

public:
    // Shows `factor` times the span, `around` staying where it is. Zooming a live view keeps it live.
    void zoom(double factor, double around);
    // Moves the view; moving it into the past pauses it, moving it to the present makes it live.
    void pan(double seconds);
    void show(double begin, double end);
    void hover(std::optional<double> time);

signals:
    void viewChanged();
    void liveChanged(bool live);
    void hoverChanged();

private:
    void set_live(bool live);
    void clamp();

    double now_ = 0;
    double end_ = 0;
    double span_ = first_span;
    std::optional<double> first_; // when time began
    bool grows_ = true;           // the span still follows the recording: nobody has chosen another
    bool live_ = true;
    std::optional<double> hovered_;
};

} // namespace connscope::app
