// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_columns.hpp"
#include "session/snapshot.hpp"

#include <QAbstractTableModel>

#include <compare>
#include <functional>
#include <optional>
#include <vector>

namespace connscope::app {

// Tells a connection from all others that are watched.
struct ConnectionKey {
    std::uint32_t segment = 0;
    std::uint64_t id = 0;

    auto operator<=>(const ConnectionKey&) const = default;
};
inline ConnectionKey key_of(const telemetry::ConnectionReading& connection) { return {connection.segment, connection.id}; }

// The connections of the newest snapshot, sorted and filtered here rather than in a proxy: a hundred thousand rows take some
// milliseconds. A selected row stays selected, wherever sorting moves it. GUI thread.
class ConnectionModel : public QAbstractTableModel {
    Q_OBJECT
public:
    using Filter = std::function<bool(const ConnectionContext&)>;

    enum Role { SortValueRole = Qt::UserRole, StateRole, CarrierRole };

    explicit ConnectionModel(QObject* parent = nullptr)
        : QAbstractTableModel(parent) {}

    // Shows another snapshot, which is kept until the next one.
    void update(SnapshotPtr snapshot);
    // Shows those that `filter` accepts; an empty function accepts all.
    void set_filter(Filter filter);

    // Shows the connections that the processes have opened themselves, too.
    void set_outgoing_shown(bool shown);
    bool outgoing_shown() const noexcept { return outgoing_shown_; }

    // How many connections there are, the filtered ones included and those left out that the processes have opened.
    std::size_t total() const noexcept { return snapshot_ ? snapshot_->server.connections.size() : 0; }
    std::size_t outgoing() const noexcept { return snapshot_ ? snapshot_->outgoing.connections.size() : 0; }
    // Whether any process that is shown reports by itself.
    bool has_probe() const { return !snapshot_ || app::has_probe(*snapshot_); }

    // Precondition: 0 <= row < rowCount().
    const telemetry::ConnectionReading& connection(int row) const {
        return connection_at(*snapshot_, order_[static_cast<std::size_t>(row)]);
    }
    // Whether there is somebody who tells what is in a column. Precondition: 0 <= column < columnCount().
    bool tells(int column) const;
    std::optional<int> row_of(const ConnectionKey& key) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;
    void sort(int column, Qt::SortOrder order = Qt::AscendingOrder) override;

    int sort_column() const noexcept { return sort_column_; }
    Qt::SortOrder sort_order() const noexcept { return sort_order_; }

signals:
    // Other columns than before have something to tell.
    void sourcesChanged();
    // There are more or fewer connections than before.
    void countsChanged();

private:
    void show_rows(SnapshotPtr snapshot);
    std::vector<std::uint32_t> ordered(const Snapshot& snapshot) const;
    void show(SnapshotPtr snapshot);

    SnapshotPtr snapshot_;
    std::vector<std::uint32_t> order_; // row → index, as context_of() takes it
    bool outgoing_shown_ = false;
    Filter filter_;
    int sort_column_ = 0;
    Qt::SortOrder sort_order_ = Qt::AscendingOrder;
};

} // namespace connscope::app
