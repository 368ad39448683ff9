// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/memory_watch.hpp"

#include "connscope/observe/memory.hpp"
#include "connscope/observe/sockets.hpp"

#include <algorithm>
#include <chrono>

namespace connscope::app {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Of a core. 10,000 stacks take 50 ms and 20,000 sockets of the machine 40 ms.
constexpr double stacks_share = 0.01;
constexpr double sockets_share = 0.01;
constexpr auto shortest_pause = 250ms;

} // namespace

MemoryWatch::MemoryWatch(std::uint32_t pid, double share)
    : thread_([this, pid, share](const std::stop_token& stop) { run(stop, pid, share); }) {}

WeighedMemory MemoryWatch::newest() const {
    const std::scoped_lock lock(mutex_);
    return newest_;
}

void MemoryWatch::read_soon() {
    const std::scoped_lock lock(mutex_);
    hurry_ = true;
    changed_.notify_one();
}

void MemoryWatch::run(const std::stop_token& stop, std::uint32_t pid, double share) {
    observe::SocketsOptions options;
    options.figures = false;
    options.share = share * sockets_share;
    auto sockets = observe::SocketsObserver::open(pid, options);
    observe::SocketsReading sockets_reading;
    auto next_stacks = Clock::now();
    while (!stop.stop_requested()) {
        WeighedMemory found = newest();
        if (Clock::now() >= next_stacks) {
            const auto stacks = observe::read_stack_memory(pid);
            found.stack_bytes.reset();
            if (stacks) found.stack_bytes = stacks->resident_bytes;
            const auto pause =
                stacks ? std::chrono::duration_cast<Clock::duration>(stacks->took / (share * stacks_share)) : 5s;
            next_stacks = Clock::now() + std::max<Clock::duration>(pause, shortest_pause);
        }
        if (sockets) {
            if (sockets->read(sockets_reading)) {
                std::uint64_t held = 0;
                for (const observe::SocketReading& socket : sockets_reading.sockets) {
                    if (socket.memory) held += socket.memory->held_bytes();
                }
                found.socket_bytes = held;
            } else { // the process has ended
                found.socket_bytes.reset();
            }
        }
        std::unique_lock lock(mutex_);
        newest_ = found;
        changed_.wait_for(lock, stop, shortest_pause, [this] { return hurry_; });
        if (std::exchange(hurry_, false)) next_stacks = Clock::now();
    }
}

} // namespace connscope::app
