// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/threshold_dialog.hpp"

#include <QDialogButtonBox>
#include <QFormLayout>
#include <QPushButton>
#include <QSettings>
#include <QVBoxLayout>

namespace connscope::app {

WarningThresholds thresholds_in(const QSettings& settings) {
    const WarningThresholds usual;
    const auto number = [&](const char* key, double value) {
        const double found = settings.value(QStringLiteral("warnings/") + QLatin1String(key), value).toDouble();
        return found > 0 && found < 1e9 ? found : value; // a file that somebody edited
    };
    WarningThresholds found;
    found.unyielded_s = number("unyielded_s", usual.unyielded_s);
    found.unscheduled_s = number("unscheduled_s", usual.unscheduled_s);
    found.cpu_share = number("cpu_share", usual.cpu_share);
    found.limit_share = number("limit_share", usual.limit_share);
    found.blocked_s = number("blocked_s", usual.blocked_s);
    found.blocked_connections = static_cast<int>(number("blocked_connections", usual.blocked_connections));
    return found;
}

void keep_thresholds(QSettings& settings, const WarningThresholds& thresholds) {
    settings.beginGroup(QStringLiteral("warnings"));
    settings.setValue(QStringLiteral("unyielded_s"), thresholds.unyielded_s);
    settings.setValue(QStringLiteral("unscheduled_s"), thresholds.unscheduled_s);
    settings.setValue(QStringLiteral("cpu_share"), thresholds.cpu_share);
    settings.setValue(QStringLiteral("limit_share"), thresholds.limit_share);
    settings.setValue(QStringLiteral("blocked_s"), thresholds.blocked_s);
    settings.setValue(QStringLiteral("blocked_connections"), thresholds.blocked_connections);
    settings.endGroup();
}

ThresholdDialog::ThresholdDialog(const WarningThresholds& thresholds, QWidget* parent)
    : QDialog(parent) {
    setObjectName(QStringLiteral("threshold_dialog"));
    setWindowTitle(tr("When to warn"));
    setAttribute(Qt::WA_DeleteOnClose);
    auto* form = new QFormLayout;
    unyielded_ = add(form, QStringLiteral("unyielded"), tr("A connection does not yield for"),
                     tr("How long a slice may last. In a loop that the program schedules all others wait that long."),
                     tr(" ms"), 1, 60'000, 0);
    unscheduled_ = add(form, QStringLiteral("unscheduled"), tr("A connection could run and waits for"),
                       tr("How long a connection may be ready before it runs."), tr(" ms"), 1, 60'000, 0);
    cpu_ = add(form, QStringLiteral("cpu"), tr("One connection takes of a core"),
               tr("The share of a core that one connection may take over a second."), tr(" %"), 1, 100, 0);
    limit_ = add(form, QStringLiteral("limit"), tr("A limit is used up to"),
                 tr("The share of the permitted threads and descriptors, or of the machine's memory."), tr(" %"), 1, 100, 0);
    blocked_ = add(form, QStringLiteral("blocked"), tr("A peer takes nothing for"),
                   tr("How long a connection may wait until it can write."), tr(" ms"), 1, 60'000, 0);
    blocked_connections_ = add(form, QStringLiteral("blocked_connections"), tr("… on so many connections"),
                               tr("How many connections must wait to write before it is told."), QString(), 1, 100'000, 0);
    show_thresholds(thresholds);

    auto* buttons =
        new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel | QDialogButtonBox::RestoreDefaults, this);
    connect(buttons, &QDialogButtonBox::accepted, this, [this] {
        emit thresholdsChanged(this->thresholds());
        accept();
    });
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    buttons->button(QDialogButtonBox::RestoreDefaults)->setText(tr("Usual values"));
    connect(buttons->button(QDialogButtonBox::RestoreDefaults), &QPushButton::clicked, this,
            [this] { show_thresholds({}); });
    auto* box = new QVBoxLayout(this);
    box->addLayout(form);
    box->addWidget(buttons);
}

QDoubleSpinBox* ThresholdDialog::add(QFormLayout* form, const QString& name, const QString& label, const QString& tip,
                                     const QString& unit, double least, double greatest, double value) {
    auto* spin = new QDoubleSpinBox(this);
    spin->setObjectName(QStringLiteral("threshold_") + name);
    spin->setAccessibleName(label);
    spin->setToolTip(tip);
    spin->setSuffix(unit);
    spin->setDecimals(0);
    spin->setRange(least, greatest);
    spin->setValue(value);
    form->addRow(label, spin);
    return spin;
}

void ThresholdDialog::show_thresholds(const WarningThresholds& thresholds) {
    unyielded_->setValue(thresholds.unyielded_s * 1e3);
    unscheduled_->setValue(thresholds.unscheduled_s * 1e3);
    cpu_->setValue(thresholds.cpu_share * 100);
    limit_->setValue(thresholds.limit_share * 100);
    blocked_->setValue(thresholds.blocked_s * 1e3);
    blocked_connections_->setValue(thresholds.blocked_connections);
}

WarningThresholds ThresholdDialog::thresholds() const {
    WarningThresholds found;
    found.unyielded_s = unyielded_->value() / 1e3;
    found.unscheduled_s = unscheduled_->value() / 1e3;
    found.cpu_share = cpu_->value() / 100;
    found.limit_share = limit_->value() / 100;
    found.blocked_s = blocked_->value() / 1e3;
    found.blocked_connections = static_cast<int>(blocked_connections_->value());
    return found;
}

} // namespace connscope::app
