// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/session.hpp"
#include "session/sweep_run.hpp"

#include <QWidget>

#include <map>

class QComboBox;
class QPushButton;
class QTableWidget;

namespace connscope::app {

class MutedLabel;
class RunBar;
class SweepView;

// How often to interrupt: measures what ten slices cost in a mode and how soon the others are answered, and shows where the
// one is worth the other.
class SweepPage : public QWidget {
    Q_OBJECT
public:
    // `session` outlives the page.
    explicit SweepPage(Session& session, QWidget* parent = nullptr);
    ~SweepPage() override;

    // Further words for connscope-compare, for what the page has no control for.
    void add_arguments(const QStringList& words) { more_arguments_ += words; }
    void choose_mode(const QString& id);
    void start();
    void stop();
    bool is_running() const { return run_.is_running(); }
    const SweepView& view() const noexcept { return *view_; }

private:
    QWidget* make_head();
    void show_modes();
    void show_sweep();
    void show_table(const lab::Sweep& sweep);
    void show_apply(const lab::Sweep& sweep);
    void finish(const QString& problem);

    Session& session_;
    SweepRun run_;
    QString running_mode_;
    std::map<QString, lab::Sweep> sweeps_; // the newest of each mode
    QStringList more_arguments_;

    QComboBox* mode_ = nullptr;
    QComboBox* depth_ = nullptr;
    RunBar* bar_ = nullptr;
    QPushButton* apply_ = nullptr;
    MutedLabel* method_ = nullptr;
    SweepView* view_ = nullptr;
    QTableWidget* table_ = nullptr;
};

} // namespace connscope::app
