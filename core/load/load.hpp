// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/load/engine.hpp"
#include "connscope/load/figures.hpp"
#include "connscope/load/population.hpp"
#include "connscope/load/target.hpp"
#include "connscope/telemetry/load_writer.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace connscope::load {

struct LoadOptions {
    Protocol protocol = Protocol::echo;
    Target target;
    std::uint64_t seed = 1;
    std::chrono::nanoseconds time_out{std::chrono::seconds(10)};
    bool busy_poll = false; // never sleep: no wake-up adds to a latency, but a CPU is taken for each engine
    bool reconnect = false;
    std::uint32_t threads = 1;
    std::optional<int> cpu; // the first thread's; the others take the next ones
    std::string name;       // of the segment
    std::string control_path;
};

// A running load: its engines, its segment, and the populations that it has. One thread calls it; the engines have their
// own.
class Load {
public:
    // `changed` is called on an engine's thread when state() may have changed: post to the owner's thread from there.
    // Errors: the segment could not be made, no descriptors, no threads.
    static telemetry::Outcome<std::unique_ptr<Load>> create(const LoadOptions& options, std::function<void()> changed);
    // Closes all connections and waits for the engines.
    ~Load();
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    // Has exactly these populations from now on, told apart by their names. Those that stay the same are not touched;
    // another rate, payload or path keeps the connections; another number opens or closes the difference. Errors: no place
    // for more.
    telemetry::Status set_populations(std::vector<Population> populations);
    const std::vector<Population>& populations() const noexcept { return populations_; }

    void start();  // begin to send
    void stop();   // send no more; connections stay
    void finish(); // stop for good; state().drained tells when what was sent is answered
    bool running() const noexcept { return running_; }

    struct State {
        bool taken = false;    // the populations set last are in force
        bool settled = false;  // every connection wanted is there or was tried in vain
        bool hopeless = false; // none is there, nor will be
        bool drained = false;
        double busy = 0;                 // of the busiest engine's CPU
        std::chrono::nanoseconds late{}; // of the latest engine
        std::string bottleneck;          // why the load itself is what limits; empty when it is not
    };
    // Also frees the places of populations that are gone, and tells observers whether the load itself is the bottleneck.
    State state();

    // What was counted: "all" first, then the populations. Connections since the start, requests and latencies since
    // `before` was taken.
    Figures figures(const Figures& before = {});
    const std::filesystem::path& segment() const noexcept { return writer_->path(); }

private:
    Load(const LoadOptions& options, std::unique_ptr<telemetry::LoadWriter> writer)
        : options_(options)
        , writer_(std::move(writer)) {}
    struct Place {
        std::uint32_t number = 0;
        Population population;
        std::uint64_t removed_with = 0; // the number of the plan that left it out; 0 = in use
    };
    Place* find(const std::string& name, PopulationKind kind);
    void show_offered(const Place& place);

    LoadOptions options_;
    std::unique_ptr<telemetry::LoadWriter> writer_;
    std::vector<std::unique_ptr<Engine>> engines_;
    std::vector<std::jthread> threads_;
    std::vector<Population> populations_;
    std::vector<Place> places_;
    std::uint64_t plans_ = 0;
    bool running_ = false;
};

} // namespace connscope::load
