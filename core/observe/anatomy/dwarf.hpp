// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/anatomy/coroutine_layout.hpp"
#include "connscope/observe/anatomy/symbols.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::observe {

// Small readings of DWARF entries (DIEs), for this folder's sources only.

bool is_function(Dwarf_Die& die); // inlined or not

// The functions that have code of their own in a unit, by address. Making it takes as long as reading all entries of the
// unit, some milliseconds; local classes' functions stand deep among them.
class FunctionIndex {
public:
    explicit FunctionIndex(Dwarf_Die unit);

    // The functions at an address: those that were inlined there, innermost first, and the one whose code it is last.
    std::vector<Dwarf_Die> at(std::uint64_t address) const;

    // Where the resume functions of coroutines begin.
    std::vector<std::uint64_t> coroutines() const;

private:
    struct Range {
        std::uint64_t begin;
        std::uint64_t end;
        Dwarf_Die function;
    };
    void collect(Dwarf_Die& scope, int depth);

    std::vector<Range> ranges_; // by begin
};

// The number of an attribute, followed into the entry's origin or declaration; none when it has none.
std::optional<std::uint64_t> number_of(Dwarf_Die& die, unsigned attribute);

// The entry that an attribute refers to.
std::optional<Dwarf_Die> entry_of(Dwarf_Die& die, unsigned attribute);

// A type without const, volatile and typedefs around it.
Dwarf_Die bare_type(Dwarf_Die type);

// A type's name as a source would have it, shortened.
std::string type_name(std::optional<Dwarf_Die> type);

std::uint32_t size_of(Dwarf_Die type);

// The offset of a member in a class or one of its bases.
std::optional<std::uint32_t> member_offset(Dwarf_Die type, std::string_view member);

// The members of a class, without its bases'.
std::vector<Member> members_of(Dwarf_Die type);

// The class of a member function's `this`.
std::optional<Dwarf_Die> this_type(Dwarf_Die& function);

// The class that a function is declared in, a static one too.
std::optional<Dwarf_Die> enclosing_class(Dwarf_Die& function);

// The class of that size to which some member of `type`, or a member's member, points.
std::optional<Dwarf_Die> pointed_object(Dwarf_Die type, std::uint32_t bytes, int depth = 8);

// The class of that size to which some parameter of a function points.
std::optional<Dwarf_Die> parameter_object(Dwarf_Die& function, std::uint32_t bytes);

// The parameters and variables of a function, inlined or not, that are in scope at an address of its unit.
std::vector<Variable> variables_of(Dwarf_Die& function, std::uint64_t address);

// The last part of a path.
std::string file_name(const char* path);

// The coroutine whose resume function's entry this is; none with `why` set when it is no coroutine of GCC's, or the debug
// information is not detailed enough.
std::optional<CoroutineLayout> coroutine_layout(Dwarf_Die function, std::string& why);

} // namespace connscope::observe
