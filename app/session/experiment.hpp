// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/lab_process.hpp"

#include "connscope/lab/result.hpp"

namespace connscope::app {

// Where a running comparison stands.
struct ExperimentProgress {
    int done = 0; // rounds of cells
    int all = 0;
    QString cell;
    QString part;
    double left_s = 0;
};

// A comparison that connscope-compare runs in a process of its own: what it tells, as it tells it. GUI thread; nothing here
// waits.
class Experiment : public QObject {
    Q_OBJECT
public:
    explicit Experiment(QObject* parent = nullptr);

    // Precondition: nothing runs. `arguments` are connscope-compare's.
    void start(const QString& companions_folder, const QStringList& arguments);
    // Asks it to end; finished() follows.
    void stop() { process_.stop(); }
    bool is_running() const { return process_.is_running(); }
    // What has been measured so far.
    const lab::Result& result() const noexcept { return result_; }

signals:
    void begun(); // its cells are known
    void roundEnded(const QString& cell);
    void progressed(const connscope::app::ExperimentProgress& progress);
    void noted(const QString& text);
    // It ended; `problem` is a sentence where it ended otherwise than by being done or stopped.
    void finished(const QString& problem);

private:
    void take(const boost::json::value& value);

    LabProcess process_;
    lab::Result result_;
};

} // namespace connscope::app
