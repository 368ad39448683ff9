// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/chart_curves.hpp"

#include <QPainterPath>

#include <cmath>

namespace connscope::app {

namespace {

// Turns values into rows of device pixels, 0 at the top.
class Rows {
public:
    Rows(const ChartSpec& spec, const QCPRange& range, int height)
        : unit_(drawn_unit(spec.notation))
        , floor_(spec.log_floor)
        , height_(height)
        , is_logarithmic_(spec.is_logarithmic) {
        low_ = is_logarithmic_ ? std::log(range.lower) : range.lower;
        scale_ = (height - 1) / ((is_logarithmic_ ? std::log(range.upper) : range.upper) - low_);
    }
    double exactly(double value) const {
        value /= unit_;
        if (is_logarithmic_) value = std::log(std::max(value, floor_));
        return height_ - 1 - (value - low_) * scale_;
    }
    int of(double value) const { return static_cast<int>(std::lround(std::clamp(exactly(value), -1.0, double(height_)))); }

private:
    double unit_;
    double floor_; // what is less is drawn on it
    int height_;
    bool is_logarithmic_;
    double low_ = 0;
    double scale_ = 1;
};

// A dash and the gap after it, half as long, in pixels.
int period_of(int dashes) { return std::max(24 >> dashes, 3); }

// Columns that a dashed line leaves out, by where they are in time, so that the dashes move with it.
bool is_gap(int dashes, std::int64_t column) {
    if (dashes == 0) return false;
    const std::int64_t period = period_of(dashes);
    const std::int64_t place = ((column % period) + period) % period;
    return place >= period * 2 / 3;
}

} // namespace

ChartCurves::ChartCurves(QCustomPlot* plot, const ChartSpec& spec, const Columns& columns)
    : QCPLayerable(plot, QStringLiteral("main"))
    , spec_(spec)
    , columns_(columns) {}

void ChartCurves::draw(QCPPainter* painter) {
    painter->save();
    if (painter->modes().testFlag(QCPPainter::pmVectorized)) {
        draw_lines(*painter);
    } else {
        draw_columns(*painter);
    }
    painter->restore();
}

void ChartCurves::draw_columns(QCPPainter& painter) {
    const QRect area = mParentPlot->axisRect()->rect();
    const double ratio = mParentPlot->bufferDevicePixelRatio();
    const int height = static_cast<int>(area.height() * ratio);
    const int thick = std::max(static_cast<int>(std::lround(ratio)), 1);
    const Rows rows(spec_, mParentPlot->yAxis->range(), height);
    painter.translate(area.topLeft());
    painter.scale(1 / ratio, 1 / ratio); // from here on a unit is a device pixel
    painter.setPen(Qt::NoPen);

    const auto paint = [&](const QColor& colour) {
        painter.setBrush(colour);
        painter.drawRects(rectangles_.data(), static_cast<int>(rectangles_.size()));
        rectangles_.clear();
    };
    rectangles_.reserve(columns_.count());
    tops_.assign(columns_.count(), height);
    // Areas first, each down to the one below it, then the lines over all of them.
    for (std::size_t which = 0; spec_.is_stacked && which < spec_.series.size(); ++which) {
        const auto curve = columns_.curve(which);
        for (std::size_t column = 0; column < curve.size(); ++column) {
            if (!curve[column].is_known()) continue;
            const int top = rows.of(curve[column].greatest);
            if (top < tops_[column]) rectangles_.emplace_back(static_cast<int>(column), top, 1, tops_[column] - top);
            tops_[column] = top;
        }
        paint(area_colour(spec_.series[which].meaning, mParentPlot->palette()));
    }
    // Of curves that cover each other, the first is seen.
    for (std::size_t which = spec_.series.size(); which-- > 0;) {
        const auto curve = columns_.curve(which);
        int top = 0;
        int bottom = -1; // of the column before
        for (std::size_t column = 0; column < curve.size(); ++column) {
            if (!curve[column].is_known()) {
                bottom = -1;
                top = 0;
                continue;
            }
            int high = rows.of(curve[column].greatest);
            int low = rows.of(curve[column].least);
            const int own_high = high;
            const int own_low = low;
            if (bottom >= top) { // joined with the column before
                if (high > bottom + 1) high = bottom + 1;
                if (low < top - 1) low = top - 1;
            }
            const auto place = columns_.first() + static_cast<std::int64_t>(column);
            if (!is_gap(spec_.series[which].dashes, place) || low - high > thick) // a step is seen whole
                rectangles_.emplace_back(static_cast<int>(column), high, thick, low - high + thick);
            top = own_high;
            bottom = own_low;
        }
        paint(colour(spec_.series[which].meaning, mParentPlot->palette()));
    }
}

void ChartCurves::draw_lines(QCPPainter& painter) const {
    const QRect area = mParentPlot->axisRect()->rect();
    const Rows rows(spec_, mParentPlot->yAxis->range(), area.height());
    const double step = static_cast<double>(area.width()) / static_cast<double>(std::max<std::size_t>(columns_.count(), 1));
    painter.setClipRect(area);
    const auto draw_stretch = [&](std::size_t which, const QPolygonF& line) {
        const Meaning meaning = spec_.series[which].meaning;
        if (spec_.is_stacked) {
            QPolygonF filled = line;
            filled << QPointF(line.back().x(), area.bottom()) << QPointF(line.front().x(), area.bottom());
            painter.setPen(Qt::NoPen);
            painter.setBrush(area_colour(meaning, mParentPlot->palette()));
            painter.drawPolygon(filled);
        }
        QPen pen(colour(meaning, mParentPlot->palette()), 1);
        if (const int dashes = spec_.series[which].dashes; dashes > 0)
            pen.setDashPattern({period_of(dashes) * 2 / 3.0, period_of(dashes) / 3.0});
        painter.setPen(pen);
        painter.setBrush(Qt::NoBrush);
        painter.drawPolyline(line);
    };
    // The topmost area reaches down to the bottom; those below cover it.
    for (std::size_t which = spec_.series.size(); which-- > 0;) {
        const auto curve = columns_.curve(which);
        QPolygonF line;
        for (std::size_t column = 0; column < curve.size(); ++column) {
            if (!curve[column].is_known()) {
                if (line.size() > 1) draw_stretch(which, line);
                line.clear();
                continue;
            }
            const double x = area.left() + (static_cast<double>(column) + 0.5) * step;
            line << QPointF(x, area.top() + rows.exactly(curve[column].least));
            if (curve[column].greatest > curve[column].least)
                line << QPointF(x, area.top() + rows.exactly(curve[column].greatest));
        }
        if (line.size() > 1) draw_stretch(which, line);
    }
}

void Plot::show_cursor(std::optional<double> x, const QString& words) {
    if (x == cursor_ && words == words_) return;
    cursor_ = x;
    words_ = words;
    update();
}

void Plot::paintEvent(QPaintEvent* event) {
    QCustomPlot::paintEvent(event);
    if (!cursor_) return;
    const Ink& colours = ink(palette());
    const QRect area = axisRect()->rect();
    QPainter painter(this);
    painter.setPen(QPen(colours.text, 0));
    const int x = static_cast<int>(std::lround(*cursor_));
    painter.drawLine(x, area.top(), x, area.bottom());
    const QFont small = xAxis->tickLabelFont();
    const QFontMetrics metrics(small);
    const int width = metrics.horizontalAdvance(words_) + 8;
    const int left = std::clamp(x - width / 2, 0, std::max(this->width() - width, 0));
    const QRect place(left, area.bottom() + 2, width, metrics.height() + 1);
    painter.fillRect(place, colours.text);
    painter.setFont(small);
    painter.setPen(colours.card);
    painter.drawText(place, Qt::AlignCenter, words_);
}

} // namespace connscope::app
