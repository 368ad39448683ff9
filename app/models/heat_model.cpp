// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/heat_model.hpp"

#include "models/format.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace connscope::app {

namespace {

QString text(std::string_view words) { return QString::fromUtf8(words.data(), static_cast<qsizetype>(words.size())); }

} // namespace

void HeatModel::show_result(const lab::Result& result) {
    const bool same_cells = result.cells.size() == result_.cells.size() && !rows_.empty() &&
                            std::equal(result.cells.begin(), result.cells.end(), result_.cells.begin(),
                                       [](const auto& a, const auto& b) { return a.spec.key() == b.spec.key(); });
    if (!same_cells) beginResetModel();
    result_ = result;
    rows_.clear();
    for (const lab::FigureInfo& info : lab::figures()) rows_.push_back(&info);
    rank();
    if (same_cells)
        emit dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
    else
        endResetModel();
}

void HeatModel::show_beside(std::optional<lab::Result> other) {
    other_ = std::move(other);
    if (columnCount() > 0) emit dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
}

void HeatModel::show_running(const QString& cell) {
    if (running_ == cell) return;
    running_ = cell;
    if (columnCount() > 0) emit headerDataChanged(Qt::Horizontal, 0, columnCount() - 1);
}

void HeatModel::rank() {
    const std::size_t columns = result_.cells.size();
    places_.assign(rows_.size() * columns, {});
    // Cells under other conditions had other work: only equals are ranked.
    std::map<std::tuple<std::uint32_t, std::uint64_t, int>, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < columns; ++i) {
        const lab::Conditions& c = result_.cells[i].spec.conditions;
        groups[{c.connections, c.payload.value_or(0), c.work_us.value_or(0)}].push_back(i);
    }
    for (std::size_t row = 0; row < rows_.size(); ++row)
        for (const auto& [conditions, members] : groups) {
            std::vector<const lab::CellResult*> cells;
            double low = INFINITY, high = -INFINITY;
            for (const std::size_t i : members) {
                cells.push_back(&result_.cells[i]);
                if (const auto& spread = cells.back()->figure(rows_[row]->id).spread) {
                    low = std::min(low, spread->median);
                    high = std::max(high, spread->median);
                }
            }
            const auto standings = lab::standings_of(cells, *rows_[row]);
            for (std::size_t k = 0; k < members.size(); ++k) {
                Place& place = places_[row * columns + members[k]];
                place.standing = standings[k];
                const auto& spread = cells[k]->figure(rows_[row]->id).spread;
                if (!spread || rows_[row]->better == lab::Better::neither || high <= low) continue;
                double share = (spread->median - low) / (high - low);
                // What spans powers of ten is coloured by them.
                if (low > 0 && high / low > 8) share = std::log(spread->median / low) / std::log(high / low);
                place.share = rows_[row]->better == lab::Better::more ? 1 - share : share;
            }
        }
}

const lab::FigureResult* HeatModel::beside(const lab::CellResult& cell, const lab::FigureInfo& info) const {
    if (!other_) return nullptr;
    const auto found = std::find_if(other_->cells.begin(), other_->cells.end(),
                                    [&](const lab::CellResult& each) { return each.spec.key() == cell.spec.key(); });
    if (found == other_->cells.end() || !found->figure(info.id).known()) return nullptr;
    return &found->figure(info.id);
}

int HeatModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(rows_.size()); }
int HeatModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(result_.cells.size());
}

QString HeatModel::text_at(const lab::CellResult& cell, const lab::FigureInfo& info) const {
    const lab::FigureResult& figure = cell.figure(info.id);
    const QString now =
        figure.spread ? QString::fromStdString(lab::text_of(figure.spread->median, info.unit)) : unknown_text;
    const lab::FigureResult* before = beside(cell, info);
    if (before == nullptr) return now;
    return QStringLiteral("%1 → %2").arg(QString::fromStdString(lab::text_of(before->spread->median, info.unit)), now);
}

