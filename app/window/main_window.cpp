// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/main_window.hpp"

#include "models/format.hpp"
#include "models/population.hpp"
#include "views/chart_grid.hpp"
#include "views/connection_map.hpp"
#include "views/connection_view.hpp"
#include "views/what_changed.hpp"
#include "window/banner.hpp"
#include "window/load_bar.hpp"
#include "window/mode_bar.hpp"
#include "window/number_row.hpp"
#include "window/panel.hpp"
#include "window/status_line.hpp"

#include <QActionGroup>
#include <QApplication>
#include <QCloseEvent>
#include <QMenuBar>
#include <QMessageBox>
#include <QSettings>
#include <QStatusBar>
#include <QVBoxLayout>

namespace connscope::app {

namespace {
// Charts move with every snapshot, what is read as digits or sorted changes with every fourth.
constexpr std::uint64_t slow_frames = 4;
constexpr std::uint64_t comparison_frames = 20;
constexpr std::size_t slow_rows = 20'000; // with more connections the table is sorted anew half as often
constexpr std::size_t undo_depth = 50;
} // namespace

MainWindow::MainWindow(Plan plan, Theme theme, bool remembers, QWidget* parent)
    : QMainWindow(parent), session_(std::move(plan)), theme_(theme), remembers_(remembers) {
    setObjectName(QStringLiteral("main_window"));
    setWindowTitle(tr("connscope"));
    make_sheet();
    make_menus();
    connect_session();
    connections_->table().setFocus();
    if (!remembers_) return;
    const QSettings settings;
    restoreGeometry(settings.value(QStringLiteral("window/geometry")).toByteArray());
    restoreState(settings.value(QStringLiteral("window/state")).toByteArray());
}

MainWindow::~MainWindow() { session_.stop(); }

void MainWindow::make_top() {
    auto* top = new QWidget(this);
    top->setObjectName(QStringLiteral("top"));
    menu_bar_ = new QMenuBar(top); // part of the sheet's top, so not the main window's own
    menu_bar_->setObjectName(QStringLiteral("menu_bar"));
    server_banner_ = new Banner(QStringLiteral("server_banner"), top);
    load_banner_ = new Banner(QStringLiteral("load_banner"), top);
    mode_bar_ = new ModeBar(top);
    load_bar_ = new LoadBar(top);
    numbers_ = new NumberRow(history_, top);
    live_ = new SegmentButton(tr("Pause"), top);
    live_->setObjectName(QStringLiteral("live"));
    live_->setAccessibleName(tr("Pause the view or go back to now"));
    live_->setToolTip(tr("Stops the charts, the map and the table, so that they can be looked at; what happens is recorded all the "
                         "while. (Space)"));

    auto* first_line = new QHBoxLayout;
    first_line->setContentsMargins(0, 2, 0, 0);
    first_line->setSpacing(10);
    first_line->addWidget(menu_bar_);
    first_line->addWidget(mode_bar_->message_label(), 1);
    first_line->addWidget(live_);
    auto* stack = new QVBoxLayout(top);
    stack->setContentsMargins(0, 0, 0, 6);
    stack->setSpacing(7);
    stack->addLayout(first_line);
    for (QWidget* widget : std::initializer_list<QWidget*>{server_banner_, load_banner_, mode_bar_, load_bar_, numbers_}) {
        stack->addWidget(widget);
    }
    setMenuWidget(top);
}

void MainWindow::make_sheet() {
    setContentsMargins(8, 0, 8, 0);
    make_top();
    auto* centre = new QWidget(this);
    charts_ = new ChartGrid(history_, time_view_, centre);
    auto* box = new QVBoxLayout(centre);
    box->setContentsMargins(0, 0, 0, 0);
    box->addWidget(charts_);
    setCentralWidget(centre);
    make_panels();

    status_line_ = new StatusLine(this);
    statusBar()->setSizeGripEnabled(false);
    statusBar()->setContentsMargins(0, 0, 0, 0);
    statusBar()->addWidget(status_line_, 1);
    setContextMenuPolicy(Qt::NoContextMenu);
}

void MainWindow::make_panels() {
    setDockOptions(AnimatedDocks | AllowNestedDocks | AllowTabbedDocks);
    connections_ = new ConnectionView(connection_model_);
    connections_panel_ = new Panel(QStringLiteral("connections_panel"), tr("Connections"), connections_, nullptr, this);
    map_ = new ConnectionMap;
    map_panel_ = new Panel(QStringLiteral("map_panel"), tr("Map"), map_, map_->chooser(), this);
    what_changed_ = new WhatChanged(history_);
    what_changed_panel_ = new Panel(QStringLiteral("what_changed_panel"), tr("What changed"), what_changed_, nullptr, this);
    place_panels();

    connect(connections_, &ConnectionView::summaryChanged, connections_panel_, &Panel::show_summary);
    connect(connections_, &ConnectionView::selectionChanged, map_, &ConnectionMap::select);
    connect(map_, &ConnectionMap::clicked, connections_, &ConnectionView::select);
    connect(what_changed_, &WhatChanged::summaryChanged, what_changed_panel_, &Panel::show_summary);
}

void MainWindow::place_panels() {
    for (Panel* panel : {connections_panel_, map_panel_, what_changed_panel_}) {
        panel->setFloating(false);
        panel->show();
    }
    addDockWidget(Qt::BottomDockWidgetArea, connections_panel_);
    splitDockWidget(connections_panel_, map_panel_, Qt::Horizontal);
    addDockWidget(Qt::RightDockWidgetArea, what_changed_panel_);
    const int line = fontMetrics().height();
    resizeDocks({connections_panel_, map_panel_}, {line * 12, line * 12}, Qt::Vertical);
    resizeDocks({connections_panel_, map_panel_}, {3, 1}, Qt::Horizontal);
    resizeDocks({what_changed_panel_}, {fontMetrics().averageCharWidth() * 42}, Qt::Horizontal);
}

void MainWindow::make_menus() {
    QMenu* file = menu_bar_->addMenu(tr("&File"));
    file->addAction(tr("&Quit"), QKeySequence(QStringLiteral("Ctrl+Q")), this, &QWidget::close);

    QMenu* server = menu_bar_->addMenu(tr("&Server"));
    undo_ = server->addAction(tr("&Undo the change of mode"), QKeySequence::Undo, this, &MainWindow::undoModeChange);
    undo_->setEnabled(false);
    server->addAction(tr("&Restart server and load"), QKeySequence(QStringLiteral("Ctrl+Shift+R")), &session_, &Session::restart);
    QMenu* modes = server->addMenu(tr("&Mode"));
    connect(&session_, &Session::modesChanged, modes, [this, modes] {
        modes->clear();
        int number = 0;
        for (const ModeDescription& mode : session_.modes()) {
            QAction* action = modes->addAction(mode.name, &session_, [this, id = mode.id] { session_.changeMode(id); });
            action->setToolTip(mode.hint);
            if (++number <= 9) action->setShortcut(QKeySequence(QStringLiteral("Ctrl+%1").arg(number)));
        }
    });

    QMenu* view = menu_bar_->addMenu(tr("&View"));
    pause_ = view->addAction(tr("&Pause the view"), QKeySequence(Qt::Key_Space), &time_view_, &TimeView::togglePause);
    pause_->setCheckable(true);
    connect(live_, &QAbstractButton::clicked, &time_view_, &TimeView::togglePause);
    connect(&time_view_, &TimeView::liveChanged, this, [this](bool live) {
        pause_->setChecked(!live);
        live_->setText(live ? tr("Pause") : tr("Back to live"));
        live_->setChecked(!live);
        live_->updateGeometry();
    });
    connect(&time_view_, &TimeView::viewChanged, charts_, &ChartGrid::refresh);
    view->addAction(tr("Back to the last &minute"), QKeySequence(Qt::Key_Home), &time_view_, &TimeView::resetSpan);
    view->addSeparator();
    for (Panel* panel : {connections_panel_, map_panel_, what_changed_panel_}) view->addAction(panel->toggleViewAction());
    view->addAction(tr("&Reset layout"), this, &MainWindow::reset_layout);
    view->addSeparator();
    auto* themes = new QActionGroup(this);
    for (const auto& [theme, text] : {std::pair{Theme::system, tr("Colours of the &desktop")},
                                      std::pair{Theme::light, tr("&Light")}, std::pair{Theme::dark, tr("&Dark")}}) {
        QAction* action = view->addAction(text, this, [this, theme = theme] { set_theme(theme); });
        action->setCheckable(true);
        action->setChecked(theme == theme_);
        themes->addAction(action);
    }
    view->addSeparator();
    view->addAction(tr("&Bigger text"), QKeySequence::ZoomIn, this, [this] { change_text_size(text_steps_ + 1); });
    view->addAction(tr("&Smaller text"), QKeySequence::ZoomOut, this, [this] { change_text_size(text_steps_ - 1); });
    view->addAction(tr("&Usual text"), QKeySequence(QStringLiteral("Ctrl+0")), this, [this] { change_text_size(0); });

    QMenu* help = menu_bar_->addMenu(tr("&Help"));
    help->addAction(tr("&About connscope"), this, &MainWindow::show_about);
}

void MainWindow::connect_session() {
    connect(&session_, &Session::snapshotTaken, this, &MainWindow::take_snapshot);
    connect(&session_, &Session::serverChanged, this, &MainWindow::show_server);
    connect(&session_, &Session::loadChanged, this, &MainWindow::show_load);
    connect(&session_, &Session::modesChanged, this, [this] {
        mode_bar_->show_modes(session_.modes());
        mode_bar_->show_current(session_.mode());
    });
    connect(&session_, &Session::modeChangeBegan, this,
            [this](const QString& to) { mode_bar_->show_progress(to, connection_model_.total()); });
    connect(&session_, &Session::modeChanged, this, &MainWindow::finish_mode_change);
    connect(&session_, &Session::modeChangeRefused, mode_bar_, &ModeBar::show_refusal);
    connect(mode_bar_, &ModeBar::modeWanted, &session_, &Session::changeMode);
    load_bar_->show_workloads(workloads_in(workloads_folder(session_.plan().companions_folder)));
    connect(load_bar_, &LoadBar::populationWanted, &session_, &Session::setPopulation);
    connect(load_bar_, &LoadBar::populationUnwanted, &session_, &Session::removePopulation);
    connect(load_bar_, &LoadBar::workloadWanted, &session_,
            [this](const Workload& workload) { session_.setWorkload(workload.protocol, workload.populations); });
    connect(&session_, &Session::loadAnswered, this, [this](const QString& note) {
        if (!note.isEmpty()) tell(note, true);
    });
    connect(&session_, &Session::loadRefused, this, [this](const QString& reason) { tell(reason, true); });
    connect(server_banner_, &Banner::acted, this, [this] {
        server_banner_->button().setEnabled(false);
        if (session_.server().phase == ProcessStatus::Phase::stopped) {
            session_.continueServer();
        } else {
            session_.restart();
        }
    });
    connect(load_banner_, &Banner::acted, this, [this] {
        load_banner_->button().setEnabled(false);
        session_.restartLoad();
    });
}

void MainWindow::start() { session_.start(); }

void MainWindow::take_snapshot(const SnapshotPtr& snapshot) {
    newest_ = snapshot;
    look_ms_ += 0.05 * (std::chrono::duration<double, std::milli>(snapshot->cost).count() - look_ms_);
    {
        const FrameShare share(meter_, "models");
        history_.append(metrics_.update(*snapshot));
        time_view_.advance(history_.newest_time());
    }
    if (time_view_.is_live()) {
        const FrameShare share(meter_, "charts");
        charts_->refresh();
    }
    if (time_view_.is_live() && frame_ % 2 == 0 && snapshot->has_server) {
        const FrameShare share(meter_, "map");
        map_->show_snapshot(snapshot);
    }
    if (frame_++ % slow_frames == 0 || !was_alive_) refresh_slowly();
    if (frame_ % comparison_frames == 0) {
        const FrameShare share(meter_, "comparison");
        what_changed_->refresh();
    }
    if (history_.marks().empty() && snapshot->has_server) { // the first stretch is that of the first mode
        history_.mark({history_.newest_time(), Mark::Kind::server_started, mode_bar_->name_of(session_.mode()), session_.mode()});
    }
    if (!was_alive_ && snapshot->has_server && !snapshot->server.connections.empty()) {
        was_alive_ = true;
        emit alive();
    }
}

void MainWindow::refresh_slowly() {
    {
        const FrameShare share(meter_, "numbers");
        charts_->refresh_legends();
        numbers_->refresh();
        load_bar_->show_load(*newest_, session_.plan().protocol);
        const QString mode = session_.modes().empty() ? session_.mode() : mode_bar_->name_of(session_.mode());
        status_line_->show_server(session_.server(), mode, history_.newest_time() - mode_since_);
        status_line_->show_load(session_.load(),
                                history_.mean(Quantity::verified_share, history_.newest_time() - 1, history_.newest_time()));
        status_line_->show_watching(meter_.recent_mean_ms(), look_ms_);
    }
    const bool many = newest_->server.connections.size() > slow_rows;
    if (!time_view_.is_live() || (many && frame_ % (2 * slow_frames) != 1)) return;
    const FrameShare share(meter_, "table");
    connection_model_.update(newest_);
}

void MainWindow::show_server(const ProcessStatus& status) {
    using Phase = ProcessStatus::Phase;
    mode_bar_->set_usable(status.phase == Phase::running && !session_.mode_is_changing());
    load_bar_->set_usable(status.alive());
    switch (status.phase) {
    case Phase::gone:
        server_banner_->show_problem(status.reason, tr("Restart"),
                                     tr("Start the server again, in the same mode and with the same load."));
        load_banner_->clear();
        history_.mark({history_.newest_time(), Mark::Kind::server_gone, tr("server gone"), {}});
        break;
    case Phase::failed:
        server_banner_->show_problem(status.reason, tr("Try again"), tr("Start the server again."));
        load_banner_->clear();
        break;
    case Phase::stopped:
        server_banner_->show_problem(status.reason, tr("Continue"), tr("Send the server SIGCONT, so that it goes on."));
        break;
    case Phase::running:
        if (status.reason.isEmpty()) {
            server_banner_->clear();
        } else {
            server_banner_->show_problem(status.reason, tr("Restart"),
                                         tr("Start the server again, in the same mode and with the same load."));
        }
        break;
    case Phase::starting:
        mode_since_ = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
        if (!history_.empty()) {
            history_.mark({history_.newest_time(), Mark::Kind::server_started, mode_bar_->name_of(session_.mode()), session_.mode()});
        }
        break;
    case Phase::absent: break;
    }
}

void MainWindow::show_load(const ProcessStatus& status) {
    using Phase = ProcessStatus::Phase;
    const bool server_is_well = session_.server().alive();
    if ((status.phase == Phase::gone || status.phase == Phase::failed) && server_is_well) {
        load_banner_->show_problem(status.reason, tr("Restart load"), tr("Start the clients again with the same load."));
    } else if (status.phase == Phase::running) {
        load_banner_->clear();
    }
}

void MainWindow::tell(const QString& text, bool is_bad) { mode_bar_->show_message(text, is_bad); }

void MainWindow::finish_mode_change(const ModeChange& change) {
    mode_bar_->show_result(change);
    mode_since_ = history_.newest_time();
    history_.mark({history_.newest_time(), Mark::Kind::mode_change, mode_bar_->name_of(change.to), change.to});
    if (!undoing_) {
        modes_before_.push_back(change.from);
        if (modes_before_.size() > undo_depth) modes_before_.erase(modes_before_.begin());
    }
    undoing_ = false;
    undo_->setEnabled(!modes_before_.empty());
    undo_->setText(modes_before_.empty() ? tr("&Undo the change of mode")
                                         : tr("&Undo: back to %1").arg(mode_bar_->name_of(modes_before_.back())));
}

void MainWindow::undoModeChange() {
    if (modes_before_.empty() || session_.mode_is_changing() || !session_.server().alive()) return;
    const QString before = modes_before_.back();
    modes_before_.pop_back();
    undoing_ = true;
    session_.changeMode(before);
}

void MainWindow::set_theme(Theme theme) {
    theme_ = theme;
    apply_theme(theme_);
    if (remembers_) QSettings().setValue(QStringLiteral("window/theme"), name_of(theme_));
}

void MainWindow::change_text_size(int steps) {
    text_steps_ = steps;
    apply_text_size(text_steps_);
}

void MainWindow::reset_layout() {
    charts_->enlarge(nullptr);
    place_panels();
}

void MainWindow::show_about() {
    QMessageBox::about(
        this, tr("About connscope"),
        tr("<h3>connscope %1</h3><p>Shows how a TCP server schedules its connections and what each way of doing it costs.</p>"
           "<p>The application: GPL-3.0-or-later. The server, the probe and all other libraries of connscope: BSL-1.0.</p>"
           "<p>Built with Qt %2 (LGPL-3.0), QCustomPlot %3 (GPL-3.0), Boost (BSL-1.0), fmt and spdlog (MIT), CLI11 (BSD-3-Clause). "
           "Colours by Masataka Okabe and Kei Ito.</p>")
            .arg(QStringLiteral(CONNSCOPE_VERSION), QString::fromLatin1(qVersion()), QStringLiteral("2.1")));
}

void MainWindow::closeEvent(QCloseEvent* event) {
    if (remembers_) {
        QSettings settings;
        settings.setValue(QStringLiteral("window/geometry"), saveGeometry());
        settings.setValue(QStringLiteral("window/state"), saveState());
    }
    hide(); // ending the processes may take a moment
    session_.stop();
    QMainWindow::closeEvent(event);
}

bool MainWindow::event(QEvent* event) {
    if (event->type() != QEvent::UpdateRequest) return QMainWindow::event(event);
    bool handled = false;
    {
        const FrameShare share(meter_, "painting");
        handled = QMainWindow::event(event);
    }
    meter_.end_frame();
    return handled;
}

} // namespace connscope::app
