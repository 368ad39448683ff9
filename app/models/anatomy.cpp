// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/anatomy.hpp"

#include "models/format.hpp"

#include <QCoreApplication>

#include <cmath>
#include <cstddef>

namespace connscope::app {

namespace {

QStringList texts(const std::vector<std::string>& values) {
    QStringList list;
    for (const std::string& value : values) list << QString::fromStdString(value);
    return list;
}

// The rows come in the same order whatever carries a connection.
std::vector<AnatomyLine> lines(const std::vector<observe::AnatomyRow>& now, const std::vector<observe::AnatomyRow>* before) {
    std::vector<AnatomyLine> lines;
    for (std::size_t i = 0; i < now.size(); ++i) {
        AnatomyLine line;
        line.label = QString::fromStdString(now[i].label);
        line.source = QString::fromStdString(now[i].source);
        line.now = texts(now[i].values);
        line.now_missing = QString::fromStdString(now[i].missing);
        if (before != nullptr && i < before->size()) {
            line.before = texts((*before)[i].values);
            line.before_missing = QString::fromStdString((*before)[i].missing);
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

QString tr(const char* text) { return QCoreApplication::translate("AnatomyModel", text); }

// With its sign: a part may be less than it was, and the difference is as often too little as too much.
QString signed_bytes(double bytes) {
    return (bytes < -0.5 ? QStringLiteral("\u2212") : QString()) + bytes_text(std::abs(bytes));
}

std::vector<AnatomyLine> cost_lines(const AnatomyReading& reading) {
    std::vector<AnatomyLine> lines;
    if (!reading.cost || reading.cost->parts.empty()) return lines;
    const observe::Cost& cost = *reading.cost;
    const auto add = [&](const QString& label, const QString& value, const QString& source) {
        AnatomyLine line;
        line.label = label;
        line.now << value;
        line.source = source;
        lines.push_back(std::move(line));
    };
    for (const observe::CostPart& part : cost.parts) {
        const QString source = QString::fromStdString(part.source);
        add(QString::fromStdString(part.name),
            part.bytes ? signed_bytes(*part.bytes) : unknown_text + QLatin1Char(' ') + source, source);
    }
    add(tr("sum of the parts"), signed_bytes(cost.sum), tr("the parts above that are known"));
    add(tr("the memory grew by"),
        cost.grown > 0 ? signed_bytes(cost.grown)
                       : tr("%1: other processes gave kernel memory back meanwhile").arg(signed_bytes(cost.grown)),
        tr("pages of the server (/proc/PID/status), kernel stacks and, for root, the kernel's objects of the whole "
           "machine"));
    add(tr("not explained"),
        cost.grown > 0
            ? tr("%1, %2").arg(signed_bytes(cost.difference()), percent_text(std::abs(cost.difference()) / cost.grown))
            : signed_bytes(cost.difference()),
        tr("the difference of the two: what all connections share, and what no part counts"));
    return lines;
}

} // namespace

void AnatomyModel::show(const AnatomyPtr& reading) {
    if (now_ && now_->id != reading->id) clear();
    problem_ = reading->problem;
    if (!problem_.isEmpty()) return; // what was read last stays to be looked at
    const bool is_elsewhere = now_ && (now_->mode != reading->mode || now_->hand_offs != reading->hand_offs);
    if (is_elsewhere) before_ = now_;
    now_ = reading;
    control_ = lines(now_->control, before_ ? &before_->control : nullptr);
    state_ = lines(now_->state, before_ ? &before_->state : nullptr);
    cost_ = cost_lines(*now_);
}

void AnatomyModel::clear() { *this = {}; }

} // namespace connscope::app
