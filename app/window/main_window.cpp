// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/main_window.hpp"

#include "models/format.hpp"
#include "models/population.hpp"
#include "models/run_store.hpp"
#include "views/anatomy_view.hpp"
#include "views/card.hpp"
#include "views/chart.hpp"
#include "views/chart_grid.hpp"
#include "views/comparison_page.hpp"
#include "views/connection_map.hpp"
#include "views/connection_view.hpp"
#include "views/filter_line.hpp"
#include "views/timeline_view.hpp"
#include "views/warning_list.hpp"
#include "views/what_changed.hpp"
#include "window/attach_line.hpp"
#include "window/banner.hpp"
#include "window/conversation_page.hpp"
#include "window/four_fields_page.hpp"
#include "window/key_override.hpp"
#include "window/layers_page.hpp"
#include "window/load_bar.hpp"
#include "window/load_panel.hpp"
#include "window/mode_bar.hpp"
#include "window/mode_parameters_row.hpp"
#include "window/number_row.hpp"
#include "window/panel.hpp"
#include "window/settings.hpp"
#include "window/status_line.hpp"
#include "window/stepper.hpp"
#include "window/sweep_page.hpp"
#include "window/tour_guide.hpp"

#include <QApplication>
#include <QCloseEvent>
#include <QMenuBar>
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
    : QMainWindow(parent)
    , session_(std::move(plan))
    , theme_(theme)
    , remembers_(remembers) {
    setObjectName(QStringLiteral("main_window"));
    setWindowTitle(tr("connscope"));
    make_sheet();
    make_menus();
    connect_session();
    connections_->table().setFocus();
    if (!remembers_) return;
    thresholds_ = remembered_thresholds();
    connections_->grant(remembered_columns());
    const QSettings settings;
    change_text_size(settings.value(QStringLiteral("window/text_steps")).toInt());
    restoreGeometry(settings.value(QStringLiteral("window/geometry")).toByteArray());
    restoreState(settings.value(QStringLiteral("window/state")).toByteArray());
    processes_panel_->hide(); // until there are several
}

MainWindow::~MainWindow() { session_.stop(); }

