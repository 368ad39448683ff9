// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/lab_process.hpp"

#include "connscope/lab/sweep.hpp"

namespace connscope::app {

// A sweep of slices that connscope-compare measures in a process of its own. GUI thread; nothing here waits.
class SweepRun : public QObject {
    Q_OBJECT
public:
    explicit SweepRun(QObject* parent = nullptr);

    // Precondition: nothing runs. `more` are further arguments of connscope-compare's.
    void start(const QString& companions_folder, const QString& mode, const QStringList& more);
    // Asks it to end; finished() follows, with what has been measured until then.
    void stop() { process_.stop(); }
    bool is_running() const { return process_.is_running(); }
    // What has been measured so far.
    const lab::Sweep& sweep() const noexcept { return sweep_; }

signals:
    void progressed(const QString& part, int done, int all);
    void pointAdded();
    // It ended; `problem` is a sentence where it ended otherwise than by being done or stopped.
    void finished(const QString& problem);

private:
    void take(const boost::json::value& value);

    LabProcess process_;
    lab::Sweep sweep_;
};

} // namespace connscope::app
