// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/packets.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace connscope::server {

using telemetry::Outcome;
using telemetry::system_error;
using telemetry::UniqueFd;

Outcome<std::array<UniqueFd, 2>> make_packet_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return system_error(errno, "cannot make a pair of sockets");
    return std::array{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

bool send_packet(int socket, std::span<const std::byte> bytes, std::initializer_list<int> descriptors, int flags) {
    iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * most_descriptors)> control{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (descriptors.size() > 0) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
        cmsghdr* const head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
        std::memcpy(CMSG_DATA(head), descriptors.begin(), sizeof(int) * descriptors.size());
    }
    for (;;) {
        const ssize_t sent = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
        if (sent >= 0 || errno != EINTR) return sent == static_cast<ssize_t>(bytes.size());
    }
}

bool receive_packet(int socket, std::span<std::byte> into, Descriptors& descriptors) {
    iovec piece{into.data(), into.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * most_descriptors)> control;
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t bytes = 0;
    do bytes = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (bytes < 0 && errno == EINTR);
    if (bytes <= 0) return false;
    for (const cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr;
         one = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(one))) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = std::min((one->cmsg_len - CMSG_LEN(0)) / sizeof(int), most_descriptors);
        for (std::size_t i = 0; i < count; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(one) + i * sizeof(int), sizeof(int));
            descriptors[i].reset(descriptor);
        }
    }
    return bytes == static_cast<ssize_t>(into.size());
}

Outcome<UniqueFd> to_memory_file(std::string_view bytes) {
    UniqueFd file(::memfd_create("connection", MFD_CLOEXEC));
    if (!file) return system_error(errno, "no file in memory for a connection's state");
    while (!bytes.empty()) {
        const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return system_error(errno, "no memory for a connection's state");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return file;
}

Outcome<std::string> from_memory_file(int file) {
    struct stat status {};
    if (::fstat(file, &status) != 0) return system_error(errno, "a connection's state is not there");
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t read = ::pread(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
        if (read < 0 && errno == EINTR) continue;
        if (read <= 0) return system_error(errno, "a connection's state cannot be read");
        done += static_cast<std::size_t>(read);
    }
    return bytes;
}

} // namespace connscope::server
