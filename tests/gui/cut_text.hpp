// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/chart.hpp"
#include "views/legend.hpp"
#include "views/number_card.hpp"

#include <qcustomplot.h>

#include <QAbstractButton>
#include <QHeaderView>
#include <QLabel>
#include <QStringList>
#include <QTableView>
#include <QWidget>

namespace connscope::app {

inline QString where(const QWidget& widget) {
    return QStringLiteral("%1 '%2' in '%3'")
        .arg(QString::fromLatin1(widget.metaObject()->className()), widget.objectName(),
             widget.parentWidget() != nullptr ? widget.parentWidget()->objectName() : QString());
}

// Every visible text below `root` that has less room than it needs, and every pair of sibling controls that overlap: one
// sentence each.
inline QStringList cut_texts(QWidget& root) {
    QStringList cut;
    const auto tell = [&](const QWidget& widget, int needs, int has, const QString& text) {
        if (needs > has)
            cut << QStringLiteral("%1 needs %2 and has %3: %4").arg(where(widget)).arg(needs).arg(has).arg(text);
    };
    for (QWidget* widget : root.findChildren<QWidget*>()) {
        if (!widget->isVisible()) continue;
        if (const auto* label = qobject_cast<QLabel*>(widget); label != nullptr && !label->text().isEmpty()) {
            if (label->wordWrap()) {
                tell(*label, label->heightForWidth(label->width()), label->height(), label->text());
            } else {
                tell(*label, label->sizeHint().width(), label->width(), label->text());
                tell(*label, label->sizeHint().height(), label->height(), label->text());
            }
        } else if (const auto* button = qobject_cast<QAbstractButton*>(widget);
                   button != nullptr && !button->text().isEmpty()) {
            tell(*button, button->minimumSizeHint().width(), button->width(), button->text());
            tell(*button, button->minimumSizeHint().height(), button->height(), button->text());
        } else if (const auto* card = qobject_cast<NumberCard*>(widget)) {
            tell(*card, card->wanted_width(), card->width(), card->number());
            tell(*card, card->sizeHint().height(), card->height(), card->number());
        } else if (const auto* legend = qobject_cast<Legend*>(widget)) {
            tell(*legend, legend->needed_width(), legend->width(), legend->toolTip());
            tell(*legend, legend->needed_height(), legend->height(), legend->toolTip());
        } else if (auto* chart = qobject_cast<Chart*>(widget)) {
            QCPAxis* axis = chart->plot().yAxis;
            const QFontMetrics metrics(axis->tickLabelFont());
            for (const QString& text : axis->tickVectorLabels()) {
                tell(*chart, metrics.horizontalAdvance(text) + axis->tickLabelPadding(),
                     chart->plot().axisRect()->margins().left(), text);
            }
        } else if (const auto* head = qobject_cast<QHeaderView*>(widget);
                   head != nullptr && head->orientation() == Qt::Horizontal) {
            for (int section = 0; section < head->count(); ++section) {
                if (head->isSectionHidden(section)) continue;
                const QString text = head->model()->headerData(section, Qt::Horizontal).toString();
                tell(*head, head->fontMetrics().size(0, text).width() + 8, head->sectionSize(section), text);
            }
        } else if (const auto* table = qobject_cast<QTableView*>(widget)) {
            for (int row = table->rowAt(1); row >= 0 && row < std::min(table->model()->rowCount(), 40); ++row) {
                for (int column = 0; column < table->model()->columnCount(); ++column) {
                    if (table->isColumnHidden(column)) continue;
                    const QString text = table->model()->index(row, column).data().toString();
                    tell(*table, table->fontMetrics().horizontalAdvance(text) + 12, table->columnWidth(column), text);
                }
            }
        }
        // Controls beside each other must not overlap.
        if (widget->parentWidget() == nullptr || widget->isWindow()) continue;
        if (qobject_cast<QLabel*>(widget) == nullptr && qobject_cast<QAbstractButton*>(widget) == nullptr) continue;
        for (const QObject* sibling : widget->parentWidget()->children()) {
            const auto* other = qobject_cast<const QWidget*>(sibling);
            if (other == nullptr || other == widget || !other->isVisible() || other->isWindow()) continue;
            const QRect both = other->geometry().intersected(widget->geometry());
            if (both.width() > 1 && both.height() > 1)
                cut << QStringLiteral("%1 overlaps %2").arg(where(*widget), where(*other));
        }
    }
    return cut;
}

} // namespace connscope::app
