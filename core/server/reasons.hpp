// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/connection.hpp"
#include "connscope/telemetry/layout.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace connscope::server {

// Why a connection was turned away.
enum class RefuseReason : std::uint8_t { descriptors, carriers, limit, memory, draining };
inline constexpr std::size_t refuse_reason_count = 5;
std::string_view name_of(RefuseReason reason) noexcept;

// The gauge that counts those which ended for that reason.
telemetry::Gauge gauge_of(CloseReason reason) noexcept;

} // namespace connscope::server
