// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPushButton>
#include <QWidget>

class QProgressBar;

namespace connscope::app {

class MutedLabel;

// How a measurement goes: a button that starts and stops it, a bar of what is done, and a line that says where it is. The
// button stands where its owner puts it.
class RunBar : public QWidget {
    Q_OBJECT
public:
    // `name`: of the controls, "sweep": "sweep_go", "sweep_progress", "sweep_state".
    RunBar(const QString& name, const QString& start_text, const QString& start_tip, QWidget* parent);

    QPushButton& button() noexcept { return *go_; }
    void begin(const QString& text);
    void show_progress(const QString& part, int done, int all);
    void end();
    void tell(const QString& text, bool is_bad = false);

private:
    QString start_text_;
    QPushButton* go_;
    QProgressBar* progress_;
    MutedLabel* state_;
};

} // namespace connscope::app
