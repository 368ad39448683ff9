// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/load_writer.hpp"

#include "connscope/telemetry/clock.hpp"

#include <algorithm>
#include <utility>

namespace connscope::telemetry {
namespace {

using layout::SectionKind;

template <std::size_t N>
void put_text(std::array<std::atomic<char>, N>& into, std::string_view text) noexcept {
    const std::size_t length = std::min(text.size(), N - 1);
    for (std::size_t i = 0; i < N; ++i) into[i].store(i < length ? text[i] : '\0', std::memory_order_relaxed);
}

} // namespace

Outcome<std::unique_ptr<LoadWriter>> LoadWriter::create(const LoadWriterOptions& options) {
    const std::uint32_t places = options.populations + 1;
    auto segment =
        SegmentFile::create({layout::SegmentKind::load,
                             options.name,
                             options.program,
                             {{SectionKind::load, sizeof(layout::LoadGauges), 1},
                              {SectionKind::populations, sizeof(layout::Population), places},
                              {SectionKind::histograms, HistogramBuckets::count * sizeof(std::uint64_t), places, false}}});
    if (!segment) return std::move(segment).error();
    copy_text(segment->header().protocol, options.protocol);
    copy_text(segment->header().address, options.address);
    copy_text(segment->header().control_path, options.control_path);

    std::unique_ptr<LoadWriter> writer(new LoadWriter(std::move(*segment), places));
    if (!writer->add_population("all", ""))
        return Error{std::make_error_code(std::errc::no_space_on_device), "no room for the segment " + options.name};
    writer->beat();
    writer->segment_.complete();
    return writer;
}

LoadWriter::LoadWriter(SegmentFile segment, std::uint32_t places)
    : segment_(std::move(segment))
    , histogram_reserved_(places)
    , places_(places) {
    populations_ = segment_.section<layout::Population>(SectionKind::populations);
    gauges_ = segment_.section<layout::LoadGauges>(SectionKind::load);
    histograms_ = segment_.section<std::atomic<std::uint64_t>>(SectionKind::histograms);
}

std::optional<std::uint32_t> LoadWriter::add_population(std::string_view name, std::string_view text) {
    for (std::uint32_t i = 0; i < places_; ++i) {
        if (place(i).in_use.load(std::memory_order_relaxed) != 0) continue; // written by this thread only
        if (!histogram_reserved_[i]) {
            if (!segment_.reserve(SectionKind::histograms, i, 1)) return std::nullopt;
            histogram_reserved_[i] = true;
        } else {
            for (auto& count : latencies(i)) count.store(0, std::memory_order_relaxed);
        }
        for (auto& value : place(i).counters) value.store(0, std::memory_order_relaxed);
        describe(i, name, text);
        place(i).in_use.store(1, std::memory_order_release); // pairs with the reader's acquire load: counters are 0 by then
        return i;
    }
    return std::nullopt;
}

void LoadWriter::describe(std::uint32_t population, std::string_view name, std::string_view text) noexcept {
    layout::Population& written = place(population);
    const std::uint32_t sequence = written.sequence.load(std::memory_order_relaxed);
    written.sequence.store(sequence + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release); // the odd sequence is seen before any new letter
    put_text(written.name, name);
    put_text(written.text, text);
    written.sequence.store(sequence + 2, std::memory_order_release); // pairs with the reader's acquire load
}

void LoadWriter::remove_population(std::uint32_t population) noexcept {
    place(population).in_use.store(0, std::memory_order_release); // pairs with the reader's acquire load
}

std::atomic<std::uint64_t>& LoadWriter::counter(std::uint32_t population, layout::LoadCounter which) noexcept {
    return place(population).counters[static_cast<std::size_t>(which)];
}

HistogramCounters LoadWriter::latencies(std::uint32_t population) noexcept {
    return HistogramCounters(histograms_ + std::size_t{population} * HistogramBuckets::count, HistogramBuckets::count);
}

void LoadWriter::set_cpu(std::chrono::nanoseconds user, std::chrono::nanoseconds system) noexcept {
    gauges_->user_cpu_ns.store(static_cast<std::uint64_t>(user.count()), std::memory_order_relaxed);
    gauges_->system_cpu_ns.store(static_cast<std::uint64_t>(system.count()), std::memory_order_relaxed);
}

void LoadWriter::set_bottleneck(bool is_bottleneck) noexcept {
    gauges_->bottleneck.store(is_bottleneck ? 1 : 0, std::memory_order_relaxed);
}

void LoadWriter::set_running(bool running) noexcept { gauges_->running.store(running ? 1 : 0, std::memory_order_relaxed); }

void LoadWriter::beat() noexcept {
    segment_.write_clock();
    segment_.header().heartbeat_ticks.store(ticks(), std::memory_order_release); // the gauges before it are fresh
}

} // namespace connscope::telemetry
