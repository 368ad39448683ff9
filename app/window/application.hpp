// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QApplication>

namespace connscope::app {

class FrameMeter;

// The application, which sees every event and so can tell what painting costs, view by view.
class Application : public QApplication {
    Q_OBJECT
public:
    using QApplication::QApplication;

    // Adds the time of each paint event to `meter` from now on, which is told when it goes; nullptr: to none.
    void measure(FrameMeter* meter) noexcept { meter_ = meter; }

    bool notify(QObject* receiver, QEvent* event) override;

private:
    FrameMeter* meter_ = nullptr;
};

} // namespace connscope::app
