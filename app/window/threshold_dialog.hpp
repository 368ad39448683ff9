// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/warnings.hpp"

#include <QDialog>
#include <QDoubleSpinBox>

class QFormLayout;
class QSettings;

namespace connscope::app {

WarningThresholds thresholds_in(const QSettings& settings);
void keep_thresholds(QSettings& settings, const WarningThresholds& thresholds);

// From when on the window warns.
class ThresholdDialog : public QDialog {
    Q_OBJECT
public:
    ThresholdDialog(const WarningThresholds& thresholds, QWidget* parent);

    WarningThresholds thresholds() const;

signals:
    void thresholdsChanged(const connscope::app::WarningThresholds& thresholds);

private:
    QDoubleSpinBox* add(QFormLayout* form, const QString& name, const QString& label, const QString& tip, const QString& unit,
                        double least, double greatest, double value);
    void show_thresholds(const WarningThresholds& thresholds);

    QDoubleSpinBox* unyielded_;
    QDoubleSpinBox* unscheduled_;
    QDoubleSpinBox* cpu_;
    QDoubleSpinBox* limit_;
    QDoubleSpinBox* blocked_;
    QDoubleSpinBox* blocked_connections_;
};

} // namespace connscope::app
