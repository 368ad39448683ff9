// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/connection_view.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/palette.hpp"

#include <QEvent>
#include <QHeaderView>
#include <QMenu>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

namespace connscope::app {

namespace {

// Writes states and carriers in their colours.
class ConnectionDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

protected:
    void initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const override {
        QStyledItemDelegate::initStyleOption(option, index);
        option->state &= ~QStyle::State_HasFocus; // the whole row is chosen, not a cell
        const auto kind = connection_columns()[static_cast<std::size_t>(index.column())].kind;
        if (kind == ConnectionColumn::Kind::state) {
            const auto state = static_cast<telemetry::ConnectionState>(index.data(ConnectionModel::StateRole).toInt());
            option->palette.setColor(QPalette::Text, text_colour(meaning_of(state), option->palette));
        } else if (kind == ConnectionColumn::Kind::carrier) {
            const auto carrier = static_cast<telemetry::CarrierKind>(index.data(ConnectionModel::CarrierRole).toInt());
            option->palette.setColor(QPalette::Text, text_colour(meaning_of(carrier), option->palette));
        }
    }
};

} // namespace

ConnectionView::ConnectionView(ConnectionModel& model, QWidget* parent)
    : QWidget(parent), model_(model), table_(new QTableView(this)) {
    table_->setObjectName(QStringLiteral("connections_table"));
    table_->setAccessibleName(tr("Connections"));
    table_->setAccessibleDescription(tr("Every connection of the server, one a row"));
    table_->setModel(&model_);
    table_->setItemDelegate(new ConnectionDelegate(table_));
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table_->setFrameShape(QFrame::NoFrame);
    table_->setShowGrid(false);
    table_->setAlternatingRowColors(true);
    table_->setWordWrap(false);
    table_->setTabKeyNavigation(false);
    table_->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    table_->horizontalHeader()->setHighlightSections(false);
    table_->horizontalHeader()->setSectionsMovable(true);
    table_->horizontalHeader()->setContextMenuPolicy(Qt::CustomContextMenu);
    table_->horizontalHeader()->setToolTip(tr("Click to sort; right-click to choose the columns."));
    connect(table_->horizontalHeader(), &QWidget::customContextMenuRequested, this,
            [this](const QPoint& at) { show_column_menu(table_->horizontalHeader()->mapToGlobal(at)); });

    const auto columns = connection_columns();
    for (std::size_t column = 0; column < columns.size(); ++column) {
        table_->setColumnHidden(static_cast<int>(column), !columns[column].shown_at_first);
        if (std::string_view(columns[column].id) == "longest_slice") {
            table_->horizontalHeader()->setSortIndicator(static_cast<int>(column), Qt::DescendingOrder);
        }
    }
    table_->setSortingEnabled(true);

    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(0, 0, 0, 0);
    box->addWidget(table_);
    size_columns();

    connect(table_->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            [this] { emit selectionChanged(selected()); });
    const auto summarise = [this] {
        QString now = summary();
        if (now == summary_) return;
        summary_ = std::move(now);
        emit summaryChanged(summary_);
    };
    connect(&model_, &QAbstractItemModel::layoutChanged, this, summarise);
    connect(&model_, &QAbstractItemModel::dataChanged, this, summarise);
}

QString ConnectionView::summary() const {
    const QString shown = count_text(model_.rowCount());
    const QString total = count_text(static_cast<double>(model_.total()));
    const QString head = model_.headerData(model_.sort_column(), Qt::Horizontal).toString();
    const QString count = shown == total ? shown : tr("%1 of %2").arg(shown, total);
    return tr("%1 · sorted by %2").arg(count, head.toLower());
}

void ConnectionView::select(const ConnectionKey& key) {
    const auto row = model_.row_of(key);
    if (!row) return;
    table_->selectRow(*row);
    table_->scrollTo(model_.index(*row, 0));
}

std::optional<ConnectionKey> ConnectionView::selected() const {
    const QModelIndexList rows = table_->selectionModel()->selectedRows();
    if (rows.isEmpty()) return std::nullopt;
    return key_of(model_.connection(rows.front().row()));
}

void ConnectionView::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange) size_columns();
}

void ConnectionView::size_columns() {
    const QFontMetrics cells(table_->font());
    const QFontMetrics heads(table_->horizontalHeader()->font());
    const int arrow = table_->style()->pixelMetric(QStyle::PM_HeaderMarkSize, nullptr, table_) + 8;
    const auto columns = connection_columns();
    for (std::size_t column = 0; column < columns.size(); ++column) {
        const QString head = model_.headerData(static_cast<int>(column), Qt::Horizontal).toString();
        const int width = std::max(cells.horizontalAdvance(QString::fromUtf8(columns[column].widest)) + 14,
                                   heads.horizontalAdvance(head) + arrow + 12);
        table_->setColumnWidth(static_cast<int>(column), width);
    }
    table_->verticalHeader()->setDefaultSectionSize(cells.height() + 5);
    table_->verticalHeader()->setMinimumSectionSize(cells.height());
}

void ConnectionView::show_column_menu(const QPoint& global) {
    QMenu menu(this);
    menu.setObjectName(QStringLiteral("columns_menu"));
    const auto columns = connection_columns();
    for (std::size_t column = 0; column < columns.size(); ++column) {
        const int at = static_cast<int>(column);
        QAction* action = menu.addAction(model_.headerData(at, Qt::Horizontal).toString());
        action->setToolTip(model_.headerData(at, Qt::Horizontal, Qt::ToolTipRole).toString());
        action->setCheckable(true);
        action->setChecked(!table_->isColumnHidden(at));
        connect(action, &QAction::toggled, table_, [table = table_, at](bool shown) { table->setColumnHidden(at, !shown); });
    }
    menu.setToolTipsVisible(true);
    menu.exec(global);
}

} // namespace connscope::app
