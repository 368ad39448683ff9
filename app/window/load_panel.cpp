// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/load_panel.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/quiet_header.hpp"
#include "window/flow_layout.hpp"
#include "window/log_slider.hpp"
#include "window/workload_cards.hpp"

#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QMenu>
#include <QPushButton>
#include <QSpinBox>
#include <QStyledItemDelegate>
#include <QTableView>
#include <QVBoxLayout>

namespace connscope::app {

namespace {

constexpr double most_connections = 20'000;
constexpr double most_requests = 200'000;
constexpr double most_payload = 1 << 16; // the table takes more

// An editor for each kind of cell: a choice of kinds, or a number with its bounds.
class PopulationDelegate : public QStyledItemDelegate {
public:
    PopulationDelegate(const PopulationModel& model, QObject* parent)
        : QStyledItemDelegate(parent)
        , model_(model) {}

    QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem&, const QModelIndex& index) const override {
        const QString name = index.model()->headerData(index.column(), Qt::Horizontal).toString();
        QWidget* editor = nullptr;
        if (index.column() == PopulationModel::kind) {
            auto* box = new QComboBox(parent);
            box->addItems(PopulationModel::kinds(model_.protocol()));
            editor = box;
        } else if (index.column() == PopulationModel::rate) {
            auto* spin = new QDoubleSpinBox(parent);
            spin->setRange(0, 1e7);
            spin->setDecimals(0);
            spin->setSpecialValueText(tr("most"));
            editor = spin;
        } else {
            auto* spin = new QSpinBox(parent);
            spin->setRange(0, index.column() == PopulationModel::payload ? 1 << 30 : 16'000'000);
            editor = spin;
        }
        editor->setObjectName(QStringLiteral("population_editor"));
        editor->setAccessibleName(name);
        editor->setToolTip(index.model()->headerData(index.column(), Qt::Horizontal, Qt::ToolTipRole).toString());
        return editor;
    }
    void setEditorData(QWidget* editor, const QModelIndex& index) const override {
        if (auto* box = qobject_cast<QComboBox*>(editor)) {
            // What the load tells four times a second must not take the choice out of the user's hand.
            if (box->currentIndex() <= 0) box->setCurrentText(index.data(Qt::EditRole).toString());
        } else if (!editor->property("filled").toBool()) {
            QStyledItemDelegate::setEditorData(editor, index);
            editor->setProperty("filled", true);
        }
    }
    void setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const override {
        if (auto* box = qobject_cast<QComboBox*>(editor)) {
            model->setData(index, box->currentText(), Qt::EditRole);
        } else {
            QStyledItemDelegate::setModelData(editor, model, index);
        }
    }

private:
    const PopulationModel& model_;
};

} // namespace

LoadPanel::LoadPanel(QWidget* parent)
    : QWidget(parent)
    , cards_(new WorkloadCards(this))
    , table_(new QTableView(this))
    , add_(new QPushButton(this))
    , remove_(new QPushButton(tr("Remove"), this)) {
    setObjectName(QStringLiteral("load_panel_body"));
    table_->setObjectName(QStringLiteral("populations"));
    table_->setAccessibleName(tr("Populations of clients"));
    table_->setHorizontalHeader(new QuietHeader(table_));
    table_->horizontalHeader()->setSectionsClickable(false);
    table_->setModel(&model_);
    table_->setItemDelegate(new PopulationDelegate(model_, table_));
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed |
                            QAbstractItemView::AnyKeyPressed);
    table_->setFrameShape(QFrame::NoFrame);
    table_->setShowGrid(false);
    table_->setAlternatingRowColors(true);
    table_->setTabKeyNavigation(false);
    table_->verticalHeader()->hide();
    table_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);

    add_->setObjectName(QStringLiteral("add_population"));
    add_->setText(tr("Add clients"));
    add_->setAccessibleName(add_->text());
    add_->setToolTip(tr("Adds a population of another kind; its numbers can be changed in the table."));
    add_->setMenu(new QMenu(add_));
    remove_->setObjectName(QStringLiteral("remove_population"));
    remove_->setAccessibleName(tr("Remove the chosen population"));
    remove_->setToolTip(tr("Closes the connections of the chosen population; the others stay."));
    remove_->setFocusPolicy(Qt::TabFocus);

    connections_ = new LogSlider(QStringLiteral("population_connections"), tr("Connections"), 1, most_connections, {},
                                 tr("How many clients of the chosen population are connected."), this);
    rate_ = new LogSlider(
        QStringLiteral("population_rate"), tr("Requests/s"), 10, most_requests, tr("most"),
        tr("How many requests the chosen population sends in a second; at the left end as many as are answered."), this);
    payload_ = new LogSlider(QStringLiteral("population_payload"), tr("Payload, bytes"), 1, most_payload, {},
                             tr("How many bytes a request of the chosen population carries."), this);

    auto* sliders = new FlowLayout(18, 2);
    for (LogSlider* slider : {connections_, rate_, payload_}) sliders->addWidget(slider);
    sliders->addWidget(add_);
    sliders->addWidget(remove_);
    auto* right = new QVBoxLayout;
    right->setSpacing(4);
    right->addWidget(table_, 1);
    right->addLayout(sliders);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(12);
    row->addWidget(cards_, 1);
    row->addLayout(right, 1);

    connect(cards_, &WorkloadCards::workloadWanted, this, &LoadPanel::workloadWanted);
    connect(&model_, &PopulationModel::populationWanted, this, &LoadPanel::populationWanted);
    connect(&model_, &PopulationModel::dataChanged, this, &LoadPanel::show_current);
    connect(&model_, &PopulationModel::modelReset, this, [this] {
        if (current_row() < 0 && model_.rowCount() > 0) table_->selectRow(0);
        size_columns();
        show_current();
    });
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &LoadPanel::show_current);
    connect(connections_, &LogSlider::valueWanted, this, [this](double value) { set(PopulationModel::connections, value); });
    connect(rate_, &LogSlider::valueWanted, this, [this](double value) { set(PopulationModel::rate, value); });
    connect(payload_, &LogSlider::valueWanted, this, [this](double value) { set(PopulationModel::payload, value); });
    connect(remove_, &QAbstractButton::clicked, this, [this] {
        if (const int now = current_row(); now >= 0) emit populationUnwanted(model_.population(now).name);
    });
    show_current();
}

