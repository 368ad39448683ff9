// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/companion.hpp"
#include "session/plan.hpp"
#include "session/snapshot.hpp"
#include "session/watched_set.hpp"

#include "connscope/telemetry/reader.hpp"

#include <QObject>
#include <QTimer>

#include <memory>
#include <optional>
#include <vector>

namespace connscope::app {

// Starts the server and the load, or finds the processes that it is attached to, and looks at them 20 times a second. Lives
// on a thread of its own, where all its functions are called; its signals cross to whoever listens.
class Watcher : public QObject {
    Q_OBJECT
public:
    explicit Watcher(Plan plan);
    ~Watcher() override;

    void start();
    // Ends what is left of server and load and starts or attaches to what `plan` says.
    void restart(const Plan& plan);
    // When what it is attached to has ended: watches what comes back by the same name, or no longer waits for it.
    void await(bool on);
    void restart_load(const Plan& plan);
    // Lets a process that was stopped by a signal go on.
    void continue_server();
    void continue_load();
    // Ends both processes; returns when neither is left.
    void stop();

signals:
    void snapshotTaken(connscope::app::SnapshotPtr snapshot);
    void serverChanged(const connscope::app::ProcessStatus& status);
    void loadChanged(const connscope::app::ProcessStatus& status);

private:
    void begin();
    void attach();
    void find_attached();
    void tell_attached();
    void attached_has_ended();
    void start_server();
    void start_load();
    void server_is_ready(const ReadyLine& line);
    void load_is_ready(const ReadyLine& line);
    void set_server(ProcessStatus status);
    void set_load(ProcessStatus status);
    void look();
    void look_at_server(Snapshot& into);
    void look_at_load(Snapshot& into);
    void look_for_losses();
    std::shared_ptr<Snapshot> unused_snapshot();

    Plan plan_;
    Companion server_;
    Companion load_;
    ProcessStatus server_status_;
    ProcessStatus load_status_;
    QTimer timer_;

    unsigned looks_ = 0;
    QString server_loss_; // what is gone of the names by which the processes are found; empty: nothing
    QString load_loss_;   //

    WatchedSet server_set_;
    std::optional<observe::ProcessSelection> selection_; // of what it is attached to
    QStringList awaited_;                                // names of those that were watched, the last ones
    std::optional<telemetry::SegmentReader> load_segment_;
    std::optional<observe::ProcessObserver> load_observer_;
    std::vector<std::shared_ptr<Snapshot>> pool_; // those nobody else holds are used again
};

} // namespace connscope::app
