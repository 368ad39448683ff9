// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/connected_socket.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>

namespace connscope::telemetry {

std::optional<ConnectedSocket> connected_socket(int descriptor) noexcept {
    int type = 0;
    socklen_t length = sizeof type;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM) return std::nullopt;
    sockaddr_storage from{};
    length = sizeof from;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&from), &length) != 0) return std::nullopt;
    ConnectedSocket found;
    if (from.ss_family == AF_INET) {
        const auto& address = reinterpret_cast<const sockaddr_in&>(from);
        std::memcpy(found.peer.bytes.data(), &address.sin_addr, 4);
        found.peer.port = ntohs(address.sin_port);
        found.peer.family = 4;
    } else if (from.ss_family == AF_INET6) {
        const auto& address = reinterpret_cast<const sockaddr_in6&>(from);
        std::memcpy(found.peer.bytes.data(), &address.sin6_addr, 16);
        found.peer.port = ntohs(address.sin6_port);
        found.peer.family = 6;
    } else {
        return std::nullopt;
    }
    struct stat about {};
    if (::fstat(descriptor, &about) == 0) found.inode = about.st_ino;
    return found;
}

} // namespace connscope::telemetry
