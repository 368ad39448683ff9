// SPDX-License-Identifier: BSL-1.0
// Echo with an OS thread for each connection, and nothing else.
#include "listen.hpp"

#include <array>
#include <thread>

namespace {

void echo(int socket) {
    std::array<char, 256> buffer;
    for (;;) {
        const ssize_t bytes = ::recv(socket, buffer.data(), buffer.size(), 0);
        if (bytes <= 0) break;
        for (ssize_t sent = 0; sent < bytes;) {
            const ssize_t now = ::send(socket, buffer.data() + sent, static_cast<std::size_t>(bytes - sent), MSG_NOSIGNAL);
            if (now <= 0) break;
            sent += now;
        }
    }
    ::close(socket);
}

} // namespace

int main() {
    const int listener = reference::listen_anywhere();
    for (;;) {
        const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket >= 0) std::thread(echo, socket).detach();
    }
}
