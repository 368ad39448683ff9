// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/anatomy/anatomy.hpp"
#include "connscope/observe/process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace connscope::observe {
namespace {

using Form = Anatomy::Form;
using telemetry::ConnectionState;

AnatomyRow known(std::string label, std::vector<std::string> values, std::string source) {
    return {std::move(label), std::move(values), {}, std::move(source)};
}
AnatomyRow unknown(std::string label, std::string why, std::string source = {}) {
    return {std::move(label), {}, std::move(why), std::move(source)};
}

std::string bytes_text(std::uint64_t bytes) {
    if (bytes < 10'240) return fmt::format("{} B", bytes);
    if (bytes < 10'485'760) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / 1'048'576);
}

std::string time_text(std::chrono::nanoseconds time) {
    const double ns = static_cast<double>(time.count());
    if (ns < 1e6) return fmt::format("{:.0f} µs", ns / 1e3);
    if (ns < 1e9) return fmt::format("{:.1f} ms", ns / 1e6);
    return fmt::format("{:.1f} s", ns / 1e9);
}

std::string address_text(std::uint64_t address) { return fmt::format("{:#x}", address); }

std::string state_text(const Anatomy& anatomy) {
    switch (anatomy.connection.state) {
    case ConnectionState::running:
        return "runs";
    case ConnectionState::ready:
        return "could run, waits for its turn";
    case ConnectionState::waiting_read:
        return "waits for its peer to send";
    case ConnectionState::waiting_write:
        return "waits for its peer to take what was sent";
    case ConnectionState::paused:
        return "waits for a time";
    case ConnectionState::none:
        break;
    }
    return "unknown";
}

std::string kernel_state(char letter) {
    switch (letter) {
    case 'R':
        return "running or runnable";
    case 'S':
        return "asleep";
    case 'D':
        return "asleep, not to be disturbed";
    case 'T':
    case 't':
        return "stopped";
    default:
        return fmt::format("state {}", letter);
    }
}

// Where the server's own code stands: the first on the way out that is not of a library's headers or of the C library, which
// come before it in a blocked thread and in a fiber.
const CodePlace* own_place(const CallStack& calls) {
    for (const Symbol& frame : calls.frames)
        for (const CodePlace& place : frame.places)
            if (frame.in_program && !place.file.empty() && !place.system) return &place;
    return nullptr;
}

std::vector<std::string> call_lines(const CallStack& calls) {
    std::vector<std::string> lines;
    for (const Symbol& frame : calls.frames) {
        if (frame.places.empty()) lines.push_back(fmt::format("{} ({})", address_text(frame.address), frame.module));
        for (const CodePlace& place : frame.places) {
            const bool is_inlined = &place != &frame.places.back();
            if (is_inlined && (place.system || !frame.in_program)) continue; // a header's small functions on the way
            const std::string at = place.file.empty() ? frame.module : place.at();
            lines.push_back(place.function.empty() ? at : fmt::format("{}  {}", place.function, at));
        }
    }
    if (!calls.ended.empty()) lines.push_back(calls.ended);
    return lines;
}

// Why what depends on the moment of the control is not told, if so.
std::string control_missing(const Anatomy& anatomy) {
    if (!anatomy.unsettled.empty()) return anatomy.unsettled;
    if (!anatomy.missing.empty()) return anatomy.missing;
    if (anatomy.form == Form::thread && anatomy.thread && !anatomy.thread->stopped) return anatomy.thread->stopped_missing;
    if (anatomy.runs)
        return fmt::format("it runs on thread {} now: its registers are in a CPU, and nothing is stopped to see them",
                           anatomy.connection.thread);
    return {};
}

std::string carrier_text(const Anatomy& anatomy) {
    const auto& connection = anatomy.connection;
    switch (anatomy.form) {
    case Form::thread:
        return fmt::format("OS thread {}{}", connection.thread,
                           connection.carrier_bytes == 0 ? ", a worker of the pool" : ", its own");
    case Form::coroutine:
        return anatomy.frames.size() > 1 ? fmt::format("stackless coroutine, {} frames", anatomy.frames.size())
                                         : "stackless coroutine";
    case Form::fiber:
        return "fiber: a stack of its own, switched by the program";
    case Form::closure:
        return "closure: an object that a completion handler keeps alive";
    case Form::queue_entry:
        return connection.state == ConnectionState::ready ? "no thread: an entry in the pool's queue"
                                                          : "no thread: an entry that epoll watches for the pool";
    case Form::none:
        break;
    }
    return "nothing just now: it is on its way between carriers";
}

// --- control

AnatomyRow continues_row(const Anatomy& anatomy, const std::string& missing) {
    constexpr std::string_view label = "Continues in";
    switch (anatomy.form) {
    case Form::thread:
    case Form::fiber: {
        if (!missing.empty()) return unknown(std::string(label), missing);
        const CodePlace* place = own_place(anatomy.calls);
        if (place == nullptr && !anatomy.calls.frames.empty()) place = anatomy.calls.frames.front().function();
        if (place == nullptr) return unknown(std::string(label), anatomy.calls.ended);
        return known(std::string(label), {place->function}, "the call stack and the program's symbols");
    }
    case Form::coroutine:
        if (anatomy.frames.empty()) return unknown(std::string(label), missing);
        return known(std::string(label), {anatomy.frames.front().function},
                     "the frame's resume function and the program's symbols");
    case Form::closure:
        if (!anatomy.pending) return unknown(std::string(label), missing);
        return known(std::string(label), {anatomy.pending->operation + "::do_complete", anatomy.pending->handler},
                     "the pending operation in the closure and the program's symbols");
    case Form::queue_entry:
        return known(std::string(label), {"its session's next action, on whichever worker is free"}, "the server's segment");
    case Form::none:
        break;
    }
    return unknown(std::string(label), "nothing carries it");
}

AnatomyRow line_row(const Anatomy& anatomy, const std::string& missing) {
    const std::string label = "Source line";
    switch (anatomy.form) {
    case Form::thread:
    case Form::fiber: {
        if (!missing.empty()) return unknown(label, missing);
        if (const CodePlace* place = own_place(anatomy.calls)) return known(label, {place->at()}, "DWARF line table");
        return unknown(label, anatomy.calls.frames.empty() ? anatomy.calls.ended : anatomy.calls.frames.front().missing);
    }
    case Form::coroutine: {
        if (!missing.empty()) return unknown(label, missing);
        const AwaitedFrame& frame = anatomy.frames.front();
        switch (frame.suspended.kind) {
        case CoroutineLayout::Point::Kind::at_line:
            return known(label, {fmt::format("{}:{} (co_await)", frame.file, frame.suspended.line)},
                         "the frame's number of its suspension point, and DWARF");
        case CoroutineLayout::Point::Kind::not_begun:
            return known(label, {"its first line: it has not begun"}, "the frame's number of its suspension point");
        case CoroutineLayout::Point::Kind::at_end:
            return known(label, {"none: it has run to its end"}, "the frame's number of its suspension point");
        case CoroutineLayout::Point::Kind::unknown:
            break;
        }
        return unknown(label,
                       frame.missing.empty() ? "the compiler left no trace of this point of suspension" : frame.missing);
    }
    case Form::closure:
    case Form::queue_entry:
    case Form::none:
        break;
    }
    return unknown(label, anatomy.form == Form::closure ? "none: its handler begins anew, from its first line"
                                                        : "none: it stands between two actions");
}

AnatomyRow instruction_row(const Anatomy& anatomy, const std::string& missing) {
    const std::string label = "Instruction";
    switch (anatomy.form) {
    case Form::thread:
    case Form::fiber: {
        const auto instruction = anatomy.registers[register_rip];
        if (!missing.empty() || !instruction) return unknown(label, missing);
        std::string text = address_text(*instruction);
        if (!anatomy.calls.frames.empty())
            if (const CodePlace* place = anatomy.calls.frames.front().function())
                text += fmt::format("  {} + {}", place->function, anatomy.calls.frames.front().offset);
        return known(label, {std::move(text)},
                     anatomy.form == Form::thread ? "/proc/PID/task/TID/syscall" : "the saved context on its stack");
    }
    case Form::coroutine:
        if (anatomy.frames.empty()) return unknown(label, missing);
        return known(label, {address_text(anatomy.frames.front().resume_function) + "  the resume function"},
                     "the frame's first eight bytes");
    case Form::closure:
        if (!anatomy.pending) return unknown(label, missing);
        return known(label, {address_text(anatomy.pending->complete_function) + "  the completion function"},
                     "the pending operation");
    case Form::queue_entry:
    case Form::none:
        break;
    }
    return unknown(label, "none: no code of its own is suspended");
}

AnatomyRow stack_pointer_row(const Anatomy& anatomy, const std::string& missing) {
    const std::string label = "Stack pointer";
    switch (anatomy.form) {
    case Form::thread:
    case Form::fiber:
        if (!missing.empty() || !anatomy.registers[register_rsp]) return unknown(label, missing);
        return known(label, {address_text(*anatomy.registers[register_rsp])},
                     anatomy.form == Form::thread ? "/proc/PID/task/TID/syscall" : "the saved context on its stack");
    case Form::coroutine:
        if (anatomy.frames.empty()) return unknown(label, missing);
        return known(label, {"none; frame pointer " + address_text(anatomy.frames.front().address)}, "the frame's address");
    case Form::closure:
        return known(label, {"none; object " + address_text(anatomy.connection.carrier_address)}, "the server's segment");
    case Form::queue_entry:
        return known(label, {"none; entry " + address_text(anatomy.connection.carrier_address)}, "the server's segment");
    case Form::none:
        break;
    }
    return unknown(label, "none");
}

AnatomyRow chain_row(const Anatomy& anatomy, const std::string& missing) {
    const std::string label = "Returns to";
    switch (anatomy.form) {
    case Form::thread:
    case Form::fiber:
        if (!missing.empty()) return unknown(label, missing);
        return known(label, call_lines(anatomy.calls), "its stack, unwound by DWARF call frame information");
    case Form::coroutine: {
        if (anatomy.frames.empty()) return unknown(label, missing);
        std::vector<std::string> lines;
        for (const AwaitedFrame& frame : anatomy.frames) {
            std::string line = frame.function;
            if (frame.suspended.kind == CoroutineLayout::Point::Kind::at_line && missing.empty())
                line += fmt::format("  {}:{}", frame.file, frame.suspended.line);
            line += frame.bytes > 0 ? fmt::format("  {} B", frame.bytes) : "  size not known";
            lines.push_back(std::move(line));
        }
        return known(label, std::move(lines), "the chain of awaiting frames, to the root");
    }
    case Form::closure:
        return known(label, {"the event loop: a handler has no caller to return to"}, "by construction");
    case Form::queue_entry:
    case Form::none:
        break;
    }
    return known(label, {"nowhere: no call is open"}, "by construction");
}

AnatomyRow scheduler_row(const Anatomy& anatomy) {
    const std::string label = "Scheduled by";
    if (!anatomy.thread) return unknown(label, "no thread has run it yet");
    const ThreadState& thread = *anatomy.thread;
    std::string text = fmt::format("policy {}, nice {}", policy_name(thread.policy), thread.nice);
    if (thread.priority > 0) text += fmt::format(", priority {}", thread.priority);
    if (thread.slice) text += fmt::format(", slice {}", time_text(*thread.slice));
    std::vector<std::string> lines;
    if (anatomy.form == Form::thread) {
        lines = {"the kernel: " + text};
    } else {
        std::string where = thread.stopped ? "in " + call_name(thread.stopped->call) : kernel_state(thread.state);
        lines = {fmt::format("the program, on thread {} ({}; {})", thread.id, thread.name, where),
                 "the thread by the kernel: " + text};
    }
    return known(label, std::move(lines), "sched_getattr(2), /proc/PID/task/TID");
}

AnatomyRow switches_row(const Anatomy& anatomy) {
    std::vector<std::string> lines;
    if (anatomy.form == Form::thread && anatomy.thread && anatomy.connection.carrier_bytes > 0)
        lines.push_back(fmt::format("of its thread: {} voluntary, {} involuntary", anatomy.thread->voluntary_switches,
                                    anatomy.thread->involuntary_switches));
    lines.push_back(
        fmt::format("{} in user space, {} slices", anatomy.connection.user_space_switches, anatomy.connection.slices));
    return known("Switches", std::move(lines), "/proc/PID/task/TID/status, the server's segment");
}

// --- state

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
        return known(label, {"entry " + address_text(connection.carrier_address)}, "the server's segment");
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
        if (!anatomy.pending || anatomy.pending->bytes == 0) return unknown(label, control_missing(anatomy));
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
        return known(label, {fmt::format("the variables of {} open calls", anatomy.calls.frames.size())}, "the call stack");
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
        if (!anatomy.pending || anatomy.pending->object.empty())
            return unknown(label,
                           control_missing(anatomy).empty() ? "no debug information of it" : control_missing(anatomy));
        return known(label, list(anatomy.pending->object), "DWARF: " + anatomy.pending->object_type);
    case Form::queue_entry:
        return known(label, {"the connection, and that it waits"}, "by construction");
    case Form::none:
        break;
    }
    return unknown(label, "nothing carries it");
}

