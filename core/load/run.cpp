// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/run.hpp"

#include "connscope/control/server.hpp"
#include "connscope/load/methods.hpp"
#include "connscope/telemetry/clock.hpp"

#include <boost/asio.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace connscope::load {
namespace {

namespace asio = boost::asio;
using std::chrono::nanoseconds;

nanoseconds now() { return nanoseconds(telemetry::monotonic_ns()); }

std::uint64_t errors_of(const PopulationFigures& all) {
    return all[LoadCounter::refused] + all[LoadCounter::reset] + all[LoadCounter::closed_by_peer] +
           all[LoadCounter::timed_out] + all[LoadCounter::unavailable] + all[LoadCounter::failed] +
           all[LoadCounter::corrupted];
}

// The story of one run: opening, warming up, measuring, draining, done. Everything here happens on the thread that calls
// live(); engines are heard through posts.
class Runner {
public:
    Runner(RunOptions options, const RunReports& reports)
        : options_(std::move(options))
        , reports_(reports) {}

    telemetry::Outcome<RunResult> live() {
        if (auto begun = begin(); !begun) return std::move(begun).error();
        context_.run();
        return std::move(result_);
    }

private:
    enum class Phase { opening, warming_up, measuring, draining, done };

    telemetry::Status begin() {
        const FileLimit limit = raise_file_limit();
        std::uint64_t wanted = 0;
        for (const Population& population : options_.populations) wanted += population.connections;
        if (const auto note = fit(options_.populations, limit)) {
            if (limit.connections == 0) return telemetry::Error{std::make_error_code(std::errc::too_many_files_open), *note};
            reports_.progress(*note);
            result_.summary.not_reachable = wanted - std::min(wanted, limit.connections);
        }
        auto load = Load::create(options_.load, [this] { asio::post(context_, [this] { look(); }); });
        if (!load) return std::move(load).error();
        load_ = std::move(*load);
        auto control = control::Server::listen(context_, options_.load.control_path,
                                               methods_of({*load_,
                                                           {options_.load.protocol, options_.default_payload},
                                                           [this] { load_->start(); },
                                                           [this] { load_->stop(); },
                                                           [this] { finish(); },
                                                           [this] { return achieved_per_s_; }}));
        if (!control) return std::move(control).error();
        control_ = std::move(*control);
        wait_for_signals();
        reports_.ready(fmt::format("loading {} protocol={} pid={} control={} segment={}", options_.load.target.shown,
                                   name_of(options_.load.protocol), ::getpid(), options_.load.control_path,
                                   options_.load.name));
        if (auto set = load_->set_populations(options_.populations); !set) return set;
        begun_at_ = last_reading_at_ = now();
        tick();
        return telemetry::success();
    }

    void wait_for_signals() {
        signals_.async_wait([this](const boost::system::error_code& error, int) {
            if (error) return;
            if (phase_ == Phase::draining) {
                end(); // asked twice
                return;
            }
            finish();
            wait_for_signals();
        });
    }

    // Something changed at an engine.
    void look() {
        if (phase_ == Phase::done) return;
        const Load::State state = load_->state();
        if (phase_ == Phase::opening && state.settled) settled();
        if (phase_ == Phase::draining && state.drained) end();
        if (phase_ != Phase::draining && phase_ != Phase::done && state.hopeless && !options_.load.reconnect) lost_all();
    }

