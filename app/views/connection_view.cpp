// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/connection_view.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/filter_line.hpp"
#include "views/palette.hpp"
#include "views/quick_text.hpp"

#include <QApplication>
#include <QClipboard>
#include <QEvent>
#include <QHeaderView>
#include <QMenu>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

#include <cmath>

namespace connscope::app {

namespace {

constexpr int cell_margin = 6;

// Writes states and carriers in their colours. Paints by itself: a style takes five times as long for a cell.
class ConnectionDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        if (text_.font() != option.font) text_ = QuickText(option.font);
        const bool is_chosen = option.state.testFlag(QStyle::State_Selected);
        if (is_chosen) painter->fillRect(option.rect, option.palette.color(QPalette::Highlight));
        painter->setPen(is_chosen ? option.palette.color(QPalette::HighlightedText) : colour_of(index, option.palette));
        const double room = option.rect.width() - 2 * cell_margin;
        QString text = index.data().toString();
        double width = text_.width(text);
        if (width > room) {
            text = option.fontMetrics.elidedText(text, Qt::ElideRight, static_cast<int>(room));
            width = text_.width(text);
        }
        const bool is_right = (index.data(Qt::TextAlignmentRole).toInt() & Qt::AlignRight) != 0;
        const double x = option.rect.left() + cell_margin + (is_right ? std::floor(room - width) : 0);
        const double y =
            option.rect.top() + (option.rect.height() + option.fontMetrics.ascent() - option.fontMetrics.descent()) / 2;
        text_.draw(*painter, {x, y}, text);
    }

private:
    static QColor colour_of(const QModelIndex& index, const QPalette& palette) {
        switch (connection_columns()[static_cast<std::size_t>(index.column())].kind) {
        case ConnectionColumn::Kind::state:
            return text_colour(
                meaning_of(static_cast<telemetry::ConnectionState>(index.data(ConnectionModel::StateRole).toInt())),
                palette);
        case ConnectionColumn::Kind::carrier:
            return text_colour(
                meaning_of(static_cast<telemetry::CarrierKind>(index.data(ConnectionModel::CarrierRole).toInt())), palette);
        default:
            return palette.color(QPalette::Text);
        }
    }

    mutable QuickText text_;
};

// A quiet head: muted words and a small arrow, no lines but one below.
class ConnectionHeader : public QHeaderView {
public:
    explicit ConnectionHeader(QWidget* parent)
        : QHeaderView(Qt::Horizontal, parent) {
        setSectionsClickable(true);
        setSectionsMovable(true);
        setHighlightSections(false);
        setFont(scaled_font(font(), 0.95));
    }

protected:
    QSize sizeHint() const override { return {QHeaderView::sizeHint().width(), fontMetrics().height() + 8}; }

    void paintEvent(QPaintEvent* event) override {
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

    void paintSection(QPainter* painter, const QRect& place, int section) const override {
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

public:
    int arrow_width() const { return fontMetrics().ascent(); }
};

} // namespace

ConnectionView::ConnectionView(ConnectionModel& model, QWidget* parent)
    : QWidget(parent)
    , model_(model)
    , table_(new QTableView(this))
    , filter_(new FilterLine) {
    table_->setObjectName(QStringLiteral("connections_table"));
    table_->setAccessibleName(tr("Connections"));
    table_->setAccessibleDescription(tr("Every connection of the server, one a row"));
    table_->setHorizontalHeader(new ConnectionHeader(table_));
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
    connect(table_->horizontalHeader(), &QHeaderView::sectionResized, this, [this](int column, int, int size) {
        if (!is_fitting_ && size > 0 && !table_->isColumnHidden(column))
            has_own_widths_ = has_own_widths_ || table_->isVisible();
    });
    size_columns();

    filter_->setMinimumWidth(fontMetrics().averageCharWidth() * 34);
    connect(filter_, &FilterLine::filterChanged, this,
            [this](const ConnectionModel::Filter& filter) { model_.set_filter(filter); });
    table_->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(table_, &QWidget::customContextMenuRequested, this, &ConnectionView::show_row_menu);
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
    const QFontMetrics heads(scaled_font(table_->horizontalHeader()->font(), 1.0, QFont::DemiBold));
    const int arrow = static_cast<ConnectionHeader*>(table_->horizontalHeader())->arrow_width();
    const int margins = 2 * cell_margin + 4;
    const auto columns = connection_columns();
    least_widths_.clear();
    for (std::size_t column = 0; column < columns.size(); ++column) {
        const QString head = model_.headerData(static_cast<int>(column), Qt::Horizontal).toString();
        least_widths_.push_back(std::max(cells.horizontalAdvance(QString::fromUtf8(columns[column].widest)) + margins,
                                         heads.horizontalAdvance(head) + arrow + margins));
    }
    fit_columns();
    table_->verticalHeader()->setDefaultSectionSize(cells.height() + 5);
    table_->verticalHeader()->setMinimumSectionSize(cells.height());
}

// The columns share the room that there is beyond what they need, unless the user has other wishes.
void ConnectionView::fit_columns() {
    if (has_own_widths_) return;
    int needed = 0;
    int shown = 0;
    for (int column = 0; column < model_.columnCount(); ++column) {
        if (table_->isColumnHidden(column)) continue;
        needed += least_widths_[static_cast<std::size_t>(column)];
        ++shown;
    }
    const int spare = std::max(table_->viewport()->width() - needed, 0);
    is_fitting_ = true;
    int given = 0;
    int place = 0;
    for (int column = 0; column < model_.columnCount(); ++column) {
        const int least = least_widths_[static_cast<std::size_t>(column)];
        if (table_->isColumnHidden(column)) continue;
        const int until_here = spare * ++place / std::max(shown, 1);
        table_->setColumnWidth(column, least + until_here - given);
        given = until_here;
    }
    is_fitting_ = false;
}

void ConnectionView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fit_columns();
}

