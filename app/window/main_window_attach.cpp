// SPDX-License-Identifier: GPL-3.0-or-later
// What the window does differently while it watches processes that others have started.
#include "window/main_window.hpp"

#include "views/chart_grid.hpp"
#include "views/connection_view.hpp"
#include "views/filter_line.hpp"
#include "views/member_view.hpp"
#include "window/attach_line.hpp"
#include "window/banner.hpp"
#include "window/load_bar.hpp"
#include "window/mode_bar.hpp"
#include "window/panel.hpp"
#include "window/process_picker.hpp"
#include "window/status_line.hpp"

#include <QMenu>
#include <QMenuBar>

namespace connscope::app {

namespace {

// The command that shows what this user may not see.
QString command_for(const ProcessStatus& status) {
    QString command = QStringLiteral("sudo connscope");
    for (const std::uint32_t pid : status.pids) command += QStringLiteral(" --attach %1").arg(pid);
    return command;
}

} // namespace

void MainWindow::make_session_menu() {
    QMenu* menu = menu_bar_->addMenu(tr("Sess&ion"));
    QAction* attach = menu->addAction(tr("&Attach …"), this, &MainWindow::showProcessPicker);
    attach->setObjectName(QStringLiteral("action_attach"));
    attach->setShortcut(QKeySequence(QStringLiteral("Ctrl+Shift+A")));
    attach->setToolTip(tr("Watches processes that run already, of any program: threads, memory, sockets, switches."));
    QAction* back = menu->addAction(tr("&Own server"), this, [this] { session_.attach({}); });
    back->setObjectName(QStringLiteral("action_own_server"));
    back->setToolTip(tr("Starts connscope's own server and clients again."));
    QAction* await = menu->addAction(tr("&Wait for it to come back"), this, &MainWindow::act_on_server);
    await->setObjectName(QStringLiteral("action_await"));
    await->setToolTip(tr("When what is watched has ended: watches what comes back by the same name."));
    const auto follow = [this, back, await](const ProcessStatus& status) {
        back->setEnabled(status.is_attached);
        await->setEnabled(status.is_attached && status.phase == ProcessStatus::Phase::gone);
    };
    follow(session_.server());
    connect(&session_, &Session::serverChanged, menu, follow);
    connect(attach_line_, &AttachLine::otherWanted, this, &MainWindow::showProcessPicker);
    connect(attach_line_, &AttachLine::backWanted, &session_, [this] { session_.attach({}); });
}

void MainWindow::showProcessPicker() {
    for (auto* other : findChildren<ProcessPicker*>(Qt::FindDirectChildrenOnly)) other->close();
    auto* picker = new ProcessPicker(this);
    connect(picker, &ProcessPicker::chosen, &session_, &Session::attach);
    picker->setWindowModality(Qt::NonModal);
    picker->show();
    picker->activateWindow();
}

void MainWindow::make_processes_panel() {
    processes_ = new MemberView(member_model_);
    processes_panel_ = new Panel(QStringLiteral("processes_panel"), tr("Processes"), processes_, nullptr, this);
    connect(processes_, &MemberView::filterWanted, connections_->filter(), &QLineEdit::setText);
    connect(connections_->filter(), &QLineEdit::textChanged, processes_, &MemberView::show_filter);
}

// Their table is there while there are several.
void MainWindow::show_processes() {
    if (!newest_->has_server) return;
    member_model_.update(*newest_);
    const bool are_several = member_model_.members() > 1;
    processes_panel_->show_summary(are_several ? tr("a click shows the connections of one") : QString());
    if (std::exchange(are_several_, are_several) == are_several) return;
    if (are_several) {
        processes_panel_->bring_up();
    } else {
        processes_panel_->hide();
    }
}

// A server that cannot be asked for its modes has their names in its segment.
void MainWindow::show_told_modes() {
    if (!session_.server().is_attached || !session_.modes().empty() || newest_->modes == told_modes_) return;
    told_modes_ = newest_->modes;
    std::vector<ModeDescription> modes;
    for (const std::string& name : told_modes_) {
        ModeDescription& mode = modes.emplace_back();
        mode.id = mode.name = QString::fromStdString(name);
    }
    charts_->show_modes(modes);
}

// Another server is watched from now on: nothing of the one before belongs to it.
void MainWindow::begin_anew(const ProcessStatus& status) {
    metrics_ = {};
    timeline_.clear();
    changes_.clear();
    undo_->setEnabled(false);
    undo_->setText(tr("&Undo the change of mode"));
    notice_banner_->clear();
    if (status.is_attached && !history_.empty())
        history_.mark({history_.newest_time(), Mark::Kind::server_started, tr("attached to %1").arg(status.name), {}});
}

void MainWindow::show_attached(const ProcessStatus& status) {
    using Phase = ProcessStatus::Phase;
    const bool is_other = status.is_attached != was_attached_ || (status.is_attached && status.phase == Phase::starting);
    if (std::exchange(was_attached_, status.is_attached) || status.is_attached) {
        if (is_other) begin_anew(status);
    }
    attach_line_->show_server(status);
    if (status.is_attached) status_line_->show_server(status, {}, 0); // while nothing is read, nothing else is drawn anew
    const bool has_modes = !status.is_attached || status.uncontrolled.isEmpty();
    mode_bar_->setVisible(has_modes);
    load_bar_->setVisible(!status.is_attached);
    if (status.is_attached) load_panel_dock_->hide();
    connections_->set_uncontrolled(status.uncontrolled);
    for (QMenu* menu : menu_bar_->findChildren<QMenu*>(QStringLiteral("load_menu"))) menu->setEnabled(!status.is_attached);
    // These act on connscope's own server.
    for (QMenu* menu : menu_bar_->findChildren<QMenu*>(QStringLiteral("tours_menu"))) menu->setEnabled(!status.is_attached);
    for (const char* own : {"action_restart", "action_conversation"}) {
        if (auto* action = menu_bar_->findChild<QAction*>(QLatin1String(own))) action->setEnabled(!status.is_attached);
    }
    if (!status.is_attached) return;
    switch (status.phase) {
    case Phase::gone:
        server_banner_->show_problem(status.reason, tr("Wait for it to come back"),
                                     tr("Watches what comes back by the name of %1.").arg(status.name));
        break;
    case Phase::awaited:
        server_banner_->show_problem(status.reason, tr("Stop waiting"), tr("What was seen last stays on the screen."));
        break;
    case Phase::failed:
        server_banner_->show_problem(status.reason, tr("Own server"), tr("Starts connscope's own server and clients."));
        break;
    default:
        break;
    }
    if (status.phase == Phase::running && !status.missing.isEmpty() && status.missing != told_missing_) {
        tell(tr("Not all can be seen: %1. This shows it: %2").arg(status.missing.join(tr("; ")), command_for(status)), true);
    }
    if (status.phase == Phase::running) told_missing_ = status.missing;
}

void MainWindow::act_on_server() {
    using Phase = ProcessStatus::Phase;
    const ProcessStatus& server = session_.server();
    if (server.phase == Phase::stopped) {
        session_.continueServer();
    } else if (!server.is_attached) {
        session_.restart();
    } else if (server.phase == Phase::failed) {
        session_.attach({});
    } else if (server.phase == Phase::gone || server.phase == Phase::awaited) {
        session_.awaitServer(server.phase == Phase::gone);
    } else { // something is wrong with its segment
        session_.attach(session_.plan().attach);
    }
}

} // namespace connscope::app
