// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/connection_model.hpp"

#include "models/format.hpp"

#include <QCoreApplication>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

namespace connscope::app {

namespace {

const ConnectionColumn& column_at(int column) { return connection_columns()[static_cast<std::size_t>(column)]; }

QString translated(const char* text) { return QCoreApplication::translate("ConnectionColumns", text); }

} // namespace

void ConnectionModel::update(SnapshotPtr snapshot) {
    if (snapshot && snapshot->has_server) show(std::move(snapshot));
}

void ConnectionModel::set_filter(Filter filter) {
    filter_ = std::move(filter);
    if (snapshot_) show(snapshot_);
}

void ConnectionModel::set_outgoing_shown(bool shown) {
    outgoing_shown_ = shown;
    if (snapshot_) show(snapshot_);
}

std::optional<int> ConnectionModel::row_of(const ConnectionKey& key) const {
    for (std::size_t row = 0; row < order_.size(); ++row) {
        if (key_of(connection_at(*snapshot_, order_[row])) == key) return static_cast<int>(row);
    }
    return std::nullopt;
}

int ConnectionModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(order_.size());
}

int ConnectionModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(connection_columns().size());
}

QVariant ConnectionModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const ConnectionColumn& column = column_at(index.column());
    const ConnectionContext context = context_of(*snapshot_, order_[static_cast<std::size_t>(index.row())]);
    switch (role) {
    case Qt::DisplayRole:
        return column.text(context);
    case Qt::TextAlignmentRole: {
        const bool is_word = column.kind == ConnectionColumn::Kind::text || column.kind == ConnectionColumn::Kind::state ||
                             column.kind == ConnectionColumn::Kind::carrier;
        return QVariant(Qt::AlignVCenter | (is_word ? Qt::AlignLeft : Qt::AlignRight));
    }
    case SortValueRole:
        return column.value(context);
    case StateRole:
        return static_cast<int>(context.connection.state);
    case CarrierRole:
        return static_cast<int>(context.connection.carrier);
    default:
        return {};
    }
}

QVariant ConnectionModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount()) return {};
    const ConnectionColumn& column = column_at(section);
    switch (role) {
    case Qt::DisplayRole:
        return translated(column.head);
    case Qt::ToolTipRole:
        if (std::string_view(column.id) == "told_by" && snapshot_ && snapshot_->reads_recorded)
            return translated(column.tip) + QLatin1Char('\n') +
                   tr("Reads were recorded %1 of the time.").arg(percent_text(*snapshot_->reads_recorded));
        return translated(column.tip);
    case Qt::TextAlignmentRole: {
        const bool is_word = column.kind == ConnectionColumn::Kind::text || column.kind == ConnectionColumn::Kind::state ||
                             column.kind == ConnectionColumn::Kind::carrier;
        return QVariant(Qt::AlignVCenter | (is_word ? Qt::AlignLeft : Qt::AlignRight));
    }
    default:
        return {};
    }
}

void ConnectionModel::sort(int column, Qt::SortOrder order) {
    if (column < 0 || column >= columnCount()) return;
    sort_column_ = column;
    sort_order_ = order;
    if (snapshot_) show(snapshot_);
}

std::vector<std::uint32_t> ConnectionModel::ordered(const Snapshot& snapshot) const {
    struct Entry {
        double value; // the least comes first
        ConnectionKey key;
        std::uint32_t index;
    };
    const std::size_t count =
        snapshot.server.connections.size() + (outgoing_shown_ ? snapshot.outgoing.connections.size() : 0);
    const ConnectionColumn& column = column_at(sort_column_);
    std::vector<Entry> entries;
    entries.reserve(count);
    // In the order of before, which sorts in a fraction of the time where little has moved.
    const bool is_known = order_.size() == count;
    for (std::uint32_t place = 0; place < count; ++place) {
        const std::uint32_t index = is_known ? order_[place] : place;
        const ConnectionContext context = context_of(snapshot, index);
        if (filter_ && !filter_(context)) continue;
        double value = column.value(context);
        if (sort_order_ == Qt::DescendingOrder) value = -value;
        // Without a value comes last in either order.
        entries.push_back({std::isnan(value) ? HUGE_VAL : value, key_of(context.connection), index});
    }
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.value < b.value || (a.value == b.value && a.key < b.key); });
    std::vector<std::uint32_t> order(entries.size());
    std::transform(entries.begin(), entries.end(), order.begin(), [](const Entry& entry) { return entry.index; });
    return order;
}

bool ConnectionModel::tells(int column) const { return !snapshot_ || is_told(column_at(column).source, *snapshot_); }

void ConnectionModel::show(SnapshotPtr snapshot) {
    using Source = ConnectionColumn::Source;
    const auto sources = [](const Snapshot& of) {
        return std::array{is_told(Source::probe, of), is_told(Source::kernel, of), is_told(Source::several, of)};
    };
    const bool are_other_sources = sources(*snapshot) != sources(snapshot_ ? *snapshot_ : Snapshot());
    const auto before = std::pair(total(), outgoing());
    show_rows(std::move(snapshot));
    if (are_other_sources) emit sourcesChanged();
    if (std::pair(total(), outgoing()) != before) emit countsChanged();
}

void ConnectionModel::show_rows(SnapshotPtr snapshot) {
    std::vector<std::uint32_t> order = ordered(*snapshot);
    bool rows_move = order.size() != order_.size();
    for (std::size_t row = 0; row < order.size() && !rows_move; ++row) {
        rows_move = key_of(connection_at(*snapshot, order[row])) != key_of(connection_at(*snapshot_, order_[row]));
    }
    if (!rows_move) {
        snapshot_ = std::move(snapshot);
        order_ = std::move(order);
        if (!order_.empty()) emit dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
        return;
    }

    emit layoutAboutToBeChanged();
    const QModelIndexList before = persistentIndexList();
    std::vector<ConnectionKey> keys; // of `before`, one by one
    keys.reserve(static_cast<std::size_t>(before.size()));
    std::map<ConnectionKey, int> row_after;
    for (const QModelIndex& index : before) row_after.emplace(keys.emplace_back(key_of(connection(index.row()))), -1);
    snapshot_ = std::move(snapshot);
    order_ = std::move(order);
    for (int row = 0; row < rowCount() && !row_after.empty(); ++row) {
        if (const auto found = row_after.find(key_of(connection(row))); found != row_after.end()) found->second = row;
    }
    QModelIndexList after;
    after.reserve(before.size());
    for (qsizetype i = 0; i < before.size(); ++i) {
        const int row = row_after[keys[static_cast<std::size_t>(i)]];
        after.push_back(row < 0 ? QModelIndex() : index(row, before[i].column()));
    }
    changePersistentIndexList(before, after);
    emit layoutChanged();
}

} // namespace connscope::app
