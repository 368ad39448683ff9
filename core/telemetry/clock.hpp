// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace connscope::telemetry {

// A reading of the fastest clock that all CPUs of this machine share. What one tick lasts is in ClockCalibration.
using Ticks = std::uint64_t;

enum class ClockKind : std::uint32_t {
    monotonic = 1, // ticks are nanoseconds of CLOCK_MONOTONIC
    tsc = 2,       // ticks are the CPU's invariant time stamp counter
};

// Which clock this machine can offer: tsc where CPUID 8000_0007h says it is invariant, monotonic elsewhere.
ClockKind detect_clock() noexcept;

namespace detail {
inline const bool ticks_are_tsc = detect_clock() == ClockKind::tsc;
}

// Nanoseconds of CLOCK_MONOTONIC; about 25 ns a call.
inline std::int64_t monotonic_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

// The current tick; about 10 ns a call where the time stamp counter serves. Any thread.
inline Ticks ticks() noexcept {
#if defined(__x86_64__)
    if (detail::ticks_are_tsc) [[likely]]
        return __rdtsc();
#endif
    return static_cast<Ticks>(monotonic_ns());
}

// Ties ticks to CLOCK_MONOTONIC and to the wall clock.
struct ClockCalibration {
    ClockKind kind = ClockKind::monotonic;
    Ticks anchor_ticks = 0;
    std::int64_t anchor_monotonic_ns = 0;
    std::int64_t anchor_realtime_ns = 0;
    double ns_per_tick = 1.0;

    // The length of a span of ticks.
    std::chrono::nanoseconds duration(Ticks span) const noexcept {
        return std::chrono::nanoseconds(saturated(static_cast<double>(span) * ns_per_tick));
    }
    // CLOCK_MONOTONIC at a tick, in ns; ticks before the anchor give earlier times.
    std::chrono::nanoseconds monotonic(Ticks at) const noexcept {
        const auto distance = static_cast<std::int64_t>(at - anchor_ticks);
        return std::chrono::nanoseconds(anchor_monotonic_ns + saturated(static_cast<double>(distance) * ns_per_tick));
    }
    // The tick at a time of CLOCK_MONOTONIC.
    Ticks at(std::chrono::nanoseconds monotonic_time) const noexcept {
        const auto distance = static_cast<double>(monotonic_time.count() - anchor_monotonic_ns) / ns_per_tick;
        return anchor_ticks + static_cast<Ticks>(saturated(distance));
    }

    // Calibrations and ticks may come from a file that holds anything: results beyond 126 years are cut to that, and with
    // the anchor within the same bound no sum of the two overflows.
    static constexpr double longest_ns = 4e18;
    static std::int64_t saturated(double value) noexcept {
        return static_cast<std::int64_t>(std::clamp(value, -longest_ns, longest_ns));
    }
};

// Measures a calibration against CLOCK_MONOTONIC, spinning for 2 ms the first time; later calls return the same one.
// The two clocks then differ by less than 50 ppm. Any thread.
const ClockCalibration& process_clock();

} // namespace connscope::telemetry
