// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/population.hpp"
#include "session/plan.hpp"
#include "session/snapshot.hpp"

#include <QFrame>
#include <QTimer>

#include <map>
#include <vector>

class QComboBox;

namespace connscope::app {

class LogSlider;
class Stepper;

// What is done to the server, on one line: a workload to choose, how many clients send how much, and who misbehaves. Every
// change acts on the running load.
class LoadBar : public QFrame {
    Q_OBJECT
public:
    explicit LoadBar(QWidget* parent = nullptr);

    void show_workloads(std::vector<Workload> workloads);
    // What runs now, as the load's segment tells.
    void show_load(const Snapshot& snapshot, const QString& protocol);
    void set_usable(bool usable);

    LogSlider& connections() noexcept { return *connections_; }
    LogSlider& rate() noexcept { return *rate_; }
    Stepper& idle() noexcept { return *idle_; }
    Stepper& hogs() noexcept { return *hogs_; }
    Stepper& slow_readers() noexcept { return *slow_readers_; }
    QComboBox& workloads() noexcept { return *workloads_box_; }

signals:
    void populationWanted(const QString& text);
    void populationUnwanted(const QString& name);
    void workloadWanted(const connscope::app::Workload& workload);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    void want(const QString& name, const QString& text); // text empty: remove it
    void change_active();
    void send_wanted();

    std::vector<Workload> workloads_;
    QComboBox* workloads_box_;
    LogSlider* connections_;
    LogSlider* rate_;
    Stepper* idle_;
    Stepper* slow_readers_;
    Stepper* hogs_;
    std::optional<Population> active_; // the one whose size the sliders show
    std::map<QString, QString> wanted_; // changes on their way, by name: a dragged slider sends only its latest
    QTimer send_timer_;
    QTimer settle_timer_; // while it runs, what the segment tells may be older than what was wanted
};

} // namespace connscope::app
