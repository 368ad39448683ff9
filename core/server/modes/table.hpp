// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/mode.hpp"

#include <span>
#include <string>

namespace connscope::server {

struct ProcessUsage;

// All modes. A mode's place in the table is its number in the segment.
std::span<const ModeInfo> modes() noexcept;

// The number of the mode called `id`, or none.
std::optional<std::uint8_t> find_mode(std::string_view id) noexcept;

// Each made in a file of its own, in the table's order.
std::unique_ptr<Mode> make_thread_per_connection(Host& host, std::uint8_t number, const ModeOptions& options);
std::unique_ptr<Mode> make_thread_pool(Host& host, std::uint8_t number, const ModeOptions& options);
std::unique_ptr<Mode> make_callbacks(Host& host, std::uint8_t number, const ModeOptions& options);
std::unique_ptr<Mode> make_coroutines(Host& host, std::uint8_t number, const ModeOptions& options);
std::unique_ptr<Mode> make_coroutines_pool(Host& host, std::uint8_t number, const ModeOptions& options);
std::unique_ptr<Mode> make_loop_per_core(Host& host, std::uint8_t number, const ModeOptions& options);
std::unique_ptr<Mode> make_fibers(Host& host, std::uint8_t number, const ModeOptions& options);
std::unique_ptr<Mode> make_preemptive_fibers(Host& host, std::uint8_t number, const ModeOptions& options);
std::unique_ptr<Mode> make_cooperative_threads(Host& host, std::uint8_t number, const ModeOptions& options);
std::unique_ptr<Mode> make_process_per_connection(Host& host, std::uint8_t number, const ModeOptions& options);

// What each has to say of this machine.
std::string cooperative_threads_here(const ModeOptions& options);

// The story of a connection in a process of its own: Zygote::Story.
std::optional<CloseReason> carry_in_own_process(Connection& connection, telemetry::ProbeServer& probe,
                                                const std::atomic<bool>& leave, ProcessUsage& usage);

} // namespace connscope::server
