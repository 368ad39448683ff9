// SPDX-License-Identifier: BSL-1.0
#include "watch_wait.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace connscope::watch {

Waiter::Waiter(std::chrono::nanoseconds interval, std::initializer_list<int> signals)
    : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(interval);
    itimerspec period{};
    period.it_interval.tv_sec = seconds.count();
    period.it_interval.tv_nsec = std::max<std::int64_t>((interval - seconds).count(), seconds.count() == 0 ? 1 : 0);
    period.it_value = period.it_interval;
    ::timerfd_settime(timer_.get(), 0, &period, nullptr);
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals) sigaddset(&set, signal);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

Waiter::Woken Waiter::wait(bool for_input) {
    std::array<pollfd, 3> polled{{{timer_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    Woken woken;
    if (::poll(polled.data(), for_input ? 3 : 2, -1) < 0) return woken;
    std::uint64_t passed = 0;
    woken.interval = ::read(timer_.get(), &passed, sizeof passed) == sizeof passed;
    signalfd_siginfo signal{};
    if (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) woken.signal = static_cast<int>(signal.ssi_signo);
    woken.input = for_input && polled[2].revents != 0;
    return woken;
}

} // namespace connscope::watch
