// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/legend.hpp"

#include "views/card.hpp"

#include <QEvent>
#include <QPainter>
#include <QStringList>

#include <cmath>

namespace connscope::app {

namespace {

constexpr int usual_gap = 10;
constexpr int smallest_gap = 5;
constexpr int swatch_gap = 4;

QFont bold(const QFont& font) { return scaled_font(font, 1.0, QFont::DemiBold); }

} // namespace

Legend::Legend(QWidget* parent)
    : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setFont(scaled_font(font(), 0.92));
    learn_fonts();
}

void Legend::learn_fonts() {
    plain_ = QuickText(font());
    bold_ = QuickText(bold(font()));
}

void Legend::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() != QEvent::FontChange) return;
    learn_fonts();
    arranged_width_ = -1;
    arrange();
}

void Legend::show_entries(std::vector<Entry> entries) {
    if (entries == entries_) return;
    entries_ = std::move(entries);
    QStringList words;
    for (const Entry& entry : entries_) {
        if (!entry.label.isEmpty()) words << QStringLiteral("%1 %2").arg(entry.label, entry.value);
    }
    setToolTip(words.join(QLatin1Char('\n')));
    arrange();
    update();
}

QSize Legend::sizeHint() const { return {width_of_all(false, usual_gap), line_height()}; }

QSize Legend::minimumSizeHint() const { return {40, line_height()}; }

int Legend::needed_width() const {
    int widest = 0;
    for (const Entry& entry : entries_) widest = std::max(widest, width_of(entry, true));
    return widest;
}

int Legend::line_height() const { return fontMetrics().height() + 2; }

int Legend::width_of(const Entry& entry, bool is_short) const {
    const int swatch = fontMetrics().ascent() * 3 / 4;
    const double words = plain_.width(is_short ? entry.short_label : entry.label) + bold_.width(entry.value);
    return swatch + 2 * swatch_gap + static_cast<int>(std::ceil(words));
}

int Legend::width_of_all(bool is_short, int gap) const {
    int width = 0;
    for (const Entry& entry : entries_) width += width_of(entry, is_short) + gap;
    return std::max(width - gap, 0);
}

// Short labels where the long ones do not fit on a line, then more lines.
void Legend::arrange() {
    is_short_ = width_of_all(false, usual_gap) > width();
    const int gap = is_short_ && width_of_all(true, usual_gap) > width() ? smallest_gap : usual_gap;
    places_.clear();
    QPoint place(0, 0);
    for (const Entry& entry : entries_) {
        const int needed = width_of(entry, is_short_);
        if (place.x() > 0 && place.x() + needed > width()) place = {0, place.y() + line_height()};
        places_.push_back(place);
        place.rx() += needed + gap;
    }
    const int wanted = place.y() + line_height();
    // A value that grows and shrinks by a digit must not make the chart jump: lines are added at once and never taken back
    // before the width changes.
    // Against what was asked for: what it has may be from before, while the layout waits.
    if (wanted > minimumHeight() || arranged_width_ != width()) setFixedHeight(wanted);
    needed_height_ = wanted;
    arranged_width_ = width();
}

void Legend::resizeEvent(QResizeEvent*) { arrange(); }

void Legend::paintEvent(QPaintEvent*) {
    const Ink& colours = ink(palette());
    const int swatch = fontMetrics().ascent() * 3 / 4;
    const int base = (line_height() + fontMetrics().ascent() - fontMetrics().descent()) / 2;
    QPainter painter(this);
    for (std::size_t i = 0; i < entries_.size() && i < places_.size(); ++i) {
        const Entry& entry = entries_[i];
        int x = places_[i].x();
        const int y = places_[i].y() + base;
        const QColor hue = entry.colour.isValid() ? entry.colour : colour(entry.meaning, palette());
        if (entry.dashes == 0) {
            painter.fillRect(QRect(x, y - swatch, swatch, swatch), hue);
        } else { // as many bars as there are dashes to be told apart
            const int bars = entry.dashes + 1;
            const int width = std::max((swatch - bars + 1) / bars, 1);
            for (int bar = 0; bar < bars; ++bar)
                painter.fillRect(QRect(x + bar * (width + 1), y - swatch, width, swatch), hue);
        }
        x += swatch + swatch_gap;
        const QString& label = is_short_ ? entry.short_label : entry.label;
        painter.setPen(colours.muted);
        plain_.draw(painter, QPointF(x, y), label);
        x += static_cast<int>(std::ceil(plain_.width(label))) + swatch_gap;
        painter.setPen(colours.text);
        bold_.draw(painter, QPointF(x, y), entry.value);
    }
}

} // namespace connscope::app
