// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/connection_view.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/filter_line.hpp"
#include "views/palette.hpp"
#include "views/quick_text.hpp"
#include "views/quiet_header.hpp"

#include <QApplication>
#include <QCheckBox>
#include <QClipboard>
#include <QEvent>
#include <QHeaderView>
#include <QMenu>
#include <QPainter>
#include <QResizeEvent>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace connscope::app {

namespace {

constexpr int cell_margin = 6;
constexpr int widest_column = 4000; // pixels: what was remembered as more is no sensible wish

int usual_sort_column() {
    const auto columns = connection_columns();
    const auto found = std::find_if(columns.begin(), columns.end(), [](const ConnectionColumn& column) {
        return std::string_view(column.id) == "longest_slice";
    });
    return static_cast<int>(found - columns.begin());
}

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

} // namespace

ConnectionView::ConnectionView(ConnectionModel& model, QWidget* parent)
    : QWidget(parent)
    , model_(model)
    , table_(new QTableView(this))
    , filter_(new FilterLine)
    , outgoing_(new QCheckBox(this)) {
    table_->setObjectName(QStringLiteral("connections_table"));
    table_->setAccessibleName(tr("Connections"));
    table_->setAccessibleDescription(tr("Every connection of the server, one a row"));
    table_->setHorizontalHeader(new QuietHeader(table_));
    table_->horizontalHeader()->setSectionsMovable(true);
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

    table_->horizontalHeader()->setSortIndicator(usual_sort_column(), Qt::DescendingOrder);
    table_->setSortingEnabled(true);

    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(0, 0, 0, 0);
    box->setSpacing(2);
    outgoing_->setObjectName(QStringLiteral("outgoing_connections"));
    outgoing_->setToolTip(
        tr("Connections that the process has opened itself, to a database or to whom it passes on: nobody "
           "listens on the port that they have here. They count nowhere as its connections; this shows them "
           "in the table all the same."));
    outgoing_->hide();
    box->addWidget(outgoing_);
    box->addWidget(table_);
    connect(outgoing_, &QCheckBox::toggled, this, [this](bool shown) { model_.set_outgoing_shown(shown); });
    connect(table_->horizontalHeader(), &QHeaderView::sectionResized, this, [this](int column, int, int size) {
        if (!is_fitting_ && size > 0 && !table_->isColumnHidden(column))
            has_own_widths_ = has_own_widths_ || table_->isVisible();
    });
    size_columns();
    table_->viewport()->installEventFilter(this);

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
    connect(&model_, &ConnectionModel::sourcesChanged, this, &ConnectionView::follow_sources);
    connect(&model_, &ConnectionModel::countsChanged, this, [this, summarise] {
        tell_outgoing();
        summarise();
    });
    connect(&model_, &QAbstractItemModel::layoutChanged, this, summarise);
    connect(&model_, &QAbstractItemModel::dataChanged, this, summarise);
}

void ConnectionView::tell_outgoing() {
    const std::size_t count = model_.outgoing();
    outgoing_->setVisible(count > 0 || outgoing_->isChecked());
    const QString text = tr("Show %1 outgoing, too, which are not counted").arg(count_text(static_cast<double>(count)));
    if (text != outgoing_->text()) outgoing_->setText(text);
    outgoing_->setAccessibleName(text);
}

