// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/socket_table.hpp"

#include "connscope/observe/proc_file.hpp"
#include "connscope/telemetry/clock.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

namespace connscope::observe {
namespace {

using Bytes = std::span<const std::byte>;

// A copy of the T at the start of `bytes`, filled with zeros where they are too few: kernels append members, none are moved.
template <class T>
T copy_of(Bytes bytes) {
    T value{};
    std::memcpy(&value, bytes.data(), std::min(sizeof(T), bytes.size()));
    return value;
}

constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; } // NLMSG_ALIGN, NLA_ALIGN

constexpr std::uint32_t bit(SocketState state) { return 1u << static_cast<unsigned>(state); }

// Everything that a process can hold a connection with.
constexpr std::uint32_t wanted_states = bit(SocketState::established) | bit(SocketState::syn_sent) |
                                        bit(SocketState::syn_received) | bit(SocketState::fin_wait_1) |
                                        bit(SocketState::fin_wait_2) | bit(SocketState::close_wait) |
                                        bit(SocketState::last_ack) | bit(SocketState::listening) | bit(SocketState::closing);

telemetry::PeerAddress address_of(std::uint8_t family, const __be32 (&words)[4], __be16 port) {
    telemetry::PeerAddress address;
    address.family = family == AF_INET ? 4 : 6;
    address.port = ntohs(port);
    std::memcpy(address.bytes.data(), words, family == AF_INET ? 4 : 16);
    constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};    // RFC 4291, 2.5.5.2
    if (family != AF_INET && std::equal(mapped.begin(), mapped.end(), address.bytes.begin())) { // IPv4 on an IPv6 socket
        std::memmove(address.bytes.data(), address.bytes.data() + 12, 4);
        std::fill(address.bytes.begin() + 4, address.bytes.end(), std::uint8_t{0});
        address.family = 4;
    }
    return address;
}

SocketMemory memory_of(Bytes attribute) {
    const auto values = copy_of<std::array<std::uint32_t, SK_MEMINFO_VARS>>(attribute);
    SocketMemory memory;
    memory.receive_bytes = values[SK_MEMINFO_RMEM_ALLOC];
    memory.receive_limit_bytes = values[SK_MEMINFO_RCVBUF];
    memory.send_bytes = values[SK_MEMINFO_WMEM_ALLOC];
    memory.send_limit_bytes = values[SK_MEMINFO_SNDBUF];
    memory.send_queue_bytes = values[SK_MEMINFO_WMEM_QUEUED];
    memory.reserved_bytes = values[SK_MEMINFO_FWD_ALLOC];
    memory.option_bytes = values[SK_MEMINFO_OPTMEM];
    memory.backlog_bytes = values[SK_MEMINFO_BACKLOG];
    memory.drops = values[SK_MEMINFO_DROPS];
    return memory;
}

TcpFigures figures_of(Bytes attribute) {
    const auto info = copy_of<tcp_info>(attribute);
    TcpFigures figures;
    figures.round_trip = std::chrono::microseconds(info.tcpi_rtt);
    figures.round_trip_variation = std::chrono::microseconds(info.tcpi_rttvar);
    figures.since_data_sent = std::chrono::milliseconds(info.tcpi_last_data_sent);
    figures.since_data_received = std::chrono::milliseconds(info.tcpi_last_data_recv);
    figures.congestion_window = info.tcpi_snd_cwnd;
    figures.retransmitted = info.tcpi_total_retrans;
    const auto has = [&](std::size_t offset, std::size_t size) { return attribute.size() >= offset + size; };
    if (has(offsetof(tcp_info, tcpi_bytes_received), 8)) figures.bytes_received = info.tcpi_bytes_received;
    if (has(offsetof(tcp_info, tcpi_bytes_acked), 8)) figures.bytes_acknowledged = info.tcpi_bytes_acked;
    if (has(offsetof(tcp_info, tcpi_bytes_sent), 8)) figures.bytes_sent = info.tcpi_bytes_sent;
    if (has(offsetof(tcp_info, tcpi_notsent_bytes), 4)) figures.unsent_bytes = info.tcpi_notsent_bytes;
    return figures;
}

