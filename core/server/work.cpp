// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/work.hpp"

#include <atomic>

namespace connscope::server {
namespace {

std::atomic<std::uint64_t> rounds_done{0}; // relaxed: a statistic
std::atomic<Work> replacement{nullptr};    // relaxed: set before connections compute

} // namespace

void work(telemetry::Ticks span) noexcept {
    if (const Work other = replacement.load(std::memory_order_relaxed); other != nullptr) [[unlikely]]
        return other(span);
    const telemetry::Ticks begin = telemetry::ticks();
    std::uint64_t rounds = 1;
    while (telemetry::ticks() - begin < span) ++rounds;
    rounds_done.fetch_add(rounds, std::memory_order_relaxed);
}

void replace_work(Work by) noexcept { replacement.store(by, std::memory_order_relaxed); }

std::uint64_t work_done() noexcept { return rounds_done.load(std::memory_order_relaxed); }

} // namespace connscope::server
