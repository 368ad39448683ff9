// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/socket_threads.hpp"

#include "connscope/observe/sockets.hpp"
#include "connscope/telemetry/clock.hpp"

#include "loopback.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <future>
#include <thread>
#include <vector>

namespace {

using namespace connscope;
using namespace std::chrono_literals;
using observe::SocketThread;
using observe::ThreadSource;
using telemetry::UniqueFd;
using test::inode_of;
using test::Loopback;

std::uint32_t own_pid() { return static_cast<std::uint32_t>(::getpid()); }

// A connection, and a thread of this process that serves its accepted end.
class Served {
public:
    Served(const Loopback& loopback, std::function<void(int)> serve)
        : client_(loopback.connect())
        , server_(loopback.accept()) {
        std::promise<std::uint32_t> id;
        auto told = id.get_future();
        thread_ = std::thread([this, serve = std::move(serve), id = std::move(id)]() mutable {
            id.set_value(static_cast<std::uint32_t>(::gettid()));
            serve(server_.get());
        });
        id_ = told.get();
    }
    ~Served() {
        ::shutdown(client_.get(), SHUT_RDWR);
        if (thread_.joinable()) thread_.join();
    }
    int client() const { return client_.get(); }
    int server() const { return server_.get(); }
    std::uint32_t thread() const { return id_; }

private:
    UniqueFd client_, server_;
    std::thread thread_;
    std::uint32_t id_ = 0;
};

void receive_until_closed(int socket) {
    char byte = 0;
    while (::recv(socket, &byte, 1, 0) > 0) ::send(socket, &byte, 1, MSG_NOSIGNAL);
}

// What is known of this process's threads and sockets, looked at again and again.
class Joined {
public:
    Joined()
        : threads_(*observe::ThreadsObserver::open(own_pid()))
        , sockets_(*observe::SocketsObserver::open(own_pid(), {.share = 1}))
        , joined_(own_pid()) {}

    SocketThread of(int socket, std::span<const observe::SocketRead> reads = {}) {
        EXPECT_TRUE(threads_.read(threads_reading_));
        EXPECT_TRUE(sockets_.read(sockets_reading_));
        joined_.look(threads_reading_, true);
        joined_.take(reads);
        const auto at = std::ranges::find(sockets_reading_.sockets, inode_of(socket), &observe::SocketReading::inode);
        return at == sockets_reading_.sockets.end() ? SocketThread{} : joined_.of(*at);
    }
    // Looks until that is so, for some seconds at most; what was seen last.
    SocketThread when(int socket, const std::function<bool(const SocketThread&)>& holds) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        SocketThread seen;
        do {
            seen = of(socket);
            if (holds(seen)) break;
            ::poll(nullptr, 0, 5);
        } while (std::chrono::steady_clock::now() < end);
        return seen;
    }
    const observe::SocketReading& reading_of(int socket) const {
        return *std::ranges::find(sockets_reading_.sockets, inode_of(socket), &observe::SocketReading::inode);
    }

private:
    observe::ThreadsObserver threads_;
    observe::SocketsObserver sockets_;
    observe::ThreadsReading threads_reading_;
    observe::SocketsReading sockets_reading_;
    observe::SocketThreads joined_;
};

TEST(SocketThreads, understands_what_the_kernel_writes_of_a_thread_that_waits) {
    const auto receiving = observe::parse_waiting_call("45 0x7 0x7f0012 0x1000 0x0 0x0 0x0 0x7ffe00 0x7f1234\n");
    EXPECT_EQ(receiving.name, "recvfrom");
    EXPECT_EQ(receiving.first, 7u);
    EXPECT_EQ(receiving.third, 0x1000u);
    EXPECT_EQ(observe::parse_waiting_call("232 0x5 0x1 0x2 0xffffffff 0 0 0 0").kind, observe::WaitingCall::Kind::epoll);
    for (const char* none : {"running\n", "-1 0x7ffe00 0x7f1234\n", "202 0x1 0x2", "", "x", "45"})
        EXPECT_EQ(observe::parse_waiting_call(none).first, 0u) << none;
    EXPECT_TRUE(observe::parse_waiting_call("202 0x7 0x0").name.empty()) << "a futex is no socket";
}

