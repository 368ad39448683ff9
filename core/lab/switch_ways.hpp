// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace connscope::lab {

// Two sides that hand a CPU to each other, in one of several ways; whoever has it touches its working set. What the ways
// share is here, so that they differ in the switch alone.

// Memory of one's own, in whole pages, there from the beginning.
class Memory {
public:
    explicit Memory(std::size_t bytes, bool shared = false);
    Memory(const Memory&) = delete;
    ~Memory();

    std::byte* begin() const noexcept { return begin_; }
    std::size_t size() const noexcept { return bytes_; }
    // Reads and writes a word in each cache line.
    void touch() const noexcept;

private:
    std::byte* begin_ = nullptr;
    std::size_t bytes_ = 0;
};

// What both sides see, whether they are calls or processes.
struct Board {
    static constexpr std::size_t most_samples = 4096;
    std::int64_t left_at_ns = 0; // cold: when the side before gave the CPU away; 0: nobody did yet
    std::uint32_t samples = 0;
    std::array<std::int64_t, most_samples> sample_ns{}; // cold: from there until the set was touched
    std::atomic<std::uint32_t> turn{0};                 // 0 or 1: whose it is; of threads
    std::atomic<std::uint32_t> over{0};
};

struct Side {
    const Memory* set = nullptr;
    const Memory* others = nullptr; // cold: what is touched so that the caches hold something else; none: warm
    Board* board = nullptr;
    std::uint32_t number = 0;

    // What a side does with the CPU: touches its set. Cold: says how long it took since the other side left, and then fills
    // the caches with something else.
    void run() const noexcept;
    // It has nothing to touch.
    bool is_idle() const noexcept { return set->size() == 0 && others == nullptr; }
};

// One way to switch. round_trips() is called by the measuring thread, which is side 0.
class Way {
public:
    virtual ~Way() = default;
    // So many times: side 0 runs, switch to side 1, it runs, switch back. False when the other side is gone.
    virtual bool round_trips(std::size_t count) = 0;
};

// "call", "coroutine", "fiber", "thread (futex)", "process (pipe)".
constexpr std::array<std::string_view, 5> way_names{"call", "coroutine", "fiber", "thread (futex)", "process (pipe)"};
// Whether its sides may run on different CPUs.
bool may_be_apart(std::string_view way) noexcept;

// Makes the two sides; the calling thread is side 0, and side 1 is pinned to `cpu` where it is a thread or a process.
telemetry::Outcome<std::unique_ptr<Way>> make_way(std::string_view name, const std::array<Side, 2>& sides, int cpu);

// Nanoseconds to make one, let it do nothing, and end it. None for a call. Errors: none can be made.
telemetry::Outcome<std::optional<double>> creation_ns(std::string_view way, std::size_t count);

} // namespace connscope::lab
