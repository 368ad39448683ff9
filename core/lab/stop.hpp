// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/unique_fd.hpp"

#include <chrono>

namespace connscope::lab {

// Somebody's wish that an experiment ends now. Asked for by any thread or signal handler, waited for by one thread.
class Stop {
public:
    Stop();

    void ask() const noexcept; // safe in a signal handler
    bool asked() const noexcept;
    // Lets this much time pass, which a measurement needs; false at once when a stop is asked for.
    bool pass(std::chrono::nanoseconds time) const noexcept;

private:
    telemetry::UniqueFd event_;
};

} // namespace connscope::lab
