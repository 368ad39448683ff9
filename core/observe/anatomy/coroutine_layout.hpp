// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace connscope::observe {

// A member of an object, as the debug information has it.
struct Member {
    std::string name;
    std::string type;
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
};

// What lies where in a coroutine's frame, as GCC lays it out and its debug information tells: the resume and the destroy
// function first, then the promise, the arguments, the number of the point where it is suspended, and what it keeps over a
// suspension. All of it is read from the running program's DWARF.
struct CoroutineLayout {
    std::string function; // shortened
    std::string file;     // without its folder
    std::uint32_t bytes = 0;
    std::uint32_t index_offset = 0; // of the number (std::uint16_t) of the point where it is suspended
    std::string promise_type;       // shortened
    std::uint32_t promise_offset = 0;
    std::uint32_t promise_bytes = 0;

    // Of Asio's awaitable frames, in the promise; none for other coroutines.
    std::optional<std::uint32_t> own_offset;    // the frame's own address
    std::optional<std::uint32_t> caller_offset; // the promise of who awaits this one
    std::optional<std::uint32_t> top_offset;    // only in the root's: the promise of the innermost one

    // What is kept in the frame over a suspension, by offset: the function's arguments and variables.
    std::vector<Member> kept;

    // The lines of its co_awaits in order. GCC numbers points of suspension by twos from 2, in the order of the text: the
    // initial one first, the final one last.
    std::vector<std::uint32_t> lines;
    std::uint32_t points = 0; // of suspension, the initial and the final one included

    // Where a frame with this index is suspended.
    struct Point {
        enum class Kind { not_begun, at_line, at_end, unknown } kind = Kind::unknown;
        std::uint32_t line = 0;
    };
    Point point(std::uint16_t index) const noexcept;
};

} // namespace connscope::observe
