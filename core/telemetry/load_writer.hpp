// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/histogram.hpp"
#include "connscope/telemetry/layout.hpp"
#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/segment_file.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::telemetry {

struct LoadWriterOptions {
    std::string name;    // of the segment; see valid_name()
    std::string program; // "connscope-load"
    std::string protocol;
    std::string address;            // where it connects
    std::string control_path;       // empty = none
    std::uint32_t populations = 31; // at once, "all" not among them
};

// The writer of a load's segment. Population 0 is "all". Creation makes the file, destruction marks it as ended and removes
// it. Counters and latencies: any thread. The rest: one thread at a time.
class LoadWriter {
public:
    // Errors: the name is invalid or taken by a living process, no room, no rights.
    static Outcome<std::unique_ptr<LoadWriter>> create(const LoadWriterOptions& options);

    static constexpr std::uint32_t all = 0;

    // Begins a population with counters of 0; its number, or none when there is no place for one more.
    std::optional<std::uint32_t> add_population(std::string_view name, std::string_view text);
    // Shows another text (and name) for a population.
    void describe(std::uint32_t population, std::string_view name, std::string_view text) noexcept;
    // Frees the place; what was counted stays in "all".
    void remove_population(std::uint32_t population) noexcept;

    std::atomic<std::uint64_t>& counter(std::uint32_t population, layout::LoadCounter which) noexcept;
    HistogramCounters latencies(std::uint32_t population) noexcept;

    void set_cpu(std::chrono::nanoseconds user, std::chrono::nanoseconds system) noexcept;
    void set_bottleneck(bool is_bottleneck) noexcept;
    void set_running(bool running) noexcept;
    // Says that the gauges are fresh and ties ticks to the clocks anew. A few times a second.
    void beat() noexcept;

    const std::filesystem::path& path() const noexcept { return segment_.path(); }

private:
    LoadWriter(SegmentFile segment, std::uint32_t places);
    layout::Population& place(std::uint32_t population) noexcept { return populations_[population]; }

    SegmentFile segment_;
    layout::Population* populations_ = nullptr;
    layout::LoadGauges* gauges_ = nullptr;
    std::atomic<std::uint64_t>* histograms_ = nullptr;
    std::vector<bool> histogram_reserved_;
    std::uint32_t places_ = 0;
};

} // namespace connscope::telemetry
