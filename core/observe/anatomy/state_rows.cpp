// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/anatomy/rows.hpp"
#include "connscope/observe/process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace connscope::observe {
namespace {

using Form = Anatomy::Form;

AnatomyRow kept_in_row(const Anatomy& anatomy) {
    const std::string label = "Kept in";
    const auto& connection = anatomy.connection;
    const auto range = [](std::uint64_t low, std::uint64_t high) { return fmt::format("{:#x} – {:#x}", low, high); };
    switch (anatomy.form) {
    case Form::thread:
    case Form::fiber:
        if (!anatomy.stack) return unknown(label, control_missing(anatomy));
        return known(label, {"a stack, " + range(anatomy.stack->low, anatomy.stack->high)},
                     anatomy.form == Form::thread ? "/proc/PID/maps" : "the server's segment");
    case Form::coroutine: {
        std::vector<std::string> lines;
        for (const AwaitedFrame& frame : anatomy.frames)
            lines.push_back(fmt::format("frame {} of {}", address_text(frame.address), frame.function));
        if (lines.empty()) lines.push_back("frame " + address_text(connection.carrier_address));
        return known(label, std::move(lines), "the chain of awaiting frames");
    }
    case Form::closure: {
        const std::string type =
            anatomy.pending && !anatomy.pending->object_type.empty() ? anatomy.pending->object_type : "object";
        return known(label,
                     {fmt::format("{} {}", type,
                                  range(connection.carrier_address, connection.carrier_address + connection.carrier_bytes))},
                     "the server's segment");
    }
    case Form::queue_entry:
        return known(label,
                     {fmt::format("{} {}", anatomy.entry && !anatomy.entry->type.empty() ? anatomy.entry->type : "entry",
                                  range(connection.carrier_address, connection.carrier_address + connection.carrier_bytes))},
                     "the server's segment");
    case Form::none:
        break;
    }
    return unknown(label, "nothing carries it");
}

std::uint64_t frames_bytes(const Anatomy& anatomy) {
    std::uint64_t bytes = 0;
    for (const AwaitedFrame& frame : anatomy.frames) bytes += frame.bytes;
    return bytes;
}

AnatomyRow reserved_row(const Anatomy& anatomy) {
    const std::string label = "Reserved";
    switch (anatomy.form) {
    case Form::thread:
    case Form::fiber:
        if (!anatomy.stack) return unknown(label, control_missing(anatomy));
        return known(label, {bytes_text(anatomy.stack->reserved_bytes()) + " of address space"}, "/proc/PID/maps");
    case Form::coroutine:
        return known(
            label, {fmt::format("{} of heap for the connection's own frame", bytes_text(anatomy.connection.carrier_bytes))},
            "malloc_usable_size, told by the server");
    case Form::closure:
    case Form::queue_entry:
        return known(label, {bytes_text(anatomy.connection.carrier_bytes)}, "sizeof, told by the server");
    case Form::none:
        break;
    }
    return unknown(label, "nothing carries it");
}

AnatomyRow resident_row(const Anatomy& anatomy) {
    const std::string label = "Resident";
    if (anatomy.form != Form::thread && anatomy.form != Form::fiber)
        return known(label, {"all of it, on pages shared with others"}, "by construction: heap memory that is in use");
    if (!anatomy.stack) return unknown(label, control_missing(anatomy));
    if (!anatomy.stack->resident_bytes) return unknown(label, "the memory map of the process may not be read");
    return known(label, {bytes_text(*anatomy.stack->resident_bytes)}, "/proc/PID/pagemap");
}

AnatomyRow used_row(const Anatomy& anatomy) {
    const std::string label = "Used";
    switch (anatomy.form) {
    case Form::thread:
    case Form::fiber:
        if (!anatomy.stack || !anatomy.stack->used_bytes) return unknown(label, control_missing(anatomy));
        return known(
            label,
            {bytes_text(*anatomy.stack->used_bytes) +
             (anatomy.form == Form::thread ? ", the thread's own data at its end included" : ", from the stack pointer up")},
            "the stack pointer");
    case Form::coroutine:
        if (frames_bytes(anatomy) == 0)
            return unknown(label, anatomy.frames.empty() ? control_missing(anatomy) : anatomy.frames.front().missing);
        return known(label,
                     {fmt::format("{} exactly, in {} frames", bytes_text(frames_bytes(anatomy)), anatomy.frames.size())},
                     "DWARF: the size of each frame");
    case Form::closure:
        if (!anatomy.pending) return unknown(label, control_missing(anatomy));
        if (anatomy.pending->bytes == 0) return unknown(label, anatomy.pending->missing);
        return known(label, {fmt::format("{} by the pending operation and its handler", bytes_text(anatomy.pending->bytes))},
                     "DWARF: the size of the operation");
    case Form::queue_entry:
        return known(label, {bytes_text(anatomy.connection.carrier_bytes)}, "sizeof, told by the server");
    case Form::none:
        break;
    }
    return unknown(label, "nothing carries it");
}

AnatomyRow registers_row(const Anatomy& anatomy) {
    const std::string label = "Registers";
    if (anatomy.form == Form::thread) {
        if (!anatomy.thread || !anatomy.thread->stopped) return unknown(label, control_missing(anatomy));
        const ThreadState::Stopped& stopped = *anatomy.thread->stopped;
        std::vector<std::string> lines{fmt::format("rip {:#x}  rsp {:#x}", stopped.instruction, stopped.stack_pointer)};
        if (stopped.call >= 0) {
            constexpr std::array<std::string_view, 6> names{"rdi", "rsi", "rdx", "r10", "r8", "r9"};
            lines.push_back(fmt::format("rax {} ({})", stopped.call, call_name(stopped.call)));
            for (std::size_t i = 0; i < names.size(); i += 3)
                lines.push_back(fmt::format("{} {:#x}  {} {:#x}  {} {:#x}", names[i], stopped.arguments[i], names[i + 1],
                                            stopped.arguments[i + 1], names[i + 2], stopped.arguments[i + 2]));
        }
        lines.push_back("the others: kept by the kernel, which shows them to a debugger that stops the thread");
        return known(label, std::move(lines), "/proc/PID/task/TID/syscall: as of its last stop");
    }
    if (anatomy.form == Form::fiber) {
        const Registers& saved = anatomy.registers;
        const std::string missing = control_missing(anatomy);
        if (!missing.empty() || !saved[12]) return unknown(label, missing);
        const auto text = [&](std::string_view name, std::size_t number) {
            return fmt::format("{} {:#x}", name, saved[number].value_or(0));
        };
        return known(label,
                     {text("rip", register_rip) + "  " + text("rsp", register_rsp),
                      text("rbx", register_rbx) + "  " + text("rbp", register_rbp), text("r12", 12) + "  " + text("r13", 13),
                      text("r14", 14) + "  " + text("r15", 15)},
                     "the saved context on its stack");
    }
    return known(label, {"none kept: what it needs is in its memory"}, "by construction");
}

// By function, innermost first; what the compiler does not keep at these instructions is counted.
std::vector<std::string> variable_lines(const Anatomy& anatomy) {
    std::vector<std::string> lines;
    std::string_view function;
    std::size_t nowhere = 0;
    for (const Variable& variable : anatomy.variables) {
        if (variable.where == Variable::Where::nowhere) {
            ++nowhere;
            continue;
        }
        if (variable.function != function) lines.push_back(fmt::format("in {}:", function = variable.function));
        lines.push_back(fmt::format("  {}  {}  {} B{}", variable.what.name, variable.what.type, variable.what.bytes,
                                    variable.where == Variable::Where::in_register ? ", in a register" : ""));
    }
    if (nowhere > 0) lines.push_back(fmt::format("{} more are kept nowhere at this point of the code", nowhere));
    if (lines.empty())
        lines.push_back(fmt::format("the variables of {} open calls, which no debug information describes",
                                    anatomy.calls.frames.size()));
    return lines;
}

AnatomyRow holds_row(const Anatomy& anatomy) {
    const std::string label = "Holds";
    const auto list = [](const std::vector<Member>& members) {
        std::vector<std::string> lines;
        std::uint32_t unnamed = 0;
        for (const Member& member : members) {
            if (member.name.empty())
                unnamed += member.bytes;
            else
                lines.push_back(fmt::format("{}  {}  {} B", member.name, member.type, member.bytes));
        }
        if (unnamed > 0) lines.push_back(fmt::format("temporaries of the compiler  {} B", unnamed));
        return lines;
    };
    switch (anatomy.form) {
    case Form::thread:
    case Form::fiber:
        if (anatomy.calls.frames.empty()) return unknown(label, control_missing(anatomy));
        return known(label, variable_lines(anatomy),
                     "the call stack, and DWARF: where each variable is at this instruction");
    case Form::coroutine: {
        if (anatomy.frames.empty() || anatomy.frames.front().bytes == 0)
            return unknown(label, anatomy.frames.empty() ? control_missing(anatomy) : anatomy.frames.front().missing);
        const auto own = std::ranges::find(anatomy.frames, anatomy.connection.carrier_address, &AwaitedFrame::address);
        const AwaitedFrame& frame = own == anatomy.frames.end() ? anatomy.frames.front() : *own;
        auto lines = list(frame.kept);
        lines.push_back(fmt::format("promise  {}", frame.promise_type));
        return known(label, std::move(lines), "DWARF: the frame of " + frame.function);
    }
    case Form::closure:
        if (!anatomy.pending) return unknown(label, control_missing(anatomy));
        if (anatomy.pending->object.empty()) return unknown(label, anatomy.pending->missing);
        return known(label, list(anatomy.pending->object), "DWARF: " + anatomy.pending->object_type);
    case Form::queue_entry:
        if (!anatomy.entry) return unknown(label, "what it is made of is told with its first action");
        if (anatomy.entry->members.empty()) return unknown(label, anatomy.entry->missing);
        return known(label, list(anatomy.entry->members), "DWARF: " + anatomy.entry->type);
    case Form::none:
        break;
    }
    return unknown(label, "nothing carries it");
}

AnatomyRow kernel_row(const Anatomy& anatomy) {
    const std::string label = "In the kernel";
    if (!has_own_thread(anatomy)) return known(label, {"nothing of its own but its socket"}, "by construction");
    const auto stack = kernel_stack_bytes_per_task();
    if (!stack) return unknown(label, "the kernel does not tell the size of its stacks");
    const bool is_process = anatomy.connection.carrier == telemetry::CarrierKind::process;
    return known(label,
                 {bytes_text(*stack) + " of kernel stack, and its task_struct" +
                  (is_process ? "; page tables, descriptors and mappings of a process of its own" : "")},
                 "/proc/meminfo by /proc/loadavg");
}

} // namespace

std::vector<AnatomyRow> state_rows(const Anatomy& anatomy) {
    return {kept_in_row(anatomy),
            reserved_row(anatomy),
            resident_row(anatomy),
            used_row(anatomy),
            registers_row(anatomy),
            holds_row(anatomy),
            kernel_row(anatomy),
            known("Session",
                  {bytes_text(anatomy.connection.session_bytes) + ", its buffers included; the same whatever carries it"},
                  "the server's segment")};
}

} // namespace connscope::observe
