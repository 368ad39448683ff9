// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A real window with a real server and real clients, for the tests that need one.

#include "window/main_window.hpp"
#include "window/theme.hpp"

#include <QApplication>
#include <QElapsedTimer>
#include <QFile>
#include <QTest>

#include <csignal>
#include <memory>

namespace connscope::app {

inline constexpr int patience = 15'000; // ms, on a busy machine

inline Plan small_plan(const QString& population = QStringLiteral("active:40,rate=400,payload=64")) {
    Plan plan;
    plan.companions_folder = QStringLiteral(CONNSCOPE_BIN_FOLDER);
    plan.populations = {population};
    return plan;
}

inline std::unique_ptr<MainWindow> shown_window(const Plan& plan, QSize size = {1440, 900}, bool remembers = false) {
    auto window = std::make_unique<MainWindow>(plan, Theme::light, remembers);
    window->resize(size);
    window->show();
    window->start();
    return window;
}

// Running, so neither ended nor waiting to be collected.
inline bool is_alive(std::uint32_t pid) {
    if (pid == 0) return false;
    QFile stat(QStringLiteral("/proc/%1/stat").arg(pid));
    if (!stat.open(QIODevice::ReadOnly)) return false;
    const QByteArray text = stat.readAll();
    const qsizetype name_end = text.lastIndexOf(')');
    return name_end > 0 && name_end + 2 < text.size() && text[name_end + 2] != 'Z';
}

inline bool has_connections(const MainWindow& window, double wanted) {
    return !window.history().empty() && window.history().values(Quantity::open).back() >= wanted;
}

inline void send_signal(std::uint32_t pid, int signal) { ::kill(static_cast<pid_t>(pid), signal); }

// Handles events until `done`, and measures the longest time that one round took: what a user would wait for an answer.
struct Handled {
    bool came = false;
    qint64 longest_ms = 0;
    qint64 took_ms = 0;
};
template <class Done>
Handled handle_until(Done done, int limit_ms) {
    Handled found;
    QElapsedTimer timer;
    timer.start();
    while (!(found.came = done()) && timer.elapsed() < limit_ms) {
        QElapsedTimer round;
        round.start();
        QCoreApplication::processEvents(QEventLoop::AllEvents, 5);
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
        found.longest_ms = std::max(found.longest_ms, round.elapsed());
    }
    found.took_ms = timer.elapsed();
    return found;
}

} // namespace connscope::app
