// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <functional>

class QMenu;

namespace connscope::app {

class Chart;
class ChartGrid;
class History;
class TimeView;

// The menu of one chart: alone, stretches of time, copy, save. It deletes itself when it is closed. `tell` takes what became
// of saving, for the user; `true` when it failed. All arguments outlive the menu.
using Teller = std::function<void(const QString& text, bool is_bad)>;
QMenu* make_chart_menu(ChartGrid& grid, Chart& chart, const History& history, TimeView& view, const Teller& tell);

} // namespace connscope::app
