// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/comparison_page.hpp"

#include "models/format.hpp"
#include "models/saved_file.hpp"
#include "views/card.hpp"
#include "views/elided_combo_box.hpp"
#include "views/heat_table.hpp"
#include "views/named.hpp"
#include "views/palette.hpp"
#include "views/report_pdf.hpp"
#include "views/svg_picture.hpp"

#include "connscope/lab/charts.hpp"
#include "connscope/lab/findings.hpp"
#include "connscope/lab/report.hpp"

#include <boost/json.hpp>

#include <QCheckBox>
#include <QComboBox>
#include <QEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QMessageBox>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QSpinBox>
#include <QSplitter>

#include <algorithm>

namespace connscope::app {

ComparisonPage::ComparisonPage(QString companions_folder, RunStore& store, QWidget* parent)
    : QWidget(parent, Qt::Window)
    , companions_folder_(std::move(companions_folder))
    , store_(store) {
    setObjectName(QStringLiteral("comparison_page"));
    setWindowTitle(tr("connscope: compare"));
    setAutoFillBackground(true);
    table_ = new HeatTable(model_, this);
    auto* table_card = new Card(this);
    auto* table_box = new QVBoxLayout(table_card);
    table_box->setContentsMargins(12, 10, 8, 8);
    table_box->addWidget(table_);
    auto* split = new QSplitter(Qt::Vertical, this);
    split->addWidget(table_card);
    split->addWidget(make_pictures());
    split->setStretchFactor(0, 5);
    split->setStretchFactor(1, 3);
    split->setSizes({440, 340});
    split->setChildrenCollapsible(false);
    auto* right = new QVBoxLayout;
    right->setSpacing(8);
    right->addWidget(make_head());
    right->addWidget(split, 1);
    auto* all = new QHBoxLayout(this);
    all->setContentsMargins(10, 10, 10, 10);
    all->setSpacing(10);
    all->addWidget(make_choices());
    all->addLayout(right, 1);

    redraw_.setSingleShot(true);
    redraw_.setInterval(60);
    connect(&redraw_, &QTimer::timeout, this, &ComparisonPage::show_pictures);
    connect(table_, &HeatTable::chosen, &redraw_, qOverload<>(&QTimer::start));
    for (SvgPicture* picture : {bars_, curves_})
        connect(picture, &SvgPicture::resized, &redraw_, qOverload<>(&QTimer::start));
    connect(&experiment_, &Experiment::begun, this, [this] {
        measured_ = store_.keep(experiment_.result());
        run_ = measured_;
        list_runs();
        show_result(experiment_.result());
    });
    connect(&experiment_, &Experiment::roundEnded, this, [this] {
        keep();
        if (run_ == measured_) show_result(experiment_.result());
    });
    connect(&experiment_, &Experiment::progressed, this, [this](const ExperimentProgress& progress) {
        progress_->setMaximum(std::max(progress.all, 1));
        progress_->setValue(progress.done);
        tell(tr("%1 left. %2: %3")
                 .arg(duration_text(progress.left_s), progress.cell.section(QLatin1Char(' '), 0, 0), progress.part));
        if (run_ == measured_) model_.show_running(progress.cell);
    });
    connect(&experiment_, &Experiment::noted, this, [this](const QString& text) { tell(text); });
    connect(&experiment_, &Experiment::finished, this, &ComparisonPage::finish);
    list_runs();
    if (!store_.problem().isEmpty()) tell(store_.problem(), true);
    if (const auto runs = store_.runs(); !runs.empty())
        show_run(runs.front().id);
    else
        show_result({});
}

ComparisonPage::~ComparisonPage() {
    experiment_.disconnect(this);
    // The views go before the model and the timer that they speak to.
    qDeleteAll(findChildren<QWidget*>(Qt::FindDirectChildrenOnly));
}

QWidget* ComparisonPage::make_choices() {
    auto* card = new Card(this);
    card->setFixedWidth(fontMetrics().averageCharWidth() * 34);
    auto* box = new QVBoxLayout(card);
    box->setContentsMargins(14, 12, 14, 14);
    box->setSpacing(6);
    box->addWidget(new ScaledLabel(tr("What to compare"), 1.15, QFont::DemiBold, card));
    box->addSpacing(4);
    box->addWidget(new CaptionLabel(tr("MODES"), card));
    mode_boxes_ = new QVBoxLayout;
    mode_boxes_->setSpacing(3);
    box->addLayout(mode_boxes_);
    box->addSpacing(6);
    connections_ =
        named(new QLineEdit(QStringLiteral("1000"), card), "compare_connections", tr("Connections"),
              tr("How many connections; several numbers, with commas between them, make a sweep: 100,1000,10000"));
    work_ = named(new QSpinBox(card), "compare_work", tr("Work of each request in µs"),
                  tr("CPU time that each request takes beside its input and output"));
    work_->setRange(0, 100'000);
    work_->setSuffix(tr(" µs"));
    against_ = named(new QLineEdit(card), "compare_against", tr("A server of your own"),
                     tr("A server that runs on this machine and speaks HTTP, to be measured beside the modes"));
    against_->setPlaceholderText(tr("nginx=127.0.0.1:8080"));
    depth_ = named(new QComboBox(card), "compare_depth", tr("How thoroughly"),
                   tr("More and longer rounds tell smaller differences from noise"));
    depth_->addItems({tr("Quick: a minute"), tr("Five rounds: some minutes"), tr("Ten rounds")});
    const auto add = [&](const QString& caption, QWidget* control) {
        box->addWidget(new CaptionLabel(caption, card));
        box->addWidget(control);
        box->addSpacing(4);
    };
    add(tr("CONNECTIONS"), connections_);
    add(tr("WORK OF A REQUEST"), work_);
    add(tr("BESIDE THEM, A SERVER OF YOUR OWN"), against_);
    add(tr("HOW THOROUGHLY"), depth_);
    go_ = named(
        new QPushButton(tr("Compare"), card), "compare_go", tr("Run or stop the comparison"),
        tr("Runs every mode in fresh processes, pinned to different CPUs, in interleaved rounds. The clients of the live "
           "server pause meanwhile."));
    go_->setDefault(true);
    connect(go_, &QPushButton::clicked, this, [this] { is_running() ? stop() : start(); });
    progress_ = named(new QProgressBar(card), "compare_progress", tr("Progress"), tr("Rounds of cells that are done"));
    progress_->setTextVisible(false);
    progress_->setFixedHeight(6);
    progress_->hide();
    state_ = new MutedLabel({}, card);
    state_->setObjectName(QStringLiteral("compare_state"));
    state_->setWordWrap(true);
    box->addWidget(go_);
    box->addWidget(progress_);
    box->addWidget(state_);
    box->addStretch();
    return card;
}

QWidget* ComparisonPage::make_head() {
    auto* head = new QWidget(this);
    auto* rows = new QVBoxLayout(head);
    rows->setContentsMargins(2, 0, 2, 0);
    rows->setSpacing(4);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    runs_ = named(new ElidedComboBox(head), "compare_runs", tr("Which comparison is shown"),
                  tr("The history, the newest first"));
    beside_ =
        named(new ElidedComboBox(head), "compare_beside", tr("What it is held against"),
              tr("Another comparison: before and after a change, or that of another machine. Each value is then shown as "
                 "it was there, and as it is here."));
    for (QComboBox* box : {runs_, beside_}) {
        box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        box->setMinimumContentsLength(22);
    }
    save_ = named(new QPushButton(tr("Save as …"), head), "compare_save", tr("Save this comparison"),
                  tr("As a report (HTML or PDF), a table (CSV), or for connscope (JSON)"));
    import_ = named(new QPushButton(tr("Import …"), head), "compare_import", tr("Import a comparison"),
                    tr("A JSON file that connscope or connscope-compare wrote, here or on another machine"));
    delete_ = named(new QPushButton(tr("Delete"), head), "compare_delete", tr("Delete this comparison"),
                    tr("Removes it from the history"));
    row->addWidget(new ScaledLabel(tr("Compare"), 1.5, QFont::Bold, head));
    row->addSpacing(8);
    row->addWidget(runs_, 3);
    row->addWidget(new MutedLabel(tr("beside"), head));
    row->addWidget(beside_, 2);
    for (QPushButton* button : {save_, import_, delete_}) row->addWidget(button);
    subtitle_ = new MutedLabel({}, head);
    subtitle_->setObjectName(QStringLiteral("compare_subtitle"));
    subtitle_->setWordWrap(true);
    rows->addLayout(row);
    rows->addWidget(subtitle_);
    connect(runs_, &QComboBox::activated, this, [this](int at) { show_run(runs_->itemData(at).toLongLong()); });
    connect(beside_, &QComboBox::activated, this, &ComparisonPage::show_beside);
    connect(save_, &QPushButton::clicked, this, &ComparisonPage::choose_file_to_save);
    connect(import_, &QPushButton::clicked, this, &ComparisonPage::choose_file_to_import);
    connect(delete_, &QPushButton::clicked, this, &ComparisonPage::delete_run);
    return head;
}

Card* ComparisonPage::titled_card(const QString& title, QWidget* view, QLabel** title_label) {
    auto* card = new Card(this);
    auto* box = new QVBoxLayout(card);
    box->setContentsMargins(12, 8, 12, 8);
    box->setSpacing(4);
    auto* label = new ScaledLabel(title, 1.0, QFont::DemiBold, card);
    label->setMinimumWidth(1);
    if (title_label != nullptr) *title_label = label;
    box->addWidget(label);
    box->addWidget(view, 1);
    return card;
}

QWidget* ComparisonPage::make_pictures() {
    auto* all = new QSplitter(Qt::Horizontal, this);
    bars_ = named(new SvgPicture, "compare_bars", tr("The chosen figure of all cells"), {});
    curves_ = named(new SvgPicture, "compare_curves", tr("The distributions of the chosen cell"), {});
    findings_ = new QLabel;
    findings_->setObjectName(QStringLiteral("compare_findings"));
    findings_->setWordWrap(true);
    findings_->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    findings_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    findings_->setContentsMargins(0, 0, 8, 0);
    auto* area = new QScrollArea;
    area->setFrameShape(QFrame::NoFrame);
    area->setWidgetResizable(true);
    area->setWidget(findings_);
    area->viewport()->setAutoFillBackground(false);
    findings_->setAutoFillBackground(false);
    all->addWidget(titled_card(tr("Findings"), area));
    all->addWidget(titled_card(tr("Bars"), bars_, &bars_title_));
    all->addWidget(titled_card(tr("Distributions"), curves_, &curves_title_));
    for (int i = 0; i < 3; ++i) all->setStretchFactor(i, 1);
    all->setSizes({400, 400, 400}); // a third each, of whatever there is
    all->setChildrenCollapsible(false);
    return all;
}

void ComparisonPage::show_modes(const std::vector<ModeDescription>& modes) {
    QStringList unchosen;
    for (const QCheckBox* box : modes_)
        if (!box->isChecked()) unchosen << box->objectName();
    for (QCheckBox* box : modes_) delete box;
    modes_.clear();
    for (const ModeDescription& mode : modes) {
        auto* box = named(new QCheckBox(mode.name), "", mode.name, mode.hint);
        box->setObjectName(QStringLiteral("compare_mode_") + mode.id);
        box->setChecked(!unchosen.contains(box->objectName()));
        mode_boxes_->addWidget(box);
        modes_.push_back(box);
    }
}

QStringList ComparisonPage::arguments() const {
    QStringList words, chosen;
    for (const QCheckBox* box : modes_)
        if (box->isChecked())
            chosen << box->objectName().mid(static_cast<qsizetype>(std::string_view("compare_mode_").size()));
    words << QStringLiteral("--modes") << chosen.join(QLatin1Char(','));
    words << QStringLiteral("--connections") << connections_->text().remove(QLatin1Char(' '));
    if (work_->value() > 0) words << QStringLiteral("--work-us") << QString::number(work_->value());
    if (!against_->text().trimmed().isEmpty()) words << QStringLiteral("--against") << against_->text().trimmed();
    if (depth_->currentIndex() == 0) words << QStringLiteral("--quick");
    if (depth_->currentIndex() == 2) words << QStringLiteral("--rounds") << QStringLiteral("10");
    // What was kept of a run that ended early is in the history; the same run wanted again is a new one.
    words << QStringLiteral("--fresh");
    return words + more_arguments_;
}

void ComparisonPage::start() {
    if (is_running()) return;
    const bool any = std::any_of(modes_.begin(), modes_.end(), [](const QCheckBox* box) { return box->isChecked(); });
    if (!any) return tell(tr("Choose at least one mode."), true);
    measured_.reset();
    go_->setText(tr("Stop"));
    progress_->setValue(0);
    progress_->show();
    tell(tr("Starting …"));
    emit measuringChanged(true);
    experiment_.start(companions_folder_, arguments());
}

void ComparisonPage::stop() { experiment_.stop(); }

void ComparisonPage::keep() {
    if (measured_ && !store_.keep(experiment_.result(), measured_)) tell(store_.problem(), true);
}

void ComparisonPage::finish(const QString& problem) {
    keep();
    go_->setText(tr("Compare"));
    progress_->hide();
    model_.show_running({});
    const bool complete = experiment_.result().complete;
    tell(!problem.isEmpty() ? problem
         : complete         ? tr("Done in %1.").arg(duration_text(experiment_.result().seconds))
                            : tr("Stopped."),
         !problem.isEmpty());
    list_runs();
    if (run_ == measured_ && measured_) show_result(experiment_.result());
    emit measuringChanged(false);
}

void ComparisonPage::list_runs() {
    const QVariant other = beside_->currentData();
    runs_->clear();
    beside_->clear();
    beside_->addItem(tr("nothing"), -1);
    for (const StoredRun& run : store_.runs()) {
        const QString text =
            QStringLiteral("%1 · %2%3").arg(run.started, run.title, run.complete ? QString() : tr(" · not complete"));
        runs_->addItem(text, run.id);
        beside_->addItem(text, run.id);
    }
    runs_->setCurrentIndex(run_ ? runs_->findData(*run_) : -1);
    runs_->setEnabled(runs_->count() > 0);
    beside_->setEnabled(runs_->count() > 1);
    beside_->setCurrentIndex(std::max(0, beside_->findData(other)));
    for (QPushButton* button : {save_, delete_}) button->setEnabled(run_.has_value() || !model_.result().cells.empty());
}

void ComparisonPage::show_run(qint64 id) {
    const auto result = store_.result(id);
    if (!result) return tell(QString::fromStdString(result.error().text), true);
    run_ = id;
    runs_->setCurrentIndex(runs_->findData(id));
    show_result(id == measured_ && is_running() ? experiment_.result() : *result);
}

void ComparisonPage::show_beside() {
    const qint64 id = beside_->currentData().toLongLong();
    if (id < 0) {
        model_.show_beside(std::nullopt);
        return;
    }
    auto other = store_.result(id);
    if (!other) return tell(QString::fromStdString(other.error().text), true);
    model_.show_beside(std::move(*other));
}

void ComparisonPage::show_result(const lab::Result& result) {
    const QModelIndex chosen = table_->currentIndex();
    model_.show_result(result);
    if (result.cells.empty()) {
        subtitle_->setText(
            tr("The same work through every mode, each in a fresh server and load on different CPUs: what it costs "
               "in memory, switches, CPU and waiting."));
    } else {
        QString machine;
        for (const auto& [name, text] : result.machine)
            if (name == "processor" || name == "kernel") machine += tr(" · %1").arg(QString::fromStdString(text));
        const QString rounds = result.rounds == 1 ? tr("1 round") : tr("%1 rounds").arg(result.rounds);
        subtitle_->setText(tr("%1 · %2%3").arg(QString::fromStdString(result.workload), rounds, machine));
    }
    const int row = chosen.isValid() ? chosen.row() : 0;
    const int column = chosen.isValid() ? chosen.column() : 0;
    if (column < model_.columnCount()) table_->setCurrentIndex(model_.index(row, column));
    save_->setEnabled(!result.cells.empty());
    delete_->setEnabled(run_.has_value());
    redraw_.start();
}

void ComparisonPage::show_pictures() {
    const lab::Medium medium = is_dark(palette()) ? lab::Medium::dark : lab::Medium::paper;
    // As wide as there is room, so that text has its usual size.
    const auto frame = [&](const QWidget* view) {
        const double unit = fontMetrics().height() / 15.0;
        return lab::Frame(medium, std::clamp(view->width() / unit, 300.0, 900.0));
    };
    const lab::Result& result = model_.result();
    QStringList sentences;
    for (const lab::Finding& finding : lab::find(result))
        sentences << QStringLiteral("<p style='margin:0 0 7px 0'>%1</p>")
                         .arg(QString::fromStdString(finding.text).toHtmlEscaped());
    findings_->setText(sentences.isEmpty() ? tr("Findings come with the second cell.") : sentences.join(QString()));
    const QModelIndex chosen = table_->currentIndex();
    if (!chosen.isValid()) {
        bars_->show_drawing({}, tr("Choose a figure in the table."));
        curves_->show_drawing({}, tr("Choose a cell in the table."));
        return;
    }
    const lab::FigureInfo& info = model_.figure_at(chosen.row());
    const lab::CellResult& cell = model_.cell_at(chosen.column());
    lab::Cells cells;
    for (const lab::CellResult& each : result.cells)
        if (each.spec.conditions.connections == cell.spec.conditions.connections) cells.push_back(&each);
    lab::Cells all;
    for (const lab::CellResult& each : result.cells) all.push_back(&each);
    // Over a sweep a line tells more than bars of one of its points.
    std::string drawing = lab::growth_chart(all, info.id, frame(bars_));
    if (drawing.empty()) drawing = lab::bar_chart(cells, info.id, {}, frame(bars_));
    bars_title_->setText(QString::fromUtf8(info.title.data(), static_cast<qsizetype>(info.title.size())));
    bars_->show_drawing(drawing, tr("No cell has this figure yet."));
    curves_title_->setText(tr("Distributions: %1").arg(QString::fromStdString(cell.spec.mode)));
    curves_->show_drawing(lab::cell_chart(cell, frame(curves_)), tr("This cell has not been measured yet."));
}

QString ComparisonPage::save_as(const QString& file) const {
    const lab::Result& result = model_.result();
    const QString kind = QFileInfo(file).suffix().toLower();
    if (kind == QLatin1String("html")) return save_file(file, QByteArray::fromStdString(lab::to_html(result)));
    if (kind == QLatin1String("pdf")) return save_file(file, report_pdf(result));
    if (kind == QLatin1String("csv")) return save_file(file, QByteArray::fromStdString(lab::to_csv(result)));
    if (kind == QLatin1String("json"))
        return save_file(file, QByteArray::fromStdString(boost::json::serialize(lab::to_json(result)) + "\n"));
    return tr("%1: the name must end with .html, .pdf, .csv or .json.").arg(file);
}

QString ComparisonPage::import_file(const QString& file) {
    const auto result = read_result(file);
    if (!result) return tr("%1: %2").arg(QFileInfo(file).fileName(), QString::fromStdString(result.error().text));
    const auto id = store_.keep(*result);
    if (!id) return store_.problem();
    list_runs();
    show_run(*id);
    return {};
}

void ComparisonPage::choose_file_to_save() {
    auto* dialog =
        new QFileDialog(this, tr("Save this comparison"), QStringLiteral("comparison.html"),
                        tr("Report (*.html);;Report for printing (*.pdf);;Table (*.csv);;For connscope (*.json)"));
    dialog->setObjectName(QStringLiteral("compare_save_dialog"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    connect(dialog, &QFileDialog::filterSelected, dialog, [dialog](const QString& filter) {
        dialog->setDefaultSuffix(filter.section(QStringLiteral("*."), 1).chopped(1));
    });
    dialog->setDefaultSuffix(QStringLiteral("html"));
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
        const QString problem = save_as(file);
        tell(problem.isEmpty() ? tr("Saved %1.").arg(file) : problem, !problem.isEmpty());
    });
    dialog->open();
}

void ComparisonPage::choose_file_to_import() {
    auto* dialog = new QFileDialog(this, tr("Import a comparison"), QString(), tr("Comparisons (*.json)"));
    dialog->setObjectName(QStringLiteral("compare_import_dialog"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& file) {
        if (const QString problem = import_file(file); !problem.isEmpty()) tell(problem, true);
    });
    dialog->open();
}

void ComparisonPage::delete_run() {
    if (!run_ || (run_ == measured_ && is_running())) return tell(tr("What is being measured cannot be deleted."), true);
    store_.remove(*run_);
    run_.reset();
    list_runs();
    if (runs_->count() > 0)
        show_run(runs_->itemData(0).toLongLong());
    else
        show_result({});
}

void ComparisonPage::tell(const QString& text, bool is_bad) {
    state_->setText(
        is_bad ? QStringLiteral("<span style='color:%1'>%2</span>").arg(ink(palette()).bad.name(), text.toHtmlEscaped())
               : text.toHtmlEscaped());
}

void ComparisonPage::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && curves_ != nullptr && table_ != nullptr) redraw_.start();
}

} // namespace connscope::app