QString HeatModel::tip_at(const lab::CellResult& cell, const lab::FigureInfo& info) const {
    const lab::FigureResult& figure = cell.figure(info.id);
    const QString head = QStringLiteral("%1: %2").arg(QString::fromStdString(cell.spec.key()), text(info.title));
    if (!figure.spread) return QStringLiteral("%1\n%2").arg(head, QString::fromStdString(figure.reason));
    const auto value = [&](double number) { return QString::fromStdString(lab::text_of(number, info.unit)); };
    const QString rounds = figure.values.size() == 1 ? tr("1 round") : tr("%1 rounds").arg(figure.values.size());
    return tr("%1\nmedian %2, from %3 to %4 in %5\n%6")
        .arg(head, value(figure.spread->median), value(figure.spread->min), value(figure.spread->max), rounds,
             text(info.source));
}

QVariant HeatModel::data(const QModelIndex& at, int role) const {
    if (!at.isValid()) return {};
    const lab::FigureInfo& info = figure_at(at.row());
    const lab::CellResult& cell = cell_at(at.column());
    const Place& place =
        places_[static_cast<std::size_t>(at.row()) * result_.cells.size() + static_cast<std::size_t>(at.column())];
    switch (role) {
    case Qt::DisplayRole:
        return text_at(cell, info);
    case Qt::ToolTipRole:
        return tip_at(cell, info);
    case Qt::TextAlignmentRole:
        return static_cast<int>(Qt::AlignRight | Qt::AlignVCenter);
    case standing_role:
        return static_cast<int>(place.standing);
    case share_role:
        return place.share ? QVariant(*place.share) : QVariant();
    case noise_role: {
        if (const lab::FigureResult* before = beside(cell, info))
            return cell.figure(info.id).known() && !lab::differ(info, *before, cell.figure(info.id));
        return place.standing == lab::Standing::as_good;
    }
    case change_role: {
        const lab::FigureResult* before = beside(cell, info);
        const lab::FigureResult& now = cell.figure(info.id);
        if (before == nullptr || info.better == lab::Better::neither || !lab::differ(info, *before, now)) return 0;
        const bool more = now.spread->median > before->spread->median;
        return more == (info.better == lab::Better::more) ? -1 : 1;
    }
    default:
        return {};
    }
}

QVariant HeatModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation == Qt::Vertical) {
        if (role == Qt::DisplayRole) {
            const QString title = text(figure_at(section).title);
            return title.front().isLower() ? QStringLiteral("    ") + title : title; // a part of the figure above it
        }
        if (role == Qt::ToolTipRole) return text(figure_at(section).source);
        if (role == Qt::TextAlignmentRole) return static_cast<int>(Qt::AlignLeft | Qt::AlignVCenter);
        return {};
    }
    const lab::CellResult& cell = cell_at(section);
    if (role == Qt::DisplayRole) {
        QString name = QString::fromStdString(cell.spec.mode);
        // Long names break at a hyphen, so that columns stay narrow.
        constexpr qsizetype longest = 11; // characters
        if (name.size() > longest)
            if (const qsizetype hyphen = name.lastIndexOf(QLatin1Char('-'), longest); hyphen > 0)
                name.replace(hyphen, 1, QStringLiteral("-\n"));
        const lab::Conditions& c = cell.spec.conditions;
        const bool varied = std::any_of(result_.cells.begin(), result_.cells.end(),
                                        [&](const auto& each) { return !(each.spec.conditions == c); });
        if (varied) name += QStringLiteral("\n%1").arg(QString::fromStdString(lab::count_text(c.connections)));
        if (QString::fromStdString(cell.spec.key()) == running_) name = QStringLiteral("▸ ") + name;
        return name;
    }
    if (role == Qt::ToolTipRole) {
        QString tip = QString::fromStdString(cell.spec.mode + ": " + lab::text_of(cell.spec.conditions));
        if (cell.failed) tip += QLatin1Char('\n') + QString::fromStdString(*cell.failed);
        for (const std::string& note : cell.notes) tip += QLatin1Char('\n') + QString::fromStdString(note);
        return tip;
    }
    return {};
}

} // namespace connscope::app
