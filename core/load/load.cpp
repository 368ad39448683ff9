// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace connscope::load {
namespace {

using telemetry::LoadWriter;

// Of a number shared by `engines`, what engine `number` takes.
std::uint32_t share_of(std::uint32_t whole, std::uint32_t number, std::uint32_t engines) {
    return whole / engines + (number < whole % engines ? 1 : 0);
}

// Counters that belong to the measured time. The others tell of connections, or of this moment.
constexpr std::array of_requests{
    LoadCounter::sent,           LoadCounter::completed,   LoadCounter::failed,         LoadCounter::corrupted,
    LoadCounter::bytes_in,       LoadCounter::bytes_out,   LoadCounter::abandoned,      LoadCounter::failed_status,
    LoadCounter::failed_garbage, LoadCounter::failed_lost, LoadCounter::failed_timeout,
};

} // namespace

telemetry::Outcome<std::unique_ptr<Load>> Load::create(const LoadOptions& options, std::function<void()> changed) {
    auto writer = LoadWriter::create({options.name, "connscope-load", std::string(name_of(options.protocol)),
                                      options.target.shown, options.control_path, max_populations});
    if (!writer) return std::move(writer).error();
    std::unique_ptr<Load> load(new Load(options, std::move(*writer)));
    for (std::uint32_t i = 0; i < options.threads; ++i) {
        EngineOptions engine_options;
        engine_options.protocol = options.protocol;
        engine_options.target = options.target;
        engine_options.seed = options.seed;
        engine_options.time_out = options.time_out;
        engine_options.busy_poll = options.busy_poll;
        engine_options.reconnect = options.reconnect;
        engine_options.number = i;
        engine_options.engines = options.threads;
        if (options.cpu) engine_options.cpu = *options.cpu + static_cast<int>(i);
        auto engine = Engine::create(std::move(engine_options), *load->writer_, changed);
        if (!engine) return std::move(engine).error();
        load->engines_.push_back(std::move(*engine));
    }
    try {
        for (const auto& engine : load->engines_) load->threads_.emplace_back([&running = *engine] { running.run(); });
    } catch (const std::system_error& error) {
        return telemetry::Error{error.code(), fmt::format("cannot begin {} threads: {}", options.threads, error.what())};
    }
    return load;
}

Load::~Load() {
    for (const auto& engine : engines_) engine->end();
    threads_.clear(); // joins
}

Load::Place* Load::find(const std::string& name, PopulationKind kind) {
    const auto found = std::find_if(places_.begin(), places_.end(), [&](const Place& place) {
        return place.removed_with == 0 && place.population.name == name && place.population.kind == kind;
    });
    return found == places_.end() ? nullptr : &*found;
}

telemetry::Status Load::set_populations(std::vector<Population> populations) {
    state(); // places of populations that are gone may be used again
    const auto added =
        static_cast<std::size_t>(std::count_if(populations.begin(), populations.end(), [this](const Population& each) {
            return find(each.name, each.kind) == nullptr;
        }));
    if (places_.size() + added > max_populations)
        return telemetry::Error{
            std::make_error_code(std::errc::no_space_on_device),
            fmt::format("{} populations are there or on their way out, and {} more do not fit into {} places",
                        places_.size(), added, max_populations)};

    ++plans_;
    std::vector<std::uint32_t> kept;
    std::vector<std::vector<GroupPlan>> plans(engines_.size());
    for (const Population& population : populations) {
        Place* place = find(population.name, population.kind);
        if (place == nullptr) {
            const auto number = writer_->add_population(population.name, to_text(population));
            if (!number)
                return telemetry::Error{std::make_error_code(std::errc::no_space_on_device),
                                        fmt::format("no room in the segment for population {}", population.name)};
            place = &places_.emplace_back(Place{*number, population, 0});
        } else if (place->population != population) {
            place->population = population;
            writer_->describe(place->number, population.name, to_text(population));
        }
        kept.push_back(place->number);
        show_offered(*place);
        for (std::uint32_t i = 0; i < engines_.size(); ++i) {
            Population share = population;
            share.connections = share_of(population.connections, i, options_.threads);
            if (population.connections > 0) share.rate = population.rate * share.connections / population.connections;
            // Engines without a connection would keep a schedule that nobody follows.
            if (share.connections == 0) share.rate = 0;
            plans[i].push_back({std::move(share), place->number, (i + 1.0) / options_.threads});
        }
    }
    for (Place& place : places_) {
        if (place.removed_with != 0 || std::find(kept.begin(), kept.end(), place.number) != kept.end()) continue;
        place.removed_with = plans_;
        place.population.connections = 0;
        place.population.rate = 0;
        show_offered(place);
    }
    populations_ = std::move(populations);
    for (std::size_t i = 0; i < engines_.size(); ++i) engines_[i]->set_groups(std::move(plans[i]));

    std::uint64_t target = 0;
    double rate = 0;
    for (const Population& population : populations_) {
        target += population.connections;
        rate += population.rate;
    }
    writer_->counter(LoadWriter::all, LoadCounter::target).store(target, std::memory_order_relaxed);
    writer_->counter(LoadWriter::all, LoadCounter::offered_per_s)
        .store(static_cast<std::uint64_t>(rate + 0.5), std::memory_order_relaxed);
    return telemetry::success();
}

