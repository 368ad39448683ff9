// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "watch_snapshot.hpp"

#include <string>
#include <vector>

namespace connscope::watch {

// A snapshot as one line of JSON: stable keys, null for what cannot be had. With `connections` a list "connection_list" is
// added.
std::string to_json(const Snapshot& snapshot, bool connections);

// [{"pid","name","kind",…}]
std::string to_json(const std::vector<Target>& targets);

} // namespace connscope::watch
