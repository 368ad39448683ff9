// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the reference servers share: a listening socket, and the line that says where it is. Each takes a number of threads
// as its only argument, those that have one thread ignore it. Errors end the program: these servers are for measurements.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace reference {

inline int listen_anywhere() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);

    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(listener, 4096) != 0) {
        std::perror("listen");
        std::exit(3);
    }
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    std::printf("listening on 127.0.0.1:%d pid=%d\n", ntohs(address.sin_port), ::getpid());
    std::fflush(stdout);
    return listener;
}

inline int threads(int argc, char** argv) { return argc > 1 ? std::atoi(argv[1]) : 1; }

} // namespace reference
