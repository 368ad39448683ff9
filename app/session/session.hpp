// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/anatomist.hpp"
#include "session/plan.hpp"
#include "session/snapshot.hpp"

#include "connscope/telemetry/outcome.hpp"

#include <QObject>
#include <QThread>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <functional>
#include <vector>

namespace connscope::app {

class Watcher;
class Remote;

// What is being watched, as the window sees it: starts and ends the server and the load, delivers snapshots of them, and
// passes on what the user wants changed. All functions are for the GUI thread and return at once, except stop().
class Session : public QObject {
    Q_OBJECT
public:
    explicit Session(Plan plan, QObject* parent = nullptr);
    ~Session() override;

    void start();
    // Ends both processes; returns when neither is left, after some 3 s at the worst.
    void stop();

    const Plan& plan() const noexcept { return plan_; }
    const ProcessStatus& server() const noexcept { return server_; }
    const ProcessStatus& load() const noexcept { return load_; }
    const std::vector<ModeDescription>& modes() const noexcept { return modes_; }
    // The mode that new connections get, as far as known.
    const QString& mode() const noexcept { return mode_; }
    bool mode_is_changing() const noexcept { return mode_is_changing_; }
    const ModeParameters& mode_parameters() const noexcept { return mode_parameters_; }

    // `server_beside`: the server, by a connection of its own, where no long call is waited for.
    enum class Target { server, server_beside, load };
    using Answer = std::function<void(telemetry::Outcome<boost::json::value>)>;
    // Calls a control method; `answer` runs later on the GUI thread, unless the session ends before.
    void call(Target target, const char* method, boost::json::object parameters, Answer answer,
              std::chrono::milliseconds time_out = std::chrono::seconds(5));

public slots:
    // Watches processes that run already (pids, names, patterns of names) instead of the server and the load that were
    // started here, which end; with an empty list starts these again.
    void attach(const QStringList& wanted);
    // When what it is attached to has ended: watches what comes back by the same name, or no longer waits for it.
    void awaitServer(bool on);
    void changeMode(const QString& id);
    // Makes the mode anew with other parameters and moves all connections there. What did not change is not asked for.
    void changeParameters(const connscope::app::ModeParameters& wanted);
    void restart();
    void restartLoad();
    // Changes the running load: the population of the same name, or a new one. In connscope-load's words.
    void setPopulation(const QString& text);
    void removePopulation(const QString& name);
    // Replaces all populations. Another protocol starts server and load anew; else no connection is lost that is still
    // wanted.
    void setWorkload(const QString& protocol, const QStringList& populations);
    void setLoadRunning(bool running);
    // Closes one connection from the server's side.
    void closeConnection(quint64 id);
    // Moves one connection alone to a mode while all others stay.
    void moveConnection(quint64 id, const QString& mode);
    // Whose anatomy shall be read, twice a second: a connection of one of Snapshot::processes; 0: nobody's.
    void lookAt(quint32 process, quint64 id);
    // Lets a process that was stopped by a signal go on.
    void continueServer();
    void continueLoad();

signals:
    void anatomyTaken(const connscope::app::AnatomyPtr& reading);
    void snapshotTaken(const connscope::app::SnapshotPtr& snapshot);
    void serverChanged(const connscope::app::ProcessStatus& status);
    void loadChanged(const connscope::app::ProcessStatus& status);
    void modesChanged();
    // What the server's modes are made with, as it told.
    void modeParametersChanged(const connscope::app::ModeParameters& parameters);
    void modeChangeBegan(const QString& to);
    void modeChanged(const connscope::app::ModeChange& change);
    void modeChangeRefused(const QString& to, const QString& reason);
    // What a change of the load led to: nothing to say, a note ("only 900 of …"), or why it was refused.
    void loadAnswered(const QString& note);
    void loadRefused(const QString& reason);
    // Why a single connection was not closed or moved.
    void connectionRefused(const QString& reason);

private:
    void take_snapshot(const SnapshotPtr& snapshot);
    void tell_thread_of_looked_at();
    void set_server(const ProcessStatus& status);
    void ask_for_modes();
    void hand_off(const char* method, boost::json::object parameters, const QString& to);
    void set_parameters(const ModeParameters& parameters);
    void change_load(const char* method, boost::json::object parameters);

    Plan plan_;
    ProcessStatus server_;
    ProcessStatus load_;
    std::vector<ModeDescription> modes_;
    QString mode_;
    ModeParameters mode_parameters_;
    bool mode_is_changing_ = false;
    bool stopped_ = false;
    SnapshotPtr newest_;
    quint32 looked_at_process_ = 0;
    quint64 looked_at_ = 0;

    QThread watching_;
    QThread calling_server_;
    QThread calling_beside_;
    QThread calling_load_;
    QThread reading_anatomy_;
    Watcher* watcher_;      // lives on watching_
    Remote* server_remote_; // lives on calling_server_
    Remote* beside_remote_; // lives on calling_beside_
    Remote* load_remote_;   // lives on calling_load_
    Anatomist* anatomist_;  // lives on reading_anatomy_
};

} // namespace connscope::app
