// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/acceptor.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace connscope::server {
namespace {

namespace asio = boost::asio;
using telemetry::PeerAddress;
using telemetry::UniqueFd;

constexpr int backlog = 4096;        // the kernel cuts it to net.core.somaxconn
constexpr int accepted_at_once = 64; // then control has its turn

UniqueFd open_reserve() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

PeerAddress peer_of(const sockaddr_storage& address) {
    PeerAddress peer;
    if (address.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof(v4));
        peer.family = 4;
        peer.port = ntohs(v4.sin_port);
        std::memcpy(peer.bytes.data(), &v4.sin_addr, 4);
    } else if (address.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof(v6));
        peer.family = 6;
        peer.port = ntohs(v6.sin6_port);
        std::memcpy(peer.bytes.data(), &v6.sin6_addr, 16);
    }
    return peer;
}

std::uint64_t inode_of(int socket) {
    struct stat status {};
    return ::fstat(socket, &status) == 0 ? status.st_ino : 0;
}

} // namespace

Acceptor::Acceptor(asio::io_context& context, OnAccept on_accept, OnRefuse on_refuse)
    : acceptor_(context)
    , retry_(context)
    , on_accept_(std::move(on_accept))
    , on_refuse_(std::move(on_refuse))
    , reserve_(open_reserve()) {}

telemetry::Outcome<std::unique_ptr<Acceptor>> Acceptor::listen(asio::io_context& context,
                                                               const asio::ip::tcp::endpoint& endpoint, OnAccept on_accept,
                                                               OnRefuse on_refuse) {
    std::unique_ptr<Acceptor> made(new Acceptor(context, std::move(on_accept), std::move(on_refuse)));
    boost::system::error_code error;
    // Asio's own way leaves the socket to every program that the process starts.
    UniqueFd socket(::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) error.assign(errno, asio::error::get_system_category());
    if (!error) made->acceptor_.assign(endpoint.protocol(), socket.release(), error);
    if (!error) made->acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) made->acceptor_.bind(endpoint, error);
    if (!error) made->acceptor_.listen(backlog, error);
    if (!error) made->acceptor_.non_blocking(true, error);
    if (!error) made->endpoint_ = made->acceptor_.local_endpoint(error);
    if (error) {
        std::string text = "cannot listen on " + endpoint.address().to_string() + ":" + std::to_string(endpoint.port()) +
                           ": " + error.message();
        if (error == asio::error::address_in_use) text += "; another server has this port (port 0 picks a free one)";
        if (error.value() == EADDRNOTAVAIL) text += "; this machine has no such address";
        return telemetry::Error{std::error_code(error.value(), std::system_category()), std::move(text)};
    }
    made->wait();
    return made;
}

void Acceptor::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
}

void Acceptor::wait() {
    acceptor_.async_wait(asio::ip::tcp::acceptor::wait_read, [this](boost::system::error_code error) {
        if (!error) accept_some();
    });
}

void Acceptor::accept_some() {
    for (int i = 0; i < accepted_at_once; ++i) {
        if (accept_one()) continue;
        if (!acceptor_.is_open()) return;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return wait();
        // Out of descriptors even with the reserve, or of memory: a moment later it may work again.
        retry_.expires_after(std::chrono::milliseconds(20));
        retry_.async_wait([this](boost::system::error_code error) {
            if (!error) wait();
        });
        return;
    }
    wait();
}

// False, with errno, when nothing can be accepted now.
bool Acceptor::accept_one() {
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    const int listening = acceptor_.native_handle();
    UniqueFd socket(::accept4(listening, reinterpret_cast<sockaddr*>(&address), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
        const int one = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); // answers are small and wait for nothing
        const std::uint64_t inode = inode_of(socket.get());
        on_accept_({std::move(socket), peer_of(address), inode});
        return true;
    }
    // A connection that ended in the queue, or an error of its own network (accept(2)): the next one may be well.
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) return true;
    if ((errno == EMFILE || errno == ENFILE) && reserve_) {
        reserve_.reset();
        UniqueFd turned_away(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
        const int error = errno;
        const bool any = static_cast<bool>(turned_away);
        if (any) on_refuse_();
        turned_away.reset(); // its descriptor becomes the reserve again
        reserve_ = open_reserve();
        errno = error;
        return any;
    }
    return false;
}

} // namespace connscope::server
