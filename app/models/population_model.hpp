// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/population.hpp"

#include "connscope/telemetry/reading.hpp"

#include <QAbstractTableModel>
#include <QString>

#include <chrono>
#include <vector>

namespace connscope::app {

// The populations of the running load as a table that can be edited: what is changed there is wanted of the load, what the
// load tells is shown. GUI thread.
class PopulationModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { name, kind, connections, rate, payload, open, answered, column_count };

    // What can be chosen as a kind, in connscope-load's words.
    static QStringList kinds(const QString& protocol);

    explicit PopulationModel(QObject* parent = nullptr)
        : QAbstractTableModel(parent) {}

    // What runs now. Rows that were edited in the last second are left as they are: the load may not have heard of it yet.
    void show_load(const telemetry::LoadReading& load, const QString& protocol);
    void clear();

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role = Qt::EditRole) override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

    const Population& population(int row) const { return rows_[static_cast<std::size_t>(row)].population; }
    const QString& protocol() const noexcept { return protocol_; }

    // Whether clients of a kind send requests at a rate, and with a payload.
    static bool has_rate(const QString& kind);
    static bool has_payload(const QString& kind);

signals:
    void populationWanted(const QString& text);

private:
    struct Row {
        Population population;
        std::uint64_t open = 0;
        std::uint64_t completed = 0;
        double answered_per_s = 0; // not_known until it has been looked at twice
        std::chrono::nanoseconds counted{};
        std::chrono::nanoseconds edited{}; // what is older is not believed
    };

    static void become(Population& population, const QString& kind);

    std::vector<Row> rows_;
    QString protocol_;
    std::chrono::nanoseconds now_{};
};

} // namespace connscope::app
