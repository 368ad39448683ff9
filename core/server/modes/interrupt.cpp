// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/interrupt.hpp"

#include <cerrno>
#include <ctime>

namespace connscope::server {

void install_interrupt() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigemptyset(&action.sa_mask);
    action.sa_flags = 0; // no SA_RESTART: the call must return
    ::sigaction(interrupt_signal, &action, nullptr);
}

std::chrono::nanoseconds interruptible_sleep(std::chrono::nanoseconds duration) {
    const timespec wanted{duration.count() / 1'000'000'000, duration.count() % 1'000'000'000};
    timespec left{};
    if (::clock_nanosleep(CLOCK_MONOTONIC, 0, &wanted, &left) != EINTR) return duration;
    return duration - std::chrono::seconds(left.tv_sec) - std::chrono::nanoseconds(left.tv_nsec);
}

} // namespace connscope::server
