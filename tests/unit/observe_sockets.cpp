// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/sockets.hpp"

#include "loopback.hpp"

#include <gtest/gtest.h>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace connscope;
using namespace std::chrono_literals;
using telemetry::UniqueFd;
using test::inode_of;
using test::Loopback;

std::uint32_t own_pid() { return static_cast<std::uint32_t>(::getpid()); }

const observe::SocketReading* find(const std::vector<observe::SocketReading>& sockets, std::uint64_t inode) {
    const auto at = std::ranges::find(sockets, inode, &observe::SocketReading::inode);
    return at == sockets.end() ? nullptr : &*at;
}

std::vector<observe::SocketReading> table_of(std::uint16_t port) {
    auto table = observe::SocketTable::open();
    EXPECT_TRUE(table);
    std::vector<observe::SocketReading> sockets;
    const auto read = table->read(sockets, {.local_port = port});
    EXPECT_TRUE(read);
    return sockets;
}

// Reads until nothing is left to be assigned to a process, for at most ten seconds.
bool read_all(observe::SocketsObserver& observer, observe::SocketsReading& reading) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    do {
        if (!observer.read(reading)) return false;
        if (reading.unassigned == 0) return true;
    } while (std::chrono::steady_clock::now() < until);
    return false;
}

} // namespace

TEST(SocketTable, shows_what_was_written_and_not_read_in_both_ends_queues) {
    const Loopback loopback;
    const UniqueFd client = loopback.connect();
    const UniqueFd server = loopback.accept();
    const std::string text(1000, 'x');
    ASSERT_EQ(::send(client.get(), text.data(), text.size(), 0), 1000);

    const auto sockets = table_of(loopback.port());
    const auto* reading = find(sockets, inode_of(server.get()));
    ASSERT_NE(reading, nullptr);
    EXPECT_EQ(reading->state, observe::SocketState::established);
    EXPECT_EQ(reading->receive_queue, 1000u);
    EXPECT_EQ(reading->local.port, loopback.port());
    EXPECT_EQ(reading->owner, ::getuid());
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    ASSERT_EQ(::getpeername(server.get(), reinterpret_cast<sockaddr*>(&peer), &length), 0);
    EXPECT_EQ(telemetry::to_string(reading->peer), "127.0.0.1:" + std::to_string(ntohs(peer.sin_port)));
    ASSERT_TRUE(reading->memory);
    EXPECT_GE(reading->memory->receive_bytes, 1000u);
    int limit = 0;
    length = sizeof limit;
    ::getsockopt(server.get(), SOL_SOCKET, SO_RCVBUF, &limit, &length);
    EXPECT_EQ(reading->memory->receive_limit_bytes, static_cast<std::uint32_t>(limit));
}

