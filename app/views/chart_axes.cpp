// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/chart_axes.hpp"

#include "models/history.hpp"
#include "models/time_view.hpp"

#include <QCoreApplication>
#include <QDateTime>

#include <chrono>
#include <cmath>

namespace connscope::app {

namespace {

constexpr int label_gap = 3; // pixels

// The time of day of a time of CLOCK_MONOTONIC.
QTime time_of_day(double monotonic_s) {
    const double now = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    return QDateTime::currentDateTime().addMSecs(static_cast<qint64>(std::round((monotonic_s - now) * 1000))).time();
}

QString seconds_text(double seconds) {
    QString text = QString::number(seconds, 'f', 3);
    while (text.contains(QLatin1Char('.')) && (text.endsWith(QLatin1Char('0')) || text.endsWith(QLatin1Char('.'))))
        text.chop(1);
    return text;
}

} // namespace

void TimeTicker::fit(int width, const QFontMetrics& metrics) {
    const QString widest = view_.is_live() ? QStringLiteral("\u2212999 s") : QStringLiteral("00:00:00");
    most_ = std::clamp(width / (metrics.horizontalAdvance(widest) * 1.2), 1.0, 4.0);
}

double TimeTicker::getTickStep(const QCPRange& range) {
    static constexpr std::array steps{0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 150.0, 300.0};
    for (const double step : steps) {
        if (range.size() / step <= most_ + 0.2) return step;
    }
    return 600;
}

QVector<double> TimeTicker::createTickVector(double step, const QCPRange& range) {
    QVector<double> ticks;
    // While live, ticks keep their place and the curves move; when not, ticks are at whole times of day.
    end_ = range.upper;
    double origin = end_;
    if (!view_.is_live()) origin = view_.now() - QTime(0, 0).msecsTo(time_of_day(view_.now())) / 1000.0;
    const double first = origin + std::ceil((range.lower - origin) / step - 1e-6) * step;
    for (double tick = first; tick <= range.upper + step * 1e-6; tick += step) ticks.push_back(tick);
    return ticks;
}

QString TimeTicker::getTickLabel(double tick, const QLocale&, QChar, int) {
    if (!view_.is_live()) {
        const QTime time = time_of_day(tick);
        return time.toString(view_.span() < 4 ? QStringLiteral("HH:mm:ss.z") : QStringLiteral("HH:mm:ss"));
    }
    const double ago = end_ - tick;
    if (ago < 0.005) return QCoreApplication::translate("Chart", "now");
    if (ago >= 119.5 && std::abs(std::remainder(ago, 60)) < 0.01) {
        return QCoreApplication::translate("Chart", "\u2212%1 min").arg(std::lround(ago / 60));
    }
    return QCoreApplication::translate("Chart", "\u2212%1 s").arg(seconds_text(ago));
}

QString NumberTicker::getTickLabel(double tick, const QLocale&, QChar, int) { return tick_text(notation_, tick); }

QString PowerTicker::getTickLabel(double tick, const QLocale&, QChar, int) { return tick_text(notation_, tick); }

ChartMarks::ChartMarks(QCustomPlot* plot, const QString& layer, Part part, const History& history, const TimeView& view)
    : QCPLayerable(plot, layer)
    , part_(part)
    , history_(history)
    , view_(view) {}

void ChartMarks::applyDefaultAntialiasingHint(QCPPainter* painter) const { painter->setAntialiasing(false); }

void ChartMarks::draw(QCPPainter* painter) {
    if (part_ == Part::bands) {
        draw_bands(*painter);
    } else {
        draw_lines(*painter);
    }
}

void ChartMarks::draw_bands(QCPPainter& painter) const {
    const QCPAxisRect* area = mParentPlot->axisRect();
    const QCPAxis* axis = area->axis(QCPAxis::atBottom);
    const QColor tint = ink(mParentPlot->palette()).hover;
    const auto marks = history_.marks();
    for (std::size_t i = 1; i < marks.size(); i += 2) { // every other one, counted from the oldest
        const double begin = std::max(marks[i].time, axis->range().lower);
        const double end = std::min(i + 1 < marks.size() ? marks[i + 1].time : axis->range().upper, axis->range().upper);
        if (end <= begin) continue;
        const int left = static_cast<int>(axis->coordToPixel(begin));
        const int right = static_cast<int>(axis->coordToPixel(end));
        painter.fillRect(QRect(QPoint(left, area->top()), QPoint(right - 1, area->bottom())), tint);
    }
}

void ChartMarks::draw_lines(QCPPainter& painter) const {
    const Ink& colours = ink(mParentPlot->palette());
    const QCPAxisRect* area = mParentPlot->axisRect();
    const QCPAxis* axis = area->axis(QCPAxis::atBottom);
    QPen dashed(colours.muted, 0);
    dashed.setDashPattern({4, 3});
    painter.setFont(axis->tickLabelFont());
    const QFontMetrics metrics(axis->tickLabelFont());
    std::vector<PlacedMark> marks;
    for (const Mark& mark : history_.marks()) {
        if (mark.time < axis->range().lower || mark.time > axis->range().upper) continue;
        PlacedMark& placed = marks.emplace_back();
        placed.x = static_cast<int>(axis->coordToPixel(mark.time));
        placed.text = mark.label;
        placed.is_bad = mark.kind == Mark::Kind::server_gone;
    }
    place_labels(marks, area->left(), area->right(), metrics);
    for (const PlacedMark& mark : marks) {
        painter.setPen(dashed);
        painter.drawLine(QLineF(mark.x, area->top(), mark.x, area->bottom()));
        painter.setPen(mark.is_bad ? colours.bad : colours.muted);
        painter.drawText(mark.text_left, area->top() + metrics.ascent(), mark.text);
    }
}

// From the newest to the oldest: each label stands between its own line and the next, shortened where that is narrow. The
// newest may stand before its line, at the edge. What has no room is left out; its line stays.
void place_labels(std::vector<PlacedMark>& marks, int left, int right, const QFontMetrics& metrics) {
    const int least_width = 5 * metrics.averageCharWidth();
    int end = right;
    for (std::size_t i = marks.size(); i-- > 0;) {
        PlacedMark& mark = marks[i];
        const int width = metrics.horizontalAdvance(mark.text);
        const int before = i > 0 ? marks[i - 1].x : left;
        const int room = end - mark.x - label_gap;
        const bool is_newest = i + 1 == marks.size();
        mark.text_left = mark.x + label_gap;
        if (room < width && is_newest && mark.x - before > width + 2 * label_gap)
            mark.text_left = mark.x - label_gap - width;
        else if (room < width)
            mark.text = room >= least_width ? metrics.elidedText(mark.text, Qt::ElideRight, room) : QString();
        end = std::min(mark.text_left, mark.x) - label_gap;
    }
}

QString instant_text(const TimeView& view, double time) {
    if (view.is_live())
        return QCoreApplication::translate("Chart", "\u2212%1 s")
            .arg(std::max(view.now() - time, 0.0), 0, 'f', view.span() < 30 ? 2 : 1);
    return time_of_day(time).toString(QStringLiteral("HH:mm:ss.z"));
}

double nice_top(double value) {
    if (!(value > 0)) return 1;
    static constexpr std::array steps{1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0};
    const double power = std::pow(10.0, std::floor(std::log10(value)));
    for (const double step : steps) {
        if (step * power >= value * (1 - 1e-9)) return step * power;
    }
    return 10 * power;
}

} // namespace connscope::app
