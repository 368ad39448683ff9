// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/plan.hpp"

#include <boost/json/value.hpp>

#include <vector>

namespace connscope::app {

// What control methods answer, as checked types. What is missing or of the wrong type is left at its default; entries
// without an id are left out.

std::vector<ModeDescription> mode_descriptions_of(const boost::json::value& answer); // list_modes
ModeChange mode_change_of(const boost::json::value& answer);         // set_mode, set_threads, set_stack_size, set_slice
ModeParameters mode_parameters_of(const boost::json::value& answer); // those and status
QString note_of(const boost::json::value& answer); // of connscope-load's methods: what could not be had; usually empty

} // namespace connscope::app
