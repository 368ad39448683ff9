// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "connscope/lab/findings.hpp"
#include "connscope/lab/result.hpp"

#include <QAbstractTableModel>

#include <optional>
#include <vector>

namespace connscope::app {

// A comparison as a table: a row for each figure, a column for each cell, and how good each value is among those of its row
// and of the same conditions. With a second comparison beside it: what changed from that one to this. Only presents.
class HeatModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Role {
        standing_role = Qt::UserRole, // lab::Standing, as int
        share_role,                   // double: 0 the best of its row, 1 the worst; no value where there is none
        noise_role,                   // bool: within the noise of the best (or of the second comparison)
        change_role,                  // int: with a second comparison -1 better, 1 worse, 0 neither
        running_role,                 // bool: this cell is being measured
    };

    explicit HeatModel(QObject* parent = nullptr)
        : QAbstractTableModel(parent) {}

    void show_result(const lab::Result& result);
    // The comparison that this one is held against; none: alone.
    void show_beside(std::optional<lab::Result> other);
    void show_running(const QString& cell); // its key; empty: none

    const lab::Result& result() const noexcept { return result_; }
    bool has_beside() const noexcept { return other_.has_value(); }
    const lab::FigureInfo& figure_at(int row) const { return *rows_[static_cast<std::size_t>(row)]; }
    const lab::CellResult& cell_at(int column) const { return result_.cells[static_cast<std::size_t>(column)]; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    void rank();
    const lab::FigureResult* beside(const lab::CellResult& cell, const lab::FigureInfo& info) const;
    QString text_at(const lab::CellResult& cell, const lab::FigureInfo& info) const;
    QString tip_at(const lab::CellResult& cell, const lab::FigureInfo& info) const;

    struct Place {
        lab::Standing standing = lab::Standing::unknown;
        std::optional<double> share;
    };
    lab::Result result_;
    std::optional<lab::Result> other_;
    QString running_;
    std::vector<const lab::FigureInfo*> rows_;
    std::vector<Place> places_; // row by row
};

} // namespace connscope::app