    void settled() {
        const PopulationFigures all = load_->figures().front();
        const double seconds = std::chrono::duration<double>(now() - begun_at_).count();
        reports_.progress(fmt::format("opened {} of {} connections in {:.2f} s", all[LoadCounter::opened],
                                      all[LoadCounter::target], seconds));
        load_->start();
        phase_ = Phase::warming_up;
        if (options_.warm_up.count() == 0) {
            measure();
            return;
        }
        phase_timer_.expires_after(options_.warm_up);
        phase_timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error && phase_ == Phase::warming_up) measure();
        });
    }

    void measure() {
        phase_ = Phase::measuring;
        if (options_.warm_up.count() > 0) before_ = load_->figures();
        measured_from_ = now();
        if (options_.duration.count() == 0) return;
        phase_timer_.expires_after(options_.duration);
        phase_timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error && phase_ == Phase::measuring) finish();
        });
    }

    // No connection is left and none will come. Without an end of its own the run stays: control may bring it new
    // populations.
    void lost_all() {
        const bool ever = load_->figures().front()[LoadCounter::opened] > 0;
        if (ever && options_.duration.count() == 0) return;
        reports_.progress(ever ? "No connection is left." : "No connection could be opened.");
        finish();
    }

    void finish() {
        if (phase_ == Phase::draining || phase_ == Phase::done) return;
        if (phase_ != Phase::measuring) measured_from_ = now();
        phase_ = Phase::draining;
        Summary& summary = result_.summary;
        summary.measured = now() - measured_from_;
        for (const PopulationFigures& one : load_->figures(before_))
            completed_.emplace_back(one.place, one[LoadCounter::completed]);
        load_->finish();
        phase_timer_.expires_after(options_.load.time_out + std::chrono::milliseconds(500));
        phase_timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error) end();
        });
    }

    void end() {
        if (phase_ == Phase::done) return;
        phase_ = Phase::done;
        Summary& summary = result_.summary;
        summary.figures = load_->figures(before_);
        for (const PopulationFigures& one : summary.figures) {
            const auto found = std::find_if(completed_.begin(), completed_.end(),
                                            [&](const auto& entry) { return entry.first == one.place; });
            summary.completed_in_time.push_back(found == completed_.end() ? 0 : found->second);
        }
        const PopulationFigures& all = summary.figures.front();
        result_.never_connected = all[LoadCounter::target] > 0 && all[LoadCounter::opened] == 0;
        // A moment's lack is the machine's noise; a fifth of the time is the run's character.
        if (bottleneck_ticks_ > 0 && bottleneck_ticks_ * 5 >= measured_ticks_) summary.bottleneck = last_bottleneck_;
        context_.stop();
    }

    // Four times a second: is the load itself what limits? Once a second: a reading.
    void tick() {
        constexpr auto period = std::chrono::milliseconds(250);
        const Load::State state = load_->state();
        if (phase_ == Phase::measuring) {
            ++measured_ticks_;
            if (!state.bottleneck.empty()) {
                ++bottleneck_ticks_;
                last_bottleneck_ = state.bottleneck;
            }
        }
        if (++ticks_ % 4 == 0) read();
        tick_timer_.expires_after(period);
        tick_timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error && phase_ != Phase::done) tick();
        });
    }

    void read() {
        const nanoseconds at = now();
        const double seconds = std::chrono::duration<double>(at - last_reading_at_).count();
        Figures since = load_->figures(last_reading_);
        const PopulationFigures& all = since.front();
        achieved_per_s_ = static_cast<double>(all[LoadCounter::completed]) / seconds;
        if (phase_ == Phase::opening) {
            reports_.progress(fmt::format("opening: {} of {} connections, {} failed", all[LoadCounter::open],
                                          all[LoadCounter::target], errors_of(all)));
        } else if (phase_ != Phase::done) {
            const auto ms = [&](double quantile) {
                return static_cast<double>(all.latencies.percentile(quantile).count()) / 1e6;
            };
            reports_.progress(fmt::format("{:>5.0f} s  {} open  {:.0f} req/s  p50 {:.3f} ms  p99 {:.3f} ms  {} errors",
                                          std::chrono::duration<double>(at - begun_at_).count(), all[LoadCounter::open],
                                          achieved_per_s_, ms(0.5), ms(0.99), errors_of(all)));
        }
        last_reading_ = load_->figures();
        last_reading_at_ = at;
    }

    RunOptions options_;
    const RunReports& reports_;
    asio::io_context context_{1};
    asio::signal_set signals_{context_, SIGINT, SIGTERM};
    asio::steady_timer phase_timer_{context_};
    asio::steady_timer tick_timer_{context_};
    std::unique_ptr<control::Server> control_;
    Phase phase_ = Phase::opening;
    nanoseconds begun_at_{};
    nanoseconds measured_from_{};
    Figures before_;                                                 // what had been counted when measuring began
    std::vector<std::pair<std::uint32_t, std::uint64_t>> completed_; // when sending ended, by place
    Figures last_reading_;
    nanoseconds last_reading_at_{};
    double achieved_per_s_ = 0;
    unsigned ticks_ = 0;
    unsigned measured_ticks_ = 0;
    unsigned bottleneck_ticks_ = 0;
    std::string last_bottleneck_;
    RunResult result_;
    std::unique_ptr<Load> load_; // the last to be made and the first to go: its engines post to the context
};

} // namespace

telemetry::Outcome<RunResult> run(RunOptions options, const RunReports& reports) {
    return Runner(std::move(options), reports).live();
}

} // namespace connscope::load