TEST(SocketThreads, a_thread_blocked_in_a_call_on_a_socket_waits_for_it) {
    const Loopback loopback;
    const Served one(loopback, receive_until_closed);
    const Served two(loopback, receive_until_closed);
    Joined joined;
    for (const Served* each : {&one, &two}) {
        const auto waits = joined.when(each->server(), [](const auto& seen) { return seen.source == ThreadSource::waits; });
        EXPECT_EQ(waits.source, ThreadSource::waits);
        EXPECT_EQ(waits.thread, each->thread());
        EXPECT_EQ(waits.call, "recvfrom");
        EXPECT_EQ(to_string(waits, waits.seen), "waits in recvfrom");
    }
    const auto client = joined.of(one.client());
    EXPECT_EQ(client.source, ThreadSource::none) << "nobody waits for the client's end: " << to_string(client, {});
}

TEST(SocketThreads, a_thread_that_went_on_has_waited_and_another_takes_its_place) {
    const Loopback loopback;
    std::atomic<bool> computes{true};
    std::atomic<bool> has_read{false};
    const Served one(loopback, [&](int socket) {
        char byte = 0;
        ::recv(socket, &byte, 1, 0);
        has_read = true;
        while (computes) {
        }
    });
    Joined joined;
    joined.when(one.server(), [](const auto& seen) { return seen.source == ThreadSource::waits; });
    ASSERT_EQ(::send(one.client(), "x", 1, 0), 1);
    const auto waited = joined.when(one.server(), [](const auto& seen) { return seen.source != ThreadSource::waits; });
    EXPECT_EQ(waited.source, ThreadSource::waited);
    EXPECT_EQ(waited.thread, one.thread());
    EXPECT_NE(to_string(waited, waited.seen + 1500ms).find("recvfrom 1 s ago"), std::string::npos);
    std::promise<std::uint32_t> id;
    std::thread other([&] {
        id.set_value(static_cast<std::uint32_t>(::gettid()));
        receive_until_closed(one.server());
    });
    const auto now = joined.when(one.server(), [](const auto& seen) { return seen.source == ThreadSource::waits; });
    EXPECT_EQ(now.thread, id.get_future().get());
    computes = false;
    ::shutdown(one.client(), SHUT_RDWR);
    other.join();
}

TEST(SocketThreads, poll_on_one_socket_waits_for_it_and_on_several_for_one_of_them) {
    const Loopback loopback;
    const Served alone(loopback, [](int socket) {
        pollfd wanted{socket, POLLIN, 0};
        ::poll(&wanted, 1, 60'000);
    });
    const UniqueFd other_client = loopback.connect();
    const UniqueFd other = loopback.accept();
    const Served several(loopback, [&](int socket) {
        pollfd wanted[]{{socket, POLLIN, 0}, {other.get(), POLLIN, 0}, {-1, 0, 0}};
        ::poll(wanted, 3, 60'000);
    });
    const Served selecting(loopback, [](int socket) {
        fd_set wanted;
        FD_ZERO(&wanted);
        FD_SET(socket, &wanted);
        ::select(socket + 1, &wanted, nullptr, nullptr, nullptr);
    });
    Joined joined;
    const auto first = joined.when(alone.server(), [](const auto& seen) { return seen.source == ThreadSource::waits; });
    EXPECT_EQ(first.call, "poll");
    EXPECT_EQ(first.thread, alone.thread());
    const auto among = joined.when(other.get(), [](const auto& seen) { return seen.source == ThreadSource::waits_among; });
    EXPECT_EQ(among.thread, several.thread());
    EXPECT_EQ(among.among, 2u);
    EXPECT_EQ(to_string(among, among.seen), "one of 2 in poll");
    const auto selected =
        joined.when(selecting.server(), [](const auto& seen) { return seen.source == ThreadSource::waits; });
    EXPECT_EQ(selected.thread, selecting.thread());
    EXPECT_NE(selected.call.find("select"), std::string::npos);
}

TEST(SocketThreads, an_event_loop_waits_for_what_its_epoll_has_and_of_two_threads_neither_is_named) {
    const Loopback loopback;
    const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    const auto wait = [&](int) {
        epoll_event event{};
        ::epoll_wait(epoll.get(), &event, 1, 60'000);
    };
    std::vector<UniqueFd> clients, servers;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(loopback.connect());
        servers.push_back(loopback.accept());
        epoll_event event{};
        event.events = EPOLLIN;
        ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, servers.back().get(), &event), 0);
    }
    const auto is_among = [](const auto& seen) { return seen.source == ThreadSource::waits_among; };
    auto one = std::make_unique<Served>(loopback, wait);
    Joined joined;
    for (const UniqueFd& server : servers) {
        const auto seen = joined.when(server.get(), is_among);
        EXPECT_EQ(seen.thread, one->thread());
        EXPECT_EQ(seen.among, 20u);
        EXPECT_EQ(seen.waiting, 1u);
    }
    auto two = std::make_unique<Served>(loopback, wait);
    const auto either = joined.when(servers[3].get(), [](const auto& seen) { return seen.waiting == 2; });
    EXPECT_EQ(either.thread, 0u);
    EXPECT_NE(to_string(either, either.seen).find("of 2 threads"), std::string::npos);
    ASSERT_EQ(::send(clients[0].get(), "xx", 2, 0), 2); // level triggered: both come back
    one.reset();
    two.reset();
}