SocketReading socket_of(Bytes message) {
    const auto head = copy_of<inet_diag_msg>(message);
    SocketReading socket;
    socket.inode = head.idiag_inode;
    socket.cookie = std::uint64_t{head.id.idiag_cookie[1]} << 32 | head.id.idiag_cookie[0];
    socket.state = static_cast<SocketState>(head.idiag_state);
    socket.local = address_of(head.idiag_family, head.id.idiag_src, head.id.idiag_sport);
    socket.peer = address_of(head.idiag_family, head.id.idiag_dst, head.id.idiag_dport);
    socket.owner = head.idiag_uid;
    socket.receive_queue = head.idiag_rqueue;
    socket.send_queue = head.idiag_wqueue;
    message = message.subspan(std::min(aligned(sizeof(inet_diag_msg)), message.size()));
    while (message.size() >= sizeof(nlattr)) {
        const auto attribute = copy_of<nlattr>(message);
        if (attribute.nla_len < sizeof(nlattr) || attribute.nla_len > message.size()) break;
        const Bytes value = message.subspan(sizeof(nlattr), attribute.nla_len - sizeof(nlattr));
        if (attribute.nla_type == INET_DIAG_SKMEMINFO) socket.memory = memory_of(value);
        if (attribute.nla_type == INET_DIAG_INFO && socket.state != SocketState::listening) socket.tcp = figures_of(value);
        message = message.subspan(std::min(aligned(attribute.nla_len), message.size()));
    }
    return socket;
}

} // namespace

std::string_view name_of(SocketState state) noexcept {
    switch (state) {
    case SocketState::established:
        return "established";
    case SocketState::syn_sent:
        return "syn_sent";
    case SocketState::syn_received:
        return "syn_received";
    case SocketState::fin_wait_1:
        return "fin_wait_1";
    case SocketState::fin_wait_2:
        return "fin_wait_2";
    case SocketState::time_wait:
        return "time_wait";
    case SocketState::closed:
        return "closed";
    case SocketState::close_wait:
        return "close_wait";
    case SocketState::last_ack:
        return "last_ack";
    case SocketState::listening:
        return "listening";
    case SocketState::closing:
        return "closing";
    }
    return "unknown";
}

telemetry::Outcome<SocketTable> SocketTable::open() {
    SocketTable table;
    table.netlink_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!table.netlink_) return telemetry::system_error(errno, "cannot ask the kernel for its sockets (NETLINK_SOCK_DIAG)");
    table.buffer_.resize(65'536); // the kernel fills at most 32 KiB of it at once
    return table;
}

telemetry::Status SocketTable::read(std::vector<SocketReading>& into, const Wanted& wanted) {
    into.clear();
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
        if (auto asked = ask(family, wanted); !asked) return asked;
        auto answered = take_answers(into);
        if (answered) continue;
        const bool no_ipv6 = family == AF_INET6 && answered.error().code == std::errc::no_such_file_or_directory;
        if (!no_ipv6) return answered;
    }
    return telemetry::success();
}

