// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "connscope/lab/layers.hpp"

#include <QString>
#include <QStringList>

#include <array>
#include <string_view>

namespace connscope::app {

// A layer as the view has it: its place on the way down, and what it is in words.
struct LayerRow {
    std::string_view id; // lab::Layer::id
    QString title;
    QString about;
    bool in_kernel = false;
};
inline constexpr std::size_t layer_row_count = 8;
const std::array<LayerRow, layer_row_count>& layer_rows();

// The layer of a mode; nullptr when it was not measured.
const lab::Layer* find_layer(const lab::ModeLayers& mode, std::string_view id);

// How far a request goes down: true when it enters this layer at least every second time.
bool is_on_the_way(const lab::Layer& layer);

QString layer_time_text(const lab::Layer& layer);      // "4.80 µs", or a dash
QString layer_crossings_text(const lab::Layer& layer); // "2.94 system calls"; empty for plain calls
// All that is known of one layer of one mode, for a tool tip.
QString layer_tip(const lab::ModeLayers& mode, const LayerRow& row);
// What a mode's request does, line by line: its system calls, copies, and the time without a trace.
QStringList layer_details(const lab::ModeLayers& mode);

} // namespace connscope::app