TEST(SocketThreads, of_a_process_with_one_thread_it_is_that_one_whatever_it_does) {
    const Loopback loopback;
    const UniqueFd client = loopback.connect();
    const UniqueFd server = loopback.accept();
    const pid_t child = ::fork();
    if (child == 0)
        for (;;) ::pause(); // with a copy of the socket, and no call on it
    const auto pid = static_cast<std::uint32_t>(child);
    auto threads = observe::ThreadsObserver::open(pid);
    auto sockets = observe::SocketsObserver::open(pid, {.share = 1});
    ASSERT_TRUE(threads && sockets);
    observe::ThreadsReading threads_reading;
    observe::SocketsReading sockets_reading;
    observe::SocketThreads joined(pid);
    SocketThread seen;
    for (int i = 0; i < 2000 && seen.source == ThreadSource::none; ++i) {
        ASSERT_TRUE(threads->read(threads_reading) && sockets->read(sockets_reading));
        joined.look(threads_reading, true);
        for (const auto& socket : sockets_reading.sockets)
            if (socket.inode == inode_of(server.get())) seen = joined.of(socket);
    }
    EXPECT_EQ(seen.source, ThreadSource::only_thread);
    EXPECT_EQ(seen.thread, pid);
    EXPECT_EQ(to_string(seen, {}), "the only thread");
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

TEST(SocketThreads, who_has_read_is_known_from_the_kernels_record) {
    auto recorder = observe::SocketReadRecorder::open();
    if (!recorder) {
        EXPECT_NE(recorder.error().text.find("needs"), std::string::npos) << recorder.error().text;
        GTEST_SKIP() << recorder.error().text;
    }
    const Loopback loopback;
    ASSERT_TRUE(recorder->want_ports({loopback.port()}));
    std::atomic<int> rounds{0};
    const auto serve = [&](int socket) { // as an event loop does: nobody is blocked in a call on the socket alone
        char byte = 0;
        pollfd wanted{socket, POLLIN, 0};
        while (::poll(&wanted, 1, 60'000) == 1 && ::recv(socket, &byte, 1, MSG_DONTWAIT) > 0)
            if (++rounds >= 3) break;
    };
    const Served one(loopback, serve);
    Joined joined;
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(::send(one.client(), "x", 1, 0), 1);
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (rounds <= i && std::chrono::steady_clock::now() < end) ::poll(nullptr, 0, 1);
    }
    std::vector<observe::SocketRead> reads;
    recorder->read(reads);
    const auto seen = joined.of(one.server(), reads);
    EXPECT_EQ(seen.source, ThreadSource::read);
    EXPECT_EQ(seen.thread, one.thread());
    EXPECT_EQ(to_string(seen, seen.seen + 12ms), "read 12 ms ago");
    std::size_t of_it = 0;
    for (const auto& read : reads)
        if (read.cookie == joined.reading_of(one.server()).cookie) ++of_it;
    EXPECT_GE(of_it, 3u);
    EXPECT_EQ(recorder->lost(), 0u);
    EXPECT_NEAR(recorder->recorded_share(), 1, 1e-6);
}

TEST(SocketReadRecorder, pauses_where_there_is_more_to_record_than_it_may_and_says_so) {
    auto recorder = observe::SocketReadRecorder::open({.most_per_s = 100});
    if (!recorder) GTEST_SKIP() << recorder.error().text;
    const Loopback loopback;
    ASSERT_TRUE(recorder->want_ports({loopback.port()}));
    const UniqueFd client = loopback.connect();
    const UniqueFd server = loopback.accept();
    std::vector<observe::SocketRead> reads;
    std::size_t all = 0;
    const auto begin = std::chrono::steady_clock::now();
    char byte = 0;
    while (std::chrono::steady_clock::now() - begin < 1s) {
        for (int i = 0; i < 20; ++i) {
            ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
            ASSERT_EQ(::recv(server.get(), &byte, 1, 0), 1);
        }
        recorder->read(reads);
        all += reads.size();
    }
    EXPECT_GT(all, 0u);
    EXPECT_LT(recorder->recorded_share(), 0.9);
    EXPECT_LT(static_cast<double>(all), 3000) << "a share of what was there";
}

} // namespace
