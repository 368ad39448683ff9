// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>

namespace connscope::server {

// How long the kernel's scheduler lets the calling thread run when others wait for its CPU (sched_runtime of
// sched_setattr(2), Linux 6.12 for threads of the normal policy). The kernel takes 0.1 to 100 ms, and looks at the time once
// a tick, so less than a tick is as a tick; a thread with a shorter slice that becomes ready may interrupt it earlier. Zero:
// the scheduler's own again. False when the kernel refuses, or ignores it as older ones do.
bool set_slice_of_this_thread(std::chrono::nanoseconds slice) noexcept;

} // namespace connscope::server
