// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/sweep_page.hpp"

#include "models/format.hpp"
#include "views/card.hpp"
#include "views/named.hpp"
#include "views/quiet_header.hpp"
#include "views/sweep_view.hpp"
#include "window/flow_layout.hpp"
#include "window/run_bar.hpp"

#include <QComboBox>
#include <QPushButton>
#include <QSplitter>
#include <QStyledItemDelegate>
#include <QTableWidget>
#include <QVBoxLayout>

#include <algorithm>
#include <array>

namespace connscope::app {

namespace {

constexpr int columns = 5;

// Its words stand where those of the head do.
class CellDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        QStyleOptionViewItem inner = option;
        inner.rect.adjust(3, 0, -3, 0);
        QStyledItemDelegate::paint(painter, inner, index);
    }
};

QString text_or_dash(const std::optional<double>& us) { return us ? duration_text(*us / 1e6) : unknown_text; }

} // namespace

SweepPage::SweepPage(Session& session, QWidget* parent)
    : QWidget(parent, Qt::Window)
    , session_(session)
    , run_(this) {
    setObjectName(QStringLiteral("sweep_page"));
    setWindowTitle(tr("connscope: how often to interrupt"));
    setAutoFillBackground(true);
    view_ = new SweepView(this);
    auto* view_card = new Card(this);
    auto* view_box = new QVBoxLayout(view_card);
    view_box->setContentsMargins(14, 12, 14, 8);
    view_box->addWidget(view_);
    table_ = named(new QTableWidget(0, columns, this), "sweep_table", tr("The figures of each slice"),
                   tr("Work: rounds of the computing loop in a second of the server's CPU time."));
    auto* header = new QuietHeader(table_);
    table_->setHorizontalHeader(header);
    table_->setHorizontalHeaderLabels(
        {tr("Slice"), tr("Work done in a CPU second"), tr("CPU lost"), tr("Interactive: median"), tr("Interactive: p99")});
    header->setSectionResizeMode(QHeaderView::Stretch);
    header->setSectionsClickable(false);
    table_->verticalHeader()->hide();
    table_->setItemDelegate(new CellDelegate(table_));
    table_->setShowGrid(false);
    table_->setFrameShape(QFrame::NoFrame);
    table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table_->setSelectionMode(QAbstractItemView::NoSelection);
    auto* table_card = new Card(this);
    auto* table_box = new QVBoxLayout(table_card);
    table_box->setContentsMargins(8, 6, 8, 6);
    table_box->addWidget(table_);
    auto* split = new QSplitter(Qt::Vertical, this);
    split->addWidget(view_card);
    split->addWidget(table_card);
    split->setStretchFactor(0, 3);
    split->setStretchFactor(1, 2);
    split->setSizes({370, 300});
    split->setChildrenCollapsible(false);
    method_ = new MutedLabel({}, this);
    method_->setObjectName(QStringLiteral("sweep_method"));
    method_->setTextFormat(Qt::PlainText);
    method_->setWordWrap(true);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(12, 10, 12, 10);
    all->setSpacing(8);
    all->addWidget(make_head());
    all->addWidget(bar_);
    all->addWidget(split, 1);
    all->addWidget(method_);

    connect(&run_, &SweepRun::progressed, bar_, &RunBar::show_progress);
    connect(&run_, &SweepRun::pointAdded, this, [this] {
        sweeps_[running_mode_] = run_.sweep();
        show_sweep();
    });
    connect(&run_, &SweepRun::finished, this, &SweepPage::finish);
    connect(&session_, &Session::modesChanged, this, &SweepPage::show_modes);
    connect(&session_, &Session::modeChanged, this, &SweepPage::show_sweep);
    connect(&session_, &Session::serverChanged, this, &SweepPage::show_sweep);
    show_modes();
}

SweepPage::~SweepPage() {
    run_.disconnect(this);
    session_.disconnect(this);
}

