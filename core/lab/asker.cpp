// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/asker.hpp"

#include "connscope/load/target.hpp"

#include <fmt/format.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <string_view>

namespace connscope::lab {

using telemetry::Error;
using telemetry::Outcome;
using telemetry::Status;
using telemetry::UniqueFd;

namespace {

// The bytes of an answer whose head is whole; 0 while it is not, or when it does not say.
std::uint64_t length_of(std::string_view answer) {
    constexpr std::string_view name = "Content-Length: ";
    const std::size_t head = answer.find("\r\n\r\n");
    const std::size_t at = answer.find(name);
    if (head == std::string_view::npos || at == std::string_view::npos || at > head) return 0;
    std::uint64_t content = 0;
    std::from_chars(answer.data() + at + name.size(), answer.data() + head, content);
    return head + 4 + content;
}

} // namespace

Outcome<Asker> Asker::connect(const std::string& address, std::uint32_t connections) {
    const auto target = load::resolve(address);
    if (!target) return target.error();
    Asker asker;
    asker.request_ = fmt::format("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", address);
    for (std::uint32_t i = 0; i < connections; ++i) {
        UniqueFd socket(::socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!socket) return telemetry::system_error(errno, "a socket");
        const timeval limit{10, 0};
        const int on = 1;
        ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&target->address), target->length) != 0)
            return telemetry::system_error(errno, fmt::format("a connection to {}", address));
        asker.sockets_.push_back(std::move(socket));
    }
    return asker;
}

Status Asker::send_to(int socket) const {
    std::size_t sent = 0;
    while (sent < request_.size()) {
        const ssize_t taken = ::send(socket, request_.data() + sent, request_.size() - sent, MSG_NOSIGNAL);
        if (taken < 0 && errno == EINTR) continue;
        if (taken <= 0) return telemetry::system_error(errno, "a request was not taken");
        sent += static_cast<std::size_t>(taken);
    }
    return telemetry::success();
}

Status Asker::receive_from(int socket) {
    std::string head; // until the length is known
    std::uint64_t received = 0;
    char some[16384];
    while (answer_bytes_ == 0 || received < answer_bytes_) {
        const ssize_t length = ::recv(socket, some, sizeof some, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return telemetry::system_error(errno, "an answer did not come");
        if (length == 0) return Error{std::make_error_code(std::errc::connection_reset), "the server closed a connection"};
        received += static_cast<std::uint64_t>(length);
        if (answer_bytes_ != 0) continue;
        head.append(some, static_cast<std::size_t>(length));
        answer_bytes_ = length_of(head);
        if (answer_bytes_ == 0 && head.size() > sizeof some)
            return Error{std::make_error_code(std::errc::protocol_error), "the server's answer has no length"};
    }
    if (received != answer_bytes_)
        return Error{std::make_error_code(std::errc::protocol_error),
                     fmt::format("an answer has {} bytes where others have {}", received, answer_bytes_)};
    return telemetry::success();
}

Status Asker::ask_once() {
    for (const UniqueFd& socket : sockets_)
        if (auto sent = send_to(socket.get()); !sent) return sent;
    for (const UniqueFd& socket : sockets_)
        if (auto received = receive_from(socket.get()); !received) return received;
    return telemetry::success();
}

} // namespace connscope::lab
