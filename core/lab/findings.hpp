// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/figure.hpp"

#include <string>
#include <vector>

namespace connscope::lab {

struct CellResult;
struct FigureResult;
struct Result;

// A sentence about what was measured, and what it was made of.
struct Finding {
    std::string text;
    std::string figure;             // the id of the one that it speaks of
    std::vector<std::string> cells; // keys of the cells whose figures are in it; never empty
    double weight = 0;              // how much it says: larger differences say more
};

// The findings of a result, those that say most first. Every number in them is a measured one, and what lies within the
// noise is said to. None of an empty result.
std::vector<Finding> find(const Result& result);

// Whether two figures differ by more than chance: of all pairs of a round here and a round there 95 % agree on which is the
// larger (up to four rounds: all), the medians are apart by more than 5 % and by more than what the figure's difference must
// have to mean anything. One round has no spread: then nothing below a factor of 1.5 differs.
bool differ(const FigureInfo& info, const FigureResult& a, const FigureResult& b);

// Where a cell stands among others by a figure.
enum class Standing {
    unknown, // it has no such figure, or more is no better than less
    best,
    as_good, // within the noise of the best
    between,
    worst, // and not within the noise of the best
};
// One for each cell, in their order.
std::vector<Standing> standings_of(const std::vector<const CellResult*>& cells, const FigureInfo& info);

} // namespace connscope::lab
