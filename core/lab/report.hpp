// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/result.hpp"

#include <string>
#include <vector>

namespace connscope::lab {

// The report of a result for people: one HTML file that needs nothing else, with charts as SVG, no script, prints well, and
// is dark where the reader's browser is.
std::string to_html(const Result& result);

// The same for paper, in the part of HTML and SVG that Qt knows: charts are apart, and the text names them as images
// "chart:0", "chart:1", ..., each as wide as the page's text. Colours are those for white paper.
struct Paper {
    std::string html;
    std::vector<std::string> charts; // SVG, chart_width wide
};
Paper to_paper(const Result& result);

} // namespace connscope::lab
