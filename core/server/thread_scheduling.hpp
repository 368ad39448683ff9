// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace connscope::server {

// How long the kernel's scheduler lets the calling thread run when others wait for its CPU (sched_runtime of
// sched_setattr(2), Linux 6.12 for threads of the normal policy). The kernel takes 0.1 to 100 ms, and looks at the time once
// a tick, so less than a tick is as a tick; a thread with a shorter slice that becomes ready may interrupt it earlier. Zero:
// the scheduler's own again. False when the kernel refuses, or ignores it as older ones do.
bool set_slice_of_this_thread(std::chrono::nanoseconds slice) noexcept;

// Keeps the calling thread's policy, nice value and slice as they are, whatever is tried while it lives.
class KeptScheduling {
public:
    KeptScheduling() noexcept;
    ~KeptScheduling();
    KeptScheduling(const KeptScheduling&) = delete;
    KeptScheduling& operator=(const KeptScheduling&) = delete;

private:
    alignas(8) std::array<std::byte, 48> attributes_; // struct sched_attr; of size 0 when they could not be read
};

// As long as it lives, the calling thread goes before the process's other threads: with a nice value of -20 and the shortest
// slice where the kernel allows it (CAP_SYS_NICE, RLIMIT_NICE), with the slice alone where not. Threads and processes that
// it starts have neither. A server's main thread needs it: among a thousand connections' threads that are all ready, a fair
// share for the one that accepts and can be asked is a thousandth.
class Precedence {
public:
    Precedence() noexcept;
    Precedence(const Precedence&) = delete;
    Precedence& operator=(const Precedence&) = delete;

private:
    KeptScheduling before_;
};

} // namespace connscope::server
