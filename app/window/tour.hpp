// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/history.hpp"
#include "session/session.hpp"

#include <QMap>
#include <QString>
#include <QWidget>

#include <functional>
#include <vector>

namespace connscope::app {

// What the steps of a tour see and touch: the real server, the real controls, the numbers just measured.
class TourStage {
public:
    TourStage(QWidget& window, Session& session, const History& history)
        : window_(window)
        , session_(session)
        , history_(history) {}

    Session& session() noexcept { return session_; }
    const Session& session() const noexcept { return session_; }
    // A control or figure of the window by its object name; nullptr when there is none that can be seen.
    QWidget* widget(const QString& name) const;
    void click(const QString& name) const; // a button, as the user would

    // The mean over the time since the step was done; not_known when it was not measured.
    double now(Quantity which) const;
    // The newest value.
    double latest(Quantity which) const;
    // Remembers a number for a later step, and gives it back; not_known when it was not kept.
    double keep(const QString& name, double value);
    double kept(const QString& name) const { return kept_.value(name, not_known); }

    const ModeChange& last_change() const noexcept { return last_change_; }
    QString mode_name(const QString& id) const;

    // Of the guide.
    void begin_measuring() { since_ = history_.newest_time(); }
    double measured_for() const { return history_.newest_time() - since_; }
    void note_change(const ModeChange& change) { last_change_ = change; }
    void forget() { kept_.clear(); }

private:
    QWidget& window_;
    Session& session_;
    const History& history_;
    QMap<QString, double> kept_;
    ModeChange last_change_;
    double since_ = 0;
};

// What the server and its clients must be like before a step begins.
struct TourSetting {
    QString mode;            // empty: as it is
    QStringList populations; // of http; empty: as they are
    int connections = 0;     // at least so many are open
    bool is_fresh = false;   // a server that has just begun: its memory tells of nothing before
};

// One step: set the stage, point, ask the user to do something, and say what is seen.
struct TourStep {
    QString title;
    TourSetting setting;
    QString target;                             // the object name of what is pointed at
    QString ask;                                // what the user does; empty: look
    std::function<void(TourStage&)> act;        // does it for the user, by the same control
    std::function<bool(const TourStage&)> done; // it has been done; none: there is nothing to do
    std::function<QString(TourStage&)> seen;    // two sentences with the numbers; empty while they are not there yet
};

struct Tour {
    QString id; // "thread-or-coroutine"
    QString title;
    QString tip;
    std::vector<TourStep> steps;
};

// All tours, in the order of the Help menu.
const std::vector<Tour>& tours();

} // namespace connscope::app
