// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/anatomy/anatomy.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace connscope::observe {

// What the rows of control and of state are both made with; for this folder's sources only.

AnatomyRow known(std::string label, std::vector<std::string> values, std::string source);
// Without a reason of its own it lacks debug information: there is no other.
AnatomyRow unknown(std::string label, std::string why, std::string source = {});

std::string bytes_text(std::uint64_t bytes);
std::string time_text(std::chrono::nanoseconds time);
std::string address_text(std::uint64_t address);

// Why what depends on the moment of the control is not told, if so.
std::string control_missing(const Anatomy& anatomy);

// It has a thread of its own, not one that carries others too.
bool has_own_thread(const Anatomy& anatomy);

} // namespace connscope::observe