void MainWindow::make_top() {
    auto* top = new QWidget(this);
    top->setObjectName(QStringLiteral("top"));
    menu_bar_ = new QMenuBar(top); // part of the sheet's top, so not the main window's own
    menu_bar_->setObjectName(QStringLiteral("menu_bar"));
    server_banner_ = new Banner(QStringLiteral("server_banner"), top);
    load_banner_ = new Banner(QStringLiteral("load_banner"), top);
    notice_banner_ = new Banner(QStringLiteral("notice_banner"), top);
    connect(notice_banner_, &Banner::acted, notice_banner_, &Banner::clear);
    attach_line_ = new AttachLine(top);
    mode_bar_ = new ModeBar(top);
    load_bar_ = new LoadBar(top);
    numbers_ = new NumberRow(history_, top);
    warnings_button_ = new SegmentButton(QString(), top);
    warnings_button_->setObjectName(QStringLiteral("warnings_button"));
    warnings_button_->setAccessibleName(tr("Warnings"));
    warnings_button_->set_alarming(true);
    warnings_button_->hide();
    live_ = new SegmentButton(tr("Pause"), top);
    live_->setObjectName(QStringLiteral("live"));
    live_->setAccessibleName(tr("Pause the view or go back to now"));
    live_->setToolTip(
        tr("Stops the charts, the map and the table, so that they can be looked at; what happens is recorded all the "
           "while. (Space)"));

    auto* first_line = new QHBoxLayout;
    first_line->setContentsMargins(0, 2, 0, 0);
    first_line->setSpacing(10);
    first_line->addWidget(menu_bar_, 0, Qt::AlignVCenter);
    first_line->addWidget(mode_bar_->hint_line(), 1);
    first_line->addWidget(mode_bar_->message_line());
    first_line->addWidget(warnings_button_);
    first_line->addWidget(live_);
    auto* stack = new QVBoxLayout(top);
    stack->setContentsMargins(0, 0, 0, 6);
    stack->setSpacing(7);
    stack->addLayout(first_line);
    for (QWidget* widget : std::initializer_list<QWidget*>{server_banner_, load_banner_, notice_banner_, attach_line_,
                                                           mode_bar_, load_bar_, numbers_}) {
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
    connect(charts_, &ChartGrid::enlargeChanged, this, &MainWindow::make_room_for);
    connect(charts_, &ChartGrid::told, this, &MainWindow::tell);
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
    setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
    connections_ = new ConnectionView(connection_model_);
    connections_panel_ =
        new Panel(QStringLiteral("connections_panel"), tr("Connections"), connections_, connections_->filter(), this);
    map_ = new ConnectionMap;
    map_panel_ = new Panel(QStringLiteral("map_panel"), tr("Map"), map_, map_->chooser(), this);
    timeline_view_ = new TimelineView(timeline_, time_view_);
    timeline_panel_ =
        new Panel(QStringLiteral("timeline_panel"), tr("Timeline"), timeline_view_, timeline_view_->chooser(), this);
    what_changed_ = new WhatChanged(history_);
    what_changed_panel_ = new Panel(QStringLiteral("what_changed_panel"), tr("What changed"), what_changed_, nullptr, this);
    warning_list_ = new WarningList(warning_board_);
    warnings_panel_ = new Panel(QStringLiteral("warnings_panel"), tr("Warnings"), warning_list_, nullptr, this);
    load_panel_ = new LoadPanel;
    load_panel_dock_ = new Panel(QStringLiteral("load_panel"), tr("Load"), load_panel_, nullptr, this);
    connect(load_panel_, &LoadPanel::summaryChanged, load_panel_dock_, &Panel::show_summary);
    anatomy_ = new AnatomyView;
    anatomy_panel_ = new Panel(QStringLiteral("anatomy_panel"), tr("Anatomy"), anatomy_, anatomy_->mover(), this);
    make_processes_panel();
    panels_ = {connections_panel_,  load_panel_dock_, map_panel_,     timeline_panel_,
               what_changed_panel_, warnings_panel_,  anatomy_panel_, processes_panel_};
    place_panels();

    connect(warning_list_, &WarningList::chosen, this, &MainWindow::go_to);
    connect(&warning_list_->hog_bar(), &HogBar::wanted, &hog_watch_, &HogWatch::act);
    connect(&hog_watch_, &HogWatch::acted, this, [this](quint64 connection, const QString& text, bool failed) {
        if (!failed) warning_list_->settle_hog(connection);
        tell(text, failed);
    });
    connect(&hog_watch_, &HogWatch::hogsTold, this, [this] {
        if (newest_) check_warnings(true); // at once: every 50 ms counts
    });
    connect(warnings_button_, &QAbstractButton::clicked, this, [this] {
        warnings_button_->setChecked(false);
        warnings_panel_->bring_up();
        if (warning_board_.active() > 0) go_to(warning_board_.warnings().front().finding);
    });
    connect(connections_, &ConnectionView::summaryChanged, connections_panel_, &Panel::show_summary);
    connect(timeline_view_, &TimelineView::summaryChanged, timeline_panel_, &Panel::show_summary);
    // One selection for all views, kept by the table.
    connect(connections_, &ConnectionView::selectionChanged, map_, &ConnectionMap::select);
    connect(connections_, &ConnectionView::selectionChanged, timeline_view_, &TimelineView::select);
    connect(connections_, &ConnectionView::selectionChanged, anatomy_, &AnatomyView::select);
    connect(connections_, &ConnectionView::anatomyWanted, anatomy_panel_, &Panel::bring_up);
    connect(anatomy_panel_, &QDockWidget::visibilityChanged, this, [this](bool visible) {
        // It needs more lines than the others: the first time it is shown, it is given them.
        if (!visible || anatomy_panel_->isFloating() || std::exchange(anatomy_was_shown_, true)) return;
        const int wanted = std::min(fontMetrics().height() * 26, height() / 2);
        if (anatomy_panel_->height() < wanted) resizeDocks({anatomy_panel_}, {wanted}, Qt::Vertical);
    });
    connect(anatomy_, &AnatomyView::summaryChanged, anatomy_panel_, &Panel::show_summary);
    connect(anatomy_, &AnatomyView::lookWanted, &session_, &Session::lookAt);
    const auto move = [this](const ConnectionKey& key, const QString& mode) { session_.moveConnection(key.id, mode); };
    connect(anatomy_, &AnatomyView::moveWanted, &session_, move);
    connect(connections_, &ConnectionView::moveWanted, &session_, move);
    connect(map_, &ConnectionMap::clicked, connections_, &ConnectionView::select);
    connect(timeline_view_, &TimelineView::clicked, connections_, &ConnectionView::select);
    connect(connections_, &ConnectionView::followWanted, this, [this] {
        timeline_panel_->bring_up();
        timeline_view_->setFocus();
    });
    connect(connections_, &ConnectionView::closeWanted, this,
            [this](const ConnectionKey& key) { session_.closeConnection(key.id); });
    connect(what_changed_, &WhatChanged::summaryChanged, what_changed_panel_, &Panel::show_summary);
}

void MainWindow::place_panels() {
    for (Panel* panel : panels_) {
        panel->setFloating(false);
        panel->show();
    }
    // Beside the window's panels there is little room for it, and it is needed now and then: it floats until it is put
    // somewhere.
    addDockWidget(Qt::TopDockWidgetArea, load_panel_dock_);
    load_panel_dock_->setFloating(true);
    load_panel_dock_->hide();
    addDockWidget(Qt::BottomDockWidgetArea, connections_panel_);
    splitDockWidget(connections_panel_, map_panel_, Qt::Horizontal);
    splitDockWidget(map_panel_, timeline_panel_, Qt::Horizontal);
    tabifyDockWidget(timeline_panel_, anatomy_panel_);
    tabifyDockWidget(anatomy_panel_, processes_panel_);
    processes_panel_->setVisible(are_several_);
    timeline_panel_->raise();
    addDockWidget(Qt::RightDockWidgetArea, what_changed_panel_);
    splitDockWidget(what_changed_panel_, warnings_panel_, Qt::Vertical);
    const int line = fontMetrics().height();
    const int height = line * 12;
    resizeDocks({connections_panel_, map_panel_, timeline_panel_}, {height, height, height}, Qt::Vertical);
    resizeDocks({connections_panel_, map_panel_, timeline_panel_}, {50, 16, 34}, Qt::Horizontal);
    resizeDocks({what_changed_panel_}, {fontMetrics().averageCharWidth() * 42}, Qt::Horizontal);
    resizeDocks({what_changed_panel_, warnings_panel_}, {5, 4}, Qt::Vertical);
}

void MainWindow::connect_session() {
    connect(&session_, &Session::snapshotTaken, this, &MainWindow::take_snapshot);
    connect(&session_, &Session::serverChanged, this, &MainWindow::show_server);
    connect(&session_, &Session::loadChanged, this, &MainWindow::show_load);
    connect(&session_, &Session::modesChanged, this, [this] {
        mode_bar_->show_modes(session_.modes());
        mode_bar_->show_current(session_.mode());
        charts_->show_modes(session_.modes());
        anatomy_->show_modes(session_.modes());
        connections_->show_modes(session_.modes());
    });
    connect(&session_, &Session::anatomyTaken, anatomy_, &AnatomyView::show_anatomy);
    connect(&session_, &Session::connectionRefused, this, [this](const QString& reason) { tell(reason, true); });
    connect(&session_, &Session::modeChangeBegan, this,
            [this](const QString& to) { mode_bar_->show_progress(to, connection_model_.total()); });
    connect(&session_, &Session::modeChanged, this, &MainWindow::finish_mode_change);
    connect(&session_, &Session::modeChangeRefused, this, [this](const QString& to, const QString& reason) {
        mode_bar_->show_refusal(to);
        tell(reason, true);
        mode_bar_->parameters().show_parameters(session_.mode_parameters());
        undoing_ = false;
    });
    connect(&session_, &Session::modeParametersChanged, &mode_bar_->parameters(), &ModeParametersRow::show_parameters);
    connect(&mode_bar_->parameters(), &ModeParametersRow::parametersWanted, &session_, &Session::changeParameters);
    connect(mode_bar_, &ModeBar::modeWanted, &session_, &Session::changeMode);
    load_panel_->show_workloads(workloads_in(workloads_folder(session_.plan().companions_folder)));
    connect(load_bar_, &LoadBar::populationWanted, &session_, &Session::setPopulation);
    connect(load_bar_, &LoadBar::populationUnwanted, &session_, &Session::removePopulation);
    connect(load_panel_, &LoadPanel::populationWanted, load_bar_, [this](const QString& text) {
        if (const auto population = parse_population(text)) load_bar_->want(population->name, text);
    });
    connect(load_panel_, &LoadPanel::populationUnwanted, load_bar_,
            [this](const QString& name) { load_bar_->want(name, {}); });
    connect(load_panel_, &LoadPanel::titleChanged, load_bar_,
            [this](const QString& title) { load_bar_->show_title(title.isEmpty() ? tr("your own mix") : title); });
    connect(load_bar_, &LoadBar::panelWanted, load_panel_dock_,
            [this] { load_panel_dock_->isVisible() ? load_panel_dock_->hide() : show_load_panel(); });
    connect(load_panel_dock_, &QDockWidget::visibilityChanged, &load_bar_->panel_button(), &QAbstractButton::setChecked);
    connect(load_panel_, &LoadPanel::workloadWanted, this,
            [this](const Workload& workload) { mark_moment(Mark::Kind::load_change, workload.title); });
    for (const Stepper* stepper : {&load_bar_->idle(), &load_bar_->slow_readers(), &load_bar_->hogs()}) {
        connect(stepper, &Stepper::countWanted, this,
                [this, stepper] { mark_moment(Mark::Kind::load_change, stepper->accessibleName()); });
    }
    connect(load_panel_, &LoadPanel::workloadWanted, &session_,
            [this](const Workload& workload) { session_.setWorkload(workload.protocol, workload.populations); });
    connect(&session_, &Session::loadAnswered, this, [this](const QString& note) {
        if (!note.isEmpty()) tell(note, true);
    });
    connect(&session_, &Session::loadRefused, this, [this](const QString& reason) { tell(reason, true); });
    connect(server_banner_, &Banner::acted, this, [this] {
        server_banner_->button().setEnabled(false);
        act_on_server();
    });
    connect(load_banner_, &Banner::acted, this, [this] {
        load_banner_->button().setEnabled(false);
        if (session_.load().phase == ProcessStatus::Phase::stopped) {
            session_.continueLoad();
        } else {
            session_.restartLoad();
        }
    });
}

void MainWindow::show_load_panel() {
    if (load_panel_dock_->isFloating() && !load_panel_is_placed_) {
        load_panel_is_placed_ = true; // from here on it stays where the user puts it
        const QSize wanted(fontMetrics().averageCharWidth() * 150, fontMetrics().height() * 17);
        load_panel_dock_->resize(wanted.boundedTo(size() - QSize(40, 40)));
        load_panel_dock_->move(load_bar_->mapToGlobal(QPoint(load_bar_->panel_button().x(), load_bar_->height() + 4)));
    }
    load_panel_dock_->bring_up();
    if (load_panel_dock_->isFloating()) load_panel_dock_->activateWindow();
}

void MainWindow::start() { session_.start(); }

void MainWindow::take_snapshot(const SnapshotPtr& snapshot) {
    newest_ = snapshot;
    look_ms_ += 0.05 * (std::chrono::duration<double, std::milli>(snapshot->cost).count() - look_ms_);
    {
        const FrameShare share(meter_, "models");
        history_.append(metrics_.update(*snapshot));
        time_view_.advance(history_.newest_time());
        timeline_.append(*snapshot);
    }
    refresh_views();
    // The first stretch is that of the first mode, by the name that the server gives it.
    if (history_.marks().empty() && snapshot->has_server && !session_.modes().empty()) {
        history_.mark(
            {history_.newest_time(), Mark::Kind::server_started, mode_bar_->name_of(session_.mode()), session_.mode()});
    }
    const bool shows_all = session_.server().is_attached || !snapshot->server.connections.empty();
    if (!was_alive_ && snapshot->has_server && shows_all) {
        was_alive_ = true;
        refresh_all();
        emit alive();
    }
}

// Charts move with every snapshot; what is read as digits or looked at longer changes less often, and not all in one frame.
void MainWindow::refresh_views() {
    const bool all_due = std::exchange(all_due_, false);
    const auto is_due = [&](std::uint64_t every, std::uint64_t turn) { return all_due || frame_ % every == turn; };
    const bool is_live = time_view_.is_live();
    if (is_live) {
        const FrameShare share(meter_, "charts");
        charts_->refresh();
    }
    if (is_live && is_due(2, 0)) {
        const FrameShare share(meter_, "timeline");
        timeline_view_->refresh();
    }
    if (is_live && newest_->has_server && is_due(2, 1)) {
        const FrameShare share(meter_, "map");
        map_->show_snapshot(newest_);
    }
    const bool many = newest_->server.connections.size() > slow_rows;
    if (is_live && is_due(many ? 2 * slow_frames : slow_frames, 1)) {
        const FrameShare share(meter_, "table");
        connection_model_.update(newest_);
        show_processes();
    }
    if (is_due(slow_frames, 2)) refresh_numbers();
    check_warnings(is_due(slow_frames, 3));
    if (is_due(comparison_frames, 3)) {
        const FrameShare share(meter_, "what changed");
        what_changed_->refresh();
    }
    ++frame_;
}

void MainWindow::refresh_numbers() {
    const FrameShare share(meter_, "numbers");
    const Sources sources = sources_of(*newest_, session_.server().is_attached);
    charts_->show_sources(sources);
    numbers_->show_sources(sources);
    show_told_modes();
    charts_->refresh_legends();
    numbers_->refresh();
    mode_bar_->show_counts(connections_by_mode(*newest_));
    load_bar_->show_load(*newest_, session_.plan().protocol);
    load_panel_->show_load(*newest_, session_.plan().protocol);
    const QString mode = session_.modes().empty() ? session_.mode() : mode_bar_->name_of(session_.mode());
    status_line_->show_server(session_.server(), mode, history_.newest_time() - mode_since_);
    status_line_->show_load(session_.load(),
                            history_.mean(Quantity::verified_share, history_.newest_time() - 1, history_.newest_time()));
    status_line_->show_watching(meter_.recent_mean_ms(), look_ms_);
}

// One chart alone has the screen but for the modes and the numbers, for people who teach; nullptr: all is as it was.
void MainWindow::make_room_for(const Chart* chart) {
    if (chart == nullptr) {
        // Not by a saved state of the whole layout: panels may have been dragged about meanwhile.
        for (Panel* panel : std::exchange(made_room_, {})) panel->show();
        if (std::exchange(is_one_alone_, false) && !was_full_screen_) setWindowState(windowState() & ~Qt::WindowFullScreen);
        return;
    }
    if (std::exchange(is_one_alone_, true)) return; // another chart had it
    was_full_screen_ = isFullScreen();
    for (Panel* panel : panels_) {
        if (!panel->isHidden()) made_room_.push_back(panel);
        panel->hide();
    }
    setWindowState(windowState() | Qt::WindowFullScreen);
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
            history_.mark(
                {history_.newest_time(), Mark::Kind::server_started, mode_bar_->name_of(session_.mode()), session_.mode()});
        }
        break;
    case Phase::absent:
    case Phase::awaited:
        break;
    }
    show_attached(status);
}