QSize LoadPanel::sizeHint() const { return {900, fontMetrics().height() * 14}; }

QSize LoadPanel::minimumSizeHint() const { return {400, fontMetrics().height() * 8}; }

void LoadPanel::show_workloads(std::vector<Workload> workloads) { cards_->show_workloads(std::move(workloads)); }

void LoadPanel::show_load(const Snapshot& snapshot, const QString& protocol) {
    if (protocol != protocol_) {
        protocol_ = protocol;
        fill_kinds();
    }
    if (!snapshot.has_load) {
        model_.clear();
        return;
    }
    model_.show_load(snapshot.load, protocol);
    QStringList texts;
    int wanted = 0;
    for (int row = 0; row < model_.rowCount(); ++row) {
        texts << to_text(model_.population(row));
        wanted += model_.population(row).connections;
    }
    emit titleChanged(cards_->show_running(texts));
    emit summaryChanged(tr("%1 clients wanted").arg(count_text(wanted)));
}

void LoadPanel::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange) QMetaObject::invokeMethod(this, &LoadPanel::size_columns, Qt::QueuedConnection);
}

void LoadPanel::fill_kinds() {
    QMenu* menu = add_->menu();
    menu->clear();
    for (const QString& kind : PopulationModel::kinds(protocol_)) {
        connect(menu->addAction(kind), &QAction::triggered, this, [this, kind] {
            QStringList taken;
            for (int row = 0; row < model_.rowCount(); ++row) taken << model_.population(row).name;
            Population added;
            added.kind = added.name = kind;
            added.connections = kind == QLatin1String("idle") ? 100 : kind == QLatin1String("hog") ? 1 : 10;
            if (kind == QLatin1String("hog")) added = *parse_population(hog_text(1));
            if (kind == QLatin1String("active") || kind == QLatin1String("churn"))
                added.set_option(QStringLiteral("rate"), QStringLiteral("100"));
            for (int number = 2; taken.contains(added.name); ++number)
                added.name = QStringLiteral("%1-%2").arg(kind).arg(number);
            emit populationWanted(to_text(added));
        });
    }
}

int LoadPanel::current_row() const {
    const QModelIndex index = table_->selectionModel()->currentIndex();
    return index.isValid() && index.row() < model_.rowCount() ? index.row() : -1;
}

void LoadPanel::set(PopulationModel::Column column, double value) {
    if (const int row = current_row(); row >= 0) model_.setData(model_.index(row, column), value);
}

void LoadPanel::show_current() {
    const int row = current_row();
    const QString kind = row < 0 ? QString() : model_.population(row).kind;
    connections_->setEnabled(row >= 0);
    remove_->setEnabled(row >= 0);
    rate_->setEnabled(row >= 0 && PopulationModel::has_rate(kind));
    payload_->setEnabled(row >= 0 && PopulationModel::has_payload(kind));
    if (row < 0) return;
    const auto value = [&](PopulationModel::Column column) {
        return model_.index(row, column).data(Qt::EditRole).toDouble();
    };
    connections_->show_value(value(PopulationModel::connections));
    rate_->show_value(value(PopulationModel::rate));
    payload_->show_value(value(PopulationModel::payload));
}

void LoadPanel::size_columns() {
    const QFontMetrics metrics = table_->fontMetrics();
    for (int column = 0; column < PopulationModel::column_count; ++column) {
        int width = metrics.horizontalAdvance(model_.headerData(column, Qt::Horizontal).toString()) + 22;
        for (int row = 0; row < model_.rowCount(); ++row) {
            width = std::max(width, metrics.horizontalAdvance(model_.index(row, column).data().toString()) + 18);
        }
        if (column == PopulationModel::kind)
            width = std::max(width, metrics.horizontalAdvance(QStringLiteral("slow-reader")) + 40);
        table_->setColumnWidth(column, width);
    }
    table_->verticalHeader()->setDefaultSectionSize(metrics.height() + 8);
}

} // namespace connscope::app
