// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/population_model.hpp"
#include "session/snapshot.hpp"

#include <QWidget>

class QPushButton;
class QTableView;

namespace connscope::app {

class LogSlider;
class WorkloadCards;

// The whole load: workloads to choose from, and the populations of clients that run now as a table to edit, with sliders for
// the chosen one. Every change acts on the running load; who is wanted before and after stays connected.
class LoadPanel : public QWidget {
    Q_OBJECT
public:
    explicit LoadPanel(QWidget* parent = nullptr);

    void show_workloads(std::vector<Workload> workloads);
    void show_load(const Snapshot& snapshot, const QString& protocol);

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

    WorkloadCards& cards() noexcept { return *cards_; }
    QTableView& table() noexcept { return *table_; }
    PopulationModel& model() noexcept { return model_; }
    LogSlider& connections() noexcept { return *connections_; }
    LogSlider& rate() noexcept { return *rate_; }
    LogSlider& payload() noexcept { return *payload_; }

protected:
    void changeEvent(QEvent* event) override;

signals:
    void workloadWanted(const connscope::app::Workload& workload);
    void populationWanted(const QString& text);
    void populationUnwanted(const QString& name);
    void summaryChanged(const QString& summary);
    // The title of the workload that runs; empty when it is none of them.
    void titleChanged(const QString& title);

private:
    int current_row() const;
    void set(PopulationModel::Column column, double value);
    void show_current();
    void fill_kinds();
    void size_columns();

    PopulationModel model_;
    WorkloadCards* cards_;
    QTableView* table_;
    QPushButton* add_;
    QPushButton* remove_;
    LogSlider* connections_;
    LogSlider* rate_;
    LogSlider* payload_;
    QString protocol_;
};

} // namespace connscope::app
