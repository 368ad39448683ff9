// SPDX-License-Identifier: BSL-1.0
#include "connscope/asio/socket.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace connscope::asio {
namespace {

Visitor several; // stands for the owner of a socket that more than one thread has come to

bool can_take_from_owners() noexcept {
#if defined(__SANITIZE_THREAD__)
    return false; // it does not know of membarrier(2)
#else
    // Kept by a forked child. Once for all, as the kernel's answer does not change.
    static const bool registered = ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
    return registered;
#endif
}

} // namespace

void Held::take(bool may_own) noexcept {
    socket_.lock.lock();
    Visitor* const owner = socket_.owner.load(std::memory_order_relaxed); // only written under the lock
    if (owner == nullptr) {
        // Release pairs with the owner's own acquire.
        if (may_own && can_take_from_owners()) socket_.owner.store(&me_, std::memory_order_release);
        return;
    }
    if (owner == &several) return;
    socket_.owner.store(&several, std::memory_order_relaxed);
    // After this the owner sees the line above, or its `inside` is seen below.
    ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    // Acquire pairs with the release in ~Held().
    while (owner->inside.load(std::memory_order_acquire) == &socket_) std::this_thread::yield();
}

void Held::disown(Socket& socket, Visitor& me) noexcept {
    socket.lock.lock();
    const Visitor* const owner = socket.owner.load(std::memory_order_relaxed);
    if (owner == &me || owner == &several) socket.owner.store(nullptr, std::memory_order_relaxed);
    socket.lock.unlock();
}

} // namespace connscope::asio