QString ConnectionView::summary() const {
    const QString shown = count_text(model_.rowCount());
    const std::size_t outgoing = model_.outgoing_shown() ? model_.outgoing() : 0;
    const QString total = count_text(static_cast<double>(model_.total() + outgoing));
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
    const int arrow = static_cast<QuietHeader*>(table_->horizontalHeader())->arrow_width();
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

void ConnectionView::show_column(int column, bool shown) {
    is_fitting_ = true; // showing a column is no wish for its width
    table_->setColumnHidden(column, !shown);
    is_fitting_ = false;
}

// A column that nobody tells anything in is no order to sort by, and another is taken where the usual one would be.
void ConnectionView::follow_sources() {
    const int sorted = table_->horizontalHeader()->sortIndicatorSection();
    const int usual = usual_sort_column();
    const auto column_of = [](std::string_view id) {
        const auto columns = connection_columns();
        const auto found = std::ranges::find(columns, id, &ConnectionColumn::id);
        return static_cast<int>(found - columns.begin());
    };
    const int otherwise = column_of("bytes_in");
    if (sorted == usual && !model_.tells(usual)) {
        table_->sortByColumn(otherwise, Qt::DescendingOrder);
        sorts_otherwise_ = true;
    } else if (sorts_otherwise_ && sorted == otherwise && model_.tells(usual)) {
        table_->sortByColumn(usual, Qt::DescendingOrder);
        sorts_otherwise_ = false;
    }
    fit_columns();
}

// As many columns as there is room for, the most telling ones first; the one that sorts is always among them.
void ConnectionView::choose_columns() {
    const auto columns = connection_columns();
    const int sorted = table_->horizontalHeader()->sortIndicatorSection();
    const bool has_probe = model_.has_probe();
    std::vector<int> by_rank;
    for (int column = 0; column < static_cast<int>(columns.size()); ++column) {
        const bool is_wanted = columns[static_cast<std::size_t>(column)].rank_in(has_probe) > 0 && model_.tells(column);
        if (is_wanted || column == sorted) by_rank.push_back(column);
    }
    std::sort(by_rank.begin(), by_rank.end(), [&](int a, int b) {
        const auto rank = [&](int column) {
            return column == sorted ? 0 : columns[static_cast<std::size_t>(column)].rank_in(has_probe);
        };
        return rank(a) < rank(b);
    });
    int room = table_->viewport()->width();
    std::vector<bool> shown(columns.size(), false);
    for (const int column : by_rank) {
        const auto at = static_cast<std::size_t>(column);
        room -= least_widths_[at];
        if (room < 0 && column != by_rank.front()) break;
        shown[at] = true;
    }
    for (std::size_t column = 0; column < columns.size(); ++column) show_column(static_cast<int>(column), shown[column]);
}

// The columns share the room that there is beyond what they need, unless the user has other wishes.
void ConnectionView::fit_columns() {
    if (!has_own_columns_) choose_columns();
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

bool ConnectionView::eventFilter(QObject* watched, QEvent* event) {
    // The viewport grows and shrinks with the window and with the scroll bar beside it. Once it is laid out:
    if (watched == table_->viewport() && event->type() == QEvent::Resize) {
        const auto* resize = static_cast<QResizeEvent*>(event);
        if (resize->size().width() != resize->oldSize().width())
            QMetaObject::invokeMethod(this, &ConnectionView::fit_columns, Qt::QueuedConnection);
    }
    return QWidget::eventFilter(watched, event);
}

ColumnWishes ConnectionView::column_wishes() const {
    ColumnWishes wishes;
    const auto columns = connection_columns();
    const QHeaderView* head = table_->horizontalHeader();
    const auto id_of = [&](int column) { return QString::fromLatin1(columns[static_cast<std::size_t>(column)].id); };
    bool is_moved = false;
    for (int place = 0; place < head->count(); ++place) {
        const int column = head->logicalIndex(place);
        is_moved = is_moved || column != place;
        wishes.order << id_of(column);
        if (table_->isColumnHidden(column)) continue;
        if (has_own_columns_) wishes.shown << id_of(column);
        if (has_own_widths_) wishes.widths[id_of(column)] = table_->columnWidth(column);
    }
    if (!is_moved) wishes.order.clear();
    wishes.descending = head->sortIndicatorOrder() == Qt::DescendingOrder;
    if (const int sorted = head->sortIndicatorSection();
        !sorts_otherwise_ && (sorted != usual_sort_column() || !wishes.descending))
        wishes.sorted_by = id_of(sorted);
    return wishes;
}

void ConnectionView::grant(const ColumnWishes& wishes) {
    const auto columns = connection_columns();
    QHeaderView* head = table_->horizontalHeader();
    const auto column_of = [&](const QString& id) {
        const auto found = std::find_if(columns.begin(), columns.end(),
                                        [&](const ConnectionColumn& column) { return id == QLatin1String(column.id); });
        return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
    };
    QStringList order = wishes.order;
    if (order.isEmpty()) {
        for (const ConnectionColumn& column : columns) order << QString::fromLatin1(column.id);
    }
    int place = 0;
    for (const QString& id : order) {
        if (const int column = column_of(id); column >= 0) head->moveSection(head->visualIndex(column), place++);
    }
    has_own_columns_ =
        std::any_of(wishes.shown.begin(), wishes.shown.end(), [&](const QString& id) { return column_of(id) >= 0; });
    for (int column = 0; has_own_columns_ && column < static_cast<int>(columns.size()); ++column)
        show_column(column, wishes.shown.contains(QString::fromLatin1(columns[static_cast<std::size_t>(column)].id)));
    const int sorted = column_of(wishes.sorted_by);
    table_->sortByColumn(sorted >= 0 ? sorted : usual_sort_column(),
                         sorted < 0 || wishes.descending ? Qt::DescendingOrder : Qt::AscendingOrder);
    has_own_widths_ = false;
    fit_columns();
    is_fitting_ = true;
    for (const auto& [id, width] : wishes.widths) {
        const int column = column_of(id);
        if (column < 0 || width < head->minimumSectionSize() || width > widest_column) continue;
        table_->setColumnWidth(column, width);
        has_own_widths_ = true;
    }
    is_fitting_ = false;
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
    if (modes_.empty() && !uncontrolled_.isEmpty()) move->menuAction()->setToolTip(uncontrolled_);
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
    if (!uncontrolled_.isEmpty()) {
        close->setEnabled(false);
        close->setToolTip(uncontrolled_);
    }
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
            has_own_columns_ = true;
            show_column(at, shown);
            fit_columns();
        });
    }
    menu->addSeparator();
    QAction* usual = menu->addAction(tr("As many as there is &room for"), this, [this] { grant({}); });
    usual->setToolTip(tr("The usual columns in their usual order, the most telling ones first."));
    usual->setEnabled(column_wishes() != ColumnWishes{});
    return menu;
}

void ConnectionView::show_column_menu(const QPoint& global) {
    QMenu* menu = make_column_menu();
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->popup(global); // not exec(): the window goes on behind it
}

} // namespace connscope::app
