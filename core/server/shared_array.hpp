// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <span>
#include <type_traits>

namespace connscope::server {

// Elements that the processes forked from this one later share with it; all zero at first. Memory is taken as they are
// touched.
template <class T>
class SharedArray {
    static_assert(std::is_trivially_destructible_v<T>);

public:
    // Throws std::bad_alloc.
    explicit SharedArray(std::size_t count)
        : bytes_(count * sizeof(T)) {
        void* const memory =
            ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        elements_ = {static_cast<T*>(memory), count};
    }
    SharedArray(const SharedArray&) = delete;
    SharedArray& operator=(const SharedArray&) = delete;
    ~SharedArray() { ::munmap(elements_.data(), bytes_); }

    T& operator[](std::size_t index) const noexcept { return elements_[index]; }

private:
    std::size_t bytes_;
    std::span<T> elements_;
};

} // namespace connscope::server
