// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/anatomy/rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace connscope::observe {
namespace {

using Form = Anatomy::Form;
using telemetry::ConnectionState;

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

std::string carrier_text(const Anatomy& anatomy) {
    const auto& connection = anatomy.connection;
    switch (anatomy.form) {
    case Form::thread:
        if (connection.carrier == telemetry::CarrierKind::process)
            return fmt::format("process {}, its own", connection.thread);
        return fmt::format("OS thread {}{}", connection.thread,
                           has_own_thread(anatomy) ? ", its own" : ", a worker of the pool");
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
    case Form::queue_entry: {
        if (!anatomy.entry)
            return known(std::string(label), {"its first action, on whichever worker is free"}, "by construction");
        const CodePlace* const function = anatomy.entry->function.function();
        if (function == nullptr) return unknown(std::string(label), anatomy.entry->function.missing);
        return known(std::string(label), {function->function + ", called by whichever worker is free"},
                     "the server's segment and the program's symbols");
    }
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
        const auto own = std::ranges::find(anatomy.calls.frames, true, &Symbol::in_program);
        return unknown(label, own == anatomy.calls.frames.end() ? anatomy.calls.ended : own->missing);
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
    case Form::queue_entry: {
        if (!anatomy.entry) return unknown(label, "none: it stands before its first action");
        const CodePlace* const function = anatomy.entry->function.function();
        if (function == nullptr || function->file.empty()) return unknown(label, anatomy.entry->function.missing);
        return known(label, {function->at() + ", from its first line"}, "DWARF line table");
    }
    case Form::closure:
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
        if (!anatomy.entry) break;
        return known(label, {address_text(anatomy.entry->function.address) + "  the function's first"},
                     "the server's segment");
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
        return known(label, {"the worker's loop: no call is open"}, "by construction");
    case Form::none:
        break;
    }
    return known(label, {"nowhere: no call is open"}, "by construction");
}

AnatomyRow scheduler_row(const Anatomy& anatomy) {
    const std::string label = "Scheduled by";
    if (!anatomy.thread) {
        const std::uint32_t last = anatomy.connection.thread;
        if (const std::string missing = control_missing(anatomy); anatomy.form == Form::thread && !missing.empty())
            return unknown(label, missing);
        if (last == 0) return unknown(label, "no thread has run it yet");
        return unknown(label, fmt::format("thread {}, which ran it last, has ended", last));
    }
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
    if (anatomy.thread && has_own_thread(anatomy))
        lines.push_back(fmt::format("of its thread: {} voluntary, {} involuntary", anatomy.thread->voluntary_switches,
                                    anatomy.thread->involuntary_switches));
    lines.push_back(
        fmt::format("{} in user space, {} slices", anatomy.connection.user_space_switches, anatomy.connection.slices));
    return known("Switches", std::move(lines), "/proc/PID/task/TID/status, the server's segment");
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

} // namespace connscope::observe
