// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/quiet_header.hpp"

#include "views/card.hpp"
#include "views/palette.hpp"

#include <QPainter>

namespace connscope::app {

namespace {
constexpr int cell_margin = 6;
}

QuietHeader::QuietHeader(QWidget* parent)
    : QHeaderView(Qt::Horizontal, parent) {
    setSectionsClickable(true);
    setHighlightSections(false);
    setFont(scaled_font(font(), 0.95));
}

int QuietHeader::arrow_width() const { return fontMetrics().ascent(); }

QSize QuietHeader::sizeHint() const { return {QHeaderView::sizeHint().width(), fontMetrics().height() + 8}; }

void QuietHeader::paintEvent(QPaintEvent* event) {
    QHeaderView::paintEvent(event);
    const int end = length() - offset(); // behind the last section
    if (end >= viewport()->width()) return;
    const Ink& colours = ink(palette());
    QPainter painter(viewport());
    const QRect place(end, 0, viewport()->width() - end, height());
    painter.fillRect(place, colours.card);
    painter.setPen(QPen(colours.border, 0));
    painter.drawLine(place.bottomLeft(), place.bottomRight());
}

void QuietHeader::paintSection(QPainter* painter, const QRect& place, int section) const {
    if (!place.isValid()) return;
    const Ink& colours = ink(palette());
    const bool sorts = isSortIndicatorShown() && sortIndicatorSection() == section;
    const QString text = model()->headerData(section, orientation()).toString();
    const auto alignment = Qt::Alignment(model()->headerData(section, orientation(), Qt::TextAlignmentRole).toInt());
    painter->fillRect(place, colours.card);
    painter->setPen(QPen(colours.border, 0));
    painter->drawLine(place.bottomLeft(), place.bottomRight());
    const int arrow = sorts ? arrow_width() : 0;
    const QRect room = place.adjusted(cell_margin, 0, -cell_margin - arrow, -1);
    painter->setFont(scaled_font(font(), 1.0, sorts ? QFont::DemiBold : QFont::Normal));
    painter->setPen(sorts ? colours.text : colours.muted);
    painter->drawText(room, static_cast<int>(alignment), text);
    if (!sorts) return;
    painter->setRenderHint(QPainter::Antialiasing);
    const double size = arrow_width() * 0.62;
    const bool left_aligned = alignment.testFlag(Qt::AlignLeft);
    const double x = left_aligned ? place.left() + cell_margin + painter->fontMetrics().horizontalAdvance(text) + 4
                                  : place.right() - cell_margin - size;
    const double y = place.center().y();
    const double tip = sortIndicatorOrder() == Qt::AscendingOrder ? -size / 3 : size / 3;
    const QPointF corners[] = {{x, y - tip}, {x + size, y - tip}, {x + size / 2, y + tip}};
    painter->setPen(Qt::NoPen);
    painter->setBrush(colours.accent);
    painter->drawPolygon(corners, 3);
    painter->setRenderHint(QPainter::Antialiasing, false);
}

} // namespace connscope::app
