// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support.hpp"

#include <boost/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace connscope::test {

// What connscope-watch says with these arguments in its first line of JSON; empty when it is none, which fails the test.
inline boost::json::object watch(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "connscope-watch");
    Child program(std::move(arguments));
    const std::string line = program.line();
    EXPECT_EQ(program.wait(), 0);
    boost::system::error_code error;
    const boost::json::value read = boost::json::parse(line, error);
    EXPECT_FALSE(error) << line;
    return error || !read.is_object() ? boost::json::object() : read.as_object();
}

} // namespace connscope::test
