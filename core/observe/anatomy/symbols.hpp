// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/anatomy/coroutine_layout.hpp"
#include "connscope/observe/anatomy/remote_memory.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::observe {

// A function on the way to a code address, and where in it.
struct CodePlace {
    std::string function; // demangled, shortened; empty: not known
    std::string file;     // without its folder; empty: not known
    std::uint32_t line = 0;
    bool system = false;     // the file is one of the system's, below /usr: a library's header
    std::string folder = {}; // of the file, as the compiler was told it

    std::string at() const { return file.empty() ? std::string() : file + ":" + std::to_string(line); }
    bool operator==(const CodePlace&) const = default;
};

// What is known of a code address of a process.
struct Symbol {
    std::uint64_t address = 0;
    std::vector<CodePlace> places; // the function, and before it those that the compiler inlined there, innermost first
    std::string full_name;         // of the function, demangled
    std::string module;            // the file that the code is from, without its folder; empty: from none
    bool in_program = false;       // and not in a library
    std::uint64_t offset = 0;      // from the function's first byte
    std::string missing;           // what is not known and why; empty: all is

    const CodePlace* function() const noexcept { return places.empty() ? nullptr : &places.back(); }
};

// A parameter or variable of a function that is in scope where the function stands.
struct Variable {
    enum class Where : std::uint8_t { memory, in_register, nowhere }; // nowhere: the compiler keeps it no longer, or not yet
    std::string function;                                             // shortened
    Member what;
    Where where = Where::nowhere;
};

// Values of x86-64's registers by their DWARF numbers (System V ABI, figure 3.36): 3 is rbx, 6 rbp, 7 rsp, 12 to 15 r12 to
// r15, 16 rip. None: not known.
using Registers = std::array<std::optional<std::uint64_t>, 17>;
inline constexpr std::size_t register_rbx = 3, register_rbp = 6, register_rsp = 7, register_rip = 16;

struct CallStack {
    std::vector<Symbol> frames; // innermost first
    std::string ended;          // why it ends where it does; empty: at the thread's or fiber's first function
};

// Code addresses, call stacks and layouts of one process, from the ELF and DWARF of the files it runs (elfutils' libdw):
// separate debug files are found by build-id, and are left aside when it does not match. Everything is kept once found.
//
// Call stacks are unwound by the DWARF call frame information (.eh_frame) that the compiler writes for every function on
// x86-64, not by frame pointers: the C library's code has none, where blocked threads stand, and code with them would cost a
// register and two instructions a call. It costs about 5 µs a frame here, in the process that looks, and nothing in the
// other.
//
// A module's debug information is opened at its first address, which takes up to 100 ms; afterwards a known address takes
// less than a microsecond. One thread at a time.
class Symbols {
public:
    // Errors: no such process, its mappings may not be read, no support for this architecture.
    static telemetry::Outcome<Symbols> open(std::uint32_t pid);
    Symbols(Symbols&&) noexcept;
    Symbols& operator=(Symbols&&) noexcept;
    ~Symbols();

    // Opens a part of the program's debug information, for about as long as `budget` says; false when all of it is open.
    // What was not prepared is opened when it is asked for, up to 100 ms a source file.
    bool prepare(std::chrono::nanoseconds budget);

    // What is known of a code address. `after_call`: it is a return address, and the call is meant.
    const Symbol& at(std::uint64_t address, bool after_call = false);

    // Whether an address is in a file of code that the process has loaded, as far as is known.
    bool in_code(std::uint64_t address) const noexcept;

    // The calls that led to these registers. `stack` is the stack's memory from the stack pointer on; what it does not hold
    // is read from `memory`: the process's, or a child's of it that runs the same code at the same addresses.
    CallStack unwind(const Registers& registers, const MemoryCopy& stack, const RemoteMemory& memory);

    // The coroutine that a resume function belongs to; nullptr with `why` set when its layout is not known.
    const CoroutineLayout* coroutine(std::uint64_t resume_function, std::string& why);

    // The offset of a member in the class of this virtual or other member function; none without debug information.
    std::optional<std::uint32_t> member_of_class(std::uint64_t member_function, std::string_view member);

    // An object that some code works on.
    struct Object {
        std::string type;
        std::vector<Member> members;
        std::uint32_t operation_bytes = 0; // of operation() alone: of the operation, its handler included
    };
    // The object of `bytes` that is kept alive by the handler of an operation, which the function completes. None without
    // debug information.
    std::optional<Object> operation(std::uint64_t complete_function, std::uint32_t bytes);
    // The object of `bytes` that a function is given. None without debug information.
    std::optional<Object> argument(std::uint64_t function, std::uint32_t bytes);

    // What is in scope at an address, of the functions that the compiler inlined there first; those of the system's headers
    // are left out.
    const std::vector<Variable>& variables(std::uint64_t address, bool after_call);

    // Why the program's debug information is not all there: "there is no debug information for it", and where a separate
    // debug file does not match, that.
    std::string why_undescribed() const;

    // Where the main program's symbol of this (mangled) name is; none when it has none, or was stripped.
    std::optional<std::uint64_t> address_of(const char* symbol);

private:
    struct Impl;
    explicit Symbols(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace connscope::observe
