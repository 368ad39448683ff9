// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/anatomy/anatomy.hpp"

#include "connscope/observe/anatomy/names.hpp"
#include "connscope/observe/memory.hpp"
#include "connscope/telemetry/clock.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <tuple>
#include <utility>

namespace connscope::observe {
namespace {

using telemetry::CarrierKind;
using telemetry::ConnectionReading;
using telemetry::ConnectionState;

// The same carrier in the same slice or wait.
bool unmoved(const ConnectionReading& before, const ConnectionReading& after) {
    return before.id == after.id && before.carrier == after.carrier && before.mode == after.mode &&
           before.carrier_address == after.carrier_address && before.hand_offs == after.hand_offs &&
           before.slices == after.slices && before.state == after.state && before.thread == after.thread;
}

Anatomy::Form form_of(const ConnectionReading& connection) {
    switch (connection.carrier) {
    case CarrierKind::thread:
    case CarrierKind::process:
        return Anatomy::Form::thread;
    case CarrierKind::coroutine:
        return Anatomy::Form::coroutine;
    case CarrierKind::fiber:
        return Anatomy::Form::fiber;
    case CarrierKind::closure:
        return Anatomy::Form::closure;
    case CarrierKind::none:
        return connection.carrier_address != 0 ? Anatomy::Form::queue_entry : Anatomy::Form::none;
    }
    return Anatomy::Form::none;
}

MemoryCopy copy_of(const RemoteMemory& memory, std::uint64_t begin, std::uint64_t end) {
    constexpr std::uint64_t most = 256 * 1024;
    MemoryCopy copy;
    copy.address = begin;
    copy.bytes.resize(std::min(end - begin, most));
    if (!memory.read(begin, copy.bytes)) copy.bytes.clear();
    return copy;
}

// What jump_fcontext of Boost.Context leaves on a fiber's stack on x86-64: control words of the floating-point units, room
// for the guard word of the stack protector (from Boost 1.80 on), r12 to r15, rbx, rbp and the address to continue at
// (libs/context/src/asm/jump_x86_64_sysv_elf_gas.S). Tested against running fibers in tests/integration/anatomy.cpp.
struct SavedContext {
    static constexpr std::size_t bytes = 0x48;
    static Registers registers(const MemoryCopy& stack, std::uint64_t at) {
        Registers saved{};
        for (std::size_t i = 0; i < 4; ++i) saved[12 + i] = stack.word(at + 0x10 + i * 8);
        saved[register_rbx] = stack.word(at + 0x30);
        saved[register_rbp] = stack.word(at + 0x38);
        saved[register_rip] = stack.word(at + 0x40);
        saved[register_rsp] = at + bytes;
        return saved;
    }
};

// The thread began after a time: whoever ran then was another one with the same number. The kernel counts a thread's start
// in ticks since boot, rounded down (proc_pid_stat(5)).
bool began_after(const ThreadState& thread, std::chrono::nanoseconds time) {
    static const auto ticks_per_s = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    timespec since_boot{};
    ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
    const std::chrono::nanoseconds suspended = std::chrono::seconds(since_boot.tv_sec) +
                                               std::chrono::nanoseconds(since_boot.tv_nsec) -
                                               std::chrono::nanoseconds(telemetry::monotonic_ns());
    const auto begin = std::chrono::milliseconds(thread.start_time * 1000 / ticks_per_s) - suspended;
    return begin > time;
}

} // namespace

struct AnatomyReader::Captured {
    MemoryCopy stack;
    bool has_registers = false;
    std::string moved; // the carrier did not stay as it was: in what way
};

telemetry::Outcome<AnatomyReader> AnatomyReader::open(std::uint32_t pid) {
    auto symbols = Symbols::open(pid);
    if (!symbols) return std::move(symbols).error();
    return AnatomyReader(pid, std::move(*symbols));
}

telemetry::Outcome<Anatomy> AnatomyReader::read(const Look& look) {
    constexpr std::uint32_t most_attempts = 20;
    const std::int64_t begin = telemetry::monotonic_ns();
    Anatomy anatomy;
    for (std::uint32_t attempt = 1;; ++attempt) {
        auto before = look();
        if (!before) return std::move(before).error();
        anatomy = {};
        Captured captured;
        const std::int64_t first = telemetry::monotonic_ns();
        capture(*before, anatomy, captured);
        const std::int64_t last = telemetry::monotonic_ns();
        auto after = look();
        if (!after) return std::move(after).error();
        const bool is_same = captured.moved.empty() && unmoved(*before, *after);
        anatomy.connection = *after;
        anatomy.read_over = std::chrono::nanoseconds(last - first);
        anatomy.attempts = attempt;
        if (is_same) finish(anatomy, captured);
        if (is_same || attempt == most_attempts) {
            if (!is_same) {
                anatomy = {};
                anatomy.connection = *after;
                anatomy.attempts = attempt;
                anatomy.form = form_of(*after);
                anatomy.process = process_of(*after);
                anatomy.unsettled = captured.moved.empty()
                                        ? fmt::format("it ran or moved in each of {} looks at it", attempt)
                                        : captured.moved;
            }
            break;
        }
    }
    if (!anatomy.thread) add_last_thread(anatomy);
    anatomy.took = std::chrono::nanoseconds(telemetry::monotonic_ns() - begin);
    return anatomy;
}

// A process that carries a connection has one thread, whose number is its own.
std::uint32_t AnatomyReader::process_of(const ConnectionReading& connection) const noexcept {
    return connection.carrier == CarrierKind::process && connection.thread != 0 ? connection.thread : pid_;
}

// The thread that runs it, or ran it last: not part of the one moment.
void AnatomyReader::add_last_thread(Anatomy& into) const {
    const auto& connection = into.connection;
    // What is a thread of its own is read with its stack, which tells that it is the one.
    if (connection.thread == 0 || into.thread_has_ended || into.form == Anatomy::Form::thread) return;
    auto thread = read_thread_state(into.process, connection.thread);
    into.thread_has_ended = !thread || began_after(*thread, connection.state_since);
    if (!into.thread_has_ended) into.thread = std::move(*thread);
}

void AnatomyReader::capture(const ConnectionReading& connection, Anatomy& into, Captured& captured) {
    into.connection = connection;
    into.form = form_of(connection);
    into.runs = connection.state == ConnectionState::running;
    into.process = process_of(connection);
    switch (into.form) {
    case Anatomy::Form::thread:
        return capture_thread(into, captured);
    case Anatomy::Form::coroutine:
        return capture_coroutine(into);
    case Anatomy::Form::fiber:
        return capture_fiber(into, captured);
    case Anatomy::Form::closure:
        return capture_closure(into);
    case Anatomy::Form::queue_entry:
        return capture_entry(into);
    case Anatomy::Form::none:
        break;
    }
}

// What takes time and no longer depends on the moment.
void AnatomyReader::finish(Anatomy& into, const Captured& captured) {
    if (captured.has_registers) into.calls = symbols_.unwind(into.registers, captured.stack, RemoteMemory(into.process));
    constexpr std::size_t enough = 3; // calls of the program's own
    std::size_t calls = 0;
    for (const Symbol& call : into.calls.frames) {
        if (!call.in_program || calls == enough) continue;
        const auto& variables = symbols_.variables(call.address, &call != &into.calls.frames.front());
        if (!variables.empty()) ++calls;
        into.variables.insert(into.variables.end(), variables.begin(), variables.end());
    }
    if (into.stack) {
        if (const auto resident = read_resident_bytes(into.process, into.stack->low, into.stack->high))
            into.stack->resident_bytes = *resident;
    }
}

void AnatomyReader::capture_thread(Anatomy& into, Captured& captured) {
    const ConnectionReading& connection = into.connection;
    const bool is_own = connection.carrier == CarrierKind::thread && connection.carrier_bytes > 0;
    const std::uint64_t on_stack = connection.carrier_address;
    if (is_own && on_stack == 0 && connection.state == ConnectionState::ready) {
        into.missing = "its thread has not begun yet"; // whoever the slot names ran it before
        return;
    }
    auto thread = read_thread_state(into.process, connection.thread);
    if (!thread) {
        captured.moved = thread.error().text; // the slot will say so
        return;
    }
    if (began_after(*thread, connection.state_since)) {
        into.thread_has_ended = true;
        into.missing = fmt::format("its thread has ended: thread {} is another one that began later", connection.thread);
        return;
    }
    if (!thread->stopped && is_own && on_stack != 0 && !into.runs) { // it is about to stop, or is another
        captured.moved = fmt::format("thread {} ran in each look at it", connection.thread);
        return;
    }
    if (!thread->stopped) {
        into.thread = std::move(*thread);
        return;
    }
    const ThreadState::Stopped stopped = *thread->stopped;
    const auto mapping = read_mapping_at(into.process, stopped.stack_pointer);
    if (!mapping || !*mapping) {
        into.missing = mapping ? "its stack pointer points into no mapping" : mapping.error().text;
        return;
    }
    if (is_own && on_stack != 0 && (on_stack < (*mapping)->begin || on_stack >= (*mapping)->end)) {
        into.thread_has_ended = true;
        into.missing = fmt::format("thread {} is another one, with another stack: its own has {}", connection.thread,
                                   connection.state == ConnectionState::ready ? "not run it yet" : "ended");
        return;
    }
    into.thread = std::move(*thread);
    into.stack = StackUse{(*mapping)->begin, (*mapping)->end, {}, (*mapping)->end - stopped.stack_pointer};
    const RemoteMemory memory(into.process);
    captured.stack = copy_of(memory, stopped.stack_pointer, (*mapping)->end);
    std::string ignored;
    if (read_stopped(into.process, connection.thread, ignored) != stopped) {
        captured.moved = fmt::format("thread {} ran in each look at it", connection.thread);
        return;
    }
    into.registers[register_rsp] = stopped.stack_pointer;
    into.registers[register_rip] = stopped.instruction;
    captured.has_registers = !captured.stack.bytes.empty();
    if (!captured.has_registers)
        if (const auto allowed = memory.check(stopped.stack_pointer); !allowed) into.missing = allowed.error().text;
}

std::optional<AwaitedFrame> AnatomyReader::frame_at(std::uint64_t address) {
    const auto resume = memory_.value<std::uint64_t>(address);
    if (!resume) return std::nullopt;
    AwaitedFrame frame;
    frame.address = address;
    frame.resume_function = *resume;
    const auto* const layout = symbols_.coroutine(*resume, frame.missing);
    if (layout == nullptr) {
        const Symbol& symbol = symbols_.at(*resume);
        if (const CodePlace* place = symbol.function()) frame.function = place->function;
        return frame;
    }
    frame.bytes = layout->bytes;
    frame.function = layout->function;
    frame.file = layout->file;
    frame.promise_type = layout->promise_type;
    frame.kept = layout->kept;
    if (const auto index = memory_.value<std::uint16_t>(address + layout->index_offset))
        frame.suspended = layout->point(*index);
    return frame;
}

void AnatomyReader::capture_coroutine(Anatomy& into) {
    constexpr std::size_t longest_chain = 64;
    const std::uint64_t own = into.connection.carrier_address;
    if (const auto allowed = memory_.check(own); !allowed) {
        into.missing = allowed.error().text;
        return;
    }
    // The address of a frame, given its promise, as Asio's frames note it.
    std::string ignored;
    const auto layout_of = [&](std::uint64_t frame) -> const CoroutineLayout* {
        const auto resume = memory_.value<std::uint64_t>(frame);
        const auto* layout = resume ? symbols_.coroutine(*resume, ignored) : nullptr;
        return layout != nullptr && layout->own_offset && layout->caller_offset ? layout : nullptr;
    };
    const CoroutineLayout* const first = layout_of(own);
    if (first == nullptr) {
        if (auto frame = frame_at(own)) into.frames.push_back(std::move(*frame));
        return;
    }
    const std::uint32_t own_offset = *first->own_offset;
    const std::uint32_t caller_offset = *first->caller_offset;
    const auto frame_of = [&](std::uint64_t promise) {
        return memory_.value<std::uint64_t>(promise + own_offset).value_or(0);
    };
    const auto caller_of = [&](std::uint64_t promise) {
        return memory_.value<std::uint64_t>(promise + caller_offset).value_or(0);
    };

    // From the connection's own coroutine to the root, which knows the innermost one, and from there to the root again.
    std::uint64_t root = own + first->promise_offset;
    for (std::size_t i = 0; i < longest_chain; ++i) {
        const std::uint64_t caller = caller_of(root);
        if (caller == 0) break;
        root = caller;
    }
    std::uint64_t promise = own + first->promise_offset;
    if (const CoroutineLayout* const top = layout_of(frame_of(root)); top != nullptr && top->top_offset)
        promise = memory_.value<std::uint64_t>(root + *top->top_offset).value_or(promise);
    for (std::size_t i = 0; i < longest_chain && promise != 0; ++i) {
        auto frame = frame_at(frame_of(promise));
        if (!frame) break;
        into.frames.push_back(std::move(*frame));
        promise = caller_of(promise);
    }
}

// Asio keeps a fiber in an object on the fiber's own stack, near its upper end: it is found by its table of virtual
// functions, and its member with the saved context by the debug information of one of these.
struct AnatomyReader::SavedFibers {
    std::uint64_t functions = 0; // what the object begins with
    std::uint32_t context_offset = 0;
};

std::optional<AnatomyReader::SavedFibers> AnatomyReader::saved_fibers() {
    const auto table = symbols_.address_of("_ZTVN5boost4asio6detail20spawned_fiber_threadE");
    if (!table) return std::nullopt;
    const std::uint64_t functions = *table + 16; // after the offset to the top and the type
    const auto function = memory_.value<std::uint64_t>(functions);
    const auto context_offset = function ? symbols_.member_of_class(*function, "callee_") : std::nullopt;
    if (!context_offset) return std::nullopt;
    return SavedFibers{functions, *context_offset};
}

bool AnatomyReader::prepare(std::chrono::nanoseconds budget) {
    if (symbols_.prepare(budget)) return true;
    std::ignore = saved_fibers(); // and is known then
    return false;
}

void AnatomyReader::capture_fiber(Anatomy& into, Captured& captured) {
    const std::uint64_t low = into.connection.carrier_address;
    const std::uint64_t high = low + into.connection.carrier_bytes;
    into.stack = StackUse{low, high, {}, {}};
    if (const auto allowed = memory_.check(high - 1); !allowed) {
        into.missing = allowed.error().text;
        return;
    }
    if (into.runs) return;
    const auto fibers = saved_fibers();
    if (!fibers) {
        into.missing = "where its registers are saved in Asio's fibers is not known: " + symbols_.why_undescribed();
        return;
    }
    std::optional<std::uint64_t> saved;
    for (const std::uint64_t size : {4096, 16'384}) {
        const MemoryCopy top = copy_of(memory_, high - std::min(high - low, size), high);
        for (std::uint64_t at = top.end(); at > top.address && !saved; at -= 8)
            if (top.word(at - 8) == fibers->functions) saved = top.word(at - 8 + fibers->context_offset);
        if (saved) break;
    }
    if (!saved || *saved < low || *saved + SavedContext::bytes > high) {
        into.missing = "no saved context was found on its stack: it has not begun, or is just being resumed";
        return;
    }
    captured.stack = copy_of(memory_, *saved, high);
    into.registers = SavedContext::registers(captured.stack, *saved);
    into.stack->used_bytes = high - *saved;
    captured.has_registers = into.registers[register_rip].has_value();
}

void AnatomyReader::capture_closure(Anatomy& into) {
    const std::uint64_t begin = into.connection.carrier_address;
    if (const auto allowed = memory_.check(begin); !allowed) {
        into.missing = allowed.error().text;
        return;
    }
    if (into.runs) return;
    const MemoryCopy object = copy_of(memory_, begin, begin + into.connection.carrier_bytes);
    // An operation of Asio begins with a link to the next one, followed by the function that completes it.
    for (std::uint64_t at = begin; at + 8 <= object.end(); at += 8) {
        const std::uint64_t word = object.word(at).value_or(0);
        if (!symbols_.in_code(word)) continue;
        const Symbol& symbol = symbols_.at(word);
        if (symbol.offset != 0 || symbol.full_name.find("::do_complete(") == std::string::npos) continue;
        PendingOperation pending;
        pending.address = at - 8;
        pending.complete_function = word;
        const std::string_view name = symbol.full_name;
        pending.operation = short_function(name);
        pending.operation.resize(std::min(pending.operation.find("::"), pending.operation.size()));
        // The operation's own template arguments: the first that is a handler.
        const std::string_view type = name.substr(0, name.rfind(">::do_complete(") + 1);
        for (std::size_t i = 0; i < 4; ++i) {
            const std::string_view argument = template_argument(type, i);
            if (argument.find("lambda") == std::string_view::npos && argument.find("andler") == std::string_view::npos)
                continue;
            pending.handler = short_type(argument);
            break;
        }
        if (auto operation = symbols_.operation(word, into.connection.carrier_bytes)) {
            pending.bytes = operation->operation_bytes;
            pending.object_type = operation->type;
            pending.object = std::move(operation->members);
        } else {
            pending.missing = symbols_.why_undescribed();
        }
        into.pending = std::move(pending);
        return;
    }
    into.missing = "no pending operation was found in the object: it is kept elsewhere";
}

// The server tells with which function a worker goes on: that function's parameter says what the entry is.
void AnatomyReader::capture_entry(Anatomy& into) {
    if (into.connection.suspended_at == 0) return;
    QueueEntry entry;
    entry.function = symbols_.at(into.connection.suspended_at);
    if (auto object = symbols_.argument(into.connection.suspended_at, into.connection.carrier_bytes)) {
        entry.type = std::move(object->type);
        entry.members = std::move(object->members);
    } else {
        entry.missing = symbols_.why_undescribed();
    }
    into.entry = std::move(entry);
}

} // namespace connscope::observe
