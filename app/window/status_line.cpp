// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/status_line.hpp"

#include "models/format.hpp"
#include "views/card.hpp"

#include <cmath>

namespace connscope::app {

namespace {

QString phase_text(const ProcessStatus& status) {
    switch (status.phase) {
    case ProcessStatus::Phase::absent: return StatusLine::tr("not running");
    case ProcessStatus::Phase::starting: return StatusLine::tr("starting …");
    case ProcessStatus::Phase::running: return {};
    case ProcessStatus::Phase::stopped: return StatusLine::tr("stopped");
    case ProcessStatus::Phase::gone: return StatusLine::tr("gone");
    case ProcessStatus::Phase::failed: return StatusLine::tr("could not start");
    }
    return {};
}

} // namespace

StatusLine::StatusLine(QWidget* parent)
    : QStatusBar(parent), server_(new MutedLabel), load_(new MutedLabel), watching_(new MutedLabel) {
    setObjectName(QStringLiteral("status_line"));
    setSizeGripEnabled(false);
    setContentsMargins(4, 0, 8, 2);
    server_->setObjectName(QStringLiteral("status_server"));
    load_->setObjectName(QStringLiteral("status_load"));
    watching_->setObjectName(QStringLiteral("status_watching"));
    server_->setToolTip(tr("The server that this window started: its address, its process and its mode."));
    load_->setToolTip(tr("The clients that this window started. Every byte that comes back is compared with what was sent; the share "
                         "is that of the answers without a wrong byte."));
    watching_->setToolTip(tr("What a frame costs this window's thread, and what one look at the server and the load costs, on average."));
    addWidget(server_);
    addWidget(load_);
    addPermanentWidget(watching_);
}

void StatusLine::show_server(const ProcessStatus& status, const QString& mode_name, double mode_since_s) {
    const QString phase = phase_text(status);
    if (!status.alive()) {
        server_->setText(tr("○ connscope-serve %1").arg(phase));
        return;
    }
    QString text = tr("● connscope-serve %1 · pid %2").arg(status.address).arg(status.pid);
    if (!phase.isEmpty()) text += QStringLiteral(" · ") + phase;
    if (!mode_name.isEmpty()) text += tr(" · %1 for %2").arg(mode_name, duration_text(std::floor(mode_since_s)));
    server_->setText(text);
}

void StatusLine::show_load(const ProcessStatus& status, double verified_share) {
    const QString phase = phase_text(status);
    if (!status.alive()) {
        load_->setText(tr("○ connscope-load %1").arg(phase));
        return;
    }
    load_->setText(tr("● connscope-load pid %1 · %2 verified").arg(status.pid).arg(percent_text(verified_share)));
}

void StatusLine::show_watching(double frame_ms, double look_ms) {
    watching_->setText(tr("%1 a frame · %2 a look").arg(duration_text(frame_ms / 1e3), duration_text(look_ms / 1e3)));
}

} // namespace connscope::app
