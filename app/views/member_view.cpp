// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/member_view.hpp"

#include "views/card.hpp"
#include "views/quiet_header.hpp"

#include <QEvent>
#include <QHeaderView>
#include <QPainter>
#include <QResizeEvent>
#include <QStyledItemDelegate>

#include <algorithm>
#include <array>

namespace connscope::app {

namespace {
constexpr int margin = 12; // pixels, both sides of a cell together
constexpr int cell_margin = margin / 2;

// Its texts stand below those of the heads.
class MemberDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        const bool is_chosen = option.state.testFlag(QStyle::State_Selected);
        if (is_chosen) painter->fillRect(option.rect, option.palette.color(QPalette::Highlight));
        painter->setPen(option.palette.color(is_chosen ? QPalette::HighlightedText : QPalette::Text));
        const bool is_sum = index.data(MemberModel::IsSumRole).toBool();
        painter->setFont(is_sum ? scaled_font(option.font, 1.0, QFont::DemiBold) : option.font);
        const QRect room = option.rect.adjusted(cell_margin, 0, -cell_margin, 0);
        const QString text = painter->fontMetrics().elidedText(index.data().toString(), Qt::ElideRight, room.width());
        painter->drawText(room, index.data(Qt::TextAlignmentRole).toInt(), text);
    }
};

// As wide as the columns' usual texts.
constexpr std::array<const char*, MemberModel::column_count> widest{"server",   "999999", "9,999", "9,999",
                                                                    "99.9 MiB", "99.9 %", "99,999"};
} // namespace

MemberView::MemberView(MemberModel& model, QWidget* parent)
    : QTableView(parent)
    , model_(model) {
    setObjectName(QStringLiteral("processes_table"));
    setAccessibleName(tr("Processes"));
    setAccessibleDescription(tr("The processes that are watched together, one a row, and their sums in the last"));
    setHorizontalHeader(new QuietHeader(this));
    setModel(&model_);
    setItemDelegate(new MemberDelegate(this));
    setSelectionBehavior(QAbstractItemView::SelectRows);
    setSelectionMode(QAbstractItemView::SingleSelection);
    setEditTriggers(QAbstractItemView::NoEditTriggers);
    setFrameShape(QFrame::NoFrame);
    setShowGrid(false);
    setAlternatingRowColors(true);
    setWordWrap(false);
    setTabKeyNavigation(false);
    setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    verticalHeader()->hide();
    verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    size_rows();
    connect(this, &QAbstractItemView::clicked, this, &MemberView::want);
    connect(this, &QAbstractItemView::activated, this, &MemberView::want);
    connect(&model_, &QAbstractItemModel::modelReset, this, [this] { show_filter(filter_); });
}

void MemberView::want(const QModelIndex& index) {
    if (index.isValid()) emit filterWanted(model_.filter_of(index.row()));
}

void MemberView::show_filter(const QString& filter) {
    filter_ = filter;
    for (int row = 0; row < model_.rowCount(); ++row) {
        if (filter.isEmpty() || model_.filter_of(row) != filter) continue;
        if (!selectionModel()->isRowSelected(row)) selectRow(row);
        return;
    }
    clearSelection();
}

void MemberView::size_rows() {
    const int height = QFontMetrics(font()).height();
    verticalHeader()->setMinimumSectionSize(height);
    verticalHeader()->setDefaultSectionSize(height + 5);
    fit_columns();
}

// The columns share the room that there is beyond what they need.
void MemberView::fit_columns() {
    const QFontMetrics cells(scaled_font(font(), 1.0, QFont::DemiBold));
    const int arrow = static_cast<QuietHeader*>(horizontalHeader())->arrow_width();
    std::array<int, MemberModel::column_count> least{};
    int needed = 0;
    for (int column = 0; column < MemberModel::column_count; ++column) {
        const auto at = static_cast<std::size_t>(column);
        const QString head = model_.headerData(column, Qt::Horizontal).toString();
        least[at] = std::max(cells.horizontalAdvance(QString::fromLatin1(widest[at])),
                             cells.horizontalAdvance(head) + (horizontalHeader()->isSortIndicatorShown() ? arrow : 0)) +
                    margin;
        needed += least[at];
    }
    const int spare = std::max(viewport()->width() - needed, 0);
    for (int column = 0; column < MemberModel::column_count; ++column) {
        const int extra = column == MemberModel::name ? spare - spare / 2 : spare / 2 / (MemberModel::column_count - 1);
        setColumnWidth(column, least[static_cast<std::size_t>(column)] + extra);
    }
}

void MemberView::changeEvent(QEvent* event) {
    QTableView::changeEvent(event);
    if (event->type() == QEvent::FontChange) size_rows();
}

void MemberView::resizeEvent(QResizeEvent* event) {
    QTableView::resizeEvent(event);
    if (event->size().width() != event->oldSize().width()) fit_columns();
}

} // namespace connscope::app
