// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/process_picker.hpp"

#include "views/card.hpp"
#include "views/quiet_header.hpp"

#include <QDialogButtonBox>
#include <QKeyEvent>
#include <QVBoxLayout>

#include <algorithm>

namespace connscope::app {

ProcessPicker::ProcessPicker(QWidget* parent)
    : QDialog(parent)
    , input_(new QLineEdit(this))
    , table_(new QTableView(this))
    , about_(new MutedLabel({}, this))
    , attach_(new QPushButton(tr("Attach"), this))
    , by_name_(new QPushButton(this)) {
    setObjectName(QStringLiteral("process_picker"));
    setWindowTitle(tr("Attach to a process"));
    setAttribute(Qt::WA_DeleteOnClose);
    input_->setObjectName(QStringLiteral("picker_input"));
    input_->setAccessibleName(tr("Words of the process"));
    input_->setPlaceholderText(tr("Name, pid, user, command or :port"));
    input_->setToolTip(tr("Shows the processes that hold all these words."));
    input_->setClearButtonEnabled(true);
    table_->setObjectName(QStringLiteral("picker_table"));
    table_->setAccessibleName(tr("Processes"));
    table_->setAccessibleDescription(tr("Every process of this machine, your own first"));
    auto* head = new QuietHeader(table_);
    table_->setHorizontalHeader(head);
    table_->setModel(&model_);
    head->setStretchLastSection(true);
    head->setSortIndicatorShown(false);
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setSelectionMode(QAbstractItemView::ExtendedSelection);
    table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table_->setAlternatingRowColors(true);
    table_->setFrameShape(QFrame::NoFrame);
    table_->setShowGrid(false);
    table_->setWordWrap(false);
    table_->setTabKeyNavigation(false);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 6);
    about_->setObjectName(QStringLiteral("picker_about"));
    about_->setWordWrap(true);
    about_->setMinimumHeight(2 * fontMetrics().lineSpacing());
    about_->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    attach_->setObjectName(QStringLiteral("picker_attach"));
    attach_->setDefault(true);
    by_name_->setObjectName(QStringLiteral("picker_by_name"));
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Cancel, this);
    buttons->addButton(by_name_, QDialogButtonBox::ActionRole);
    buttons->addButton(attach_, QDialogButtonBox::AcceptRole);
    auto* box = new QVBoxLayout(this);
    box->addWidget(input_);
    box->addWidget(table_, 1);
    box->addWidget(about_);
    box->addWidget(buttons);

    connect(input_, &QLineEdit::textChanged, this, [this](const QString& words) {
        model_.search(words);
        if (model_.rowCount() > 0) table_->selectRow(0);
        show_selection();
    });
    connect(table_->selectionModel(), &QItemSelectionModel::selectionChanged, this, &ProcessPicker::show_selection);
    connect(table_, &QTableView::doubleClicked, attach_, &QPushButton::click);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(attach_, &QPushButton::clicked, this, [this] {
        QStringList pids;
        for (const int row : selected_rows()) pids << QString::number(model_.choice(row).process.pid);
        choose(pids);
    });
    connect(by_name_, &QPushButton::clicked, this, [this] {
        const auto rows = selected_rows();
        if (!rows.empty()) choose({QString::fromStdString(model_.choice(rows.front()).process.name)});
    });
    input_->installEventFilter(this);
    auto* lister = new ProcessLister(this);
    connect(lister, &ProcessLister::listed, this, [this](const AttachChoicesPtr& choices) {
        const bool is_first = model_.total() == 0;
        model_.show_choices(choices);
        if (is_first) fit_columns();
        if (selected_rows().empty() && model_.rowCount() > 0) table_->selectRow(0);
        show_selection();
    });
    lister->start();
    resize(QSize(fontMetrics().averageCharWidth() * 120, fontMetrics().height() * 30)
               .boundedTo(parent->size() - QSize(60, 60)));
    input_->setFocus();
    show_selection();
}

std::vector<int> ProcessPicker::selected_rows() const {
    std::vector<int> rows;
    for (const QModelIndex& index : table_->selectionModel()->selectedRows()) rows.push_back(index.row());
    std::ranges::sort(rows);
    return rows;
}

void ProcessPicker::fit_columns() {
    const int margin = fontMetrics().averageCharWidth() * 2;
    const int most = fontMetrics().averageCharWidth() * 24;
    for (int column = 0; column < ProcessModel::command; ++column) {
        int width = table_->horizontalHeader()->sectionSizeHint(column);
        for (int row = 0; row < model_.rowCount(); ++row)
            width = std::max(width, fontMetrics().horizontalAdvance(model_.index(row, column).data().toString()));
        table_->setColumnWidth(column, std::min(width, most) + margin);
    }
}

void ProcessPicker::show_selection() {
    const auto rows = selected_rows();
    attach_->setEnabled(!rows.empty());
    attach_->setText(rows.size() > 1 ? tr("Attach to these %1").arg(rows.size()) : tr("Attach"));
    attach_->setAccessibleName(attach_->text());
    attach_->setToolTip(tr("Watches them in this window; connscope's own server and clients end. Nothing changes in what is "
                           "watched."));
    by_name_->setEnabled(!rows.empty());
    if (rows.empty()) {
        about_->setText(model_.total() == 0 ? tr("Looking …") : tr("No process holds all these words."));
        by_name_->setText(tr("Attach to all of that name"));
        by_name_->setAccessibleName(by_name_->text());
        return;
    }
    const AttachChoice& first = model_.choice(rows.front());
    by_name_->setText(tr("Attach to all called %1").arg(QString::fromStdString(first.process.name)));
    by_name_->setAccessibleName(by_name_->text());
    by_name_->setToolTip(tr("All processes of that name as one, and those that come later: the workers of a server that has "
                            "several."));
    about_->setText(rows.size() > 1 ? tr("These are watched as one server: added up, with the process of each connection "
                                         "beside it.")
                                    : visible_tip(first));
}

void ProcessPicker::choose(const QStringList& wanted) {
    if (wanted.isEmpty()) return;
    emit chosen(wanted);
    accept();
}

bool ProcessPicker::eventFilter(QObject* watched, QEvent* event) {
    if (watched == input_ && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const auto rows = selected_rows();
        const int row = rows.empty() ? 0 : rows.front();
        if (key->key() == Qt::Key_Down || key->key() == Qt::Key_Up) {
            const int to = std::clamp(row + (key->key() == Qt::Key_Down ? 1 : -1), 0, std::max(model_.rowCount() - 1, 0));
            table_->selectRow(to);
            table_->scrollTo(model_.index(to, 0));
            return true;
        }
    }
    return QDialog::eventFilter(watched, event);
}

} // namespace connscope::app
