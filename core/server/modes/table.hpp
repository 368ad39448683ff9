// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/mode.hpp"

#include <span>

namespace connscope::server {

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

} // namespace connscope::server
