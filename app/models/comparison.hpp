// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/quantity.hpp"

#include <QString>

#include <vector>

namespace connscope::app {

class History;

// A time during which nothing was changed: from one mark to the next.
struct Stretch {
    double begin = 0; // s of CLOCK_MONOTONIC; what a change stirs up is left out
    double end = 0;
    QString label; // the mode's name
    double length() const noexcept { return end - begin; }
};

// The stretches of a history, the oldest first. The newest one ends now and grows.
std::vector<Stretch> stretches_of(const History& history);

// One quantity in two stretches.
struct Difference {
    enum class Judgement { better, worse, neither };
    QString name;
    QString before;
    QString after;
    double ratio = 1;         // after by before; not_known where it cannot be formed
    double noise = 0;         // share of `before`: what differs by less may be chance
    bool differs = false;     // by more than the noise
    Judgement judgement = Judgement::neither; // neither where it does not differ, or where more is no better than less
    QString ratio_text;       // "33× less"
    QString sentence;         // of what differs, else empty
};

// What is known of both stretches, set side by side. Each mean is over at most the last 30 s of its stretch; its noise is
// twice the standard error of the means over whole seconds, and no less than 3 %.
std::vector<Difference> compare(const History& history, const Stretch& before, const Stretch& after);

inline constexpr double shortest_compared = 2; // s: a shorter stretch says too little

} // namespace connscope::app
