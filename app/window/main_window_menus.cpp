// SPDX-License-Identifier: GPL-3.0-or-later
// What the window's menus offer, and the settings that they change.
#include "models/run_store.hpp"
#include "models/saved_file.hpp"
#include "views/chart.hpp"
#include "views/chart_grid.hpp"
#include "views/comparison_page.hpp"
#include "views/connection_view.hpp"
#include "views/filter_line.hpp"
#include "window/command_palette.hpp"
#include "window/load_bar.hpp"
#include "window/main_window.hpp"
#include "window/mode_bar.hpp"
#include "window/panel.hpp"
#include "window/settings.hpp"
#include "window/stepper.hpp"
#include "window/threshold_dialog.hpp"

#include <boost/version.hpp>
#include <qcustomplot.h>

#include <QActionGroup>
#include <QApplication>
#include <QBuffer>
#include <QFileDialog>
#include <QMenuBar>
#include <QMessageBox>
#include <QSettings>

#include <algorithm>

namespace connscope::app {

namespace {

// An action that says what it does where the pointer rests on it, in the status line of a screen reader and in the palette.
QAction* add(QMenu* menu, const QString& text, const QString& name, const QKeySequence& keys, const QString& tip) {
    QAction* action = menu->addAction(text);
    action->setObjectName(QStringLiteral("action_") + name);
    action->setShortcut(keys);
    action->setToolTip(tip);
    return action;
}

// Not exec(): the window goes on behind it. Without a window manager nobody else gives it the keyboard.
void show_active(QDialog* dialog) {
    for (auto* other : dialog->parentWidget()->findChildren<QDialog*>(dialog->objectName(), Qt::FindDirectChildrenOnly)) {
        if (other != dialog) other->close(); // one of a kind
    }
    dialog->setWindowModality(Qt::NonModal);
    dialog->show();
    dialog->activateWindow();
}

QKeySequence keys(const char* text) { return QKeySequence(QLatin1String(text)); }

} // namespace

void MainWindow::make_menus() {
    make_file_menu();
    make_session_menu();
    make_server_menu();
    make_load_menu();
    make_view_menu();
    make_help_menu();
    for (QMenu* menu : menu_bar_->findChildren<QMenu*>()) menu->setToolTipsVisible(true);
}

void MainWindow::make_file_menu() {
    QMenu* file = menu_bar_->addMenu(tr("&File"));
    connect(add(file, tr("Save a picture of the &window …"), QStringLiteral("save_picture"), keys("Ctrl+Shift+S"),
                tr("Writes what the window shows now as a PNG.")),
            &QAction::triggered, this, &MainWindow::choose_picture_file);
    connect(add(file, tr("&When to warn …"), QStringLiteral("thresholds"), keys("Ctrl+,"),
                tr("The thresholds of the warnings: how long a connection may hold a CPU, wait for one, and so on.")),
            &QAction::triggered, this, &MainWindow::show_thresholds);
    file->addSeparator();
    connect(add(file, tr("&Quit"), QStringLiteral("quit"), keys("Ctrl+Q"), tr("Ends the server and the load, too.")),
            &QAction::triggered, this, &QWidget::close);
}

void MainWindow::make_server_menu() {
    QMenu* server = menu_bar_->addMenu(tr("&Server"));
    undo_ = add(server, tr("&Undo the change of mode"), QStringLiteral("undo_mode"), QKeySequence::Undo,
                tr("Moves all connections back to where they were before the last change."));
    connect(undo_, &QAction::triggered, this, &MainWindow::undoModeChange);
    undo_->setEnabled(false);
    QMenu* modes = server->addMenu(tr("&Mode"));
    connect(&session_, &Session::modesChanged, modes, [this, modes] {
        modes->clear();
        int number = 0;
        for (const ModeDescription& mode : session_.modes()) {
            QAction* action = modes->addAction(mode.name, &session_, [this, id = mode.id] { session_.changeMode(id); });
            action->setObjectName(QStringLiteral("action_mode_") + mode.id);
            action->setToolTip(mode.hint);
            if (++number <= 9) action->setShortcut(QKeySequence(QStringLiteral("Ctrl+%1").arg(number)));
        }
    });
    server->addSeparator();
    connect(add(server, tr("&Restart server and load"), QStringLiteral("restart"), keys("Ctrl+Shift+R"),
                tr("Ends both processes and starts them again, in the same mode and with the same load.")),
            &QAction::triggered, &session_, &Session::restart);
    server->addSeparator();
    connect(add(server, tr("&Compare the modes …"), QStringLiteral("compare"), keys("Ctrl+Shift+M"),
                tr("The same work through every mode, each in fresh processes, and what each costs.")),
            &QAction::triggered, this, &MainWindow::showComparison);
    make_pages_menu(*server);
}

void MainWindow::showComparison() {
    if (comparison_ == nullptr) {
        comparison_ = std::make_unique<ComparisonPage>(session_.plan().companions_folder, run_store(), this);
        comparison_->resize(size().expandedTo({1180, 760}));
        comparison_->show_modes(session_.modes());
        connect(&session_, &Session::modesChanged, comparison_.get(), [this] { comparison_->show_modes(session_.modes()); });
        // The live load would take the CPUs from what is measured.
        connect(comparison_.get(), &ComparisonPage::measuringChanged, &session_,
                [this](bool measures) { session_.setLoadRunning(!measures); });
    }
    comparison_->show();
    comparison_->raise();
    comparison_->activateWindow();
}

void MainWindow::make_load_menu() {
    QMenu* load = menu_bar_->addMenu(tr("&Load"));
    load->setObjectName(QStringLiteral("load_menu"));
    struct Counted {
        Stepper& stepper;
        const char* name;
        QString add_text;
        QString remove_text;
        const char* add_keys;
        const char* remove_keys;
    };
    for (const Counted& each :
         {Counted{load_bar_->idle(), "idle", tr("Add 100 &idle connections"), tr("Remove 100 idle connections"), "Ctrl+I",
                  "Ctrl+Shift+I"},
          Counted{load_bar_->hogs(), "hog", tr("Add a &hog"), tr("Remove a hog"), "Ctrl+H", "Ctrl+Shift+H"},
          Counted{load_bar_->slow_readers(), "slow_reader", tr("Add a slow &reader"), tr("Remove a slow reader"), "Ctrl+R",
                  "Ctrl+Alt+R"}}) {
        const QString name = QString::fromLatin1(each.name);
        QAction* more = add(load, each.add_text, QStringLiteral("add_") + name, keys(each.add_keys), each.stepper.toolTip());
        QAction* less =
            add(load, each.remove_text, QStringLiteral("remove_") + name, keys(each.remove_keys), each.stepper.toolTip());
        connect(more, &QAction::triggered, &each.stepper.add_button(), &QAbstractButton::click);
        connect(less, &QAction::triggered, &each.stepper.remove_button(), &QAbstractButton::click);
    }
    load->addSeparator();
    QAction* pause = add(load, tr("&Pause the clients"), QStringLiteral("pause_load"), keys("Ctrl+P"),
                         tr("The clients stay connected and send nothing, until this is chosen again."));
    pause->setCheckable(true);
    connect(pause, &QAction::triggered, &session_, [this](bool checked) { session_.setLoadRunning(!checked); });
    connect(&session_, &Session::loadChanged, pause, [pause] { pause->setChecked(false); });
    connect(add(load, tr("Restart the &clients"), QStringLiteral("restart_load"), {},
                tr("Starts connscope-load anew with the same load.")),
            &QAction::triggered, &session_, &Session::restartLoad);
}

void MainWindow::make_view_menu() {
    QMenu* view = menu_bar_->addMenu(tr("&View"));
    pause_ = add(view, tr("&Pause the view"), QStringLiteral("pause_view"), QKeySequence(Qt::Key_Space), live_->toolTip());
    pause_->setCheckable(true);
    connect(pause_, &QAction::triggered, &time_view_, &TimeView::togglePause);
    connect(live_, &QAbstractButton::clicked, &time_view_, &TimeView::togglePause);
    connect(&time_view_, &TimeView::liveChanged, this, [this](bool live) {
        pause_->setChecked(!live);
        live_->setText(live ? tr("Pause") : tr("Back to live"));
        live_->setChecked(!live);
        live_->updateGeometry();
    });
    connect(&time_view_, &TimeView::viewChanged, charts_, &ChartGrid::redraw);
    connect(add(view, tr("Back to the last &minute"), QStringLiteral("last_minute"), QKeySequence(Qt::Key_Home),
                tr("All charts show the usual stretch of time again.")),
            &QAction::triggered, &time_view_, &TimeView::resetSpan);
    connect(add(view, tr("Mar&k this moment"), QStringLiteral("mark"), keys("Ctrl+M"),
                tr("Sets a mark on all charts. “What changed” compares the stretches between any two marks.")),
            &QAction::triggered, this, [this] { mark_moment(Mark::Kind::moment, tr("Mark %1").arg(++moments_)); });
    connect(add(view, tr("&Filter the connections"), QStringLiteral("filter"), QKeySequence::Find,
                tr("Goes to the line above the table, for words such as: state == ready and wait > 10ms")),
            &QAction::triggered, this, [this] {
                connections_panel_->bring_up();
                connections_->filter()->setFocus(Qt::ShortcutFocusReason);
                connections_->filter()->selectAll();
            });
    QMenu* alone = view->addMenu(tr("One &chart alone"));
    QAction* all = add(alone, tr("&All charts"), QStringLiteral("all_charts"), keys("Ctrl+Esc"), tr("Back to all charts."));
    connect(all, &QAction::triggered, charts_, [this] { charts_->enlarge(nullptr); });
    QMenu* keep = view->addMenu(tr("Sa&ve or copy a chart"));
    for (Chart* chart : charts_->charts()) {
        QAction* action = alone->addAction(chart->spec().title, charts_, [this, chart] { charts_->enlarge(chart); });
        action->setToolTip(chart->spec().about);
        action = keep->addAction(chart->spec().title, chart,
                                 [chart] { emit chart->menuWanted(chart, chart->mapToGlobal(chart->rect().center())); });
        action->setToolTip(tr("As a picture, as vectors or as values."));
    }
    view->addSeparator();
    int number = 0;
    for (Panel* panel : panels_) {
        QAction* toggle = panel->toggleViewAction();
        toggle->setToolTip(tr("Shows or hides this panel."));
        if (++number <= 9) toggle->setShortcut(QKeySequence(QStringLiteral("Alt+%1").arg(number)));
        view->addAction(toggle);
    }
    connect(add(view, tr("&Reset layout"), QStringLiteral("reset_layout"), {},
                tr("Puts all panels and the table's columns where they were at first.")),
            &QAction::triggered, this, &MainWindow::reset_layout);
    QAction* full =
        add(view, tr("F&ull screen"), QStringLiteral("full_screen"), QKeySequence(Qt::Key_F11), tr("For a projector."));
    full->setCheckable(true);
    connect(full, &QAction::triggered, this, [this](bool on) { on ? showFullScreen() : showNormal(); });
    view->addSeparator();
    auto* themes = new QActionGroup(this);
    for (const auto& [theme, text] : {std::pair{Theme::system, tr("Colours of the &desktop")},
                                      std::pair{Theme::light, tr("&Light")}, std::pair{Theme::dark, tr("Dar&k")}}) {
        QAction* action = add(view, text, QStringLiteral("theme_") + name_of(theme), {}, tr("The colours of the window."));
        connect(action, &QAction::triggered, this, [this, theme = theme] { set_theme(theme); });
        action->setCheckable(true);
        action->setChecked(theme == theme_);
        themes->addAction(action);
    }
    view->addSeparator();
    const QString size_tip = tr("The size of all text.");
    QAction* bigger = add(view, tr("&Bigger text"), QStringLiteral("bigger"), {}, size_tip);
    bigger->setShortcuts({keys("Ctrl++"), keys("Ctrl+=")});
    connect(bigger, &QAction::triggered, this, [this] { change_text_size(text_steps_ + 1); });
    connect(add(view, tr("&Smaller text"), QStringLiteral("smaller"), keys("Ctrl+-"), size_tip), &QAction::triggered, this,
            [this] { change_text_size(text_steps_ - 1); });
    connect(add(view, tr("Usual &text"), QStringLiteral("usual"), keys("Ctrl+0"), size_tip), &QAction::triggered, this,
            [this] { change_text_size(0); });
}

void MainWindow::make_help_menu() {
    QMenu* help = menu_bar_->addMenu(tr("&Help"));
    connect(add(help, tr("&Find an action …"), QStringLiteral("palette"), keys("Ctrl+K"),
                tr("Finds everything that the menus offer by some letters of its name.")),
            &QAction::triggered, this, [this] { show_active(new CommandPalette(*menu_bar_, this)); });
    connect(add(help, tr("&Shortcuts"), QStringLiteral("shortcuts"), QKeySequence(Qt::Key_F1), tr("All keys on one sheet.")),
            &QAction::triggered, this, [this] { show_active(new ShortcutSheet(*menu_bar_, this)); });
    help->addSeparator();
    make_tours_menu(*help);
    help->addSeparator();
    connect(add(help, tr("&About connscope"), QStringLiteral("about"), {}, tr("Versions and licences.")),
            &QAction::triggered, this, &MainWindow::show_about);
}

void MainWindow::choose_picture_file() {
    auto* dialog = new QFileDialog(this, tr("Save a picture of the window"), QString(), tr("Pictures (*.png)"));
    dialog->setObjectName(QStringLiteral("picture_dialog"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(QStringLiteral("png"));
    const QPixmap picture = grab(); // as it is now, without the dialog
    connect(dialog, &QFileDialog::fileSelected, this, [this, picture](const QString& file) {
        QByteArray bytes;
        QBuffer buffer(&bytes);
        buffer.open(QIODevice::WriteOnly);
        picture.save(&buffer, "PNG");
        const SaveError problem = save_file(file, bytes);
        tell(problem.isEmpty() ? tr("saved %1").arg(file) : problem, !problem.isEmpty());
    });
    show_active(dialog);
}

void MainWindow::show_thresholds() {
    auto* dialog = new ThresholdDialog(thresholds_, this);
    connect(dialog, &ThresholdDialog::thresholdsChanged, this, [this](const WarningThresholds& thresholds) {
        thresholds_ = thresholds;
        if (remembers_) remember_thresholds(thresholds_);
    });
    show_active(dialog);
}

void MainWindow::set_theme(Theme theme) {
    theme_ = theme;
    apply_theme(theme_, desktop_is_dark_);
    if (remembers_) QSettings().setValue(QStringLiteral("window/theme"), name_of(theme_));
}

void MainWindow::follow_desktop(bool is_dark) {
    if (std::exchange(desktop_is_dark_, is_dark) != is_dark && theme_ == Theme::system) apply_theme(theme_, is_dark);
}

void MainWindow::change_text_size(int steps) {
    text_steps_ = std::clamp(steps, least_text_steps, most_text_steps);
    apply_text_size(text_steps_);
    if (remembers_) QSettings().setValue(QStringLiteral("window/text_steps"), text_steps_);
}

void MainWindow::show_about() {
    auto* box = new QMessageBox(
        QMessageBox::NoIcon, tr("About connscope"),
        tr("<h3>connscope %1</h3><p>Shows how a TCP server schedules its connections and what each way of doing it "
           "costs.</p>"
           "<p>The application: GPL-3.0-or-later. The server, the probe and all other libraries of connscope: BSL-1.0.</p>"
           "<p>Runs with Qt %2 (LGPL-3.0), built with Qt %3, QCustomPlot %4 (GPL-3.0), Boost %5 (BSL-1.0), fmt and spdlog "
           "(MIT), CLI11 "
           "(BSD-3-Clause). Text in Inter (OFL-1.1). Colours by Masataka Okabe and Kei Ito.</p>")
            .arg(QStringLiteral(CONNSCOPE_VERSION), QString::fromLatin1(qVersion()), QStringLiteral(QT_VERSION_STR),
                 QStringLiteral(QCUSTOMPLOT_VERSION_STR),
                 QStringLiteral(BOOST_LIB_VERSION).replace(QLatin1Char('_'), QLatin1Char('.'))),
        QMessageBox::Ok, this);
    box->setObjectName(QStringLiteral("about"));
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setIconPixmap(QApplication::windowIcon().pixmap(64));
    show_active(box);
}

} // namespace connscope::app
