// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/tour.hpp"

#include <QAbstractButton>

namespace connscope::app {

QWidget* TourStage::widget(const QString& name) const {
    for (QWidget* found : window_.findChildren<QWidget*>(name)) {
        if (found->isVisible()) return found;
    }
    return nullptr;
}

void TourStage::click(const QString& name) const {
    if (auto* button = qobject_cast<QAbstractButton*>(widget(name)); button != nullptr) button->click();
}

double TourStage::now(Quantity which) const { return history_.mean(which, since_, history_.newest_time()); }

double TourStage::latest(Quantity which) const { return history_.at(which, history_.newest_time()); }

double TourStage::keep(const QString& name, double value) {
    kept_[name] = value;
    return value;
}

QString TourStage::mode_name(const QString& id) const {
    for (const ModeDescription& mode : session_.modes()) {
        if (mode.id == id) return mode.name;
    }
    return id;
}

} // namespace connscope::app
