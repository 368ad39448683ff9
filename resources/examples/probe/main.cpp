// SPDX-License-Identifier: BSL-1.0
// An echo server of one blocking thread that tells connscope what it does.
// Arguments: the segment's name. Prints its port, serves one connection after the other.
#include <connscope/telemetry/probe.hpp>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

using namespace connscope::telemetry;

namespace {

void serve(int socket, ProbeServer& server) {
    struct stat about {};
    ::fstat(socket, &about);
    sockaddr_in from{};
    socklen_t length = sizeof from;
    ::getpeername(socket, reinterpret_cast<sockaddr*>(&from), &length);
    PeerAddress peer;
    const auto* address = reinterpret_cast<const std::uint8_t*>(&from.sin_addr);
    std::copy(address, address + 4, peer.bytes.begin());
    peer.port = ntohs(from.sin_port);
    peer.family = 4;

    ConnectionProbe connection = server.open(peer, about.st_ino);
    connection.carried_by(CarrierKind::thread, 0, nullptr, 0);
    connection.resume();
    std::array<char, 4096> buffer;
    for (std::uint64_t requests = 1;; ++requests) {
        connection.suspend(ConnectionState::waiting_read, false);
        const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
        connection.resume();
        if (count <= 0) break;
        connection.received(static_cast<std::size_t>(count));
        const ssize_t sent = ::send(socket, buffer.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL);
        if (sent != count) break;
        connection.sent(static_cast<std::size_t>(sent));
        connection.requests(requests);
    }
}

} // namespace

int main(int argc, char** argv) {
    auto server =
        ProbeServer::create({.name = argc > 1 ? argv[1] : "probe-echo", .program = "probe-echo", .modes = {"blocking"}});
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().text.c_str());
        return 3;
    }
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(listener, 16) != 0) return 3;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    (*server)->describe("echo", "127.0.0.1:" + std::to_string(ntohs(address.sin_port)), "");
    const EnteredThread here(**server, true);
    std::printf("listening port=%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    pollfd wanted{listener, POLLIN, 0};
    while (::poll(&wanted, 1, 200) >= 0) {
        (*server)->beat();
        if ((wanted.revents & POLLIN) == 0) continue;
        const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        serve(socket, **server);
        ::close(socket);
    }
    return 0;
}