void MainWindow::show_load(const ProcessStatus& status) {
    using Phase = ProcessStatus::Phase;
    const bool server_is_well = session_.server().alive();
    if ((status.phase == Phase::gone || status.phase == Phase::failed) && server_is_well) {
        load_banner_->show_problem(status.reason, tr("Restart load"), tr("Start the clients again with the same load."));
    } else if (status.phase == Phase::stopped && server_is_well) {
        load_banner_->show_problem(status.reason, tr("Continue"), tr("Send the load SIGCONT, so that it goes on."));
    } else if (status.phase == Phase::running) {
        if (status.reason.isEmpty()) {
            load_banner_->clear();
        } else {
            load_banner_->show_problem(status.reason, tr("Restart load"), tr("Start the clients again with the same load."));
        }
    }
}

void MainWindow::tell(const QString& text, bool is_bad) {
    if (is_bad) {
        notice_banner_->show_problem(text, tr("Close"), tr("Hides this message."));
    } else {
        mode_bar_->show_message(text);
    }
}

void MainWindow::check_warnings(bool shows) {
    const FrameShare share(meter_, "warnings");
    bool program_decides = false;
    for (const ModeDescription& mode : session_.modes()) {
        if (mode.id == session_.mode()) program_decides = mode.scheduling != ModeDescription::Scheduling::kernel;
    }
    warning_board_.update({*newest_, session_.server(), thresholds_, history_.newest_time(),
                           mode_bar_->name_of(session_.mode()), program_decides, hog_watch_.hogs(), hog_watch_.is_told()});
    if (!shows) return;
    warning_list_->refresh(history_.newest_time());
    show_warnings_button();
}

