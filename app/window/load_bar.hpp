// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/population.hpp"
#include "session/plan.hpp"
#include "session/snapshot.hpp"

#include <QFrame>
#include <QTimer>

#include <map>

namespace connscope::app {

class LogSlider;
class SegmentButton;
class Stepper;

// What is done to the server, on one line: a workload to choose, how many clients send how much, and who misbehaves. Every
// change acts on the running load.
class LoadBar : public QFrame {
    Q_OBJECT
public:
    explicit LoadBar(QWidget* parent = nullptr);

    // What runs now, as the load's segment tells.
    void show_load(const Snapshot& snapshot, const QString& protocol);
    void set_usable(bool usable);
    // The title of the workload that runs, or of a mix of one's own.
    void show_title(const QString& title);
    // Wants a population as `text` says, or with an empty one none of that name. Changes that come fast, as from a dragged
    // slider, are gathered.
    void want(const QString& name, const QString& text);
    // While true, what the load tells may be older than what was wanted.
    bool is_settling() const { return send_timer_.isActive() || settle_timer_.isActive(); }

    LogSlider& connections() noexcept { return *connections_; }
    LogSlider& rate() noexcept { return *rate_; }
    Stepper& idle() noexcept { return *idle_; }
    Stepper& hogs() noexcept { return *hogs_; }
    Stepper& slow_readers() noexcept { return *slow_readers_; }
    SegmentButton& panel_button() noexcept { return *panel_button_; }

signals:
    void populationWanted(const QString& text);
    void populationUnwanted(const QString& name);
    void panelWanted();

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    void change_active();
    void send_wanted();

    SegmentButton* panel_button_; // shows and hides the panel with all of the load
    LogSlider* connections_;
    LogSlider* rate_;
    Stepper* idle_;
    Stepper* slow_readers_;
    Stepper* hogs_;
    std::optional<Population> active_;  // the one whose size the sliders show
    std::map<QString, QString> wanted_; // changes on their way, by name: a dragged slider sends only its latest
    QTimer send_timer_;
    QTimer settle_timer_; // while it runs, what the segment tells may be older than what was wanted
};

} // namespace connscope::app
