// SPDX-License-Identifier: GPL-3.0-or-later

// The only thing in this process that ever listens on a network is Qt's vnc platform plug-in, which shows the window to
// whoever connects, without a password, and can listen on all addresses only. This bind() is found before libc's and turns
// "all addresses" into 127.0.0.1.

#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

extern "C" __attribute__((visibility("default"))) int bind(int fd, const sockaddr* address, socklen_t length) noexcept {
    using Bind = int (*)(int, const sockaddr*, socklen_t);
    static const auto real_bind = reinterpret_cast<Bind>(::dlsym(RTLD_NEXT, "bind"));

    if (address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
        sockaddr_in changed;
        std::memcpy(&changed, address, sizeof changed);
        if (changed.sin_addr.s_addr == htonl(INADDR_ANY)) changed.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return real_bind(fd, reinterpret_cast<const sockaddr*>(&changed), sizeof changed);
    }
    if (address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
        sockaddr_in6 changed;
        std::memcpy(&changed, address, sizeof changed);
        if (IN6_IS_ADDR_UNSPECIFIED(&changed.sin6_addr)) { // ::ffff:127.0.0.1, of a socket that serves both families
            changed.sin6_addr = in6_addr{};
            changed.sin6_addr.s6_addr[10] = 0xff;
            changed.sin6_addr.s6_addr[11] = 0xff;
            changed.sin6_addr.s6_addr[12] = 127;
            changed.sin6_addr.s6_addr[15] = 1;
        }
        return real_bind(fd, reinterpret_cast<const sockaddr*>(&changed), sizeof changed);
    }
    return real_bind(fd, address, length);
}
