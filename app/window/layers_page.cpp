// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/layers_page.hpp"

#include "models/format.hpp"
#include "models/layer_rows.hpp"
#include "views/card.hpp"
#include "views/layers_view.hpp"
#include "views/named.hpp"
#include "window/flow_layout.hpp"
#include "window/run_bar.hpp"

#include <QComboBox>
#include <QScrollArea>
#include <QVBoxLayout>

namespace connscope::app {

LayersPage::LayersPage(Session& session, QWidget* parent)
    : QWidget(parent, Qt::Window)
    , session_(session)
    , run_(this) {
    setObjectName(QStringLiteral("layers_page"));
    setWindowTitle(tr("connscope: layers crossed"));
    setAutoFillBackground(true);
    view_ = new LayersView;
    area_ = new QScrollArea(this);
    area_->setFrameShape(QFrame::NoFrame);
    area_->setWidgetResizable(true);
    area_->setWidget(view_);
    area_->viewport()->setAutoFillBackground(false);
    view_->setAutoFillBackground(false);
    auto* view_card = new Card(this);
    auto* view_box = new QVBoxLayout(view_card);
    view_box->setContentsMargins(10, 10, 10, 8);
    view_box->addWidget(area_);
    details_ = new QLabel(this);
    details_->setObjectName(QStringLiteral("layers_details"));
    details_->setWordWrap(true);
    details_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    auto* details_card = new Card(this);
    auto* details_box = new QVBoxLayout(details_card);
    details_box->setContentsMargins(14, 8, 14, 8);
    details_box->addWidget(details_);
    method_ = new MutedLabel({}, this);
    method_->setObjectName(QStringLiteral("layers_method"));
    method_->setTextFormat(Qt::PlainText);
    method_->setWordWrap(true);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(12, 10, 12, 10);
    all->setSpacing(8);
    all->addWidget(make_head());
    all->addWidget(bar_);
    all->addWidget(view_card, 1);
    all->addWidget(details_card);
    all->addWidget(method_);
    connect(&run_, &LayersRun::progressed, bar_, &RunBar::show_progress);
    connect(&run_, &LayersRun::modeMeasured, this, &LayersPage::show_modes);
    connect(&run_, &LayersRun::finished, this, &LayersPage::finish);
    connect(view_, &LayersView::chosenChanged, this, &LayersPage::show_details);
    show_modes();
}

LayersPage::~LayersPage() { run_.disconnect(this); }

QWidget* LayersPage::make_head() {
    auto* head = new QWidget(this);
    auto* flow = new FlowLayout(10, 6, head);
    connections_ =
        named(new QComboBox(head), "layers_connections", tr("How many ask at once"),
              tr("One alone is served while nobody else wants anything. Of several that ask at once a loop serves "
                 "many between two waits, and a thread each switches for each."));
    connections_->addItem(tr("16 connections ask at once"), 16);
    connections_->addItem(tr("1 connection alone"), 1);
    connections_->addItem(tr("128 connections ask at once"), 128);
    depth_ = named(new QComboBox(head), "layers_depth", tr("How thoroughly"), tr("How long each mode is measured."));
    depth_->addItem(tr("25 s: 2 s a mode"), 2.0);
    depth_->addItem(tr("60 s: 5 s a mode"), 5.0);
    bar_ = new RunBar(
        QStringLiteral("layers"), tr("Measure"),
        tr("Starts a fresh server for each mode on a CPU of its own, and asks it. The kernel tells of each system "
           "call and switch where rights allow. The clients of the live server pause meanwhile."),
        this);
    flow->addWidget(new ScaledLabel(tr("Layers crossed"), 1.5, QFont::Bold, head));
    for (QWidget* widget : std::initializer_list<QWidget*>{connections_, depth_, &bar_->button()}) flow->addWidget(widget);
    connect(&bar_->button(), &QPushButton::clicked, this, [this] { is_running() ? stop() : start(); });
    return head;
}

void LayersPage::start() {
    if (is_running()) return;
    bar_->begin(tr("Starting …"));
    for (QComboBox* box : {connections_, depth_}) box->setEnabled(false);
    session_.setLoadRunning(false); // it would take the CPUs from what is measured
    run_.start(session_.plan().companions_folder,
               QStringList{QStringLiteral("--connections"), QString::number(connections_->currentData().toInt()),
                           QStringLiteral("--stretch"), QString::number(depth_->currentData().toDouble(), 'g', 3)} +
                   more_arguments_);
    show_modes();
}

void LayersPage::stop() {
    run_.stop();
    bar_->tell(tr("Stopping …"));
}

void LayersPage::finish(const QString& problem) {
    bar_->end();
    for (QComboBox* box : {connections_, depth_}) box->setEnabled(true);
    session_.setLoadRunning(true);
    const lab::LayersResult& result = run_.result();
    if (!problem.isEmpty())
        bar_->tell(problem, true);
    else if (result.complete)
        bar_->tell(
            tr("Measured in %1. The line goes as deep as most requests do, dashed as some. A click on a mode tells more.")
                .arg(duration_text(result.seconds)));
    else
        bar_->tell(tr("Stopped or incomplete: %1 modes were measured.").arg(result.modes.size()));
    show_modes();
}

void LayersPage::show_modes() {
    view_->show_modes(run_.result().modes,
                      is_running()
                          ? tr("The first mode is being measured …")
                          : tr("A request comes by a system call, is handed from the event loop to whoever carries its "
                               "connection, and leaves by a system call; some modes switch threads in between. Press "
                               "Measure to count and time it here, layer by layer, in each mode."));
    method_->setText(QString::fromStdString(run_.result().method));
    show_details();
}

void LayersPage::show_details() {
    const auto& modes = view_->modes();
    details_->parentWidget()->setVisible(!modes.empty());
    if (modes.empty()) return;
    const lab::ModeLayers& mode = modes[view_->chosen()];
    QStringList lines{QStringLiteral("<b>%1</b>").arg(QString::fromStdString(mode.title).toHtmlEscaped())};
    for (const QString& line : layer_details(mode)) lines << line.toHtmlEscaped();
    details_->setText(lines.join(QStringLiteral("<br>")));
}

} // namespace connscope::app
