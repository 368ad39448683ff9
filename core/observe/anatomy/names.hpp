// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>

namespace connscope::observe {

// A symbol's name as C++ has it; the name itself when it is not a mangled one.
std::string demangled(const char* symbol);

// The last two parts of a function's demangled name, without its template's and its own arguments and what the compiler
// added: "Fibers::carry" of "connscope::server::(anonymous namespace)::Fibers::carry(...) [clone .actor]".
std::string short_function(std::string_view name);

// A type's demangled name without namespaces and with the arguments of its template's arguments left out:
// "executor_binder<lambda, …>".
std::string short_type(std::string_view name);

// The arguments of the outermost template of a demangled name, in order.
std::string_view template_argument(std::string_view name, std::size_t number);

} // namespace connscope::observe
