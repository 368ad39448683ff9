// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/snapshot.hpp"

#include <QAbstractTableModel>
#include <QString>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace connscope::app {

// The processes that are watched together, one a row, with what each has and does, and a last row with their sums. GUI
// thread.
class MemberModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { name, pid, connections, threads, memory, cpu, switches, column_count };
    enum Role { IsSumRole = Qt::UserRole };

    explicit MemberModel(QObject* parent = nullptr)
        : QAbstractTableModel(parent) {}

    void update(const Snapshot& snapshot);
    // How many processes there are, without the sums.
    std::size_t members() const noexcept { return rows_.empty() ? 0 : rows_.size() - 1; }
    // The words of the connections' filter that let through those of a row's process alone; empty for the sums.
    QString filter_of(int row) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    struct Row {
        std::uint32_t pid = 0; // 0: the sums
        QString name;
        bool has_probe = false;
        // Not a number: not known, of one process or, in the sums, of any of them.
        double connections = 0, threads = 0, memory = 0, cpu = 0, switches = 0;
    };
    // What only grows, at the times at which it was read; the rates are over a second or more.
    struct Course {
        struct Point {
            std::chrono::nanoseconds time{};
            double value = 0;
        };
        std::deque<Point> points;
        double rate(std::chrono::nanoseconds time, std::optional<double> value);
    };
    struct Past {
        Course cpu, switches;
        std::uint64_t seen_in = 0;
    };

    std::vector<Row> rows_;
    std::map<std::uint32_t, Past> past_; // by pid
    std::uint64_t updates_ = 0;
};

} // namespace connscope::app
