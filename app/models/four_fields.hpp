// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/plan.hpp"

#include "connscope/lab/result.hpp"

#include <QString>

#include <array>
#include <vector>

namespace connscope::app {

class History;

// The two questions by which ways of scheduling differ: may one be interrupted, and who switches, the program or the kernel.

// What a field tells of a mode.
inline constexpr std::size_t field_figure_count = 4; // memory per connection, CPU per request, p99, damage by a hog
QString field_figure_title(std::size_t which);
QString field_figure_tip(std::size_t which);

struct FieldFigure {
    QString text = QStringLiteral("–");
    QString reason; // why there is none; empty: there is one
};

struct FieldMode {
    QString id;
    QString name;
    QString carrier;
    bool is_current = false;
    bool by_both = false; // its threads are scheduled by the kernel, what they carry by the program
    std::array<FieldFigure, field_figure_count> figures;
};

struct Field {
    bool is_preemptive = false;
    bool in_kernel = false;
    std::vector<FieldMode> modes;
};

// Whether somebody else ends the turn of who computes, and whether switching from one connection to the next is the
// kernel's work: both from what the server says of the mode.
bool is_preemptive(const ModeDescription& mode);
bool is_in_kernel(const ModeDescription& mode);

// The four fields: cooperative and preemptive in user space, then both in the kernel. Figures are a comparison's, or, where
// `result` is nullptr, what was measured live while each mode had the connections last.
std::array<Field, 4> four_fields(const std::vector<ModeDescription>& modes, const QString& current,
                                 const lab::Result* result, const History& history);

} // namespace connscope::app
