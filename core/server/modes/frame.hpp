// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/awaitable.hpp>

#include <malloc.h>

#include <coroutine>
#include <cstddef>
#include <cstring>

namespace connscope::server {

// A coroutine's frame: where it is and how much memory it takes.
struct Frame {
    void* address = nullptr;
    std::size_t bytes = 0; // of the allocation that holds it
};

// The frame of a coroutine that has not begun to run. Asio keeps nothing in an awaitable but a pointer to the coroutine's
// promise, and hands it out to nobody; the size check below notices should that ever change.
template <class T, class Executor>
Frame frame_of(const boost::asio::awaitable<T, Executor>& coroutine) noexcept {
    using Promise = boost::asio::detail::awaitable_frame<T, Executor>;
    static_assert(sizeof(coroutine) == sizeof(Promise*));
    Promise* promise = nullptr;
    std::memcpy(&promise, static_cast<const void*>(&coroutine), sizeof(promise));
    if (promise == nullptr) return {};
    void* const address = std::coroutine_handle<Promise>::from_promise(*promise).address();
    return {address, ::malloc_usable_size(address)};
}

} // namespace connscope::server
