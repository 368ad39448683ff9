// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/target.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

namespace connscope::load {
namespace {

using telemetry::Error;

constexpr std::uint32_t connections_per_source = 20'000; // well below 28,000: finding one of few free ports is slow
constexpr std::uint32_t most_sources = 4'000;
constexpr std::uint64_t files_for_itself = 32; // segment, control socket and its clients, epoll, events

Error wrong(std::string text) { return {std::make_error_code(std::errc::invalid_argument), std::move(text)}; }

std::uint64_t open_files() {
    std::error_code ignored;
    const std::filesystem::directory_iterator files("/proc/self/fd", ignored);
    return static_cast<std::uint64_t>(std::distance(begin(files), end(files)));
}

} // namespace

telemetry::Outcome<Target> resolve(std::string_view host_and_port) {
    const std::size_t colon = host_and_port.rfind(':');
    const auto refuse = [&](const std::string& why) {
        return wrong(fmt::format("cannot connect to '{}': {}", host_and_port, why));
    };
    if (colon == std::string_view::npos) return refuse("write HOST:PORT, for example 127.0.0.1:7777");
    std::string host(host_and_port.substr(0, colon));
    const std::string port(host_and_port.substr(colon + 1));
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc{} || end != port.data() + port.size() || number == 0 || number > 65'535)
        return refuse("a port is a number from 1 to 65535");
    if (host.empty()) return refuse("the host is missing");

    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (const int failure = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); failure != 0)
        return refuse(::gai_strerror(failure));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
    Target target;
    std::memcpy(&target.address, found->ai_addr, found->ai_addrlen);
    target.length = found->ai_addrlen;
    std::array<char, NI_MAXHOST> numeric{};
    ::getnameinfo(found->ai_addr, found->ai_addrlen, numeric.data(), numeric.size(), nullptr, 0, NI_NUMERICHOST);
    target.shown = found->ai_family == AF_INET6 ? fmt::format("[{}]:{}", numeric.data(), number)
                                                : fmt::format("{}:{}", numeric.data(), number);
    return target;
}

Connector::Connector(const Target& target)
    : target_(target) {
    if (target_.address.ss_family != AF_INET) return;
    const auto& address = reinterpret_cast<const sockaddr_in&>(target_.address);
    loopback_ = ntohl(address.sin_addr.s_addr) >> 24 == 127;
}

int Connector::bind_source(int socket) const {
    // The port is chosen when connecting, so that it may be one that serves another pair of addresses too (ip(7)).
    const int later = 1;
    ::setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof later);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl((127u << 24) + 1 + source_);
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&source), sizeof source) == 0 ? 0 : errno;
}

void Connector::next_source() {
    source_ = (source_ + 1) % most_sources; // long churning comes round to addresses whose ports are free again
    begun_from_it_ = 0;
}

Connector::Begun Connector::begin(bool small_buffer) {
    for (int sources_tried = 1;; ++sources_tried) {
        if (loopback_ && begun_from_it_ >= connections_per_source) next_source();
        telemetry::UniqueFd socket(::socket(target_.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!socket) return {{}, errno};
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (small_buffer) {
            const int bytes = 4096;
            ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        }
        int error = source_ > 0 ? bind_source(socket.get()) : 0;
        if (error == 0 && ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&target_.address), target_.length) != 0)
            error = errno;
        if (error == 0 || error == EINPROGRESS) {
            ++begun_from_it_;
            return {std::move(socket), 0};
        }
        if (error != EADDRNOTAVAIL || !loopback_ || sources_tried >= 64) return {{}, error};
        next_source(); // every port of this address is taken
    }
}

FileLimit raise_file_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
    if (limit.rlim_cur < limit.rlim_max) {
        rlimit raised = limit;
        raised.rlim_cur = limit.rlim_max;
        if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    const std::uint64_t files = limit.rlim_cur;
    const std::uint64_t taken = open_files() + files_for_itself;
    return {files, files > taken ? files - taken : 0};
}

std::optional<std::string> fit(std::vector<Population>& populations, const FileLimit& limit) {
    std::uint64_t wanted = 0;
    for (const Population& population : populations) wanted += population.connections;
    if (wanted <= limit.connections) return std::nullopt;
    std::uint64_t left = limit.connections;
    for (Population& population : populations) {
        if (population.connections == 0) continue;
        const std::uint64_t share = std::max<std::uint64_t>(population.connections * limit.connections / wanted, 1);
        population.connections = static_cast<std::uint32_t>(std::min(share, left));
        left -= population.connections;
    }
    return fmt::format("{} connections are wanted, but one process may open {} files here (ulimit -n): {} can be reached.",
                       wanted, limit.files, limit.connections - left);
}

} // namespace connscope::load
