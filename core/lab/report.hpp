// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/result.hpp"

#include <string>

namespace connscope::lab {

// The report of a result for people: one HTML file that needs nothing else, with charts as SVG, no script, prints well, and
// is dark where the reader's browser is.
std::string to_html(const Result& result);

} // namespace connscope::lab
