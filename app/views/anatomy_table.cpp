// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/anatomy_table.hpp"

#include "views/card.hpp"
#include "views/palette.hpp"

#include <QHelpEvent>
#include <QPainter>
#include <QRegularExpression>
#include <QTextLayout>
#include <QToolTip>

#include <algorithm>
#include <cmath>

namespace connscope::app {

namespace {

constexpr int gap = 12;       // between columns
constexpr int line_gap = 4;   // between lines
constexpr int list_gap = 22;  // between control and state
constexpr int continued = 12; // the indent of a line that goes on from the one above

// Keeps a number and its unit together, and a line's number and its file, and lets long names break where their parts join.
QString breakable(const QString& text) {
    static const QRegularExpression unit(QStringLiteral("(?<=\\d) (?=(B|KiB|MiB|GiB|ns|\u00b5s|ms|s|%)(?!\\w))"));
    static const QRegularExpression line(QStringLiteral("(?<=[a-z]):(?=\\d)"));
    static const QRegularExpression long_name(QStringLiteral("\\S{25,}"));
    static const QRegularExpression joint(QStringLiteral("(?<=[A-Za-z])(_|::|<)(?=[A-Za-z])"));
    QString broken = text;
    broken.replace(unit, QStringLiteral("\u00a0"));
    broken.replace(line, QStringLiteral(":\u2060"));
    qsizetype from = 0;
    for (auto name = long_name.match(broken); name.hasMatch(); name = long_name.match(broken, from)) {
        const QString whole = name.captured().replace(joint, QStringLiteral("\\1\u200b"));
        broken.replace(name.capturedStart(), name.capturedLength(), whole);
        from = name.capturedStart() + whole.size();
    }
    return broken;
}

// Puts some text into a column, broken between words or, where one is too long, within it; the height it takes. Draws only
// where there is a painter. `hang`: how far its further lines stand in.
int put(QPainter* painter, const QFont& font, const QRect& column, int y, const QString& text, const QColor& colour,
        int hang = continued) {
    QTextLayout layout(breakable(text), font);
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    layout.setTextOption(option);
    layout.beginLayout();
    double height = 0;
    for (QTextLine line = layout.createLine(); line.isValid(); line = layout.createLine()) {
        const int indent = height > 0 ? hang : 0;
        line.setLineWidth(std::max(column.width() - indent, 1));
        line.setPosition({static_cast<double>(indent), height});
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

void AnatomyTable::refresh(const QString& message, const QString& name_now, const QString& name_before) {
    message_ = message;
    name_now_ = name_now;
    name_before_ = name_before;
    QStringList words;
    if (!message_.isEmpty()) words << message_;
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
    const QRect all(0, 0, width - 4, 0);
    int y = 0;
    if (!message_.isEmpty()) y = put(painter, font(), all, 2, message_, ink(palette()).muted, 0) + line_gap;
    if (model_.now() == nullptr) return y;
    return y + lay_out_lists(painter, all.translated(0, y), tips);
}

int AnatomyTable::lay_out_lists(QPainter* painter, QRect room, std::vector<Placed>* tips) const {
    const QString control = tr("Control: where it will continue");
    const QString state = tr("State: what it continues with");
    const int top = room.top();
    const int least = fontMetrics().averageCharWidth() * (model_.before() == nullptr ? 55 : 80);
    if (room.width() < 2 * least + list_gap) {
        int height = lay_out_list(painter, control, model_.control(), {0, top, room.width(), 0}, tips) + list_gap;
        height += lay_out_list(painter, state, model_.state(), {0, top + height, room.width(), 0}, tips) + list_gap;
        return height + lay_out_cost(painter, {0, top + height, room.width(), 0}, tips);
    }
    const int half = (room.width() - list_gap) / 2;
    if (painter != nullptr) {
        painter->setPen(ink(palette()).border);
        painter->drawLine(half + list_gap / 2, top, half + list_gap / 2, height());
    }
    // The cost stands below the shorter one, where there is most likely room.
    const int left = lay_out_list(painter, control, model_.control(), {0, top, half, 0}, tips);
    const int right = lay_out_list(painter, state, model_.state(), {half + list_gap, top, half, 0}, tips);
    const int x = left < right ? 0 : half + list_gap;
    const int below = std::min(left, right) + list_gap;
    return std::max({left, right, below + lay_out_cost(painter, {x, top + below, half, 0}, tips)});
}

int AnatomyTable::lay_out_cost(QPainter* painter, QRect room, std::vector<Placed>* tips) const {
    if (model_.cost().empty()) return 0;
    const Ink& colours = ink(palette());
    const QFont bold_font = scaled_font(font(), 1.0, QFont::DemiBold);
    const QFont small_font = scaled_font(font(), 0.92);
    const QFontMetrics bold(bold_font);
    const QFontMetrics small(small_font);
    int y = room.top() + 2;
    const QString title = tr("Cost: what one more open connection takes");
    const QString span = tr("between %1 and %2 connections").arg(model_.now()->cost_from).arg(model_.now()->cost_to);
    if (painter != nullptr) {
        painter->setFont(bold_font);
        painter->setPen(colours.text);
        painter->drawText(room.left(), y + bold.ascent(), bold.elidedText(title, Qt::ElideRight, room.width()));
        painter->setFont(small_font);
        painter->setPen(colours.muted);
        painter->drawText(room.left(), y + bold.height() + 2 + small.ascent(),
                          small.elidedText(span, Qt::ElideRight, room.width()));
    }
    y += bold.height() + 2 + small.height() + line_gap;
    int label_width = 0;
    for (const AnatomyLine& line : model_.cost()) label_width = std::max(label_width, small.horizontalAdvance(line.label));
    const QRect column(room.left() + label_width + gap, 0, room.width() - label_width - gap - 2, 0);
    constexpr std::size_t summary = 3; // the last lines: the sum, the growth, and the difference
    for (std::size_t i = 0; i < model_.cost().size(); ++i) {
        const AnatomyLine& line = model_.cost()[i];
        const bool is_summary = i + summary >= model_.cost().size();
        if (painter != nullptr) {
            painter->setFont(small_font);
            painter->setPen(is_summary ? colours.text : colours.muted);
            painter->drawText(room.left(), y + fontMetrics().ascent(), line.label);
        }
        const int height =
            put(painter, is_summary ? bold_font : font(), column, y, line.now.join(QLatin1Char(' ')), colours.text);
        if (tips != nullptr)
            tips->push_back({QRect(room.left(), y, room.width(), height), tr("%1: from %2").arg(line.label, line.source)});
        y += height + line_gap;
    }
    return y - room.top();
}

int AnatomyTable::lay_out_list(QPainter* painter, const QString& title, const std::vector<AnatomyLine>& lines, QRect room,
                               std::vector<Placed>* tips) const {
    const Ink& colours = ink(palette());
    const QFont bold_font = scaled_font(font(), 1.0, QFont::DemiBold);
    const QFont small_font = scaled_font(font(), 0.92);
    const QFontMetrics plain = fontMetrics();
    const QFontMetrics bold(bold_font);
    const QFontMetrics small(small_font);
    int label_width = 0; // the same for both lists
    for (const auto* list : {&model_.control(), &model_.state()})
        for (const AnatomyLine& line : *list) label_width = std::max(label_width, small.horizontalAdvance(line.label));
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
