// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/memory_reserve.hpp"

#include <cstdlib>

namespace connscope::server {
namespace {

constexpr std::size_t room_for_one = 64 * 1024; // more than any carrier takes from the heap

// The process's reserve, which its new-handler can reach only so. Exchanges are sequentially consistent: whoever takes the
// block frees it.
std::atomic<void*> reserve{nullptr};

bool spend_reserve() noexcept {
    void* const block = reserve.exchange(nullptr);
    std::free(block); // large enough to go back to the system at once, see mallopt(3), M_MMAP_THRESHOLD
    return block != nullptr;
}

void when_memory_is_out() {
    if (!spend_reserve()) throw std::bad_alloc();
}

} // namespace

MemoryReserve::MemoryReserve()
    : before_(std::set_new_handler(when_memory_is_out)) {
    fill();
}

MemoryReserve::~MemoryReserve() {
    std::set_new_handler(before_);
    spend_reserve();
}

bool MemoryReserve::has_room() noexcept {
    void* volatile room = std::malloc(room_for_one);
    if (room == nullptr) spend_reserve();
    std::free(room);
    return reserve.load() != nullptr;
}

bool MemoryReserve::is_spent() const noexcept { return reserve.load() == nullptr; }
void MemoryReserve::spend() noexcept { spend_reserve(); }

void MemoryReserve::fill() noexcept {
    if (!is_spent()) return;
    // With as much again beside it, or the next connection would spend it at once.
    void* volatile block = std::malloc(bytes); // volatile: the compiler may not do without
    void* volatile beside = std::malloc(bytes);
    std::free(beside);
    if (block == nullptr || beside == nullptr) return std::free(block);
    void* none = nullptr;
    if (!reserve.compare_exchange_strong(none, block)) std::free(block);
}

} // namespace connscope::server