void MainWindow::show_warnings_button() {
    const std::size_t active = warning_board_.active();
    warnings_button_->setVisible(active > 0);
    if (active == 0) return;
    const QString text = active == 1 ? tr("1 warning") : tr("%1 warnings").arg(active);
    warnings_button_->setToolTip(tr("%1\nA click goes there.").arg(warning_board_.warnings().front().finding.text));
    if (text == warnings_button_->text()) return;
    warnings_button_->setText(text);
    warnings_button_->updateGeometry();
}

void MainWindow::go_to(const Finding& finding) {
    if (finding.culprit) {
        connections_panel_->bring_up();
        connections_->select(*finding.culprit);
        return;
    }
    if (auto* view = findChild<QWidget*>(finding.view); view != nullptr) {
        if (auto* panel = qobject_cast<Panel*>(view)) {
            panel->bring_up();
        }
        view->setFocus();
    }
}

void MainWindow::finish_mode_change(const ModeChange& change) {
    mode_bar_->show_result(change);
    notice_banner_->clear();
    const bool is_other = change.from != change.to || change.parameters != change.parameters_before;
    if (!is_other && change.moved == 0) { // it was asked for what it had
        undoing_ = false;
        return;
    }
    mode_since_ = history_.newest_time();
    QString label = mode_bar_->name_of(change.to);
    if (const ModeDescription* mode = mode_bar_->description_of(change.to);
        mode != nullptr && is_other && change.from == change.to) {
        label = tr("%1, %2").arg(label, parameters_text(*mode, change.parameters));
    }
    history_.mark({history_.newest_time(), Mark::Kind::mode_change, label, change.to});
    if (!undoing_ && is_other) {
        changes_.push_back(change);
        if (changes_.size() > undo_depth) changes_.erase(changes_.begin());
    }
    undoing_ = false;
    undo_->setEnabled(!changes_.empty());
    if (changes_.empty()) {
        undo_->setText(tr("&Undo the change of mode"));
        return;
    }
    const ModeChange& last = changes_.back();
    const ModeDescription* mode = mode_bar_->description_of(last.from);
    undo_->setText(last.from == last.to && mode != nullptr
                       ? tr("&Undo: back to %1").arg(parameters_text(*mode, last.parameters_before))
                       : tr("&Undo: back to %1").arg(mode_bar_->name_of(last.from)));
}

