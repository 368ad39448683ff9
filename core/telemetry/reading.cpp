// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/reading.hpp"

#include <arpa/inet.h>

namespace connscope::telemetry {

std::string_view name_of(ConnectionState state) noexcept {
    switch (state) {
    case ConnectionState::none:
        return "none";
    case ConnectionState::running:
        return "running";
    case ConnectionState::ready:
        return "ready";
    case ConnectionState::waiting_read:
        return "waiting_read";
    case ConnectionState::waiting_write:
        return "waiting_write";
    case ConnectionState::paused:
        return "paused";
    }
    return "unknown";
}

std::string_view name_of(CarrierKind kind) noexcept {
    switch (kind) {
    case CarrierKind::none:
        return "none";
    case CarrierKind::thread:
        return "thread";
    case CarrierKind::coroutine:
        return "coroutine";
    case CarrierKind::fiber:
        return "fiber";
    case CarrierKind::closure:
        return "closure";
    case CarrierKind::process:
        return "process";
    }
    return "unknown";
}

std::string to_string(const PeerAddress& peer) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const std::string port = std::to_string(peer.port);
    if (peer.family == 4 && ::inet_ntop(AF_INET, peer.bytes.data(), text.data(), text.size()) != nullptr)
        return std::string(text.data()) + ":" + port;
    if (peer.family == 6 && ::inet_ntop(AF_INET6, peer.bytes.data(), text.data(), text.size()) != nullptr)
        return "[" + std::string(text.data()) + "]:" + port;
    return "unix";
}

} // namespace connscope::telemetry
