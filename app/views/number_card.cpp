// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/number_card.hpp"

#include "views/palette.hpp"

#include <QPainter>

#include <algorithm>

namespace connscope::app {

namespace {
constexpr int left = 10;
constexpr int right = 8;
constexpr int top = 6;
constexpr int bottom = 6;
constexpr int unit_gap = 5;
} // namespace

NumberCard::NumberCard(const QString& name, const QString& caption, const QString& tip, QWidget* parent)
    : Card(parent), caption_(caption), tip_(tip) {
    setObjectName(QStringLiteral("number_") + name);
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    describe();
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

QFont NumberCard::number_font() const { return scaled_font(font(), 1.75, QFont::DemiBold); }

QFont NumberCard::note_font() const { return scaled_font(font(), 0.9); }

QSize NumberCard::sizeHint() const {
    const int height = top + fontMetrics().height() + QFontMetrics(number_font()).height() + QFontMetrics(note_font()).height() + bottom;
    return {fontMetrics().averageCharWidth() * 20, height};
}

QSize NumberCard::minimumSizeHint() const { return {fontMetrics().averageCharWidth() * 12, sizeHint().height()}; }

int NumberCard::wanted_width() const {
    const int value = QFontMetrics(number_font()).horizontalAdvance(value_.number) + unit_gap +
                      fontMetrics().horizontalAdvance(value_.unit);
    return left + std::max({fontMetrics().horizontalAdvance(caption_), value, QFontMetrics(note_font()).horizontalAdvance(note_)}) +
           right;
}

void NumberCard::paintEvent(QPaintEvent* event) {
    Card::paintEvent(event);
    const Ink& colours = ink(palette());
    const QFontMetrics plain = fontMetrics();
    const QFontMetrics big(number_font());
    const QFontMetrics small(note_font());
    const int room = width() - left - right;
    QPainter painter(this);

    int base = top + plain.ascent();
    painter.setPen(colours.muted);
    painter.drawText(left, base, plain.elidedText(caption_, Qt::ElideRight, room));

    base = top + plain.height() + big.ascent();
    painter.setFont(number_font());
    painter.setPen(colours.text);
    painter.drawText(left, base, value_.number);
    painter.setFont(font());
    painter.setPen(colours.muted);
    painter.drawText(left + big.horizontalAdvance(value_.number) + unit_gap, base, value_.unit);

    base = top + plain.height() + big.height() + small.ascent();
    painter.setFont(note_font());
    painter.setPen(tone_ == Tone::good ? colours.good : tone_ == Tone::bad ? colours.bad : colours.muted);
    painter.drawText(left, base, small.elidedText(note_, Qt::ElideRight, room));
}

} // namespace connscope::app
