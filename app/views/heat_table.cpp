// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/heat_table.hpp"

#include "models/heat_model.hpp"
#include "views/card.hpp"
#include "views/palette.hpp"

#include <QAbstractButton>
#include <QHeaderView>
#include <QPaintEvent>
#include <QPainter>
#include <QStyledItemDelegate>

namespace connscope::app {

namespace {

QColor mixed(const QColor& over, const QColor& under, double share) {
    const auto part = [share](float a, float b) { return static_cast<float>(a * share + b * (1 - share)); };
    return QColor::fromRgbF(part(over.redF(), under.redF()), part(over.greenF(), under.greenF()),
                            part(over.blueF(), under.blueF()));
}

QColor faint(QColor colour) {
    colour.setAlphaF(0.22F);
    return colour;
}

class HeatDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        const Ink& sheet = ink(option.palette);
        painter->save();
        painter->fillRect(option.rect, sheet.card);
        const QRect box = option.rect.adjusted(1, 1, -1, -1);
        const int change = index.data(HeatModel::change_role).toInt();
        const bool within_noise = index.data(HeatModel::noise_role).toBool();
        const QVariant share = index.data(HeatModel::share_role);
        const auto* model = qobject_cast<const HeatModel*>(index.model());
        if (model != nullptr && model->has_beside()) {
            if (change != 0) painter->fillRect(box, mixed(change < 0 ? sheet.good : sheet.bad, sheet.card, 0.32));
            if (within_noise) hatch(*painter, box, faint(sheet.muted));
        } else if (share.isValid()) {
            // The best of a row is deep, the worst is the card's own colour with a warm tone.
            const double at = share.toDouble();
            const QColor colour = at < 0.5 ? mixed(sheet.good, sheet.card, 0.42 * (1 - 2 * at))
                                           : mixed(sheet.bad, sheet.card, 0.36 * (2 * at - 1));
            painter->fillRect(box, colour);
            if (within_noise) hatch(*painter, box, faint(sheet.text));
        }
        if ((option.state & QStyle::State_Selected) != 0) {
            painter->setPen(QPen(sheet.accent, 2));
            painter->drawRect(box.adjusted(0, 0, -1, -1));
        }
        const bool best = index.data(HeatModel::standing_role).toInt() == static_cast<int>(lab::Standing::best);
        QFont font = option.font;
        font.setBold(best);
        painter->setFont(font);
        const QString text = index.data().toString();
        painter->setPen(text.startsWith(QStringLiteral("–")) ? sheet.muted : sheet.text);
        painter->drawText(box.adjusted(6, 0, -7, 0), Qt::AlignRight | Qt::AlignVCenter, text);
        painter->restore();
    }
};

// A head that is part of the card: no lines, no shades.
class QuietHeader : public QHeaderView {
public:
    using QHeaderView::QHeaderView;

protected:
    void paintEvent(QPaintEvent* event) override {
        QHeaderView::paintEvent(event);
        // Beyond its last section, too.
        const int end = length() - offset();
        const QRect beyond = orientation() == Qt::Horizontal ? QRect(end, 0, width() - end, height())
                                                             : QRect(0, end, width(), height() - end);
        QPainter(viewport()).fillRect(beyond, ink(palette()).card);
    }
    void paintSection(QPainter* painter, const QRect& rect, int section) const override {
        painter->fillRect(rect, ink(palette()).card);
        painter->setPen(ink(palette()).text);
        const bool across = orientation() == Qt::Horizontal;
        painter->drawText(rect.adjusted(2, 2, -8, -3),
                          (across ? Qt::AlignRight | Qt::AlignBottom : Qt::AlignLeft | Qt::AlignVCenter) | Qt::TextDontClip,
                          model()->headerData(section, orientation(), Qt::DisplayRole).toString());
    }
    QSize sectionSizeFromContents(int section) const override {
        const QString text = model()->headerData(section, orientation(), Qt::DisplayRole).toString();
        return fontMetrics().size(0, text) + QSize(14, 8);
    }
};

} // namespace

HeatTable::HeatTable(HeatModel& model, QWidget* parent)
    : QTableView(parent) {
    setObjectName(QStringLiteral("heat_table"));
    setAccessibleName(tr("The figures of the comparison"));
    setModel(&model);
    setItemDelegate(new HeatDelegate(this));
    setSelectionMode(QAbstractItemView::SingleSelection);
    setShowGrid(false);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    setHorizontalHeader(new QuietHeader(Qt::Horizontal, this));
    setVerticalHeader(new QuietHeader(Qt::Vertical, this));
    if (auto* corner = findChild<QAbstractButton*>()) corner->hide();
    for (QHeaderView* header : {horizontalHeader(), verticalHeader()}) {
        header->setHighlightSections(false);
        header->setSectionsClickable(true);
    }
    horizontalHeader()->setDefaultAlignment(Qt::AlignRight | Qt::AlignBottom);
    verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 9);
    connect(selectionModel(), &QItemSelectionModel::currentChanged, this, [this](const QModelIndex& now) {
        if (now.isValid()) emit chosen(now.row(), now.column());
    });
    connect(&model, &QAbstractItemModel::modelReset, this, &HeatTable::fit);
    connect(&model, &QAbstractItemModel::dataChanged, this, &HeatTable::fit);
}

void HeatTable::fit() {
    const auto* heat = qobject_cast<const HeatModel*>(model());
    int least = fontMetrics().horizontalAdvance(heat->has_beside() ? QStringLiteral("000.0 MiB → 000.0 MiB")
                                                                   : QStringLiteral("000,000/s")) +
                16;
    const int columns = model()->columnCount();
    for (int column = 0; column < columns; ++column) least = std::max(least, horizontalHeader()->sectionSizeHint(column));
    // All alike, and no wider than is good to read across.
    const int width = std::clamp(viewport()->width() / std::max(columns, 1), least, 2 * least);
    for (int column = 0; column < columns; ++column) setColumnWidth(column, width);
}

void HeatTable::resizeEvent(QResizeEvent* event) {
    QTableView::resizeEvent(event);
    fit();
}

} // namespace connscope::app
