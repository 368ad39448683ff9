// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <boost/context/stack_context.hpp>

#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include <cassert>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace connscope::server {

// A fiber's stack: mapped memory of which the kernel provides the pages that are touched, above one page that may not be. It
// is allocated before the fiber, so that a refusal of the system finds the connection still whole, and then given to
// Boost.Context as its stack allocator.
class FiberStack {
public:
    static telemetry::Outcome<FiberStack> allocate(std::size_t usable_bytes) {
        FiberStack stack;
        stack.mapped_bytes_ = (usable_bytes + page - 1) / page * page + page;
        void* const memory = ::mmap(nullptr, stack.mapped_bytes_, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (memory == MAP_FAILED) return telemetry::system_error(errno, "cannot map a fiber's stack");
        stack.memory_ = memory;
        if (::mprotect(memory, page, PROT_NONE) != 0) return telemetry::system_error(errno, "cannot guard a fiber's stack");
        return stack;
    }
    FiberStack(FiberStack&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr))
        , mapped_bytes_(other.mapped_bytes_) {}
    FiberStack& operator=(FiberStack&& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(mapped_bytes_, other.mapped_bytes_);
        return *this;
    }
    ~FiberStack() {
        if (memory_ != nullptr) unmap(memory_, mapped_bytes_);
    }

    // The lowest usable byte, and how many there are.
    void* lowest() const noexcept { return static_cast<std::byte*>(memory_) + page; }
    std::size_t bytes() const noexcept { return mapped_bytes_ - page; }

    // Boost.Context's StackAllocator: hands the one stack over, and takes it back.
    boost::context::stack_context allocate() {
        assert(memory_ != nullptr);
        boost::context::stack_context context;
        context.size = mapped_bytes_;
        context.sp = static_cast<std::byte*>(std::exchange(memory_, nullptr)) + mapped_bytes_;
        return context;
    }
    void deallocate(boost::context::stack_context& context) noexcept {
        unmap(static_cast<std::byte*>(context.sp) - context.size, context.size);
    }

private:
    static constexpr std::size_t page = 4096;

    FiberStack() = default;

    static void unmap(void* memory, std::size_t bytes) noexcept {
#ifdef __SANITIZE_ADDRESS__
        // The frames that a fiber never left are still marked, and what is mapped here next would be taken for them.
        __asan_unpoison_memory_region(memory, bytes);
#endif
        ::munmap(memory, bytes);
    }

    void* memory_ = nullptr;
    std::size_t mapped_bytes_ = 0;
};

} // namespace connscope::server
