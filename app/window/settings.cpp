// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/settings.hpp"

#include <QSettings>

namespace connscope::app {

namespace {

// Calls `use` with each threshold's key in the settings and its place.
template <class Thresholds, class Use>
void for_each_threshold(Thresholds& thresholds, Use use) {
    use("warnings/unyielded_s", thresholds.unyielded_s);
    use("warnings/unscheduled_s", thresholds.unscheduled_s);
    use("warnings/cpu_share", thresholds.cpu_share);
    use("warnings/limit_share", thresholds.limit_share);
    use("warnings/blocked_s", thresholds.blocked_s);
    use("warnings/blocked_connections", thresholds.blocked_connections);
}

} // namespace

WarningThresholds remembered_thresholds() {
    WarningThresholds thresholds;
    const QSettings settings;
    for_each_threshold(thresholds, [&](const char* key, auto& value) {
        bool is_number = false;
        const double found = settings.value(QLatin1String(key)).toDouble(&is_number);
        if (is_number && found > 0) value = static_cast<std::remove_reference_t<decltype(value)>>(found);
    });
    return thresholds;
}

void remember_thresholds(const WarningThresholds& thresholds) {
    QSettings settings;
    for_each_threshold(thresholds, [&](const char* key, auto value) { settings.setValue(QLatin1String(key), value); });
}

ColumnWishes remembered_columns() {
    const QSettings settings;
    ColumnWishes wishes;
    wishes.shown = settings.value(QStringLiteral("columns/shown")).toStringList();
    wishes.order = settings.value(QStringLiteral("columns/order")).toStringList();
    const QVariantMap widths = settings.value(QStringLiteral("columns/widths")).toMap();
    for (auto width = widths.begin(); width != widths.end(); ++width) wishes.widths[width.key()] = width.value().toInt();
    wishes.sorted_by = settings.value(QStringLiteral("columns/sorted_by")).toString();
    wishes.descending = settings.value(QStringLiteral("columns/descending"), true).toBool();
    return wishes;
}

void remember_columns(const ColumnWishes& wishes) {
    QSettings settings;
    QVariantMap widths;
    for (const auto& [column, width] : wishes.widths) widths[column] = width;
    settings.setValue(QStringLiteral("columns/shown"), wishes.shown);
    settings.setValue(QStringLiteral("columns/order"), wishes.order);
    settings.setValue(QStringLiteral("columns/widths"), widths);
    settings.setValue(QStringLiteral("columns/sorted_by"), wishes.sorted_by);
    settings.setValue(QStringLiteral("columns/descending"), wishes.descending);
}

} // namespace connscope::app
