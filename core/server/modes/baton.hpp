// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace connscope::server {

// The right to run, which one thread has at a time and hands over explicitly, to the one who waits longest. Any thread.
class Baton {
public:
    // A thread's place in the queue; it waits for one baton at a time.
    class Waiter : public boost::intrusive::list_base_hook<> {
        friend class Baton;
        std::condition_variable turn_;
        bool has_it_ = false;
    };

    // Waits for the baton. False when `leave` became true first: then this thread does not have it.
    bool take(Waiter& waiter, const std::atomic<bool>& leave);
    // Hands it to the next, if any. Precondition: this thread has it.
    void pass();
    // Makes a thread that waits look at its `leave` again.
    void wake(Waiter& waiter);

private:
    std::mutex mutex_; // guards what follows, and the waiters
    bool taken_ = false;
    boost::intrusive::list<Waiter> waiters_;
};

} // namespace connscope::server
