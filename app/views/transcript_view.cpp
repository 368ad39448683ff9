// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/transcript_view.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/palette.hpp"

#include <QEvent>
#include <QHelpEvent>
#include <QPainter>
#include <QScrollBar>
#include <QToolTip>

namespace connscope::app {

namespace {

constexpr int name_characters = 12;
constexpr int gap = 10;

QString said(const TalkRow& row) {
    QStringList parts;
    if (row.waited_s > 0) parts << TranscriptView::tr("(waited %1)").arg(duration_text(row.waited_s));
    if (!row.text.isEmpty()) parts << row.text;
    return parts.join(QLatin1Char(' '));
}

} // namespace

TranscriptView::TranscriptView(const Conversation& conversation, QWidget* parent)
    : QAbstractScrollArea(parent)
    , conversation_(conversation) {
    setObjectName(QStringLiteral("transcript_view"));
    setAccessibleName(tr("Transcript"));
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    viewport()->setAutoFillBackground(false);
}

QSize TranscriptView::minimumSizeHint() const { return {fontMetrics().averageCharWidth() * 40, line_height() * 4}; }
QSize TranscriptView::sizeHint() const { return {700, line_height() * 12}; }

void TranscriptView::refresh() {
    const QScrollBar* bar = verticalScrollBar();
    const bool follows = bar->value() >= bar->maximum() - line_height();
    fit_scroll_bar();
    if (follows) verticalScrollBar()->setValue(bar->maximum());
    viewport()->update();
}

void TranscriptView::fit_scroll_bar() {
    const int height = static_cast<int>(conversation_.rows().size()) * line_height();
    // In whole lines, so that none is cut at the top.
    const int hidden = std::max(0, height - viewport()->height());
    verticalScrollBar()->setRange(0, (hidden + line_height() - 1) / line_height() * line_height());
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setSingleStep(line_height());
}

void TranscriptView::resizeEvent(QResizeEvent*) { refresh(); }

void TranscriptView::changeEvent(QEvent* event) {
    QAbstractScrollArea::changeEvent(event);
    if (event->type() == QEvent::FontChange) refresh();
}

void TranscriptView::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    const auto& rows = conversation_.rows();
    if (rows.empty()) {
        painter.setPen(ink(palette()).muted);
        painter.drawText(viewport()->rect(), Qt::AlignCenter, tr("Nothing has been said yet."));
        return;
    }
    const int height = line_height();
    const int top = verticalScrollBar()->value();
    for (auto number = static_cast<std::size_t>(top / height); number < rows.size(); ++number) {
        const int y = static_cast<int>(number) * height - top;
        if (y > viewport()->height()) break;
        paint_row(painter, rows[number], QRect(0, y, viewport()->width(), height));
    }
}

void TranscriptView::paint_row(QPainter& painter, const TalkRow& row, const QRect& place) const {
    const Ink& colours = ink(palette());
    const double at = row.begin_s - conversation_.rows().front().begin_s;
    const QString time = QStringLiteral("%1 s").arg(at, 0, 'f', conversation_.word_us() < 20'000 ? 4 : 2);
    const int time_width = fontMetrics().horizontalAdvance(QStringLiteral("9999.9999 s"));
    painter.setPen(colours.muted);
    painter.setFont(font());
    painter.drawText(QRect(place.left(), place.top(), time_width, place.height()), Qt::AlignRight | Qt::AlignVCenter, time);
    const int name_left = place.left() + time_width + gap;
    const int name_width = fontMetrics().averageCharWidth() * name_characters;
    painter.setFont(scaled_font(font(), 1.0, QFont::DemiBold));
    painter.setPen(colours.text);
    painter.drawText(QRect(name_left, place.top(), name_width, place.height()), Qt::AlignLeft | Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(row.name, Qt::ElideRight, name_width));
    const QString mark = mark_text(row);
    const int mark_width = mark.isEmpty() ? 0 : painter.fontMetrics().horizontalAdvance(mark) + gap;
    painter.setFont(font());
    const int left = name_left + name_width + gap;
    const QString text = fontMetrics().elidedText(said(row), Qt::ElideMiddle, place.right() - left - mark_width);
    painter.drawText(QRect(left, place.top(), place.right() - left, place.height()), Qt::AlignLeft | Qt::AlignVCenter, text);
    if (mark.isEmpty()) return;
    const bool interrupted = row.mark == TalkRow::Mark::next;
    const bool yields = row.mark == TalkRow::Mark::yield;
    painter.setPen(interrupted ? text_colour(Meaning::involuntary, palette())
                   : yields    ? text_colour(Meaning::ready, palette())
                               : colours.muted);
    painter.setFont(scaled_font(font(), 1.0, interrupted || yields ? QFont::DemiBold : QFont::Normal));
    const int x = left + (text.isEmpty() ? 0 : fontMetrics().horizontalAdvance(text) + gap);
    painter.drawText(QRect(x, place.top(), place.right() - x, place.height()), Qt::AlignLeft | Qt::AlignVCenter, mark);
}

bool TranscriptView::viewportEvent(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QAbstractScrollArea::viewportEvent(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const auto number = static_cast<std::size_t>((help->pos().y() + verticalScrollBar()->value()) / line_height());
    const auto& rows = conversation_.rows();
    if (number >= rows.size()) {
        QToolTip::hideText();
        return true;
    }
    const TalkRow& row = rows[number];
    QToolTip::showText(
        help->globalPos(),
        tr("%1 spoke for %2: %3 %4").arg(row.name, duration_text(row.end_s - row.begin_s), said(row), mark_text(row)), this);
    return true;
}

} // namespace connscope::app
