// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/lab_process.hpp"

#include "connscope/lab/layers.hpp"

namespace connscope::app {

// The layers that requests cross, measured by a connscope-compare of our own. GUI thread; nothing here waits.
class LayersRun : public QObject {
    Q_OBJECT
public:
    explicit LayersRun(QObject* parent = nullptr);

    // Precondition: nothing runs. `arguments` are further ones of connscope-compare's.
    void start(const QString& companions_folder, const QStringList& arguments);
    // Asks it to end; finished() follows, with the modes that were measured until then.
    void stop() { process_.stop(); }
    bool is_running() const { return process_.is_running(); }
    // What has been measured so far.
    const lab::LayersResult& result() const noexcept { return result_; }

signals:
    void progressed(const QString& part, int done, int all);
    void modeMeasured();
    // It ended; `problem` is a sentence where it ended otherwise than by being done or stopped.
    void finished(const QString& problem);

private:
    void take(const boost::json::value& value);

    LabProcess process_;
    lab::LayersResult result_;
};

} // namespace connscope::app
