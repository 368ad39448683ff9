// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/svg_picture.hpp"

#include "views/palette.hpp"

#include <QPainter>

namespace connscope::app {

SvgPicture::SvgPicture(QWidget* parent)
    : QWidget(parent) {
    renderer_.setAspectRatioMode(Qt::KeepAspectRatio);
}

void SvgPicture::show_drawing(const std::string& svg, const QString& otherwise) {
    renderer_.load(QByteArray::fromStdString(svg));
    otherwise_ = otherwise;
    update();
}

void SvgPicture::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (!renderer_.isValid()) {
        painter.setPen(ink(palette()).muted);
        painter.drawText(rect().adjusted(8, 8, -8, -8), Qt::AlignCenter | Qt::TextWordWrap, otherwise_);
        return;
    }
    // No larger than its text shall be, at the top of the room that there is.
    const QSizeF natural = renderer_.defaultSize();
    const double largest = fontMetrics().height() / 14.0;
    const double scale = std::min({width() / natural.width(), height() / natural.height(), largest * 1.15});
    renderer_.render(&painter, QRectF(QPointF(0, 0), natural * scale));
}

} // namespace connscope::app
