// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/time_view.hpp"

#include <algorithm>

namespace connscope::app {

void TimeView::advance(double now) {
    now_ = now;
    if (!first_) first_ = now;
    while (grows_ && live_ && span_ < usual_span && now - *first_ > span_) span_ *= 2;
}

void TimeView::pause() {
    if (!live_) return;
    end_ = now_;
    set_live(false);
    emit viewChanged();
}

void TimeView::goLive() {
    if (live_) return;
    set_live(true);
    emit viewChanged();
}

void TimeView::resetSpan() {
    grows_ = true;
    span_ = first_span;
    if (first_) advance(now_);
    set_live(true);
    emit viewChanged();
}

void TimeView::zoom(double factor, double around) {
    const double span = std::clamp(span_ * factor, shortest_span, longest_span);
    const double share = span_ > 0 ? (end() - around) / span_ : 0;
    if (!live_) end_ = around + share * span;
    span_ = span;
    grows_ = false;
    clamp();
    emit viewChanged();
}

void TimeView::pan(double seconds) {
    const double end = this->end() + seconds;
    if (end >= now_) {
        set_live(true);
    } else {
        end_ = end;
        set_live(false);
        clamp();
    }
    emit viewChanged();
}

void TimeView::show(double begin, double end) {
    span_ = std::clamp(end - begin, shortest_span, longest_span);
    grows_ = false;
    end_ = end;
    set_live(false);
    clamp();
    emit viewChanged();
}

void TimeView::hover(std::optional<double> time) {
    if (time == hovered_) return;
    hovered_ = time;
    emit hoverChanged();
}

void TimeView::set_live(bool live) {
    if (live_ == live) return;
    live_ = live;
    emit liveChanged(live_);
}

void TimeView::clamp() {
    if (live_) return;
    end_ = std::clamp(end_, std::min(now_, now_ - longest_span + span_), now_);
}

} // namespace connscope::app
