// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/load/content.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>

namespace connscope::load {

enum class ArrivalProcess : std::uint8_t {
    constant, // equal gaps
    poisson,  // exponentially distributed gaps: many independent users
};

// The times at which an open loop's requests are due. They depend on the start, the rate and the seed alone, never on what
// has been answered. One thread at a time.
class Arrivals {
public:
    Arrivals() = default;
    Arrivals(ArrivalProcess process, std::uint64_t seed) noexcept
        : process_(process)
        , random_(seed) {}

    // Begins at `start` (CLOCK_MONOTONIC) with `per_second` > 0. The first request is due one `phase` of a gap later: loads
    // on several threads take different phases.
    void start(std::chrono::nanoseconds start, double per_second, double phase = 1.0) noexcept {
        gap_ns_ = 1e9 / per_second;
        next_ns_ = static_cast<double>(start.count());
        next_ns_ += process_ == ArrivalProcess::constant ? gap_ns_ * phase : drawn_gap();
    }
    // Another rate from `now` on: what is overdue stays so, the next one comes nearer or farther in proportion.
    void change_rate(std::chrono::nanoseconds now, double per_second) noexcept {
        const double new_gap_ns = 1e9 / per_second;
        const double ahead_ns = next_ns_ - static_cast<double>(now.count());
        if (ahead_ns > 0) next_ns_ = static_cast<double>(now.count()) + ahead_ns * new_gap_ns / gap_ns_;
        gap_ns_ = new_gap_ns;
    }

    std::chrono::nanoseconds next() const noexcept { return std::chrono::nanoseconds(static_cast<std::int64_t>(next_ns_)); }
    void advance() noexcept { next_ns_ += process_ == ArrivalProcess::constant ? gap_ns_ : drawn_gap(); }

    // How many requests are due at `now` and not yet taken; with poisson arrivals, on average.
    std::uint64_t due(std::chrono::nanoseconds now) const noexcept {
        const double behind = static_cast<double>(now.count()) - next_ns_;
        return behind < 0 ? 0 : static_cast<std::uint64_t>(behind / gap_ns_) + 1;
    }

private:
    double drawn_gap() noexcept {
        random_ += 0x9e3779b97f4a7c15u;
        // 53 random bits make a number in (0, 1]; its negated logarithm is exponentially distributed with mean 1.
        const double uniform = static_cast<double>((Content::mix(random_) >> 11) + 1) * 0x1p-53;
        return -std::log(uniform) * gap_ns_;
    }

    ArrivalProcess process_ = ArrivalProcess::constant;
    std::uint64_t random_ = 0;
    // Doubles hold ns of CLOCK_MONOTONIC exactly up to 2^53 ns, 104 days of uptime, and to 2 ns up to a year.
    double gap_ns_ = 0;
    double next_ns_ = 0;
};

} // namespace connscope::load
