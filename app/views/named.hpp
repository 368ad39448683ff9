// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace connscope::app {

// A control with the names by which tests and screen readers know it, and a tool tip that teaches.
template <class Control>
Control* named(Control* control, const char* name, const QString& accessible, const QString& tip) {
    control->setObjectName(QLatin1String(name));
    control->setAccessibleName(accessible);
    control->setToolTip(tip);
    return control;
}

} // namespace connscope::app
