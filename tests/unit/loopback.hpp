// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/unique_fd.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdint>

namespace connscope::test {

inline std::uint64_t inode_of(int fd) {
    struct stat status {};
    EXPECT_EQ(::fstat(fd, &status), 0);
    return status.st_ino;
}

// A listening socket on loopback and connections through it.
class Loopback {
public:
    explicit Loopback(int family = AF_INET)
        : family_(family) {
        listener_.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (family == AF_INET) {
            auto& v4 = reinterpret_cast<sockaddr_in&>(address_);
            v4.sin_family = AF_INET;
            v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        } else {
            auto& v6 = reinterpret_cast<sockaddr_in6&>(address_);
            v6.sin6_family = AF_INET6;
            v6.sin6_addr = in6addr_loopback;
        }
        listens_ = ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_) == 0 &&
                   ::listen(listener_.get(), 1024) == 0;
        socklen_t length = sizeof address_;
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address_), &length);
    }
    bool listens() const { return listens_; }
    int listener() const { return listener_.get(); }
    std::uint16_t port() const { return ntohs(reinterpret_cast<const sockaddr_in&>(address_).sin_port); }
    telemetry::UniqueFd connect() const {
        telemetry::UniqueFd client(::socket(family_, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address_), sizeof address_), 0);
        return client;
    }
    telemetry::UniqueFd accept() const {
        return telemetry::UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }

private:
    int family_;
    telemetry::UniqueFd listener_;
    sockaddr_storage address_{};
    bool listens_ = false;
};

} // namespace connscope::test
