// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/anatomy.hpp"

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
}

void AnatomyModel::clear() { *this = {}; }

} // namespace connscope::app
