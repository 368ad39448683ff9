// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/clock.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace connscope::telemetry {

ClockKind detect_clock() noexcept {
#if defined(__x86_64__)
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    constexpr unsigned invariant_tsc_bit = 1u << 8; // Intel SDM vol. 2A, CPUID leaf 80000007H, EDX bit 8
    if (__get_cpuid(0x8000'0007u, &eax, &ebx, &ecx, &edx) != 0 && (edx & invariant_tsc_bit) != 0) return ClockKind::tsc;
#endif
    return ClockKind::monotonic;
}

namespace {

struct Anchor {
    Ticks at;
    std::int64_t monotonic_ns;
};

// The tick that belongs to a monotonic time: the tightest of a few bracketed readings.
Anchor read_anchor() {
    Anchor best{};
    Ticks best_width = ~Ticks{0};
    for (int attempt = 0; attempt < 8; ++attempt) {
        const Ticks before = ticks();
        const std::int64_t now = monotonic_ns();
        const Ticks after = ticks();
        if (after - before < best_width) {
            best_width = after - before;
            best = {before + (after - before) / 2, now};
        }
    }
    return best;
}

std::int64_t realtime_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

ClockCalibration calibrate() {
    ClockCalibration calibration;
    calibration.kind = detect_clock();
    const Anchor first = read_anchor();
    if (calibration.kind == ClockKind::tsc) {
        constexpr std::int64_t span_ns = 2'000'000;
        while (monotonic_ns() - first.monotonic_ns < span_ns) {
        }
        const Anchor second = read_anchor();
        calibration.ns_per_tick =
            static_cast<double>(second.monotonic_ns - first.monotonic_ns) / static_cast<double>(second.at - first.at);
    }
    calibration.anchor_ticks = first.at;
    calibration.anchor_monotonic_ns = first.monotonic_ns;
    calibration.anchor_realtime_ns = realtime_ns() - (monotonic_ns() - first.monotonic_ns);
    return calibration;
}

} // namespace

const ClockCalibration& process_clock() {
    static const ClockCalibration calibration = calibrate();
    return calibration;
}

} // namespace connscope::telemetry