telemetry::Status SocketTable::ask(std::uint8_t family, const Wanted& wanted) {
    struct Request {
        nlmsghdr header;
        inet_diag_req_v2 body;
        nlattr attribute;
        inet_diag_bc_op port_is;
        inet_diag_bc_op port; // the operand: its `no` member holds the port
    };
    static_assert(sizeof(Request) ==
                  sizeof(nlmsghdr) + sizeof(inet_diag_req_v2) + sizeof(nlattr) + 2 * sizeof(inet_diag_bc_op));
    Request request{};
    request.header.nlmsg_len = sizeof(nlmsghdr) + sizeof(inet_diag_req_v2);
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.header.nlmsg_seq = ++sequence_;
    request.body.sdiag_family = family;
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = wanted_states;
    unsigned extensions = 0;
    if (wanted.memory) extensions |= 1u << (INET_DIAG_SKMEMINFO - 1);
    if (wanted.figures) extensions |= 1u << (INET_DIAG_INFO - 1);
    request.body.idiag_ext = static_cast<std::uint8_t>(extensions);
    if (wanted.local_port) {
        // A program of one comparison: source port equal, else jump behind the end, which rejects.
        request.attribute.nla_len = sizeof(nlattr) + 2 * sizeof(inet_diag_bc_op);
        request.attribute.nla_type = INET_DIAG_REQ_BYTECODE;
        request.port_is.code = INET_DIAG_BC_S_EQ;
        request.port_is.yes = 2 * sizeof(inet_diag_bc_op);
        request.port_is.no = 3 * sizeof(inet_diag_bc_op);
        request.port.no = *wanted.local_port;
        request.header.nlmsg_len = sizeof(Request);
    }
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    const ssize_t sent = ::sendto(netlink_.get(), &request, request.header.nlmsg_len, 0,
                                  reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    if (sent < 0) return telemetry::system_error(errno, "cannot ask the kernel for its sockets");
    return telemetry::success();
}

telemetry::Status SocketTable::take_answers(std::vector<SocketReading>& into) {
    for (;;) {
        const ssize_t got = ::recv(netlink_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return telemetry::system_error(errno, "the kernel did not list its sockets");
        if (static_cast<std::size_t>(got) > buffer_.size())
            return telemetry::system_error(EMSGSIZE, "the list of sockets was cut");
        Bytes rest(buffer_.data(), static_cast<std::size_t>(got));
        while (rest.size() >= sizeof(nlmsghdr)) {
            const auto header = copy_of<nlmsghdr>(rest);
            if (header.nlmsg_len < sizeof(nlmsghdr) || header.nlmsg_len > rest.size()) break;
            const Bytes message = rest.subspan(sizeof(nlmsghdr), header.nlmsg_len - sizeof(nlmsghdr));
            rest = rest.subspan(std::min(aligned(header.nlmsg_len), rest.size()));
            if (header.nlmsg_seq != sequence_) continue; // the end of an answer that was given up
            if (header.nlmsg_type == NLMSG_DONE) return telemetry::success();
            if (header.nlmsg_type == NLMSG_ERROR)
                return telemetry::system_error(-copy_of<nlmsgerr>(message).error, "the kernel did not list its sockets");
            if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY && message.size() >= sizeof(inet_diag_msg))
                into.push_back(socket_of(message));
        }
    }
}

telemetry::Outcome<std::shared_ptr<SharedSocketTable>> SharedSocketTable::open(const SocketTable::Wanted& wanted,
                                                                               double share) {
    auto table = SocketTable::open();
    if (!table) return std::move(table).error();
    return std::shared_ptr<SharedSocketTable>(new SharedSocketTable(std::move(*table), wanted, share));
}

telemetry::Status SharedSocketTable::look() {
    const std::chrono::nanoseconds now(telemetry::monotonic_ns());
    if (now < next_) return telemetry::success();
    const std::chrono::nanoseconds before = thread_cpu();
    if (auto read = table_.read(sockets_, wanted_); !read) return read;
    taken_ = next_ = now;
    listening_ports_.clear();
    for (const SocketReading& socket : sockets_)
        if (socket.state == SocketState::listening) listening_ports_.push_back(socket.local.port);
    std::ranges::sort(listening_ports_);
    spent(thread_cpu() - before);
    return telemetry::success();
}

void SharedSocketTable::spent(std::chrono::nanoseconds cpu) {
    if (share_ >= 1) return;
    next_ += std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double, std::nano>(cpu) / share_);
}

} // namespace connscope::observe