AnatomyRow kernel_row(const Anatomy& anatomy) {
    const std::string label = "In the kernel";
    if (anatomy.form != Form::thread || anatomy.connection.carrier_bytes == 0)
        return known(label, {"nothing of its own but its socket"}, "by construction");
    const auto stack = kernel_stack_bytes_per_task();
    if (!stack) return unknown(label, "the kernel does not tell the size of its stacks");
    return known(label, {bytes_text(*stack) + " of kernel stack, and its task_struct"}, "/proc/meminfo by /proc/loadavg");
}

} // namespace

std::vector<AnatomyRow> control_rows(const Anatomy& anatomy) {
    const std::string missing = control_missing(anatomy);
    std::vector<AnatomyRow> rows;
    rows.push_back(known("Carried by", {carrier_text(anatomy)}, "the server's segment"));
    std::vector<std::string> state{state_text(anatomy)};
    if (anatomy.form == Form::thread && anatomy.thread) {
        std::string kernel = "kernel: " + kernel_state(anatomy.thread->state);
        if (anatomy.thread->stopped && anatomy.thread->stopped->call >= 0)
            kernel += ", in " + call_name(anatomy.thread->stopped->call);
        if (!anatomy.thread->wait_channel.empty()) kernel += ", wait channel " + anatomy.thread->wait_channel;
        state.push_back(std::move(kernel));
    }
    rows.push_back(known("Is", std::move(state), "the server's segment, /proc/PID/task/TID"));
    rows.push_back(continues_row(anatomy, missing));
    rows.push_back(line_row(anatomy, missing));
    rows.push_back(instruction_row(anatomy, missing));
    rows.push_back(stack_pointer_row(anatomy, missing));
    rows.push_back(chain_row(anatomy, missing));
    rows.push_back(scheduler_row(anatomy));
    rows.push_back(switches_row(anatomy));
    return rows;
}

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
