// SPDX-License-Identifier: GPL-3.0-or-later
// The pages and the tours that the window opens.
#include "window/main_window.hpp"

#include "models/run_store.hpp"
#include "window/conversation_page.hpp"
#include "window/four_fields_page.hpp"
#include "window/layers_page.hpp"
#include "window/sweep_page.hpp"
#include "window/tour_guide.hpp"

#include <QAction>
#include <QMenu>

namespace connscope::app {

namespace {

constexpr QSize page_size{1180, 760};

void bring_up(QWidget& page) {
    page.show();
    page.raise();
    page.activateWindow();
}

} // namespace

RunStore& MainWindow::run_store() {
    if (run_store_ == nullptr) run_store_ = std::make_unique<RunStore>(RunStore::usual_file());
    return *run_store_;
}

void MainWindow::make_pages_menu(QMenu& server) {
    QAction* conversation = server.addAction(tr("The con&versation …"), this, &MainWindow::showConversation);
    conversation->setObjectName(QStringLiteral("action_conversation"));
    conversation->setShortcut(QKeySequence(QStringLiteral("Ctrl+Shift+V")));
    conversation->setToolTip(
        tr("Speakers in a room: who is heard, who waits, who is interrupted in mid-word, in each mode."));
    QAction* fields = server.addAction(tr("&Two questions …"), this, &MainWindow::showFourFields);
    fields->setObjectName(QStringLiteral("action_four_fields"));
    fields->setShortcut(QKeySequence(QStringLiteral("Ctrl+Shift+Q")));
    fields->setToolTip(
        tr("Cooperative or preemptive, in user space or in the kernel: the modes in their places, with what each costs."));
    QAction* sweep = server.addAction(tr("&How often to interrupt …"), this, &MainWindow::showSweep);
    sweep->setObjectName(QStringLiteral("action_sweep"));
    sweep->setShortcut(QKeySequence(QStringLiteral("Ctrl+Shift+O")));
    sweep->setToolTip(tr("What ten slices cost in a mode and how soon the others are answered, measured on this machine."));
    QAction* layers = server.addAction(tr("La&yers crossed …"), this, &MainWindow::showLayers);
    layers->setObjectName(QStringLiteral("action_layers"));
    layers->setShortcut(QKeySequence(QStringLiteral("Ctrl+Shift+L")));
    layers->setToolTip(tr("How deep a request goes into the system in each mode: calls, switches, copies and nanoseconds."));
}

void MainWindow::showSweep() {
    if (sweep_ == nullptr) {
        sweep_ = std::make_unique<SweepPage>(session_, this);
        sweep_->resize(size().expandedTo(page_size));
    }
    bring_up(*sweep_);
}

void MainWindow::showLayers() {
    if (layers_ == nullptr) {
        layers_ = std::make_unique<LayersPage>(session_, this);
        layers_->resize(size().expandedTo(page_size));
    }
    bring_up(*layers_);
}

void MainWindow::make_tours_menu(QMenu& help) {
    tour_guide_ = new TourGuide(session_, history_, this);
    connect(tour_guide_, &TourGuide::failed, this, [this](const QString& reason) { tell(reason, true); });
    QMenu* menu = help.addMenu(tr("&Tours"));
    menu->setObjectName(QStringLiteral("tours_menu"));
    for (const Tour& tour : tours()) {
        QAction* action = menu->addAction(tour.title, tour_guide_, [this, &tour] { tour_guide_->start(tour); });
        action->setObjectName(QStringLiteral("action_tour_") + tour.id);
        action->setToolTip(tour.tip);
    }
}

void MainWindow::showConversation() {
    if (conversation_ == nullptr) {
        conversation_ = std::make_unique<ConversationPage>(session_, remembers_, this);
        if (!conversation_->restore_place()) conversation_->resize(size().expandedTo(page_size));
    }
    bring_up(*conversation_);
}

void MainWindow::showFourFields() {
    if (four_fields_ == nullptr) {
        four_fields_ = std::make_unique<FourFieldsPage>(session_, history_, run_store(), this);
        four_fields_->resize(size().expandedTo(page_size));
    }
    bring_up(*four_fields_);
}

} // namespace connscope::app
