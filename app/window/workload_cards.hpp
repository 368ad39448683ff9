// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/population.hpp"

#include <QListWidget>

#include <vector>

namespace connscope::app {

// The workloads to choose from, each a card with its title and a sentence on what it shows.
class WorkloadCards : public QListWidget {
    Q_OBJECT
public:
    explicit WorkloadCards(QWidget* parent = nullptr);

    void show_workloads(std::vector<Workload> workloads);
    // Which card is marked as the one that runs: the one with these populations; none when there is no such.
    // Its title is returned, or nothing.
    QString show_running(const QStringList& populations);
    const std::vector<Workload>& workloads() const noexcept { return workloads_; }

signals:
    void workloadWanted(const connscope::app::Workload& workload);

protected:
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void choose(const QListWidgetItem* item);
    // As many equal columns as suit the width.
    void arrange();

    std::vector<Workload> workloads_;
};

} // namespace connscope::app
