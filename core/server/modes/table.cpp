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
             .make = make_thread_per_connection},
    ModeInfo{.id = "callbacks",
             .title = "Callbacks",
             .carrier = "closure",
             .scheduling = "program",
             .hint = "one thread, one event loop: a completion handler each time something is ready",
             .has_threads = false,
             .has_stack_size = false,
             .make = make_callbacks},
    ModeInfo{.id = "coroutines",
             .title = "Coroutines",
             .carrier = "coroutine",
             .scheduling = "program",
             .hint = "one thread, one event loop: a stackless frame each, resumed when it is ready",
             .has_threads = false,
             .has_stack_size = false,
             .make = make_coroutines},
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
