// SPDX-License-Identifier: BSL-1.0
// A server of lines in the ways that Asio is used, which keeps a log of its own: `runtimes KIND`. A line is sent back after
// what it asks for: `w MS` computes, `p MS` pauses, `y` yields, `t MS` has a thread of its own do something (callbacks
// only), `log` prints the log and ends it, `fork` goes on in a child that listens on a port of its own, `exit` ends without
// clean-up. Prints its port, and that of a second listener.
#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

long long now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

std::mutex logging;
std::vector<std::string> logged; // "PORT begin NS" or "PORT end NS WHAT-IT-WAITS-FOR"

void begins(unsigned port) {
    const std::lock_guard lock(logging);
    logged.push_back(std::to_string(port) + " begin " + std::to_string(now_ns()));
}
void ends(unsigned port, std::string_view next) {
    const std::lock_guard lock(logging);
    logged.push_back(std::to_string(port) + " end " + std::to_string(now_ns()) + " " + std::string(next));
}
void print_log() {
    const std::lock_guard lock(logging);
    for (const std::string& line : logged) std::printf("%s\n", line.c_str());
    std::printf("done\n");
    std::fflush(stdout);
}

void compute(std::chrono::milliseconds duration) {
    const auto until = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < until) {
    }
}

void fork_here(); // see main()

// What a line asks for, before it is sent back.
struct Line {
    std::string text;
    std::chrono::milliseconds pause{};
    bool yields = false;
    std::chrono::milliseconds elsewhere{};
};
Line take_line(std::string& received, std::size_t length) {
    Line line{received.substr(0, length), {}, received[0] == 'y', {}};
    received.erase(0, length);
    const std::chrono::milliseconds duration(length > 2 ? std::atoi(line.text.c_str() + 1) : 0);
    if (line.text[0] == 'w') compute(duration);
    if (line.text[0] == 'p') line.pause = duration;
    if (line.text[0] == 't') line.elsewhere = duration;
    if (line.text == "log\n") print_log();
    if (line.text == "fork\n") fork_here();
    if (line.text == "exit\n") std::_Exit(0);
    return line;
}

struct Callbacks : std::enable_shared_from_this<Callbacks> {
    explicit Callbacks(tcp::socket connected)
        : socket(std::move(connected))
        , timer(socket.get_executor())
        , port(socket.remote_endpoint().port()) {}
    void read() {
        asio::async_read_until(socket, asio::dynamic_buffer(received, 1024), '\n',
                               [self = shared_from_this()](error_code error, std::size_t length) {
                                   if (error) return;
                                   begins(self->port);
                                   ends(self->port, self->consider(length));
                               });
    }
    std::string_view consider(std::size_t length) {
        line = take_line(received, length);
        const auto go_on = [self = shared_from_this()](error_code = {}) {
            begins(self->port);
            ends(self->port, self->write());
        };
        if (line.pause > 0ms) {
            timer.expires_after(line.pause);
            timer.async_wait(go_on);
            return "paused";
        }
        if (line.elsewhere > 0ms) {
            std::thread([self = shared_from_this()] {
                ::poll(nullptr, 0, static_cast<int>(self->line.elsewhere.count()));
                asio::post(self->socket.get_executor(), [self] { self->write(); }); // of whom, nobody can tell
            }).detach();
            return "paused";
        }
        if (!line.yields) return write();
        asio::post(socket.get_executor(), go_on);
        return "ready";
    }
    std::string_view write() {
        asio::async_write(socket, asio::buffer(line.text), [self = shared_from_this()](error_code error, std::size_t) {
            if (error) return;
            begins(self->port);
            self->read();
            ends(self->port, "waiting_read");
        });
        return "waiting_write";
    }
    tcp::socket socket;
    asio::steady_timer timer;
    unsigned port;
    std::string received;
    Line line;
};

asio::awaitable<void> awaitable(tcp::socket socket) {
    const unsigned port = socket.remote_endpoint().port();
    asio::steady_timer timer(socket.get_executor());
    for (std::string received;;) {
        ends(port, "waiting_read");
        const std::size_t length =
            co_await asio::async_read_until(socket, asio::dynamic_buffer(received, 1024), '\n', asio::use_awaitable);
        begins(port);
        const Line line = take_line(received, length);
        if (line.pause > 0ms) {
            timer.expires_after(line.pause);
            ends(port, "paused");
            co_await timer.async_wait(asio::use_awaitable);
            begins(port);
        }
        if (line.yields) {
            ends(port, "ready");
            co_await asio::post(asio::use_awaitable);
            begins(port);
        }
        ends(port, "waiting_write");
        co_await asio::async_write(socket, asio::buffer(line.text), asio::use_awaitable);
        begins(port);
    }
}

