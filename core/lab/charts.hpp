// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/result.hpp"

#include <string>
#include <vector>

namespace connscope::lab {

// Charts of a report as SVG, without script. On screens colours are CSS variables that the page defines, light and dark;
// on paper, and where it is dark, they are fixed.
enum class Medium { screen, paper, dark };

inline constexpr double chart_width = 560; // of the view box; a page scales it

// Where a chart is shown, and how wide its view box is: all text is 12 units high.
struct Frame {
    Frame(Medium where, double wide = chart_width)
        : medium(where)
        , width(wide) {}
    Medium medium;
    double width;
};

using Cells = std::vector<const CellResult*>;

// The text in HTML and SVG.
std::string escaped(std::string_view text);
// What a report calls a cell: its mode, and what is varied besides connections.
std::string label_of(const CellResult& cell);
// "#d55e00" or "var(--c-thread)": what carries a connection has one colour everywhere.
std::string colour_of(const CellResult& cell, Medium medium);
// The pages' definitions of the variables.
std::string colour_variables(bool dark);

// A bar for each cell, from the figure's median, with a line from the smallest to the largest of the rounds. `parts` are
// figures that it is made of, drawn one after the other; none: one piece. Empty when no cell has the figure.
std::string bar_chart(const Cells& cells, std::string_view figure, const std::vector<std::string_view>& parts, Frame frame);
// The distributions of `curve`, each share's median over the rounds: the share on a scale that opens up towards its end,
// the values in powers of ten. Empty when no cell has it.
std::string curve_chart(const Cells& cells, const std::string& curve, Frame frame);
// The distributions of one cell, each round a line: latency at the fixed rate and beside a hog, scheduling delay.
std::string cell_chart(const CellResult& cell, Frame frame);
// A figure against the connections, a line for each mode. Empty when there are no two numbers of connections.
std::string growth_chart(const Cells& cells, std::string_view figure, Frame frame);
// What a switch costs against what is touched, a line for each way.
std::string switch_chart(const std::vector<SwitchCost>& costs, std::string_view place, bool cold, Frame frame);

} // namespace connscope::lab
