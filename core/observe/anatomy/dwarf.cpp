// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/anatomy/dwarf.hpp"

#include "connscope/observe/anatomy/names.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>
#include <utility>

namespace connscope::observe {

bool is_function(Dwarf_Die& die) {
    const int tag = dwarf_tag(&die);
    return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

namespace {

// Calls `take` with each child of an entry.
template <class Take>
void for_each_child(Dwarf_Die& die, Take take) {
    Dwarf_Die child;
    if (dwarf_child(&die, &child) != 0) return;
    do {
        take(child);
    } while (dwarf_siblingof(&child, &child) == 0);
}

std::string_view name_of(Dwarf_Die& die) {
    const char* const name = dwarf_diename(&die);
    return name == nullptr ? std::string_view{} : std::string_view(name);
}

// The line and column of the instruction before a return address.
std::pair<std::uint64_t, std::uint64_t> line_of_call(Dwarf_Die& call) {
    Dwarf_Attribute found;
    Dwarf_Addr after = 0;
    Dwarf_Die unit;
    if (dwarf_attr(&call, DW_AT_call_return_pc, &found) == nullptr || dwarf_formaddr(&found, &after) != 0 ||
        dwarf_diecu(&call, &unit, nullptr, nullptr) == nullptr)
        return {};
    Dwarf_Line* const entry = dwarf_getsrc_die(&unit, after - 1);
    int line = 0, column = 0;
    if (entry == nullptr || dwarf_lineno(entry, &line) != 0) return {};
    dwarf_linecol(entry, &column);
    return {static_cast<std::uint64_t>(line), static_cast<std::uint64_t>(column)};
}

// The places of the co_awaits in a function: each leaves calls of its awaiter's functions behind, inlined or not. The
// initial and the final suspension are attributed to the function's closing line.
void collect_awaits(Dwarf_Die& scope, std::uint64_t closing_line, std::set<std::pair<std::uint64_t, std::uint64_t>>& into) {
    for_each_child(scope, [&](Dwarf_Die& child) {
        switch (dwarf_tag(&child)) {
        case DW_TAG_lexical_block:
        case DW_TAG_try_block:
        case DW_TAG_catch_block:
            return collect_awaits(child, closing_line, into);
        case DW_TAG_call_site:
        case DW_TAG_GNU_call_site: {
            auto called = entry_of(child, DW_AT_call_origin);
            if (!called || !name_of(*called).starts_with("await_")) return;
            if (const auto place = line_of_call(child); place.first != 0 && place.first != closing_line) into.insert(place);
            return;
        }
        case DW_TAG_inlined_subroutine: {
            if (!name_of(child).starts_with("await_")) return;
            const auto line = number_of(child, DW_AT_call_line);
            if (line && *line != closing_line) into.emplace(*line, number_of(child, DW_AT_call_column).value_or(0));
            return;
        }
        default:
            return;
        }
    });
}

// "resume.2", "resume.4", ...: a label for each point of suspension.
std::uint32_t count_points(Dwarf_Die& function) {
    std::uint32_t points = 0;
    for_each_child(function, [&](Dwarf_Die& child) {
        if (dwarf_tag(&child) == DW_TAG_label && name_of(child).starts_with("resume.")) ++points;
    });
    return points;
}

// The same for the function whose resume function this is: GCC leaves the labels with one of the entries of that name from
// the same line. Instances of one template have the same points.
std::uint32_t count_points_like(Dwarf_Die& function) {
    Dwarf_Die unit;
    if (dwarf_diecu(&function, &unit, nullptr, nullptr) == nullptr) return 0;
    const auto plain_name = [](Dwarf_Die& die) { return name_of(die).substr(0, name_of(die).find('<')); };
    const std::string_view name = plain_name(function);
    const auto line = number_of(function, DW_AT_decl_line);
    std::uint32_t points = count_points(function);
    for_each_child(unit, [&](Dwarf_Die& child) {
        if (points > 0 || dwarf_tag(&child) != DW_TAG_subprogram || plain_name(child) != name ||
            number_of(child, DW_AT_decl_line) != line)
            return;
        points = count_points(child);
    });
    return points;
}

// "result_6_7" is the variable `result` of some block; "D.1234_7_8" an unnamed one, "Aw0" and the like the compiler's own.
std::string variable_name(std::string_view name) {
    for (const std::string_view own : {"Aw", "Is_", "Fs_", "_D", "D.", "T0"})
        if (name.starts_with(own) && name.size() > own.size() && std::isdigit(static_cast<unsigned char>(name[own.size()])))
            return {};
    std::string_view rest = name;
    for (int number = 0; number < 2; ++number) {
        const std::size_t mark = rest.find_last_not_of("0123456789");
        if (mark == std::string_view::npos || mark + 1 == rest.size() || rest[mark] != '_') return std::string(name);
        rest = rest.substr(0, mark);
    }
    return std::string(rest);
}

// The functions that were inlined at an address of a scope, outermost first.
void find_inlined(Dwarf_Die& scope, std::uint64_t address, std::vector<Dwarf_Die>& path) {
    Dwarf_Die child;
    if (dwarf_child(&scope, &child) != 0) return;
    do {
        if (dwarf_haspc(&child, address) != 1) continue;
        if (is_function(child)) path.push_back(child);
        return find_inlined(child, address, path);
    } while (dwarf_siblingof(&child, &child) == 0);
}

// The frame of the coroutine whose resume function this is: the compiler gives that one parameter, a pointer to it.
std::optional<Dwarf_Die> frame_of(Dwarf_Die& function) {
    Dwarf_Die child;
    if (dwarf_child(&function, &child) != 0) return std::nullopt;
    do {
        if (dwarf_tag(&child) != DW_TAG_formal_parameter) continue;
        const auto pointer = entry_of(child, DW_AT_type);
        if (!pointer) return std::nullopt;
        Dwarf_Die bare = bare_type(*pointer);
        const auto pointed = entry_of(bare, DW_AT_type);
        if (!pointed) return std::nullopt;
        Dwarf_Die frame = bare_type(*pointed);
        return name_of(frame).ends_with(".Frame") ? std::optional(frame) : std::nullopt;
    } while (dwarf_siblingof(&child, &child) == 0);
    return std::nullopt;
}

// Where a variable is at an address of its unit (DWARF 5, 2.6): an expression that begins with a register's content is an
// address, one that names the register is the register.
Variable::Where place_of(Dwarf_Die& variable, std::uint64_t address) {
    Dwarf_Attribute location;
    Dwarf_Op* operations = nullptr;
    std::size_t count = 0;
    if (dwarf_attr_integrate(&variable, DW_AT_location, &location) == nullptr ||
        dwarf_getlocation_addr(&location, address, &operations, &count, 1) < 1 || count == 0)
        return Variable::Where::nowhere;
    const unsigned first = operations[0].atom;
    if ((first >= DW_OP_reg0 && first <= DW_OP_reg31) || first == DW_OP_regx) return Variable::Where::in_register;
    const bool is_address = first == DW_OP_fbreg || (first >= DW_OP_breg0 && first <= DW_OP_breg31);
    const bool is_computed = operations[count - 1].atom == DW_OP_stack_value;
    return is_address && !is_computed ? Variable::Where::memory : Variable::Where::nowhere;
}

void collect_variables(Dwarf_Die& scope, std::uint64_t address, const std::string& function, std::vector<Variable>& into) {
    for_each_child(scope, [&](Dwarf_Die& child) {
        switch (dwarf_tag(&child)) {
        case DW_TAG_formal_parameter:
        case DW_TAG_variable: {
            const auto type = entry_of(child, DW_AT_type);
            if (!type || name_of(child).empty() || number_of(child, DW_AT_external)) return;
            into.push_back(
                {function, {std::string(name_of(child)), type_name(type), 0, size_of(*type)}, place_of(child, address)});
            return;
        }
        case DW_TAG_lexical_block:
        case DW_TAG_try_block:
        case DW_TAG_catch_block:
            if (dwarf_haspc(&child, address) == 1) collect_variables(child, address, function, into);
            return;
        default:
            return;
        }
    });
}

void read_promise(Dwarf_Die type, CoroutineLayout& layout) {
    layout.promise_type = type_name(type);
    // Asio's promise_type is what its base is.
    Dwarf_Die bare = bare_type(type);
    for_each_child(bare, [&](Dwarf_Die& child) {
        if (dwarf_tag(&child) == DW_TAG_inheritance && layout.promise_type == "promise_type")
            layout.promise_type = type_name(entry_of(child, DW_AT_type));
    });
    layout.promise_bytes = size_of(type);
    layout.own_offset = member_offset(type, "coro_");
    layout.caller_offset = member_offset(type, "caller_");
    layout.top_offset = member_offset(type, "top_of_stack_");
}

} // namespace

FunctionIndex::FunctionIndex(Dwarf_Die unit) {
    collect(unit, 0);
    std::ranges::sort(ranges_, {}, &Range::begin);
}

void FunctionIndex::collect(Dwarf_Die& scope, int depth) {
    constexpr int deepest = 24; // more is no program's
    for_each_child(scope, [&](Dwarf_Die& child) {
        switch (dwarf_tag(&child)) {
        case DW_TAG_subprogram: {
            Dwarf_Addr base = 0, begin = 0, end = 0;
            for (std::ptrdiff_t next = 0; (next = dwarf_ranges(&child, next, &base, &begin, &end)) > 0;)
                ranges_.push_back({begin, end, child});
            break;
        }
        case DW_TAG_namespace:
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
        case DW_TAG_lexical_block:
            break;
        default:
            return;
        }
        if (depth < deepest) collect(child, depth + 1);
    });
}

std::vector<Dwarf_Die> FunctionIndex::at(std::uint64_t address) const {
    std::vector<Dwarf_Die> path;
    const auto after = std::ranges::upper_bound(ranges_, address, {}, &Range::begin);
    if (after == ranges_.begin() || address >= std::prev(after)->end) return path;
    Dwarf_Die function = std::prev(after)->function;
    path.push_back(function);
    find_inlined(function, address, path);
    std::ranges::reverse(path);
    return path;
}

std::vector<std::uint64_t> FunctionIndex::coroutines() const {
    std::vector<std::uint64_t> found;
    for (const Range& range : ranges_) {
        Dwarf_Die function = range.function;
        Dwarf_Addr begin = 0;
        if (frame_of(function) && dwarf_entrypc(&function, &begin) == 0 && begin == range.begin) found.push_back(begin);
    }
    return found;
}

std::optional<std::uint64_t> number_of(Dwarf_Die& die, unsigned attribute) {
    Dwarf_Attribute found;
    Dwarf_Word value = 0;
    if (dwarf_attr_integrate(&die, attribute, &found) == nullptr || dwarf_formudata(&found, &value) != 0)
        return std::nullopt;
    return value;
}

std::optional<Dwarf_Die> entry_of(Dwarf_Die& die, unsigned attribute) {
    Dwarf_Attribute found;
    Dwarf_Die entry;
    if (dwarf_attr_integrate(&die, attribute, &found) == nullptr || dwarf_formref_die(&found, &entry) == nullptr)
        return std::nullopt;
    return entry;
}

Dwarf_Die bare_type(Dwarf_Die type) {
    for (int depth = 0; depth < 16; ++depth) {
        switch (dwarf_tag(&type)) {
        case DW_TAG_const_type:
        case DW_TAG_volatile_type:
        case DW_TAG_typedef:
            if (const auto inner = entry_of(type, DW_AT_type)) {
                type = *inner;
                continue;
            }
            [[fallthrough]];
        default:
            return type;
        }
    }
    return type;
}

std::string type_name(std::optional<Dwarf_Die> type) {
    if (!type) return "void";
    switch (dwarf_tag(&*type)) {
    case DW_TAG_const_type:
        return "const " + type_name(entry_of(*type, DW_AT_type));
    case DW_TAG_volatile_type:
        return type_name(entry_of(*type, DW_AT_type));
    case DW_TAG_pointer_type:
        return type_name(entry_of(*type, DW_AT_type)) + "*";
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        return type_name(entry_of(*type, DW_AT_type)) + "&";
    case DW_TAG_array_type:
        return type_name(entry_of(*type, DW_AT_type)) + "[]";
    default:
        return short_type(name_of(*type));
    }
}

std::uint32_t size_of(Dwarf_Die type) {
    Dwarf_Word bytes = 0;
    Dwarf_Die bare = bare_type(type);
    if (dwarf_aggregate_size(&bare, &bytes) != 0) return 0;
    return static_cast<std::uint32_t>(bytes);
}

std::optional<std::uint32_t> member_offset(Dwarf_Die type, std::string_view member) {
    Dwarf_Die bare = bare_type(type);
    std::optional<std::uint32_t> found;
    for_each_child(bare, [&](Dwarf_Die& child) {
        if (found) return;
        const auto offset = static_cast<std::uint32_t>(number_of(child, DW_AT_data_member_location).value_or(0));
        if (dwarf_tag(&child) == DW_TAG_member && name_of(child) == member) found = offset;
        if (dwarf_tag(&child) != DW_TAG_inheritance) return;
        const auto base = entry_of(child, DW_AT_type);
        if (!base) return;
        if (const auto in_base = member_offset(*base, member)) found = offset + *in_base;
    });
    return found;
}

std::vector<Member> members_of(Dwarf_Die type) {
    Dwarf_Die bare = bare_type(type);
    std::vector<Member> members;
    for_each_child(bare, [&](Dwarf_Die& child) {
        if (dwarf_tag(&child) != DW_TAG_member || dwarf_hasattr(&child, DW_AT_data_member_location) == 0) return;
        const auto member_type = entry_of(child, DW_AT_type);
        members.push_back({std::string(name_of(child)), type_name(member_type),
                           static_cast<std::uint32_t>(number_of(child, DW_AT_data_member_location).value_or(0)),
                           member_type ? size_of(*member_type) : 0});
    });
    return members;
}

std::optional<Dwarf_Die> this_type(Dwarf_Die& function) {
    std::optional<Dwarf_Die> found;
    for_each_child(function, [&](Dwarf_Die& child) {
        if (found || dwarf_tag(&child) != DW_TAG_formal_parameter || name_of(child) != "this") return;
        if (auto pointer = entry_of(child, DW_AT_type)) {
            Dwarf_Die bare = bare_type(*pointer);
            if (auto pointed = entry_of(bare, DW_AT_type)) found = bare_type(*pointed);
        }
    });
    return found;
}

std::optional<Dwarf_Die> enclosing_class(Dwarf_Die& function) {
    // From the code to its abstract instance to its declaration, which stands in the class.
    Dwarf_Die die = function;
    for (const unsigned link : {DW_AT_abstract_origin, DW_AT_specification})
        if (dwarf_hasattr(&die, link) != 0) {
            Dwarf_Attribute reference;
            Dwarf_Die next;
            if (dwarf_attr(&die, link, &reference) == nullptr || dwarf_formref_die(&reference, &next) == nullptr)
                return std::nullopt;
            die = next;
        }
    Dwarf_Die* scopes = nullptr;
    const int count = dwarf_getscopes_die(&die, &scopes);
    std::optional<Dwarf_Die> found;
    if (count > 1) {
        const int tag = dwarf_tag(&scopes[1]);
        if (tag == DW_TAG_class_type || tag == DW_TAG_structure_type) found = scopes[1];
    }
    std::free(scopes);
    return found;
}

std::optional<Dwarf_Die> pointed_object(Dwarf_Die type, std::uint32_t bytes, int depth) {
    Dwarf_Die bare = bare_type(type);
    const int tag = dwarf_tag(&bare);
    if (tag == DW_TAG_pointer_type || tag == DW_TAG_reference_type) {
        const auto pointed = entry_of(bare, DW_AT_type);
        if (!pointed) return std::nullopt;
        Dwarf_Die object = bare_type(*pointed);
        const int kind = dwarf_tag(&object);
        const bool is_class = kind == DW_TAG_class_type || kind == DW_TAG_structure_type;
        return is_class && size_of(object) == bytes ? std::optional(object) : std::nullopt;
    }
    if ((tag != DW_TAG_class_type && tag != DW_TAG_structure_type) || depth == 0) return std::nullopt;
    std::optional<Dwarf_Die> found;
    for_each_child(bare, [&](Dwarf_Die& child) {
        const int kind = dwarf_tag(&child);
        if (found || (kind != DW_TAG_member && kind != DW_TAG_inheritance)) return;
        if (const auto inner = entry_of(child, DW_AT_type)) found = pointed_object(*inner, bytes, depth - 1);
    });
    return found;
}

std::optional<Dwarf_Die> parameter_object(Dwarf_Die& function, std::uint32_t bytes) {
    std::optional<Dwarf_Die> found;
    for_each_child(function, [&](Dwarf_Die& child) {
        if (found || dwarf_tag(&child) != DW_TAG_formal_parameter) return;
        if (const auto type = entry_of(child, DW_AT_type)) found = pointed_object(*type, bytes);
    });
    return found;
}

std::vector<Variable> variables_of(Dwarf_Die& function, std::uint64_t address) {
    std::vector<Variable> variables;
    collect_variables(function, address, short_function(name_of(function)), variables);
    return variables;
}

std::string file_name(const char* path) {
    if (path == nullptr) return {};
    const std::string_view whole(path);
    return std::string(whole.substr(whole.rfind('/') + 1));
}

CoroutineLayout::Point CoroutineLayout::point(std::uint16_t index) const noexcept {
    if (index == 0 || index == 2) return {Point::Kind::not_begun, 0};
    if (index % 2 != 0 || index / 2 > points) return {};
    if (index / 2 == points) return {Point::Kind::at_end, 0};
    if (lines.size() + 2 != points) return {}; // the compiler left no trace of some of them
    return {Point::Kind::at_line, lines[index / 2 - 2]};
}

std::optional<CoroutineLayout> coroutine_layout(Dwarf_Die function, std::string& why) {
    const auto frame = frame_of(function);
    if (!frame) {
        why = "the program's debug information does not describe this coroutine's frame (it was built without -g)";
        return std::nullopt;
    }

    CoroutineLayout layout;
    layout.function = short_function(name_of(function));
    layout.file = file_name(dwarf_decl_file(&function));
    layout.bytes = size_of(*frame);
    Dwarf_Die members = *frame;
    const std::uint64_t closing_line = number_of(members, DW_AT_decl_line).value_or(0);
    bool has_index = false;
    for_each_child(members, [&](Dwarf_Die& child) {
        if (dwarf_tag(&child) != DW_TAG_member) return;
        const auto offset = static_cast<std::uint32_t>(number_of(child, DW_AT_data_member_location).value_or(0));
        const auto type = entry_of(child, DW_AT_type);
        const std::string_view name = name_of(child);
        if (name == "_Coro_resume_index") {
            layout.index_offset = offset;
            has_index = true;
        } else if (name == "_Coro_promise" && type) {
            layout.promise_offset = offset;
            read_promise(*type, layout);
        } else if (!name.starts_with("_Coro_") && type) {
            layout.kept.push_back({variable_name(name), type_name(type), offset, size_of(*type)});
        }
    });
    if (!has_index) {
        why = "this is not a frame as GCC lays it out";
        return std::nullopt;
    }

    std::set<std::pair<std::uint64_t, std::uint64_t>> awaits; // line and column
    collect_awaits(function, closing_line, awaits);
    layout.points = count_points_like(function);
    for (const auto& [line, column] : awaits) layout.lines.push_back(static_cast<std::uint32_t>(line));
    return layout;
}

} // namespace connscope::observe
