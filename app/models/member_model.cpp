// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/member_model.hpp"

#include "models/format.hpp"
#include "models/quantity.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace connscope::app {

namespace {

constexpr std::chrono::nanoseconds rate_span = std::chrono::seconds(1);

double as_number(std::optional<std::uint64_t> value) { return value ? static_cast<double>(*value) : not_known; }

QString text_or_unknown(double value, QString (*text)(double)) { return std::isnan(value) ? unknown_text : text(value); }

bool is_a_word(const QString& text) {
    return std::ranges::all_of(text, [](QChar c) {
        return c.isLetterOrNumber() || c == QLatin1Char('_') || c == QLatin1Char('-') || c == QLatin1Char('.');
    });
}

} // namespace

double MemberModel::Course::rate(std::chrono::nanoseconds time, std::optional<double> value) {
    if (!value || (!points.empty() && *value < points.back().value)) points.clear();
    if (!value) return not_known;
    if (points.empty() || time > points.back().time) points.push_back({time, *value});
    while (points.size() > 2 && points.back().time - points[1].time >= rate_span) points.pop_front();
    const double span = std::chrono::duration<double>(points.back().time - points.front().time).count();
    return span > 0 ? (points.back().value - points.front().value) / span : not_known;
}

void MemberModel::update(const Snapshot& snapshot) {
    ++updates_;
    std::vector<Row> rows;
    Row sum;
    for (const WatchedProcess& process : snapshot.processes) {
        if (process.pid == 0) continue;
        Past& past = past_[process.pid];
        past.seen_in = updates_;
        Row& row = rows.emplace_back();
        row.pid = process.pid;
        row.name = QString::fromStdString(process.name);
        row.has_probe = process.has_probe;
        row.connections = as_number(process.connections);
        row.threads = as_number(process.threads);
        row.memory = as_number(process.resident_bytes);
        using Seconds = std::chrono::duration<double>;
        row.cpu = past.cpu.rate(process.taken, process.cpu ? std::optional(Seconds(*process.cpu).count()) : std::nullopt);
        row.switches = past.switches.rate(
            process.switches_taken, process.switches ? std::optional(static_cast<double>(*process.switches)) : std::nullopt);
        for (double Row::*figure : {&Row::connections, &Row::threads, &Row::memory, &Row::cpu, &Row::switches})
            sum.*figure += row.*figure;
    }
    std::erase_if(past_, [this](const auto& entry) { return entry.second.seen_in != updates_; });
    std::ranges::sort(rows, {}, &Row::pid);
    sum.name = tr("all %1").arg(rows.size());
    if (!rows.empty()) rows.push_back(sum);
    const bool are_same = std::ranges::equal(rows, rows_, {}, &Row::pid, &Row::pid);
    if (!are_same) beginResetModel();
    rows_ = std::move(rows);
    if (!are_same) {
        endResetModel();
    } else if (!rows_.empty()) {
        emit dataChanged(index(0, 0), index(rowCount() - 1, column_count - 1));
    }
}

QString MemberModel::filter_of(int row) const {
    const Row& of = rows_[static_cast<std::size_t>(row)];
    if (of.pid == 0) return {};
    return is_a_word(of.name) ? QStringLiteral("process == %1:%2").arg(of.name).arg(of.pid)
                              : QStringLiteral("process ~ :%1").arg(of.pid);
}

int MemberModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(rows_.size()); }

int MemberModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : column_count; }

QVariant MemberModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const Row& row = rows_[static_cast<std::size_t>(index.row())];
    const bool is_sum = row.pid == 0;
    switch (role) {
    case Qt::DisplayRole:
        switch (index.column()) {
        case name:
            return row.name;
        case pid:
            return is_sum ? QString() : QString::number(row.pid);
        case connections:
            return text_or_unknown(row.connections, count_text);
        case threads:
            return text_or_unknown(row.threads, count_text);
        case memory:
            return text_or_unknown(row.memory, bytes_text);
        case cpu:
            return text_or_unknown(row.cpu, percent_text);
        case switches:
            return text_or_unknown(row.switches, count_text);
        default:
            return {};
        }
    case Qt::ToolTipRole:
        if (is_sum) return tr("Added up. A dash: of one of them it is not known. Click for the connections of all.");
        return row.has_probe ? tr("Seen by its probe. Click for its connections alone.")
                             : tr("Seen by the kernel: it has no probe. Click for its connections alone.");
    case Qt::TextAlignmentRole:
        return QVariant(Qt::AlignVCenter | (index.column() == name ? Qt::AlignLeft : Qt::AlignRight));
    case IsSumRole:
        return is_sum;
    default:
        return {};
    }
}

QVariant MemberModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= column_count) return {};
    struct Head {
        QString text;
        QString tip;
    };
    const std::array<Head, column_count> heads{{
        {tr("Process"), tr("Its name (comm).")},
        {tr("Pid"), tr("Its number.")},
        {tr("Open"), tr("Open connections that it serves: those it has opened itself are not counted.")},
        {tr("Threads"), tr("Its threads.")},
        {tr("Memory"), tr("Resident memory; what processes share counts for each (/proc/PID/status).")},
        {tr("CPU"), tr("Of one CPU, over the last second (its CPU clock).")},
        {tr("Switches/s"), tr("Voluntary and involuntary switches of its threads, over the last second.")},
    }};
    const Head& head = heads[static_cast<std::size_t>(section)];
    switch (role) {
    case Qt::DisplayRole:
        return head.text;
    case Qt::ToolTipRole:
        return head.tip;
    case Qt::TextAlignmentRole:
        return QVariant(Qt::AlignVCenter | (section == name ? Qt::AlignLeft : Qt::AlignRight));
    default:
        return {};
    }
}

} // namespace connscope::app
