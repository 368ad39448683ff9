// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/baton.hpp"

namespace connscope::server {

bool Baton::take(Waiter& waiter, const std::atomic<bool>& leave) {
    const auto must_leave = [&leave] { return leave.load(std::memory_order_relaxed); }; // ordered by the mutex, see wake()
    std::unique_lock lock(mutex_);
    if (must_leave()) return false;
    if (!taken_) return taken_ = true;
    waiter.has_it_ = false;
    waiters_.push_back(waiter);
    waiter.turn_.wait(lock, [&] { return waiter.has_it_ || must_leave(); });
    if (!waiter.has_it_) waiters_.erase(waiters_.iterator_to(waiter));
    return waiter.has_it_;
}

void Baton::pass() {
    const std::lock_guard lock(mutex_);
    if (waiters_.empty()) {
        taken_ = false;
        return;
    }
    Waiter& next = waiters_.front();
    waiters_.pop_front();
    next.has_it_ = true;
    next.turn_.notify_one();
}

void Baton::wake(Waiter& waiter) {
    const std::lock_guard lock(mutex_);
    waiter.turn_.notify_one();
}

} // namespace connscope::server