QWidget* SweepPage::make_head() {
    auto* head = new QWidget(this);
    auto* flow = new FlowLayout(10, 6, head);
    mode_ =
        named(new QComboBox(head), "sweep_mode", tr("Mode to sweep"),
              tr("The timer's period, the scheduler's own slice or a budget after which a connection yields: whatever the "
                 "mode interrupts by."));
    mode_->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    depth_ = named(new QComboBox(head), "sweep_depth", tr("How thoroughly"),
                   tr("How long each of the ten slices is measured. Longer tells smaller differences from noise."));
    depth_->addItem(tr("55 s: 3.5 s a slice"), 3.5);
    depth_->addItem(tr("30 s: 1.5 s a slice"), 1.5);
    bar_ =
        new RunBar(QStringLiteral("sweep"), tr("Sweep"),
                   tr("Starts a server and a load of their own on CPUs of their own: some connections that compute without "
                      "an end beside fifty that ask for little. The clients of the live server pause meanwhile."),
                   this);
    apply_ = named(new QPushButton(tr("Use this slice"), head), "sweep_apply", tr("Use the slice at the crossing"), {});
    flow->addWidget(new ScaledLabel(tr("How often to interrupt"), 1.5, QFont::Bold, head));
    for (QWidget* widget : std::initializer_list<QWidget*>{mode_, depth_, &bar_->button(), apply_}) flow->addWidget(widget);
    connect(mode_, &QComboBox::activated, this, &SweepPage::show_sweep);
    connect(&bar_->button(), &QPushButton::clicked, this, [this] { is_running() ? stop() : start(); });
    connect(apply_, &QPushButton::clicked, this, [this] {
        const auto found = sweeps_.find(mode_->currentData().toString());
        if (found == sweeps_.end() || !found->second.crossing_us) return;
        ModeParameters wanted = session_.mode_parameters();
        wanted.slice_us = static_cast<int>(std::clamp(*found->second.crossing_us, 200.0, 100'000.0));
        session_.changeParameters(wanted);
    });
    return head;
}

void SweepPage::choose_mode(const QString& id) {
    if (const int index = mode_->findData(id); index >= 0) mode_->setCurrentIndex(index);
    show_sweep();
}

void SweepPage::start() {
    if (is_running() || mode_->currentIndex() < 0) return;
    running_mode_ = mode_->currentData().toString();
    sweeps_.erase(running_mode_);
    session_.setLoadRunning(false); // it would take the CPUs from what is measured
    bar_->begin(tr("Starting a server and its clients …"));
    run_.start(session_.plan().companions_folder, running_mode_,
               more_arguments_ +
                   QStringList{QStringLiteral("--stretch"), QString::number(depth_->currentData().toDouble(), 'g', 3)});
    show_sweep();
}

void SweepPage::stop() {
    run_.stop();
    bar_->tell(tr("Stopping …"));
}

void SweepPage::finish(const QString& problem) {
    bar_->end();
    session_.setLoadRunning(true);
    const auto found = sweeps_.find(running_mode_);
    if (!problem.isEmpty()) {
        bar_->tell(problem, true);
    } else if (found == sweeps_.end() || found->second.points.empty()) {
        bar_->tell(tr("Stopped before a slice was measured."));
    } else {
        const lab::Sweep& sweep = found->second;
        const QString crossing =
            sweep.crossing_us ? tr(" Shorter slices than %1 cost more than they help; longer ones let the others wait.")
                                    .arg(duration_text(*sweep.crossing_us / 1e6))
                              : tr(" The curves do not cross: within these slices one does not cost what the other gains.");
        bar_->tell((sweep.complete ? tr("Measured in %1.").arg(duration_text(sweep.seconds))
                                   : tr("Stopped: %1 slices were measured.").arg(sweep.points.size())) +
                   crossing);
    }
    running_mode_.clear();
    show_sweep();
}

void SweepPage::show_modes() {
    QString chosen = mode_->currentData().toString();
    // The live server's, where somebody else interrupts; a budget that one keeps oneself tells less.
    for (const ModeDescription& mode : session_.modes()) {
        const bool interrupts = mode.slices == QLatin1String("timer") || mode.slices == QLatin1String("scheduler");
        if (chosen.isEmpty() && mode.id == session_.mode() && interrupts) chosen = mode.id;
    }
    mode_->clear();
    for (const ModeDescription& mode : session_.modes()) {
        if (!mode.has_slice) continue;
        mode_->addItem(mode.name, mode.id);
        mode_->setItemData(mode_->count() - 1, mode.hint, Qt::ToolTipRole);
    }
    const int index = mode_->findData(chosen);
    mode_->setCurrentIndex(index >= 0 && mode_->count() > 0 ? index : mode_->findData(QStringLiteral("preemptive-fibers")));
    show_sweep();
}

void SweepPage::show_sweep() {
    const QString mode = mode_->currentData().toString();
    const auto found = sweeps_.find(mode);
    const lab::Sweep sweep = found != sweeps_.end() ? found->second : lab::Sweep();
    const bool measures = is_running() && running_mode_ == mode;
    bar_->button().setEnabled(is_running() || mode_->count() > 0);
    depth_->setEnabled(!is_running());
    view_->show_sweep(sweep, measures ? tr("The first slice is being measured …")
                                      : tr("Interrupting often keeps the others' waiting short and costs work; interrupting "
                                           "seldom does the opposite. Press Sweep to measure both here, over ten slices."));
    method_->setText(QString::fromStdString(sweep.method));
    show_table(sweep);
    show_apply(sweep);
}

void SweepPage::show_table(const lab::Sweep& sweep) {
    std::vector<lab::SweepPoint> rows = sweep.points;
    if (sweep.without.work_per_cpu || !sweep.without.failed.empty()) rows.push_back(sweep.without);
    table_->parentWidget()->setVisible(!rows.empty());
    table_->setRowCount(static_cast<int>(rows.size()));
    for (int row = 0; row < table_->rowCount(); ++row) {
        const lab::SweepPoint& point = rows[static_cast<std::size_t>(row)];
        const std::array<QString, columns> texts{point.slice_us ? duration_text(*point.slice_us / 1e6)
                                                                : tr("nobody is interrupted"),
                                                 point.work_per_cpu ? count_text(*point.work_per_cpu) : unknown_text,
                                                 point.overhead ? overhead_text(*point.overhead) : unknown_text,
                                                 text_or_dash(point.p50_us), text_or_dash(point.p99_us)};
        for (int column = 0; column < columns; ++column) {
            auto* item = new QTableWidgetItem(texts[static_cast<std::size_t>(column)]);
            if (!point.failed.empty()) item->setToolTip(QString::fromStdString(point.failed));
            item->setTextAlignment(column == 0 ? Qt::AlignLeft | Qt::AlignVCenter : Qt::AlignRight | Qt::AlignVCenter);
            table_->setItem(row, column, item);
        }
    }
    for (int column = 0; column < columns; ++column)
        table_->horizontalHeaderItem(column)->setTextAlignment(column == 0 ? Qt::AlignLeft | Qt::AlignVCenter
                                                                           : Qt::AlignRight | Qt::AlignVCenter);
    table_->verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 5);
}

void SweepPage::show_apply(const lab::Sweep& sweep) {
    const bool is_live = session_.mode() == mode_->currentData().toString() && session_.server().alive();
    apply_->setEnabled(sweep.crossing_us.has_value() && is_live && !is_running());
    apply_->setToolTip(!sweep.crossing_us ? tr("There is no crossing yet.")
                       : is_live ? tr("Sets slices of %1 on the live server.").arg(duration_text(*sweep.crossing_us / 1e6))
                                 : tr("The live server is in another mode."));
}

} // namespace connscope::app
