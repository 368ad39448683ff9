// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/table.hpp"

#include <algorithm>
#include <array>

namespace connscope::server {
namespace {

constexpr std::array table{
    ModeInfo{.id = "thread-per-connection",
             .title = "Thread per connection",
             .carrier = "thread",
             .scheduling = "kernel",
             .hint = "an OS thread each: blocking reads and writes, the kernel interrupts whom it likes",
             .has_threads = false,
             .has_stack_size = true,
             .make = make_thread_per_connection,
             .slices = Slices::scheduler},
    ModeInfo{.id = "thread-pool",
             .title = "Thread pool",
             .carrier = "thread",
             .scheduling = "kernel",
             .hint = "a few OS threads that block; whoever becomes readable waits in a queue for one of them",
             .has_threads = true,
             .has_stack_size = false,
             .make = make_thread_pool,
             .one_keeps_others = true},
    ModeInfo{.id = "callbacks",
             .title = "Callbacks",
             .carrier = "closure",
             .scheduling = "program",
             .hint = "one thread, one event loop: a completion handler each time something is ready",
             .has_threads = false,
             .has_stack_size = false,
             .make = make_callbacks,
             .slices = Slices::budget,
             .one_keeps_others = true},
    ModeInfo{.id = "coroutines",
             .title = "Coroutines",
             .carrier = "coroutine",
             .scheduling = "program",
             .hint = "one thread, one event loop: a stackless frame each, resumed when it is ready",
             .has_threads = false,
             .has_stack_size = false,
             .make = make_coroutines,
             .slices = Slices::budget,
             .one_keeps_others = true},
    ModeInfo{.id = "coroutines-pool",
             .title = "Coroutines × threads",
             .carrier = "coroutine",
             .scheduling = "both",
             .hint = "one event loop that several threads run: any of them may resume a frame, one at a time",
             .has_threads = true,
             .has_stack_size = false,
             .make = make_coroutines_pool,
             .slices = Slices::budget,
             .one_keeps_others = true},
    ModeInfo{.id = "loop-per-core",
             .title = "Loop per core",
             .carrier = "coroutine",
             .scheduling = "both",
             .hint = "an event loop and a thread for each core, nothing shared: a frame stays with its loop",
             .has_threads = true,
             .has_stack_size = false,
             .make = make_loop_per_core,
             .slices = Slices::budget,
             .one_keeps_others = true},
    ModeInfo{.id = "fibers",
             .title = "Fibers",
             .carrier = "fiber",
             .scheduling = "program",
             .hint = "one thread, one event loop: a stack of its own each, switched without the kernel",
             .has_threads = false,
             .has_stack_size = true,
             .make = make_fibers,
             .slices = Slices::budget,
             .one_keeps_others = true},
    ModeInfo{.id = "preemptive-fibers",
             .title = "Preemptive fibers",
             .carrier = "fiber",
             .scheduling = "program",
             .hint = "fibers that a timer interrupts: whoever computes too long goes to the end of the queue",
             .has_threads = false,
             .has_stack_size = true,
             .make = make_preemptive_fibers,
             .slices = Slices::timer},
    ModeInfo{.id = "cooperative-threads",
             .title = "Cooperative threads",
             .carrier = "thread",
             .scheduling = "program",
             .hint = "an OS thread each, of which one runs until it blocks or yields",
             .has_threads = false,
             .has_stack_size = true,
             .make = make_cooperative_threads,
             .slices = Slices::budget,
             .one_keeps_others = true,
             .here = cooperative_threads_here},
    ModeInfo{.id = "process-per-connection",
             .title = "Process per connection",
             .carrier = "process",
             .scheduling = "kernel",
             .hint = "a process each: nothing is shared but what is asked for, and one that crashes takes no other along",
             .has_threads = false,
             .has_stack_size = false,
             .make = make_process_per_connection},
};
static_assert(table.size() <= telemetry::layout::max_modes);

} // namespace

std::span<const ModeInfo> modes() noexcept { return table; }

std::optional<std::uint8_t> find_mode(std::string_view id) noexcept {
    const auto* found = std::find_if(table.begin(), table.end(), [id](const ModeInfo& mode) { return mode.id == id; });
    if (found == table.end()) return std::nullopt;
    return static_cast<std::uint8_t>(found - table.begin());
}

} // namespace connscope::server
