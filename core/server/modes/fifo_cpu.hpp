// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <pthread.h>
#include <sched.h>

#include <cstdint>

namespace connscope::server {

// A CPU on which threads run first in, first out (SCHED_FIFO of sched(7)): one of them runs until it blocks or yields, for
// the kernel interrupts it for none of its like. The policy ends with the thread.
class FifoCpu {
public:
    // The last CPU that this process may use. Errors: it may use one only, which would leave none to the others; it has no
    // right to the policy (CAP_SYS_NICE, or a control group without a share of real time).
    static telemetry::Outcome<FifoCpu> find();

    int number() const noexcept { return number_; }

    // Gives the calling thread the policy and this CPU alone; false when the system refuses.
    bool enter() const noexcept;
    // Keeps the calling thread off this CPU.
    void keep_off() const noexcept;
    // Takes another thread away from this CPU, to which it may come back.
    void push_off(std::int32_t thread) const noexcept;
    // The same with all threads of this process that may run elsewhere.
    void push_off_all() const noexcept;
    // Gives any thread of this process the normal policy back, and all CPUs.
    void leave(pthread_t thread) const noexcept;
    // Gives it the normal policy back, and leaves it on this CPU.
    static void demote(pthread_t thread) noexcept;

private:
    explicit FifoCpu(int number, const cpu_set_t& all) noexcept
        : number_(number)
        , all_(all) {}

    int number_;
    cpu_set_t all_;
};

} // namespace connscope::server
