// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/anatomy_table.hpp"

#include "views/card.hpp"
#include "views/palette.hpp"

#include <QHelpEvent>
#include <QPainter>
#include <QTextLayout>
#include <QToolTip>

#include <algorithm>
#include <cmath>

namespace connscope::app {

namespace {

constexpr int gap = 12;      // between columns
constexpr int line_gap = 4;  // between lines
constexpr int list_gap = 22; // between control and state

// Puts some text into a column, broken between words or, where one is too long, within it; the height it takes. Draws only
// where there is a painter.
int put(QPainter* painter, const QFont& font, const QRect& column, int y, const QString& text, const QColor& colour) {
    QTextLayout layout(text, font);
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    layout.setTextOption(option);
    layout.beginLayout();
    double height = 0;
    for (QTextLine line = layout.createLine(); line.isValid(); line = layout.createLine()) {
        line.setLineWidth(std::max(column.width(), 1));
        line.setPosition({0, height});
        height += line.height();
    }
    layout.endLayout();
    if (painter != nullptr) {
        painter->setPen(colour);
        layout.draw(painter, QPointF(column.left(), y));
    }
    return static_cast<int>(std::ceil(height));
}

} // namespace

AnatomyTable::AnatomyTable(const AnatomyModel& model, QWidget* parent)
    : QWidget(parent)
    , model_(model) {
    setObjectName(QStringLiteral("anatomy_table"));
    setAccessibleName(tr("Anatomy"));
    QSizePolicy policy(QSizePolicy::Ignored, QSizePolicy::Minimum);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

void AnatomyTable::refresh(const QString& name_now, const QString& name_before) {
    name_now_ = name_now;
    name_before_ = name_before;
    QStringList words;
    for (const auto* lines : {&model_.control(), &model_.state()})
        for (const AnatomyLine& line : *lines)
            words << line.label + QStringLiteral(": ") +
                         (line.now.isEmpty() ? line.now_missing : line.now.join(QStringLiteral("; ")));
    setAccessibleDescription(words.join(QStringLiteral(". ")));
    updateGeometry();
    update();
}

QSize AnatomyTable::sizeHint() const { return {480, heightForWidth(std::max(width(), 320))}; }

QSize AnatomyTable::minimumSizeHint() const { return {240, fontMetrics().height() * 4}; }

int AnatomyTable::heightForWidth(int width) const { return lay_out(nullptr, width, nullptr); }

void AnatomyTable::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    lay_out(&painter, width(), nullptr);
}

bool AnatomyTable::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    std::vector<Placed> tips;
    lay_out(nullptr, width(), &tips);
    const auto found = std::ranges::find_if(tips, [&](const Placed& placed) { return placed.place.contains(help->pos()); });
    if (found == tips.end() || found->tip.isEmpty()) {
        QToolTip::hideText();
    } else {
        QToolTip::showText(help->globalPos(), found->tip, this, found->place);
    }
    return true;
}

int AnatomyTable::lay_out(QPainter* painter, int width, std::vector<Placed>* tips) const {
    const int room = width - 4;
    if (model_.now() == nullptr) return fontMetrics().height();
    const QString control = tr("Control: where it will continue");
    const QString state = tr("State: what it continues with");
    const int least = fontMetrics().averageCharWidth() * (model_.before() == nullptr ? 55 : 80);
    if (room < 2 * least + list_gap) {
        const int height = lay_out_list(painter, control, model_.control(), {0, 0, room, 0}, tips) + list_gap;
        return height + lay_out_list(painter, state, model_.state(), {0, height, room, 0}, tips);
    }
    const int half = (room - list_gap) / 2;
    if (painter != nullptr) {
        painter->setPen(ink(palette()).border);
        painter->drawLine(half + list_gap / 2, 0, half + list_gap / 2, height());
    }
    return std::max(lay_out_list(painter, control, model_.control(), {0, 0, half, 0}, tips),
                    lay_out_list(painter, state, model_.state(), {half + list_gap, 0, half, 0}, tips));
}

int AnatomyTable::lay_out_list(QPainter* painter, const QString& title, const std::vector<AnatomyLine>& lines, QRect room,
                               std::vector<Placed>* tips) const {
    const Ink& colours = ink(palette());
    const QFont bold_font = scaled_font(font(), 1.0, QFont::DemiBold);
    const QFont small_font = scaled_font(font(), 0.92);
    const QFontMetrics plain = fontMetrics();
    const QFontMetrics bold(bold_font);
    const QFontMetrics small(small_font);
    int label_width = 0;
    for (const AnatomyLine& line : lines) label_width = std::max(label_width, small.horizontalAdvance(line.label));
    const bool has_before = model_.before() != nullptr;
    const int rest = room.width() - label_width - gap - 2;
    const int now_width = has_before ? (rest - gap) * 55 / 100 : rest;
    const QRect now_column(room.left() + label_width + gap, 0, now_width, 0);
    const QRect before_column(now_column.right() + 1 + gap, 0, rest - gap - now_width, 0);

    int y = room.top() + 2;
    if (painter != nullptr) {
        painter->setFont(bold_font);
        painter->setPen(colours.text);
        painter->drawText(room.left(), y + bold.ascent(), title);
    }
    y += bold.height() + 2;
    const auto heading = [&](const QRect& column, const QString& text, Meaning meaning) {
        if (painter == nullptr) return;
        painter->setFont(small_font);
        painter->setPen(text_colour(meaning, palette()));
        painter->drawText(column.left(), y + small.ascent(), small.elidedText(text, Qt::ElideRight, column.width()));
    };
    heading(now_column, has_before ? tr("now: %1").arg(name_now_) : name_now_, meaning_of(model_.now()->carrier));
    if (has_before) heading(before_column, tr("before: %1").arg(name_before_), meaning_of(model_.before()->carrier));
    y += small.height() + line_gap;

    const auto column_height = [&](const QRect& column, const QStringList& values, const QString& missing,
                                   const QColor& colour) {
        int height = 0;
        if (values.isEmpty()) return put(painter, font(), column, y, QStringLiteral("– ") + missing, colours.muted);
        for (const QString& value : values) height += put(painter, font(), column, y + height, value, colour);
        return height;
    };
    for (const AnatomyLine& line : lines) {
        if (painter != nullptr) {
            painter->setFont(small_font);
            painter->setPen(colours.muted);
            painter->drawText(room.left(), y + plain.ascent(), line.label);
            painter->setFont(font());
        }
        int height = column_height(now_column, line.now, line.now_missing, colours.text);
        if (has_before)
            height = std::max(height, column_height(before_column, line.before, line.before_missing, colours.muted));
        if (tips != nullptr && !line.source.isEmpty())
            tips->push_back({QRect(room.left(), y, room.width(), height), tr("%1: from %2").arg(line.label, line.source)});
        y += height + line_gap;
    }
    return y - room.top();
}

} // namespace connscope::app
