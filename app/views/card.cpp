// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/card.hpp"

#include "views/palette.hpp"

#include <QEvent>
#include <QPainter>
#include <QPixmapCache>
#include <QToolTip>

namespace connscope::app {

namespace {
constexpr double radius = 6;
}

void hatch(QPainter& painter, const QRectF& place, const QColor& colour) {
    constexpr double step = 6;
    painter.save();
    painter.setClipRect(place, Qt::IntersectClip);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(colour, 1));
    for (double x = place.left() - place.height(); x < place.right(); x += step)
        painter.drawLine(QLineF(x, place.bottom(), x + place.height(), place.top()));
    painter.restore();
}

Card::Card(QWidget* parent)
    : QFrame(parent) {}

void paint_card(QPainter& painter, const QRect& place, const QPalette& palette, bool is_focused) {
    // Stroking a rounded rectangle takes a fifth of a millisecond, so only its corners are, once for each colour and screen.
    constexpr int corner = static_cast<int>(radius) + 2;
    const Ink& colours = ink(palette);
    const QColor border = is_focused ? colours.accent : colours.border;
    const double ratio = painter.device()->devicePixelRatioF();
    const QString key = QStringLiteral("card %1 %2 %3").arg(border.rgb()).arg(colours.card.rgb()).arg(ratio);
    QPixmap corners;
    if (!QPixmapCache::find(key, &corners)) {
        corners = QPixmap(QSize(2 * corner, 2 * corner) * ratio);
        corners.setDevicePixelRatio(ratio);
        corners.fill(Qt::transparent);
        QPainter rounded(&corners);
        rounded.setRenderHint(QPainter::Antialiasing);
        rounded.setPen(QPen(border, 1));
        rounded.setBrush(colours.card);
        rounded.drawRoundedRect(QRectF(0.5, 0.5, 2 * corner - 1, 2 * corner - 1), radius, radius);
        rounded.end();
        QPixmapCache::insert(key, corners);
    }
    if (place.width() < 2 * corner || place.height() < 2 * corner) return;
    const int side = static_cast<int>(corner * ratio); // in the pixmap's pixels
    const int right = place.right() + 1 - corner;
    const int bottom = place.bottom() + 1 - corner;
    painter.drawPixmap(place.left(), place.top(), corner, corner, corners, 0, 0, side, side);
    painter.drawPixmap(right, place.top(), corner, corner, corners, side, 0, side, side);
    painter.drawPixmap(place.left(), bottom, corner, corner, corners, 0, side, side, side);
    painter.drawPixmap(right, bottom, corner, corner, corners, side, side, side, side);
    const QRect across = place.adjusted(corner, 0, -corner, 0);
    const QRect down = place.adjusted(0, corner, 0, -corner);
    painter.fillRect(across, colours.card);
    painter.fillRect(down, colours.card);
    painter.fillRect(QRect(across.left(), place.top(), across.width(), 1), border);
    painter.fillRect(QRect(across.left(), place.bottom(), across.width(), 1), border);
    painter.fillRect(QRect(place.left(), down.top(), 1, down.height()), border);
    painter.fillRect(QRect(place.right(), down.top(), 1, down.height()), border);
}

void Card::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paint_card(painter, rect(), palette(), hasFocus());
}

MutedLabel::MutedLabel(const QString& text, QWidget* parent)
    : QLabel(text, parent) {
    colour_text();
}

void MutedLabel::changeEvent(QEvent* event) {
    QLabel::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && !colouring_) colour_text();
}

void MutedLabel::colour_text() {
    colouring_ = true;
    QPalette changed = palette();
    changed.setColor(QPalette::WindowText, ink(palette()).muted);
    setPalette(changed);
    colouring_ = false;
}

ScaledLabel::ScaledLabel(const QString& text, double factor, QFont::Weight weight, QWidget* parent)
    : QLabel(text, parent) {
    setFont(scaled_font(QApplication::font(), factor, weight));
}

CaptionLabel::CaptionLabel(const QString& text, QWidget* parent)
    : MutedLabel(text, parent) {
    setFont(scaled_font(QApplication::font(), 0.88));
}

ElidedLine::ElidedLine(Qt::Alignment side, QWidget* parent)
    : QWidget(parent)
    , side_(side) {
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

void ElidedLine::show_text(const QString& text) {
    if (text == text_) return;
    text_ = text;
    setToolTip(text);
    setAccessibleName(text);
    updateGeometry();
    update();
}

QSize ElidedLine::sizeHint() const { return {fontMetrics().horizontalAdvance(text_) + 2, fontMetrics().height() + 2}; }

void ElidedLine::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setPen(ink(palette()).muted);
    painter.drawText(rect(), side_ | Qt::AlignVCenter, fontMetrics().elidedText(text_, Qt::ElideRight, width()));
}

InfoButton::InfoButton(const QString& title, const QString& tip, QWidget* parent)
    : QToolButton(parent) {
    setToolTip(tip);
    setAccessibleName(tr("About %1").arg(title));
    setAccessibleDescription(tip);
    setFocusPolicy(Qt::TabFocus);
    setCursor(Qt::WhatsThisCursor);
    connect(this, &QToolButton::clicked, this,
            [this] { QToolTip::showText(mapToGlobal(rect().bottomLeft()), toolTip(), this); });
}

void InfoButton::paintEvent(QPaintEvent*) {
    const Ink& colours = ink(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QColor line = underMouse() || hasFocus() ? colours.accent : colours.muted;
    painter.setPen(QPen(line, 1));
    const double side = std::min(width(), height()) * 0.78;
    const QRectF circle((width() - side) / 2, (height() - side) / 2, side, side);
    painter.drawEllipse(circle);
    QFont small = scaled_font(font(), 0.72, QFont::DemiBold);
    painter.setFont(small);
    painter.drawText(circle, Qt::AlignCenter, QStringLiteral("i"));
}

QSize InfoButton::sizeHint() const {
    const int side = fontMetrics().height() + 1;
    return {side, side};
}

QFont scaled_font(const QFont& font, double factor, QFont::Weight weight) {
    QFont scaled = font;
    scaled.setPointSizeF(font.pointSizeF() * factor);
    scaled.setWeight(weight);
    return scaled;
}

} // namespace connscope::app
