// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <ctime>

namespace connscope::server {

// Interrupts whoever computes on one thread for longer than a slice: a timer's signal arrives on the stack of the one who
// computes, and the handler calls back to hand the thread on. A tick counts only inside burn(), which holds no lock and
// calls no allocator, so the handler may do whatever the code around burn() may do. The timer is armed once and not
// periodic, and the signal stays blocked from its arrival to its return but for the time that others run: ticks cannot nest.
//
// All of it belongs to the one thread that computes, but the constructor and the destructor.
class Preemption {
public:
    // Hands the thread on, and returns when it is this one's turn again. Called inside the handler.
    struct Turn {
        virtual void hand_on() = 0;

    protected:
        ~Turn() = default;
    };

    explicit Preemption(std::chrono::nanoseconds slice);
    // Precondition: the thread that computed has ended, or never computes again.
    ~Preemption();
    Preemption(const Preemption&) = delete;
    Preemption& operator=(const Preemption&) = delete;

    // Uses `cpu_time` of the CPU, that of others who ran in between not counted. The turn began at `since`, on the monotonic
    // clock in ns; each interruption begins another and writes it there. `leave` and the result are as server::burn()'s.
    std::chrono::nanoseconds burn(std::chrono::nanoseconds cpu_time, std::int64_t& since, Turn& turn,
                                  const std::atomic<bool>& leave);

    // Whether a turn that began at `since` is over.
    bool over(std::int64_t since) const noexcept;

    // How much stack a signal's frame and its handler take, in bytes, of this kernel and CPU.
    static std::size_t stack_needed() noexcept;

private:
    struct Region; // a call of burn() that is running

    static void on_signal(int signal, siginfo_t* info, void* context);
    void tick();
    void arm(std::chrono::nanoseconds delay) noexcept;

    const std::chrono::nanoseconds slice_;
    timer_t timer_{};
    bool has_timer_ = false;
    // Written by burn() and read by the handler on the same thread: relaxed, ordered by signal fences in burn().
    std::atomic<Region*> region_{nullptr};
    std::atomic<bool> armed_{false};
};

} // namespace connscope::server
