// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/four_fields_view.hpp"

#include "views/card.hpp"
#include "views/palette.hpp"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>

namespace connscope::app {

namespace {

constexpr int gap = 12;
constexpr int margin = 14;

Meaning meaning_of_carrier(const QString& carrier) {
    if (carrier == QLatin1String("thread")) return Meaning::thread;
    if (carrier == QLatin1String("process")) return Meaning::process;
    if (carrier == QLatin1String("fiber")) return Meaning::fiber;
    if (carrier == QLatin1String("closure")) return Meaning::closure;
    return Meaning::coroutine;
}

QString title_of(const Field& field) {
    if (field.is_preemptive)
        return field.in_kernel ? FourFieldsView::tr("The kernel interrupts") : FourFieldsView::tr("A timer interrupts");
    return field.in_kernel ? FourFieldsView::tr("One thread at a time, until it blocks or yields")
                           : FourFieldsView::tr("Each runs until it waits or yields");
}

} // namespace

FourFieldsView::FourFieldsView(QWidget* parent)
    : QWidget(parent) {
    setObjectName(QStringLiteral("four_fields_view"));
    setAccessibleName(tr("Modes by who ends a turn and who switches"));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void FourFieldsView::show_fields(std::array<Field, 4> fields) {
    fields_ = std::move(fields);
    QStringList words;
    for (const Field& field : fields_) {
        for (const FieldMode& mode : field.modes) words << mode.name + QStringLiteral(": ") + title_of(field);
    }
    setAccessibleDescription(words.join(QStringLiteral("; ")));
    update();
}

int FourFieldsView::column_width(const QFontMetrics& metrics) const {
    int widest = metrics.horizontalAdvance(QStringLiteral("999.9 KiB"));
    for (std::size_t i = 0; i < field_figure_count; ++i)
        widest = std::max(widest, metrics.horizontalAdvance(field_figure_title(i)));
    return widest + 10;
}

QFont FourFieldsView::drawn_font() const {
    const QSize least = minimumSizeHint();
    const double room = std::min(1.0 * width() / least.width(), 1.0 * height() / least.height());
    return scaled_font(font(), std::clamp(room, 1.0, 1.6));
}

int FourFieldsView::line_height() const {
    const int least = QFontMetrics(drawn_font()).height() + 6;
    std::size_t lines = 0; // of the fuller fields, with their titles, heads and margins
    for (const std::size_t first : {0u, 1u})
        lines += std::max<std::size_t>({fields_[first].modes.size(), fields_[first + 2].modes.size(), 1}) + 3;
    return std::clamp((height() - 2 * gap) / static_cast<int>(lines), least, 2 * least);
}

QSize FourFieldsView::minimumSizeHint() const {
    const int name = fontMetrics().averageCharWidth() * 26;
    const int field = name + column_width(fontMetrics()) * static_cast<int>(field_figure_count) + 2 * margin;
    return {2 * field + gap + fontMetrics().height() + 8, (fontMetrics().height() + 6) * 18};
}

QSize FourFieldsView::sizeHint() const { return minimumSizeHint().expandedTo({1100, 480}); }

// The left captions stand beside the rows, the upper ones above the columns.
QRect FourFieldsView::place(bool preemptive, bool in_kernel) const {
    const int caption = QFontMetrics(drawn_font()).height() + 8;
    const QRect all = rect().adjusted(caption, caption, 0, 0);
    const int width = (all.width() - gap) / 2;
    const auto rows_of = [this](std::size_t first) { // of one row of fields: the fuller one decides
        return std::max<std::size_t>({fields_[first].modes.size(), fields_[first + 2].modes.size(), 1});
    };
    const auto upper = static_cast<int>(rows_of(0)) + 3;
    const auto lower = static_cast<int>(rows_of(1)) + 3;
    const int upper_height = (all.height() - gap) * upper / (upper + lower);
    const int x = all.left() + (in_kernel ? width + gap : 0);
    return preemptive ? QRect(x, all.top() + upper_height + gap, width, all.height() - upper_height - gap)
                      : QRect(x, all.top(), width, upper_height);
}

QRect FourFieldsView::line_of(const QRect& field, std::size_t number) const {
    const int top = field.top() + margin + static_cast<int>(line_height() * (1.2 + static_cast<double>(number)));
    return {field.left() + margin, top, field.width() - 2 * margin, line_height()};
}

QRect FourFieldsView::place_of(const QString& mode) const {
    for (const Field& field : fields_) {
        for (std::size_t i = 0; i < field.modes.size(); ++i) {
            if (field.modes[i].id == mode) return line_of(place(field.is_preemptive, field.in_kernel), i + 1);
        }
    }
    return {};
}

void FourFieldsView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paint_captions(painter);
    for (const Field& field : fields_) paint_field(painter, field, place(field.is_preemptive, field.in_kernel));
}

void FourFieldsView::paint_captions(QPainter& painter) const {
    const int caption = QFontMetrics(drawn_font()).height() + 8;
    painter.setPen(ink(palette()).muted);
    painter.setFont(scaled_font(drawn_font(), 0.95, QFont::DemiBold));
    for (const bool in_kernel : {false, true}) {
        const QRect below = place(false, in_kernel);
        painter.drawText(QRect(below.left(), 0, below.width(), caption), Qt::AlignLeft | Qt::AlignVCenter,
                         in_kernel ? tr("SWITCHED BY THE KERNEL") : tr("SWITCHED IN USER SPACE"));
    }
    for (const bool preemptive : {false, true}) {
        const QRect beside = place(preemptive, false);
        painter.save();
        painter.translate(0, beside.bottom());
        painter.rotate(-90);
        painter.drawText(QRect(0, 0, beside.height(), caption), Qt::AlignCenter,
                         preemptive ? tr("PREEMPTIVE") : tr("COOPERATIVE"));
        painter.restore();
    }
}

void FourFieldsView::paint_field(QPainter& painter, const Field& field, const QRect& place) const {
    const Ink& colours = ink(palette());
    paint_card(painter, place, palette());
    painter.save();
    painter.setClipRect(place);
    painter.setFont(scaled_font(drawn_font(), 1.1, QFont::DemiBold));
    painter.setPen(colours.text);
    painter.drawText(QRect(place.left() + margin, place.top() + margin - 4, place.width() - 2 * margin, line_height()),
                     Qt::AlignLeft | Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(title_of(field), Qt::ElideRight, place.width() - 2 * margin));
    const int column = column_width(QFontMetrics(drawn_font()));
    const QRect head = line_of(place, 0);
    painter.setFont(scaled_font(drawn_font(), 0.9));
    painter.setPen(colours.muted);
    if (field.modes.empty()) {
        painter.drawText(line_of(place, 1), Qt::AlignLeft | Qt::AlignVCenter, tr("This server has no mode here."));
    } else {
        for (std::size_t i = 0; i < field_figure_count; ++i) {
            const int right = head.right() - column * static_cast<int>(field_figure_count - 1 - i);
            painter.drawText(QRect(right - column, head.top(), column, head.height()), Qt::AlignRight | Qt::AlignVCenter,
                             field_figure_title(i));
        }
    }
    for (std::size_t number = 0; number < field.modes.size(); ++number) {
        const FieldMode& mode = field.modes[number];
        const QRect line = line_of(place, number + 1);
        if (mode.is_current) painter.fillRect(line.adjusted(-6, 0, 6, 0), colours.hover);
        const int side = QFontMetrics(drawn_font()).ascent() - 3;
        painter.fillRect(QRect(line.left(), line.center().y() - side / 2, side, side),
                         colour(meaning_of_carrier(mode.carrier), palette()));
        const int name_left = line.left() + side + 8;
        const int name_width = line.right() - column * static_cast<int>(field_figure_count) - name_left;
        painter.setFont(scaled_font(drawn_font(), 1.0, mode.is_current ? QFont::DemiBold : QFont::Normal));
        painter.setPen(colours.text);
        const QString name = mode.by_both ? tr("%1 *").arg(mode.name) : mode.name;
        painter.drawText(QRect(name_left, line.top(), name_width, line.height()), Qt::AlignLeft | Qt::AlignVCenter,
                         painter.fontMetrics().elidedText(name, Qt::ElideRight, name_width));
        for (std::size_t i = 0; i < field_figure_count; ++i) {
            const int right = line.right() - column * static_cast<int>(field_figure_count - 1 - i);
            painter.setPen(mode.figures[i].reason.isEmpty() ? colours.text : colours.muted);
            painter.drawText(QRect(right - column, line.top(), column, line.height()), Qt::AlignRight | Qt::AlignVCenter,
                             mode.figures[i].text);
        }
    }
    painter.restore();
}

bool FourFieldsView::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const int column = column_width(QFontMetrics(drawn_font()));
    for (const Field& field : fields_) {
        const QRect at = place(field.is_preemptive, field.in_kernel);
        for (std::size_t number = 0; number <= field.modes.size(); ++number) {
            const QRect line = line_of(at, number);
            if (!line.contains(help->pos())) continue;
            const int from_right = (line.right() - help->pos().x()) / column;
            const bool on_figure = from_right < static_cast<int>(field_figure_count);
            const auto which = field_figure_count - 1 - static_cast<std::size_t>(from_right);
            QString tip;
            if (number == 0) {
                if (on_figure) tip = field_figure_tip(which);
            } else {
                const FieldMode& mode = field.modes[number - 1];
                if (on_figure)
                    tip = mode.name + QStringLiteral(", ") + field_figure_title(which) + QStringLiteral(": ") +
                          (mode.figures[which].reason.isEmpty() ? mode.figures[which].text : mode.figures[which].reason);
                else if (mode.by_both)
                    tip = tr("%1: a connection runs until it waits or yields, but several threads run them, and the kernel "
                             "may "
                             "interrupt those.")
                              .arg(mode.name);
                else
                    tip = tr("%1: carried by a %2.").arg(mode.name, mode.carrier);
            }
            QToolTip::showText(help->globalPos(), tip, this);
            return true;
        }
    }
    QToolTip::hideText();
    return true;
}

} // namespace connscope::app