TEST(SocketTable, counts_bytes_and_round_trips_as_TCP_INFO_does) {
    const Loopback loopback;
    const UniqueFd client = loopback.connect();
    const UniqueFd server = loopback.accept();
    std::string text(5000, 'x');
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(::send(client.get(), text.data(), text.size(), 0), 5000);
        ASSERT_EQ(::recv(server.get(), text.data(), text.size(), MSG_WAITALL), 5000);
    }
    ASSERT_EQ(::send(server.get(), text.data(), 700, 0), 700);
    ASSERT_EQ(::recv(client.get(), text.data(), 700, MSG_WAITALL), 700);
    const auto sockets = table_of(loopback.port());
    const auto* reading = find(sockets, inode_of(server.get()));
    ASSERT_NE(reading, nullptr);
    ASSERT_TRUE(reading->tcp);
    EXPECT_EQ(reading->tcp->bytes_received, std::optional<std::uint64_t>(15'000));
    EXPECT_EQ(reading->tcp->bytes_sent, std::optional<std::uint64_t>(700));
    tcp_info info{};
    socklen_t length = sizeof info;
    ASSERT_EQ(::getsockopt(server.get(), IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    EXPECT_EQ(reading->tcp->round_trip.count(), info.tcpi_rtt);
    EXPECT_EQ(reading->tcp->congestion_window, info.tcpi_snd_cwnd);
}

TEST(SocketTable, reads_version_6_addresses_and_listening_sockets) {
    const Loopback loopback(AF_INET6);
    if (!loopback.listens()) GTEST_SKIP() << "no IPv6 on this machine";
    const UniqueFd first = loopback.connect();
    const UniqueFd second = loopback.connect();
    const UniqueFd accepted = loopback.accept();
    const auto sockets = table_of(loopback.port());
    const auto* listening = find(sockets, inode_of(loopback.listener()));
    ASSERT_NE(listening, nullptr);
    EXPECT_EQ(listening->state, observe::SocketState::listening);
    EXPECT_EQ(listening->receive_queue, 1u); // one waits to be accepted
    EXPECT_EQ(listening->send_queue, 1024u); // as listen() was told
    EXPECT_FALSE(listening->tcp);
    const auto* server = find(sockets, inode_of(accepted.get()));
    ASSERT_NE(server, nullptr);
    EXPECT_EQ(telemetry::to_string(server->local), "[::1]:" + std::to_string(loopback.port()));
}

TEST(SocketTable, tells_a_peer_that_has_finished_by_the_state) {
    const Loopback loopback;
    UniqueFd client = loopback.connect();
    const UniqueFd server = loopback.accept();
    client.reset();
    char byte = 0;
    ASSERT_EQ(::recv(server.get(), &byte, 1, 0), 0);
    const auto sockets = table_of(loopback.port());
    const auto* reading = find(sockets, inode_of(server.get()));
    ASSERT_NE(reading, nullptr);
    EXPECT_EQ(reading->state, observe::SocketState::close_wait);
    EXPECT_EQ(name_of(reading->state), "close_wait");
}

TEST(SocketsObserver, joins_sockets_with_their_process_and_leaves_other_processes_sockets_out) {
    const Loopback loopback;
    const int port = loopback.port();
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) { // holds the clients' ends
        ::close(loopback.listener());
        std::vector<UniqueFd> clients;
        for (int i = 0; i < 50; ++i) clients.push_back(loopback.connect());
        [[maybe_unused]] const auto told = ::write(ready[1], "r", 1);
        for (;;) ::pause();
    }
    std::vector<UniqueFd> accepted;
    for (int i = 0; i < 50; ++i) accepted.push_back(loopback.accept());
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);

    auto own = observe::SocketsObserver::open(own_pid(), {.share = 1});
    auto other = observe::SocketsObserver::open(static_cast<std::uint32_t>(child), {.share = 1});
    ASSERT_TRUE(own && other);
    observe::SocketsReading reading;
    ASSERT_TRUE(read_all(*own, reading));
    for (const UniqueFd& fd : accepted) EXPECT_NE(find(reading.sockets, inode_of(fd.get())), nullptr);
    EXPECT_NE(find(reading.sockets, inode_of(loopback.listener())), nullptr);
    for (const auto& socket : reading.sockets) EXPECT_NE(socket.peer.port, port) << "a client's end";
    for (const UniqueFd& fd : accepted) EXPECT_TRUE(find(reading.sockets, inode_of(fd.get()))->accepted);
    ASSERT_TRUE(read_all(*other, reading));
    EXPECT_EQ(reading.sockets.size(), 50u);
    for (const auto& socket : reading.sockets) {
        EXPECT_EQ(socket.peer.port, port);
        EXPECT_FALSE(socket.accepted) << "it has opened them itself";
    }

    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(other->read(reading));
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST(SocketsObserver, follows_connections_that_come_and_go_through_the_same_descriptors) {
    const Loopback loopback;
    auto observer = observe::SocketsObserver::open(own_pid(), {.share = 1});
    ASSERT_TRUE(observer);
    observe::SocketsReading reading;
    for (int round = 0; round < 20; ++round) {
        const UniqueFd client = loopback.connect();
        const UniqueFd server = loopback.accept();
        ASSERT_TRUE(read_all(*observer, reading));
        EXPECT_NE(find(reading.sockets, inode_of(client.get())), nullptr) << round;
        EXPECT_NE(find(reading.sockets, inode_of(server.get())), nullptr) << round;
    }
}

TEST(SocketsObserver, misses_no_connection_that_is_accepted_between_the_table_and_the_descriptors) {
    const Loopback loopback;
    auto observer = observe::SocketsObserver::open(own_pid(), {.share = 1});
    ASSERT_TRUE(observer);
    std::vector<UniqueFd> clients, servers;
    std::atomic<bool> done{false};
    std::thread connects([&] {
        for (int i = 0; i < 400; ++i) {
            clients.push_back(loopback.connect());
            servers.push_back(loopback.accept());
        }
        done = true;
    });
    observe::SocketsReading reading;
    while (!done) EXPECT_TRUE(observer->read(reading));
    connects.join();
    ASSERT_TRUE(read_all(*observer, reading));
    std::size_t missed = 0;
    for (const auto* sockets : {&clients, &servers})
        for (const UniqueFd& socket : *sockets) missed += find(reading.sockets, inode_of(socket.get())) == nullptr ? 1 : 0;
    EXPECT_EQ(missed, 0u);
}

TEST(SocketsObserver, keeps_the_last_reading_while_its_share_of_time_is_used_up) {
    auto observer = observe::SocketsObserver::open(own_pid(), {.share = 1e-6});
    ASSERT_TRUE(observer);
    observe::SocketsReading reading;
    ASSERT_TRUE(observer->read(reading));
    const auto first = reading.taken;
    EXPECT_GT(first.count(), 0);
    ASSERT_TRUE(observer->read(reading));
    EXPECT_EQ(reading.taken, first);
}

TEST(SocketsObserver, shares_a_reading_of_the_table_with_others) {
    const auto table =
        observe::SharedSocketTable::open({.memory = false, .figures = false, .local_port = std::nullopt}, 0.001);
    ASSERT_TRUE(table);
    auto first = observe::SocketsObserver::open(own_pid(), *table);
    auto second = observe::SocketsObserver::open(static_cast<std::uint32_t>(::getppid()), *table);
    ASSERT_TRUE(first && second);
    observe::SocketsReading own;
    observe::SocketsReading others;
    ASSERT_TRUE(first->read(own));
    ASSERT_TRUE(second->read(others));
    EXPECT_GT(own.taken.count(), 0);
    EXPECT_EQ(own.taken, others.taken);
    (*table)->spent(std::chrono::hours(1)); // whoever looks, its share is used up
    ASSERT_TRUE(first->read(own));
    EXPECT_EQ(own.taken, others.taken);
}

TEST(SocketsObserver, names_a_process_that_is_not_there) {
    const auto observer = observe::SocketsObserver::open(4'194'305);
    ASSERT_FALSE(observer);
    EXPECT_NE(observer.error().text.find("4194305"), std::string::npos);
}
