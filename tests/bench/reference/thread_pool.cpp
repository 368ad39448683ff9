// SPDX-License-Identifier: BSL-1.0
// Echo with a few blocking workers, a queue, and one thread that waits for what becomes readable.
#include "listen.hpp"

#include <sys/epoll.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace {

int epoll = -1;
std::mutex mutex;
std::condition_variable work;
std::deque<int> queue;

void watch(int socket, int operation) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
    event.data.fd = socket;
    ::epoll_ctl(epoll, operation, socket, &event);
}

// One message there and back; false at the end.
bool echo(int socket) {
    std::array<char, 256> buffer;
    const ssize_t bytes = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (bytes <= 0) return false;
    for (ssize_t sent = 0; sent < bytes;) {
        const ssize_t now = ::send(socket, buffer.data() + sent, static_cast<std::size_t>(bytes - sent), MSG_NOSIGNAL);
        if (now <= 0) return false;
        sent += now;
    }
    return true;
}

void serve() {
    for (;;) {
        std::unique_lock lock(mutex);
        work.wait(lock, [] { return !queue.empty(); });
        const int socket = queue.front();
        queue.pop_front();
        lock.unlock();
        if (echo(socket))
            watch(socket, EPOLL_CTL_MOD);
        else
            ::close(socket);
    }
}

void dispatch() {
    std::array<epoll_event, 64> events;
    for (;;) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        const std::lock_guard lock(mutex);
        for (int i = 0; i < count; ++i) {
            queue.push_back(events[static_cast<std::size_t>(i)].data.fd);
            work.notify_one();
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    const int listener = reference::listen_anywhere();
    epoll = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<std::thread> threads;
    for (int i = 0; i < reference::threads(argc, argv); ++i) threads.emplace_back(serve);
    threads.emplace_back(dispatch);
    for (;;) {
        const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket >= 0) watch(socket, EPOLL_CTL_ADD);
    }
}
