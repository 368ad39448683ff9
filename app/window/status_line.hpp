// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/plan.hpp"

#include <QStatusBar>

namespace connscope::app {

class MutedLabel;

// The line at the window's foot: which processes are watched, since when, and what watching costs.
class StatusLine : public QStatusBar {
    Q_OBJECT
public:
    explicit StatusLine(QWidget* parent = nullptr);

    void show_server(const ProcessStatus& status, const QString& mode_name, double mode_since_s);
    void show_load(const ProcessStatus& status, double verified_share);
    void show_watching(double frame_ms, double look_ms);

private:
    MutedLabel* server_;
    MutedLabel* load_;
    MutedLabel* watching_;
};

} // namespace connscope::app
