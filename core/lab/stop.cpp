// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/stop.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>

namespace connscope::lab {

Stop::Stop()
    : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Stop::ask() const noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
}

bool Stop::asked() const noexcept { return !pass(std::chrono::nanoseconds(0)); }

bool Stop::pass(std::chrono::nanoseconds time) const noexcept {
    const auto until = std::chrono::steady_clock::now() + time;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - std::chrono::steady_clock::now());
        const std::int64_t ns = left.count() > 0 ? left.count() : 0;
        const timespec limit{ns / 1'000'000'000, ns % 1'000'000'000};
        pollfd entry{event_.get(), POLLIN, 0};
        const int ready = ::ppoll(&entry, 1, &limit, nullptr);
        if (ready > 0) return false;
        if (ready == 0) return true;
        // Interrupted by a signal: its handler may have asked.
    }
}

} // namespace connscope::lab
