// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/sweep_view.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/palette.hpp"

#include <QHelpEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>

#include <algorithm>
#include <cmath>
#include <functional>

namespace connscope::app {

namespace {

constexpr double padding = 0.07; // of the height, above and below the curves
constexpr int gap = 6;
constexpr double dot = 3.5;

Meaning overhead_meaning() { return Meaning::involuntary; }
Meaning latency_meaning() { return Meaning::p99; }

double log_us(double us) { return std::log10(std::max(us, 1.0)); }

} // namespace

QString overhead_text(double share) {
    const double percent = share * 100;
    const QString number = QString::number(std::abs(percent), 'f', 1);
    return (percent < -0.05 ? QString(QChar(0x2212)) : QString()) + number + QStringLiteral("\u00a0%");
}

SweepView::SweepView(QWidget* parent)
    : QWidget(parent) {
    setObjectName(QStringLiteral("sweep_view"));
    setAccessibleName(tr("What slices cost, and how soon the others are answered"));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

QSize SweepView::minimumSizeHint() const { return {fontMetrics().averageCharWidth() * 60, fontMetrics().height() * 11}; }

void SweepView::show_sweep(lab::Sweep sweep, const QString& message) {
    sweep_ = std::move(sweep);
    message_ = message;
    measure();
    QStringList words;
    for (const lab::SweepPoint& point : sweep_.points) {
        if (!point.slice_us || !point.overhead || !point.p99_us) continue;
        words << tr("slice %1: %2 lost, p99 %3")
                     .arg(duration_text(*point.slice_us / 1e6), overhead_text(*point.overhead),
                          duration_text(*point.p99_us / 1e6));
    }
    setAccessibleDescription(words.join(QStringLiteral("; ")));
    update();
}

// From the least to the greatest value of each. The same room stays above and below both, so they cross where they should.
void SweepView::measure() {
    overhead_ = latency_ = slices_ = {};
    const auto widen = [](Scale& scale, double value) {
        scale.low = scale.is_known ? std::min(scale.low, value) : value;
        scale.high = scale.is_known ? std::max(scale.high, value) : value;
        scale.is_known = true;
    };
    for (const lab::SweepPoint& point : sweep_.points) {
        if (!point.slice_us) continue;
        widen(slices_, log_us(*point.slice_us));
        if (!point.overhead || !point.p99_us) continue; // the crossing is made of points that have both
        widen(overhead_, *point.overhead);
        widen(latency_, log_us(*point.p99_us));
    }
    const auto open = [](Scale& scale, double least) {
        if (scale.high - scale.low >= 1e-9) return;
        scale.low -= least / 2;
        scale.high += least / 2;
    };
    open(overhead_, 0.01);
    open(latency_, 0.3);
    open(slices_, 0.3);
}

QRect SweepView::area() const {
    const QFontMetrics metrics(scaled_font(font(), 0.9));
    const int left = metrics.horizontalAdvance(QStringLiteral("\u2212100.0\u00a0%")) + gap;
    const int right = metrics.horizontalAdvance(QStringLiteral("500\u00a0ms")) + gap;
    const int top = 2 * fontMetrics().height() + gap;
    const int bottom = 2 * metrics.height() + gap;
    return rect().adjusted(left, top, -right, -bottom);
}

double SweepView::x_of(double slice_us) const {
    const QRect place = area().adjusted(14, 0, -14, 0);
    return place.left() + (log_us(slice_us) - slices_.low) / (slices_.high - slices_.low) * place.width();
}

double SweepView::y_of(const Scale& scale, double value) const {
    const QRect place = area();
    const double unit = (value - scale.low) / (scale.high - scale.low);
    return place.bottom() - (padding + unit * (1 - 2 * padding)) * place.height();
}

std::optional<int> SweepView::crossing_x() const {
    if (!sweep_.crossing_us || !slices_.is_known) return std::nullopt;
    return static_cast<int>(std::lround(x_of(*sweep_.crossing_us)));
}

void SweepView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const Ink& colours = ink(palette());
    if (!overhead_.is_known) {
        painter.setPen(colours.muted);
        painter.drawText(rect().adjusted(20, 0, -20, 0), Qt::AlignCenter | Qt::TextWordWrap, message_);
        return;
    }
    paint_overhead_axis(painter);
    paint_latency_axis(painter);
    paint_slices(painter);
    paint_crossing(painter);
    paint_curves(painter);
}

void SweepView::paint_overhead_axis(QPainter& painter) const {
    const Ink& colours = ink(palette());
    const QRect place = area();
    painter.setFont(scaled_font(font(), 1.0, QFont::DemiBold));
    painter.setPen(text_colour(overhead_meaning(), palette()));
    painter.drawText(QRect(0, 0, width() / 2, fontMetrics().height()), Qt::AlignLeft | Qt::AlignVCenter,
                     tr("CPU lost to interruptions"));
    painter.setFont(scaled_font(font(), 0.9));
    const double range = (overhead_.high - overhead_.low) / (1 - 2 * padding);
    const double wanted = range / std::clamp(place.height() / (fontMetrics().height() * 3), 2, 6);
    const double power = std::pow(10, std::floor(std::log10(wanted)));
    const double step = power * (wanted / power > 5 ? 10 : wanted / power > 2 ? 5 : wanted / power > 1 ? 2 : 1);
    const double low = overhead_.low - padding * range;
    for (double tick = std::ceil(low / step) * step; tick <= low + range; tick += step) {
        const double y = y_of(overhead_, tick);
        painter.setPen(QPen(colours.grid, 0));
        painter.drawLine(QLineF(place.left(), y, place.right(), y));
        painter.setPen(colours.muted);
        painter.drawText(QRectF(0, y - fontMetrics().height() / 2.0, place.left() - gap, fontMetrics().height()),
                         Qt::AlignRight | Qt::AlignVCenter, overhead_text(tick));
    }
}

void SweepView::paint_latency_axis(QPainter& painter) const {
    const Ink& colours = ink(palette());
    const QRect place = area();
    painter.setFont(scaled_font(font(), 1.0, QFont::DemiBold));
    painter.setPen(text_colour(latency_meaning(), palette()));
    painter.drawText(QRect(width() / 2, 0, width() - width() / 2, fontMetrics().height()), Qt::AlignRight | Qt::AlignVCenter,
                     tr("p99 of the interactive connections"));
    painter.setFont(scaled_font(font(), 0.9));
    painter.setPen(colours.muted);
    const double range = (latency_.high - latency_.low) / (1 - 2 * padding);
    const double low = latency_.low - padding * range;
    double last = place.bottom() + fontMetrics().height();
    for (int power = static_cast<int>(std::floor(low)); power <= static_cast<int>(std::ceil(low + range)); ++power) {
        for (const int digit : {1, 2, 5}) {
            const double at = std::log10(digit) + power;
            if (at < low || at > low + range) continue;
            const double y = y_of(latency_, at);
            if (last - y < fontMetrics().height() * 1.2) continue;
            last = y;
            painter.drawText(QRectF(place.right() + gap, y - fontMetrics().height() / 2.0, width() - place.right() - gap,
                                    fontMetrics().height()),
                             Qt::AlignLeft | Qt::AlignVCenter, duration_text(std::pow(10, at) / 1e6));
        }
    }
}

// A label below each slice that was measured, where there is room.
void SweepView::paint_slices(QPainter& painter) const {
    const Ink& colours = ink(palette());
    const QRect place = area();
    painter.setPen(QPen(colours.border, 0));
    painter.drawLine(place.bottomLeft(), place.bottomRight());
    painter.setFont(scaled_font(font(), 0.9));
    const QFontMetrics metrics = painter.fontMetrics();
    std::vector<int> slices;
    for (const lab::SweepPoint& point : sweep_.points)
        if (point.slice_us) slices.push_back(*point.slice_us);
    std::sort(slices.begin(), slices.end());
    double last = -1e9;
    for (const int slice : slices) {
        const double x = x_of(slice);
        painter.setPen(QPen(colours.border, 0));
        painter.drawLine(QLineF(x, place.bottom(), x, place.bottom() + 3));
        const QString text = duration_text(slice / 1e6);
        const double half = metrics.horizontalAdvance(text) / 2.0;
        if (x - half < last + 8) continue;
        last = x + half;
        painter.setPen(colours.muted);
        painter.drawText(QPointF(x - half, place.bottom() + gap + metrics.ascent()), text);
    }
    painter.setPen(colours.muted);
    painter.drawText(QRect(place.left(), height() - metrics.height(), place.width(), metrics.height()), Qt::AlignCenter,
                     tr("slice: how long one may compute until the next has its turn"));
}

void SweepView::paint_curves(QPainter& painter) const {
    std::vector<const lab::SweepPoint*> points;
    for (const lab::SweepPoint& point : sweep_.points)
        if (point.slice_us && point.overhead && point.p99_us) points.push_back(&point);
    std::sort(points.begin(), points.end(), [](const auto* a, const auto* b) { return *a->slice_us < *b->slice_us; });
    const auto draw = [&](Meaning meaning, const std::function<double(const lab::SweepPoint&)>& y) {
        const QColor hue = colour(meaning, palette());
        QPainterPath path;
        for (const auto* point : points) {
            const QPointF at(x_of(*point->slice_us), y(*point));
            point == points.front() ? path.moveTo(at) : path.lineTo(at);
        }
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(hue, 2));
        painter.drawPath(path);
        painter.setPen(QPen(ink(palette()).card, 1));
        painter.setBrush(hue);
        for (const auto* point : points) painter.drawEllipse(QPointF(x_of(*point->slice_us), y(*point)), dot, dot);
    };
    draw(overhead_meaning(), [this](const lab::SweepPoint& point) { return y_of(overhead_, *point.overhead); });
    draw(latency_meaning(), [this](const lab::SweepPoint& point) { return y_of(latency_, log_us(*point.p99_us)); });
}

