// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/number_card.hpp"

#include "views/palette.hpp"

#include <QEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace connscope::app {

namespace {
constexpr int left = 10;
constexpr int right = 8;
constexpr int top = 6;
constexpr int bottom = 6;
constexpr int unit_gap = 5;
} // namespace

NumberCard::NumberCard(const QString& name, const QString& caption, const QString& tip, QWidget* parent)
    : Card(parent)
    , caption_(caption)
    , tip_(tip) {
    setObjectName(QStringLiteral("number_") + name);
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    learn_fonts();
    describe();
}

void NumberCard::learn_fonts() {
    plain_ = QuickText(font());
    big_ = QuickText(scaled_font(font(), 1.75, QFont::DemiBold));
    small_ = QuickText(scaled_font(font(), 0.9));
}

void NumberCard::changeEvent(QEvent* event) {
    Card::changeEvent(event);
    if (event->type() == QEvent::FontChange) learn_fonts();
}

void NumberCard::show_value(const ValueText& value) {
    if (value.number == value_.number && value.unit == value_.unit) return;
    value_ = value;
    describe();
    update();
}

void NumberCard::show_note(const QString& note, Tone tone) {
    if (note == note_ && tone == tone_) return;
    note_ = note;
    tone_ = tone;
    describe();
    update();
}

void NumberCard::show_reason(const QString& reason) {
    if (reason == reason_) return;
    reason_ = reason;
    describe();
}

void NumberCard::describe() {
    setAccessibleName(QStringLiteral("%1: %2 %3, %4").arg(caption_, value_.number, value_.unit, note_));
    QString tip = tip_;
    if (!note_.isEmpty()) tip += QLatin1Char('\n') + note_;
    if (!reason_.isEmpty()) tip += QLatin1Char('\n') + reason_;
    setToolTip(tip);
}

QSize NumberCard::sizeHint() const {
    const int height =
        top + fontMetrics().height() + QFontMetrics(big_.font()).height() + QFontMetrics(small_.font()).height() + bottom;
    return {fontMetrics().averageCharWidth() * 20, height};
}

QSize NumberCard::minimumSizeHint() const { return {fontMetrics().averageCharWidth() * 12, sizeHint().height()}; }

int NumberCard::wanted_width() const {
    const double value = big_.width(value_.number) + unit_gap + plain_.width(value_.unit);
    return left + static_cast<int>(std::ceil(std::max({plain_.width(caption_), value, small_.width(note_)}))) + right;
}

void NumberCard::paintEvent(QPaintEvent* event) {
    Card::paintEvent(event);
    const Ink& colours = ink(palette());
    const QFontMetrics plain = fontMetrics();
    const QFontMetrics big(big_.font());
    const QFontMetrics small(small_.font());
    const int room = width() - left - right;
    QPainter painter(this);

    int base = top + plain.ascent();
    painter.setPen(colours.muted);
    plain_.draw_elided(painter, QPointF(left, base), caption_, room);

    base = top + plain.height() + big.ascent();
    painter.setPen(colours.text);
    big_.draw(painter, QPointF(left, base), value_.number);
    painter.setPen(colours.muted);
    const double unit_left = left + big_.width(value_.number) + unit_gap;
    plain_.draw_elided(painter, QPointF(unit_left, base), value_.unit, width() - right - unit_left);

    base = top + plain.height() + big.height() + small.ascent();
    painter.setPen(tone_ == Tone::good ? colours.good : tone_ == Tone::bad ? colours.bad : colours.muted);
    small_.draw_elided(painter, QPointF(left, base), note_, room);
}

} // namespace connscope::app
