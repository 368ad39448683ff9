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

} // namespace connscope::app
