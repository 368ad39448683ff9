// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/unique_fd.hpp"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <initializer_list>

namespace connscope::watch {

// Waits for the next interval, a signal or a key, whichever comes first. One thread; makes its signals blocked.
class Waiter {
public:
    // Intervals begin now; `signals` are taken here instead of where they would interrupt.
    Waiter(std::chrono::nanoseconds interval, std::initializer_list<int> signals);

    struct Woken {
        bool interval = false; // one or more have passed
        bool input = false;    // standard input has something, or has ended
        int signal = 0;        // 0: none
    };
    Woken wait(bool for_input);

private:
    telemetry::UniqueFd timer_;
    telemetry::UniqueFd signals_;
};

} // namespace connscope::watch