void stackful(tcp::socket socket, asio::yield_context yield) {
    const unsigned port = socket.remote_endpoint().port();
    asio::steady_timer timer(socket.get_executor());
    error_code error;
    for (std::string received;;) {
        ends(port, "waiting_read");
        const std::size_t length = asio::async_read_until(socket, asio::dynamic_buffer(received, 1024), '\n', yield[error]);
        if (error) return;
        begins(port);
        const Line line = take_line(received, length);
        if (line.pause > 0ms) {
            timer.expires_after(line.pause);
            ends(port, "paused");
            timer.async_wait(yield[error]);
            begins(port);
        }
        if (line.yields) {
            ends(port, "ready");
            asio::post(yield);
            begins(port);
        }
        ends(port, "waiting_write");
        asio::async_write(socket, asio::buffer(line.text), yield[error]);
        begins(port);
    }
}

// Accepts on one executor and gives each client to the next of `homes`.
struct Listener {
    Listener(asio::any_io_executor executor, std::string_view idiom, std::vector<asio::any_io_executor> homes, bool strands)
        : acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), 0))
        , kind(idiom)
        , places(std::move(homes))
        , on_strands(strands) {
        accept();
    }
    void accept() {
        const auto home = places[next++ % places.size()];
        const auto executor = on_strands ? asio::any_io_executor(asio::make_strand(home)) : home;
        acceptor.async_accept(executor, [this, executor](error_code error, tcp::socket socket) {
            if (error) return;
            if (kind == "awaitable")
                asio::co_spawn(executor, awaitable(std::move(socket)), asio::detached);
            else if (kind == "spawn")
                asio::spawn(
                    executor,
                    [moved = std::move(socket)](asio::yield_context yield) mutable { stackful(std::move(moved), yield); },
                    asio::detached);
            else // on its own executor, as everything it does
                asio::dispatch(executor, [client = std::make_shared<Callbacks>(std::move(socket))] { client->read(); });
            accept();
        });
    }
    int port() const { return acceptor.local_endpoint().port(); }
    tcp::acceptor acceptor;
    std::string kind;
    std::vector<asio::any_io_executor> places;
    std::size_t next = 0;
    bool on_strands;
};

asio::io_context first;
asio::io_context second;
std::list<Listener> listeners;
std::unique_ptr<asio::ip::udp::socket> datagrams;
std::string datagram(64, '\0');
asio::ip::udp::endpoint sender;

void fork_here() {
    std::fflush(stdout);
    first.notify_fork(asio::io_context::fork_prepare);
    if (::fork() != 0) return first.notify_fork(asio::io_context::fork_parent);
    first.notify_fork(asio::io_context::fork_child);
    listeners.clear();
    listeners.emplace_back(first.get_executor(), "callbacks", std::vector<asio::any_io_executor>{first.get_executor()},
                           false);
    std::printf("child port=%d pid=%d\n", listeners.front().port(), static_cast<int>(::getpid()));
    std::fflush(stdout);
    first.run(); // here, so that the child leaves its parent's client alone
    std::_Exit(0);
}

void echo_datagrams() {
    datagrams->async_receive_from(asio::buffer(datagram), sender, [](error_code error, std::size_t length) {
        if (error) return;
        datagrams->async_send_to(asio::buffer(datagram, length), sender, [](error_code, std::size_t) { echo_datagrams(); });
    });
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view kind = argc > 1 ? argv[1] : "callbacks";
    const auto one = std::vector<asio::any_io_executor>{first.get_executor()};
    asio::thread_pool pool(3);
    std::vector<std::thread> threads;
    int other = 0;
    if (kind == "pool") {
        listeners.emplace_back(pool.get_executor(), "callbacks", std::vector<asio::any_io_executor>{pool.get_executor()},
                               true);
    } else if (kind == "contexts") {
        listeners.emplace_back(first.get_executor(), "callbacks",
                               std::vector<asio::any_io_executor>{first.get_executor(), second.get_executor()}, false);
        threads.emplace_back([work = asio::make_work_guard(second)] { second.run(); });
    } else if (kind == "strands") {
        listeners.emplace_back(first.get_executor(), "awaitable", one, true);
        for (int i = 0; i < 2; ++i) threads.emplace_back([] { first.run(); });
    } else {
        listeners.emplace_back(first.get_executor(), kind == "servers" || kind == "udp" ? "callbacks" : kind, one, false);
    }
    if (kind == "servers") {
        listeners.emplace_back(first.get_executor(), "spawn", one, false);
        other = listeners.back().port();
    }
    if (kind == "udp") {
        datagrams =
            std::make_unique<asio::ip::udp::socket>(first, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0));
        other = datagrams->local_endpoint().port();
        echo_datagrams();
    }
    std::printf("listening port=%d other=%d\n", listeners.front().port(), other);
    std::fflush(stdout);
    first.run();
    pool.join();
    for (std::thread& thread : threads) thread.join();
}
