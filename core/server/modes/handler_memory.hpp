// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cassert>
#include <cstddef>
#include <new>

namespace connscope::server {

// Room for the one operation that a connection has pending. A larger one goes to the heap.
class HandlerMemory {
public:
    HandlerMemory() = default;
    HandlerMemory(const HandlerMemory&) = delete;
    HandlerMemory& operator=(const HandlerMemory&) = delete;

    void* allocate(std::size_t bytes) {
        if (taken_ || bytes > sizeof(room_)) return ::operator new(bytes);
        taken_ = true;
        return room_;
    }
    void deallocate(void* place) noexcept {
        if (place == room_)
            taken_ = false;
        else
            ::operator delete(place);
    }

private:
    alignas(std::max_align_t) std::byte room_[192];
    bool taken_ = false;
};

// Lets Asio place an operation in a HandlerMemory, which must outlive it.
template <class T>
class HandlerAllocator {
public:
    using value_type = T;

    explicit HandlerAllocator(HandlerMemory& memory) noexcept
        : memory_(&memory) {}
    template <class U>
    HandlerAllocator(const HandlerAllocator<U>& other) noexcept
        : memory_(other.memory_) {}

    T* allocate(std::size_t count) const { return static_cast<T*>(memory_->allocate(sizeof(T) * count)); }
    void deallocate(T* place, std::size_t) const noexcept { memory_->deallocate(place); }
    bool operator==(const HandlerAllocator&) const noexcept = default;

private:
    template <class>
    friend class HandlerAllocator;
    HandlerMemory* memory_;
};

} // namespace connscope::server
