// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/legend.hpp"

#include "views/card.hpp"

#include <QPainter>
#include <QStringList>

namespace connscope::app {

namespace {

constexpr int usual_gap = 10;
constexpr int smallest_gap = 5;
constexpr int swatch_gap = 4;

QFont bold(const QFont& font) { return scaled_font(font, 1.0, QFont::DemiBold); }

} // namespace

Legend::Legend(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setFont(scaled_font(font(), 0.92));
}

void Legend::show_entries(std::vector<Entry> entries) {
    if (entries == entries_) return;
    entries_ = std::move(entries);
    QStringList words;
    for (const Entry& entry : entries_) words << QStringLiteral("%1 %2").arg(entry.label, entry.value);
    setToolTip(words.join(QLatin1Char('\n')));
    update();
}

QSize Legend::sizeHint() const { return {width_of_all(false, usual_gap), fontMetrics().height() + 2}; }

QSize Legend::minimumSizeHint() const { return {40, fontMetrics().height() + 2}; }

int Legend::needed_width() const { return width_of_all(true, smallest_gap); }

int Legend::width_of(const Entry& entry, bool is_short) const {
    const int swatch = fontMetrics().ascent() * 3 / 4;
    const int value = QFontMetrics(bold(font())).horizontalAdvance(entry.value);
    return swatch + swatch_gap + fontMetrics().horizontalAdvance(is_short ? entry.short_label : entry.label) + swatch_gap + value;
}

int Legend::width_of_all(bool is_short, int gap) const {
    int width = 0;
    for (const Entry& entry : entries_) width += width_of(entry, is_short) + gap;
    return std::max(width - gap, 0);
}

void Legend::paintEvent(QPaintEvent*) {
    const bool is_short = width_of_all(false, usual_gap) > width();
    const int gap = is_short && width_of_all(true, usual_gap) > width() ? smallest_gap : usual_gap;
    const Ink& colours = ink(palette());
    const int swatch = fontMetrics().ascent() * 3 / 4;
    const int base = (height() + fontMetrics().ascent() - fontMetrics().descent()) / 2;
    const QFont bold_font = bold(font());
    QPainter painter(this);
    int x = 0;
    for (const Entry& entry : entries_) {
        painter.fillRect(QRect(x, base - swatch, swatch, swatch), entry.colour.isValid() ? entry.colour : colour(entry.meaning, palette()));
        x += swatch + swatch_gap;
        const QString& label = is_short ? entry.short_label : entry.label;
        painter.setFont(font());
        painter.setPen(colours.muted);
        painter.drawText(x, base, label);
        x += fontMetrics().horizontalAdvance(label) + swatch_gap;
        painter.setFont(bold_font);
        painter.setPen(colours.text);
        painter.drawText(x, base, entry.value);
        x += QFontMetrics(bold_font).horizontalAdvance(entry.value) + gap;
    }
}

} // namespace connscope::app
