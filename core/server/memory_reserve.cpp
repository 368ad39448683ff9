// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/memory_reserve.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace connscope::server {
namespace {

constexpr std::size_t room_for_one = 64 * 1024; // more than any carrier takes from the heap

// Mapped and not allocated: what is spent must go back to the system, where the arenas of all threads can have it. malloc
// would keep a block that is freed for the arena it came from (mallopt(3), M_MMAP_THRESHOLD: the threshold grows). An arena
// that can grow no other way takes a megabyte at once, so a block is a little more, and there are several: one for each of
// some threads that run out at the same time.
constexpr std::size_t block_bytes = 1024 * 1024 + 128 * 1024;
constexpr std::size_t blocks = 8;

void* map(std::size_t bytes) noexcept {
    void* const block = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? nullptr : block;
}

// The process's reserve, which its new-handler can reach only so. Exchanges are sequentially consistent: whoever takes a
// block unmaps it.
std::array<std::atomic<void*>, blocks> reserve{};

// Gives one block back to the system; false when all are spent.
bool spend_one() noexcept {
    for (std::atomic<void*>& place : reserve)
        if (void* const block = place.exchange(nullptr)) {
            ::munmap(block, block_bytes);
            return true;
        }
    return false;
}

void when_memory_is_out() {
    if (!spend_one()) throw std::bad_alloc();
}

} // namespace

MemoryReserve::MemoryReserve()
    : before_(std::set_new_handler(when_memory_is_out)) {
    fill();
}

MemoryReserve::~MemoryReserve() {
    std::set_new_handler(before_);
    while (spend_one()) {
    }
}

bool MemoryReserve::has_room() noexcept {
    if (!is_whole()) return false;
    void* volatile room = std::malloc(room_for_one); // volatile: the compiler may not do without
    if (room == nullptr) spend_one();                // those who are here already have it, and the next one is told at once
    std::free(room);
    return room != nullptr && is_whole();
}

bool MemoryReserve::is_whole() const noexcept {
    return std::all_of(reserve.begin(), reserve.end(), [](const auto& place) { return place.load() != nullptr; });
}

void MemoryReserve::spend() noexcept { spend_one(); }

void MemoryReserve::fill() noexcept {
    for (std::atomic<void*>& place : reserve) {
        if (place.load() != nullptr) continue;
        // With as much again beside it, or the next connection would spend it at once.
        void* const both = map(2 * block_bytes);
        if (both == nullptr) return;
        ::munmap(static_cast<std::byte*>(both) + block_bytes, block_bytes);
        void* none = nullptr;
        if (!place.compare_exchange_strong(none, both)) ::munmap(both, block_bytes);
    }
}

} // namespace connscope::server
