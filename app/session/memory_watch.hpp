// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace connscope::app {

// Memory of a process that takes too long to read for 20 times a second. None: it cannot be had, or not yet.
struct WeighedMemory {
    std::optional<std::uint64_t> stack_bytes;  // resident, of all stacks
    std::optional<std::uint64_t> socket_bytes; // the kernel's, of TCP sockets
};

// Reads it on a thread of its own, as often as a small share of a core allows. Its functions may be called from any thread.
class MemoryWatch {
public:
    // `share`: of the time that is usually spent, where several are watched.
    explicit MemoryWatch(std::uint32_t pid, double share = 1);
    MemoryWatch(const MemoryWatch&) = delete;
    MemoryWatch& operator=(const MemoryWatch&) = delete;

    WeighedMemory newest() const;
    // Something has changed all at once: the next reading does not wait for its turn.
    void read_soon();

private:
    void run(const std::stop_token& stop, std::uint32_t pid, double share);

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    WeighedMemory newest_;
    bool hurry_ = false;
    std::jthread thread_; // last, so that it has ended before the rest goes
};

} // namespace connscope::app
