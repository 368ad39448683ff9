// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/json/object.hpp>

#include <string>
#include <utility>
#include <vector>

namespace connscope::lab {

// What a figure was measured on, as pairs of a name and a text in the order in which they are shown: "processor", "CPUs",
// "caches", "memory", "kernel", "system", "virtual", "clock", "open files", ... What cannot be read is left out.
using Description = std::vector<std::pair<std::string, std::string>>;

Description describe_machine();
// Of connscope, the compiler and the libraries that it was built with.
Description describe_versions();

boost::json::object to_json(const Description& description);
Description description_of_json(const boost::json::value& value);

} // namespace connscope::lab
