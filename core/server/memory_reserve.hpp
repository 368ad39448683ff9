// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstddef>
#include <new>

namespace connscope::server {

// Memory put by for the moment when there is none: what is under way then gets what it asks for, and the server turns new
// connections away until the reserve could be filled again. One at a time in a process, as the new-handler is one.
class MemoryReserve {
public:
    // Fills the reserve and becomes the process's new-handler.
    MemoryReserve();
    ~MemoryReserve();
    MemoryReserve(const MemoryReserve&) = delete;
    MemoryReserve& operator=(const MemoryReserve&) = delete;

    // True when a new connection can have its memory. Asked beforehand, as Asio cannot be stopped half-way through beginning
    // a coroutine. Any thread.
    bool has_room() noexcept;
    // Spends a part of it now, for one whose allocation failed without asking the new-handler. Any thread.
    void spend() noexcept;
    // Tries to fill it again. A few times a second, from one thread.
    void fill() noexcept;

private:
    bool is_whole() const noexcept;

    std::new_handler before_;
};

} // namespace connscope::server
