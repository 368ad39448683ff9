// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/warnings.hpp"

namespace connscope::app {

// The thresholds of the user's settings; what is missing or makes no sense there is as usual.
WarningThresholds remembered_thresholds();
void remember_thresholds(const WarningThresholds& thresholds);

} // namespace connscope::app
