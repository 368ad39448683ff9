// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/reading.hpp"

#include <cstdint>
#include <optional>

namespace connscope::telemetry {

// What tells a connection from others, as the kernel knows it of a descriptor.
struct ConnectedSocket {
    PeerAddress peer;
    std::uint64_t inode = 0;
};

// Of a stream socket that is connected by IP; none of anything else. Two or three system calls. Any thread.
std::optional<ConnectedSocket> connected_socket(int descriptor) noexcept;

} // namespace connscope::telemetry
