// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/shared_array.hpp"

#include <atomic>
#include <cstdint>

namespace connscope::server {

// What keeps the threads and processes of connections from going on before a hand-off has brought the others too. Whoever
// makes them shares the CPU with those that are made already: were these at work, the last of a thousand would have to wait
// for a thousandth of the CPU. Made before any process is forked, which then passes the same gate. Any thread.
class Gate {
public:
    // Throws std::bad_alloc.
    Gate()
        : is_shut_(1) {}

    void shut() noexcept;
    void open() noexcept;
    // Waits while it is shut, a second at most: should the one that opens it be gone, nobody stays here. A signal ends the
    // wait.
    void pass() noexcept;

private:
    SharedArray<std::atomic<std::uint32_t>> is_shut_; // one, which is a futex
};

} // namespace connscope::server