void Load::show_offered(const Place& place) {
    writer_->counter(place.number, LoadCounter::target).store(place.population.connections, std::memory_order_relaxed);
    writer_->counter(place.number, LoadCounter::offered_per_s)
        .store(static_cast<std::uint64_t>(place.population.rate + 0.5), std::memory_order_relaxed);
}

void Load::start() {
    running_ = true;
    writer_->set_running(true);
    for (const auto& engine : engines_) engine->start();
}

void Load::stop() {
    running_ = false;
    writer_->set_running(false);
    for (const auto& engine : engines_) engine->stop();
}

void Load::finish() {
    running_ = false;
    writer_->set_running(false);
    for (const auto& engine : engines_) engine->finish();
}

Load::State Load::state() {
    State sum{true, true, true, true, 0, {}, {}};
    std::vector<EngineState> states;
    for (const auto& engine : engines_) {
        EngineState& one = states.emplace_back(engine->state());
        sum.taken = sum.taken && one.plans_taken == plans_;
        sum.settled = sum.settled && one.settled;
        sum.hopeless = sum.hopeless && one.hopeless;
        sum.drained = sum.drained && one.drained;
        sum.busy = std::max(sum.busy, one.busy);
        sum.late = std::max(sum.late, one.late);
    }
    sum.settled = sum.settled && sum.taken;
    sum.hopeless = sum.hopeless && sum.taken;

    std::erase_if(places_, [&](const Place& place) {
        if (place.removed_with == 0) return false;
        const bool used = std::any_of(states.begin(), states.end(), [&](const EngineState& one) {
            return one.plans_taken < place.removed_with ||
                   std::find(one.places.begin(), one.places.end(), place.number) != one.places.end();
        });
        if (!used) writer_->remove_population(place.number);
        return !used;
    });

    constexpr double nearly_all = 0.95;
    constexpr std::chrono::microseconds too_late(1000);
    if (running_ && sum.busy > nearly_all)
        sum.bottleneck = fmt::format("its thread used {:.0f} % of a CPU", sum.busy * 100);
    else if (running_ && sum.late > too_late)
        sum.bottleneck =
            fmt::format("it took requests up {:.1f} ms after they were due", static_cast<double>(sum.late.count()) / 1e6);
    writer_->set_bottleneck(!sum.bottleneck.empty());
    return sum;
}

Figures Load::figures(const Figures& before) {
    Figures figures;
    const auto take = [&](std::uint32_t place, std::string name, std::string text) {
        PopulationFigures& one = figures.emplace_back();
        one.place = place;
        one.name = std::move(name);
        one.text = std::move(text);
        for (std::size_t i = 0; i < one.counters.size(); ++i)
            one.counters[i] = writer_->counter(place, static_cast<LoadCounter>(i)).load(std::memory_order_relaxed);
        telemetry::Histogram earlier;
        const auto old = std::find_if(before.begin(), before.end(), [&](const PopulationFigures& each) {
            return each.place == place && each.name == one.name;
        });
        if (old != before.end()) {
            earlier = old->latencies;
            for (const LoadCounter which : of_requests) {
                auto& value = one.counters[static_cast<std::size_t>(which)];
                value -= std::min(value, (*old)[which]);
            }
        }
        telemetry::Histogram::difference(writer_->latencies(place), earlier, one.latencies);
    };
    take(LoadWriter::all, "all", "");
    for (const Place& place : places_)
        if (place.removed_with == 0) take(place.number, place.population.name, to_text(place.population));
    return figures;
}

} // namespace connscope::load
