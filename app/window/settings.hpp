// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/warnings.hpp"
#include "views/connection_view.hpp"

namespace connscope::app {

// The thresholds of the user's settings; what is missing or makes no sense there is as usual.
WarningThresholds remembered_thresholds();
void remember_thresholds(const WarningThresholds& thresholds);

ColumnWishes remembered_columns();
void remember_columns(const ColumnWishes& wishes);

} // namespace connscope::app