void MainWindow::mark_moment(Mark::Kind kind, const QString& label) {
    if (history_.empty() || !session_.server().alive()) return;
    history_.mark({history_.newest_time(), kind, label, session_.mode()});
}

void MainWindow::undoModeChange() {
    if (changes_.empty() || session_.mode_is_changing() || !session_.server().alive()) return;
    const ModeChange last = changes_.back();
    changes_.pop_back();
    undoing_ = true;
    if (last.from == last.to) {
        session_.changeParameters(last.parameters_before);
    } else {
        session_.changeMode(last.from);
    }
}

void MainWindow::reset_layout() {
    charts_->enlarge(nullptr);
    place_panels();
    connections_->grant({});
}

void MainWindow::closeEvent(QCloseEvent* event) {
    charts_->enlarge(nullptr);
    if (remembers_) {
        QSettings settings;
        settings.setValue(QStringLiteral("window/geometry"), saveGeometry());
        settings.setValue(QStringLiteral("window/state"), saveState());
        remember_columns(connections_->column_wishes());
    }
    hide(); // ending the processes may take a moment
    session_.stop();
    QMainWindow::closeEvent(event);
}

bool MainWindow::event(QEvent* event) {
    if (leave_key_to_focus(*event)) return true;
    if (event->type() != QEvent::UpdateRequest) return QMainWindow::event(event);
    bool handled = false;
    {
        const FrameShare share(meter_, "painting");
        handled = QMainWindow::event(event);
    }
    meter_.end_frame();
    if (was_alive_ && !std::exchange(was_data_shown_, true)) emit dataShown();
    return handled;
}

} // namespace connscope::app