// The line, and its words above the curves on a plate of their own.
void SweepView::paint_crossing(QPainter& painter) const {
    const auto x = crossing_x();
    if (!x) return;
    const Ink& colours = ink(palette());
    const QRect place = area();
    QPen dashed(colours.muted, 1);
    dashed.setDashPattern({4, 3});
    painter.setPen(dashed);
    painter.drawLine(QLineF(*x + 0.5, place.top(), *x + 0.5, place.bottom()));
    painter.setFont(scaled_font(font(), 0.95, QFont::DemiBold));
    const QString text = tr("they cross at %1").arg(duration_text(*sweep_.crossing_us / 1e6));
    const int half = painter.fontMetrics().horizontalAdvance(text) / 2;
    const int middle = std::clamp(*x, place.left() + half, std::max(place.right() - half, place.left() + half));
    painter.setPen(colours.text);
    painter.drawText(
        QRect(middle - half - 1, place.top() - fontMetrics().height() - 1, 2 * half + 2, fontMetrics().height()),
        Qt::AlignCenter, text);
}

bool SweepView::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const lab::SweepPoint* nearest = nullptr;
    double distance = 24;
    for (const lab::SweepPoint& point : sweep_.points) {
        if (!point.slice_us || !slices_.is_known) continue;
        const double away = std::abs(x_of(*point.slice_us) - help->pos().x());
        if (away >= distance) continue;
        distance = away;
        nearest = &point;
    }
    if (nearest == nullptr) {
        QToolTip::hideText();
        return true;
    }
    const QString slice = duration_text(*nearest->slice_us / 1e6);
    QToolTip::showText(
        help->globalPos(),
        nearest->failed.empty() && nearest->overhead && nearest->p99_us
            ? tr("Slices of %1: %2 of the work is lost, the median of the interactive connections is %3, their p99 %4.")
                  .arg(slice, overhead_text(*nearest->overhead),
                       nearest->p50_us ? duration_text(*nearest->p50_us / 1e6) : unknown_text,
                       duration_text(*nearest->p99_us / 1e6))
            : tr("Slices of %1: not measured: %2").arg(slice, QString::fromStdString(nearest->failed)),
        this);
    return true;
}

} // namespace connscope::app