void ConnectionView::show_row_menu(const QPoint& at) {
    const QModelIndex index = table_->indexAt(at);
    if (!index.isValid()) return;
    table_->selectRow(index.row());
    const ConnectionKey key = key_of(model_.connection(index.row()));
    auto* menu = new QMenu(this); // not exec(): the window goes on behind it
    menu->setObjectName(QStringLiteral("row_menu"));
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->setToolTipsVisible(true);
    QAction* follow = menu->addAction(tr("&Follow in the timeline"), this, [this, key] { emit followWanted(key); });
    follow->setToolTip(tr("Its slices stand out in the timeline."));
    QAction* anatomy = menu->addAction(tr("Show its &anatomy"), this, [this, key] { emit anatomyWanted(key); });
    anatomy->setToolTip(tr("Where it will continue and what it continues with, read from the server's memory."));
    QMenu* move = menu->addMenu(tr("&Move this one to"));
    move->setObjectName(QStringLiteral("row_move_menu"));
    move->setToolTipsVisible(true);
    for (const ModeDescription& mode : modes_) {
        QAction* to = move->addAction(mode.name, this, [this, key, id = mode.id] { emit moveWanted(key, id); });
        to->setToolTip(mode.hint);
    }
    move->setEnabled(!modes_.empty());
    QAction* copy = menu->addAction(tr("&Copy row"), this, [this, key] {
        if (const auto row = model_.row_of(key)) copy_row(*row);
    });
    copy->setToolTip(tr("The shown columns, with tabs between them."));
    QMenu* columns = make_column_menu();
    columns->setParent(menu, columns->windowFlags());
    menu->addMenu(columns);
    menu->addSeparator();
    QAction* close = menu->addAction(tr("C&lose connection"), this, [this, key] { emit closeWanted(key); });
    close->setToolTip(tr("The server closes it; the load opens another one where it wants as many as before."));
    menu->popup(table_->viewport()->mapToGlobal(at));
}

void ConnectionView::copy_row(int row) const {
    QStringList heads;
    QStringList cells;
    const QHeaderView* head = table_->horizontalHeader();
    for (int place = 0; place < head->count(); ++place) {
        const int column = head->logicalIndex(place);
        if (table_->isColumnHidden(column)) continue;
        heads << model_.headerData(column, Qt::Horizontal).toString();
        cells << model_.index(row, column).data().toString();
    }
    QApplication::clipboard()->setText(heads.join(QLatin1Char('\t')) + QLatin1Char('\n') + cells.join(QLatin1Char('\t')) +
                                       QLatin1Char('\n'));
}

QMenu* ConnectionView::make_column_menu() {
    auto* menu = new QMenu(tr("Co&lumns"), this);
    menu->setObjectName(QStringLiteral("columns_menu"));
    menu->setToolTipsVisible(true);
    const auto columns = connection_columns();
    for (std::size_t column = 0; column < columns.size(); ++column) {
        const int at = static_cast<int>(column);
        QAction* action = menu->addAction(model_.headerData(at, Qt::Horizontal).toString());
        action->setToolTip(model_.headerData(at, Qt::Horizontal, Qt::ToolTipRole).toString());
        action->setCheckable(true);
        action->setChecked(!table_->isColumnHidden(at));
        connect(action, &QAction::toggled, this, [this, at](bool shown) {
            is_fitting_ = true; // showing a column is no wish for its width
            table_->setColumnHidden(at, !shown);
            is_fitting_ = false;
            fit_columns();
        });
    }
    return menu;
}

void ConnectionView::show_column_menu(const QPoint& global) {
    QMenu* menu = make_column_menu();
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->popup(global); // not exec(): the window goes on behind it
}

} // namespace connscope::app
