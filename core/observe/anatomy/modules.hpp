// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <elfutils/libdwfl.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace connscope::observe {

// The files of code that a process runs, opened for libdwfl; for this folder's sources only. The program itself is opened
// through /proc/PID/exe, so that it is the one that runs even when its file was replaced; a library whose file is another
// one by now is left out, and said so. One thread at a time.
class Modules {
public:
    explicit Modules(std::uint32_t pid)
        : pid_(pid) {}

    // Reads the mappings of the process and opens what is new in them. Errors: no such process, not permitted.
    telemetry::Status load();

    // The module that holds an address; nullptr with `missing` saying why there is none. Looks for new ones, at most once a
    // second.
    Dwfl_Module* at(std::uint64_t address, std::string& missing);

    Dwfl_Module* program() const noexcept { return program_; } // nullptr: it could not be opened
    bool is_program(Dwfl_Module* module) const noexcept { return module == program_; }
    // A library of the system's. Its symbols are told and its lines are not: nobody here reads its sources, and the debug
    // file of a C library alone takes 100 ms to open.
    bool is_of_system(Dwfl_Module* module) const;

    // A module's file without its folder.
    std::string name(Dwfl_Module* module) const;

    // Why a module's separate debug file is not used, a clause; empty: it is, or there is none. Known once its debug
    // information was looked for.
    std::string debug_problem(Dwfl_Module* module) const;

    // The function of the module's symbol table that holds an address, with the distance from its first byte. libdwfl looks
    // through the whole table for each address; this one is put in order once.
    struct CodeSymbol {
        const char* name = nullptr; // as it stands in the table; lives as long as the module
        std::uint64_t offset = 0;
    };
    std::optional<CodeSymbol> symbol_at(Dwfl_Module* module, std::uint64_t address);

    // Opens what the next module needs to be asked about: symbols, unwind and debug information. False when all are open.
    bool prepare_next();

    // Where a symbol of the program itself is.
    std::optional<std::uint64_t> symbol_of_program(std::string_view symbol) const;

    Dwfl* dwfl() const noexcept { return dwfl_.get(); }

private:
    struct File {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        std::string problem;       // why it is not opened; empty: it is
        std::string debug_problem; // see debug_problem()
    };
    static int find_debug_file(Dwfl_Module* module, void** user, const char* name, Dwarf_Addr base, const char* file,
                               const char* link, GElf_Word checksum, char** found);
    struct Function {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        const char* name = nullptr;
        int binding = 0; // the higher the better known
    };
    const std::vector<Function>& functions_of(Dwfl_Module* module);
    struct End {
        void operator()(Dwfl* dwfl) const noexcept { dwfl_end(dwfl); }
    };

    std::uint32_t pid_;
    std::unique_ptr<Dwfl, End> dwfl_;
    std::map<std::string, File> files_;                       // by path as in the mappings
    std::map<Dwfl_Module*, std::vector<Function>> functions_; // by begin
    std::ptrdiff_t prepared_ = 0;                             // of dwfl_getmodules(); -1: all are
    Dwfl_Module* program_ = nullptr;
    std::chrono::steady_clock::time_point loaded_{};
};

} // namespace connscope::observe
