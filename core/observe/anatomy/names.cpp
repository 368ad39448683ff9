// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/anatomy/names.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

namespace connscope::observe {
namespace {

constexpr std::string_view unnamed = "(anonymous namespace)";

bool begins_operator(std::string_view kept) {
    constexpr std::string_view word = "operator";
    return kept.ends_with(word) || kept.ends_with("operator<") || kept.ends_with("operator-") || kept.ends_with("operator>");
}

// Leaves out everything between angle brackets and parentheses, brackets included.
std::string without_arguments(std::string_view name) {
    std::string kept;
    int depth = 0;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        if (depth == 0 && name.substr(i).starts_with(unnamed)) {
            i += unnamed.size() - 1;
            kept += "~";
            continue;
        }
        if (depth == 0 && (c == '<' || c == '>' || c == '-') && begins_operator(kept)) {
            kept += c;
        } else if (depth == 0 && c == '(' && name.substr(i).starts_with("()") && kept.ends_with("operator")) {
            kept += "()";
            ++i;
        } else if (c == '<' || c == '(') {
            ++depth;
        } else if (c == '>' || c == ')') {
            depth = std::max(depth - 1, 0);
        } else if (depth == 0) {
            kept += c;
        }
    }
    return kept;
}

} // namespace

std::string demangled(const char* symbol) {
    if (symbol == nullptr) return {};
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(symbol, nullptr, nullptr, &status),
                                                           &std::free);
    return status == 0 && name ? std::string(name.get()) : std::string(symbol);
}

std::string short_function(std::string_view name) {
    std::string kept = without_arguments(name.substr(0, name.find(" [clone")));
    while (!kept.empty() && kept.back() == ' ') kept.pop_back();
    if (kept.ends_with(" const")) kept.resize(kept.size() - 6);
    const std::size_t operators = kept.find("operator");
    if (const std::size_t blank = kept.rfind(' ', operators); blank != std::string::npos) kept.erase(0, blank + 1);
    // Scopes from the right: two that have a name, lambdas and unnamed namespaces left out.
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin <= kept.size();) {
        const std::size_t end = std::min(kept.find("::", begin), kept.size());
        const std::string_view part = std::string_view(kept).substr(begin, end - begin);
        if (part != "~" && !part.empty()) parts.push_back(part.starts_with("{lambda") ? std::string_view("lambda") : part);
        begin = end + 2;
    }
    if (parts.empty()) return std::string(name);
    if (parts.size() == 1) return std::string(parts[0]);
    return std::string(parts[parts.size() - 2]) + "::" + std::string(parts.back());
}

std::string short_type(std::string_view name) {
    std::string kept;
    std::size_t word = 0; // where in `kept` the name that is being read begins
    int depth = 0;
    bool left_out = false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        if (name.substr(i).starts_with(unnamed)) {
            i += unnamed.size() - 1;
            continue;
        }
        if (c == '{') { // {lambda(...)#1}
            kept.resize(word);
            if (depth < 2) kept += "lambda";
            for (int braces = 1; braces > 0 && ++i < name.size();) braces += name[i] == '{' ? 1 : name[i] == '}' ? -1 : 0;
            continue;
        }
        if (c == '(') { // a function's arguments
            for (int open = 1; open > 0 && ++i < name.size();) open += name[i] == '(' ? 1 : name[i] == ')' ? -1 : 0;
            if (depth < 2) kept += "()";
            continue;
        }
        if (c == '<') {
            ++depth;
            if (depth == 1) kept += c;
            if (depth == 2 && !left_out) kept += "<…>";
            word = kept.size();
        } else if (c == '>') {
            if (depth == 1) kept += c;
            --depth;
            word = kept.size();
        } else if (depth >= 2) {
            continue;
        } else if (c == ':') {
            if (i + 1 < name.size() && name[i + 1] == ':') ++i;
            kept.resize(word); // a namespace or class: what follows matters
        } else {
            kept += c;
            if (c == ' ' || c == ',') word = kept.size();
        }
    }
    return kept;
}

std::string_view template_argument(std::string_view name, std::size_t number) {
    const std::size_t open = name.find('<');
    if (open == std::string_view::npos) return {};
    int depth = 0;
    std::size_t begin = open + 1;
    for (std::size_t i = open; i < name.size(); ++i) {
        const char c = name[i];
        if (c == '<' || c == '(' || c == '{') ++depth;
        if (c == '>' || c == ')' || c == '}') --depth;
        const bool ends = depth == 0 || (depth == 1 && c == ',');
        if (!ends) continue;
        if (number == 0) {
            std::string_view found = name.substr(begin, i - begin);
            while (found.starts_with(' ')) found.remove_prefix(1);
            while (found.ends_with(' ')) found.remove_suffix(1);
            return found;
        }
        if (depth == 0) return {};
        --number;
        begin = i + 1;
    }
    return {};
}

} // namespace connscope::observe
