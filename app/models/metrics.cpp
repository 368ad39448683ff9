// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <thread>

namespace connscope::app {

using telemetry::CarrierKind;
using telemetry::ConnectionState;
using telemetry::Gauge;

namespace {

constexpr std::chrono::milliseconds percentile_window{1000};
constexpr std::chrono::milliseconds percentile_part{100};
constexpr std::chrono::milliseconds counter_window{200};
constexpr std::chrono::milliseconds socket_window{1000}; // the kernel is asked for sockets less often
constexpr std::chrono::seconds sockets_are_old{15};      // so many sockets that they are hardly read
constexpr std::chrono::milliseconds cost_window{1000};
constexpr std::chrono::milliseconds split_window{5000};
constexpr std::chrono::milliseconds least_split{1000};
constexpr std::chrono::milliseconds gauge_span{80};       // rates over less would be noise
constexpr std::chrono::milliseconds gauges_are_old{1000}; // the server writes them ten times a second

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

double as_number(std::optional<std::uint64_t> value) { return value ? static_cast<double>(*value) : not_known; }

} // namespace

Sources sources_of(const Snapshot& snapshot, bool is_attached) {
    Sources sources;
    if (!is_attached) return sources;
    sources.load = false;
    sources.probe = has_probe(snapshot);
    sources.requests = sources.probe && snapshot.server.counters.requests != telemetry::layout::not_available;
    sources.idle_memory = sources.probe && snapshot.server.gauge(Gauge::idle_private_bytes).has_value();
    return sources;
}

void WindowedPercentiles::add(const telemetry::Histogram& since, std::chrono::nanoseconds time) {
    if (parts_.empty() || time - parts_.back().begin >= percentile_part) {
        Part part;
        if (!parts_.empty() && time - parts_.front().begin > percentile_window) { // its memory serves again
            part = std::move(parts_.front());
            parts_.pop_front();
            part.values.clear();
        }
        part.begin = time;
        parts_.push_back(std::move(part));
    }
    parts_.back().values.merge(since);
    while (time - parts_.front().begin > percentile_window + percentile_part) parts_.pop_front();
    sum_.clear();
    for (const Part& part : parts_) sum_.merge(part.values);
}

void WindowedPercentiles::clear() {
    parts_.clear();
    sum_.clear();
}

double WindowedPercentiles::percentile(double quantile) const {
    return sum_.total() == 0 ? not_known : seconds(sum_.percentile(quantile));
}

double WindowedPercentiles::max() const { return sum_.total() == 0 ? not_known : seconds(sum_.max()); }

Sample Metrics::update(const Snapshot& snapshot) {
    Sample sample;
    sample.time = seconds(snapshot.taken);
    if (snapshot.has_server) {
        add_connections(snapshot, sample);
        add_memory(snapshot, sample);
        learn_split(snapshot);
        add_gauge_rates(snapshot, sample);
        add_idle(snapshot, sample);
        add_cost(sample);
        add_counter_rates(snapshot, sample);
        add_delays(snapshot, sample);
    } else {
        forget();
    }
    add_load(snapshot, sample);
    return sample;
}

void Metrics::forget() {
    gauges_.reset();
    counters_.clear();
    costs_.clear();
    system_share_ = not_known;
    mode_changes_.reset();
    gauge_rates_ = {};
    mode_was_used_ = {};
    delay_.clear();
    stamped_delay_.clear();
}

void Metrics::add_connections(const Snapshot& snapshot, Sample& sample) {
    const telemetry::ServerReading& server = snapshot.server;
    std::array<std::uint64_t, telemetry::connection_state_count> states{};
    for (const auto& connection : server.connections) ++states[static_cast<std::size_t>(connection.state)];
    const auto in = [&](ConnectionState state) { return static_cast<double>(states[static_cast<std::size_t>(state)]); };
    sample[Quantity::running] = in(ConnectionState::running);
    sample[Quantity::ready] = in(ConnectionState::ready);
    sample[Quantity::waiting_read] = in(ConnectionState::waiting_read);
    sample[Quantity::waiting_write] = in(ConnectionState::waiting_write);
    sample[Quantity::paused] = in(ConnectionState::paused);
    if (!has_probe(snapshot)) { // whether a CPU works for a connection, or it waits for a time, its socket does not tell
        sample[Quantity::running] = sample[Quantity::paused] = not_known;
    }
    if (!snapshot.server.gauge(Gauge::connections_open) && !has_probe(snapshot)) { // nor is anything, without the right
        sample[Quantity::ready] = sample[Quantity::waiting_read] = sample[Quantity::waiting_write] = not_known;
    } else {
        sample[Quantity::open] = static_cast<double>(server.connections.size());
    }

    sample[Quantity::threads] = snapshot.server_process ? static_cast<double>(snapshot.server_process->threads)
                                                        : as_number(server.gauge(Gauge::threads));
    sample[Quantity::carriers_thread] = as_number(server.gauge(Gauge::carriers_thread));
    sample[Quantity::carriers_coroutine] = as_number(server.gauge(Gauge::carriers_coroutine));
    sample[Quantity::carriers_fiber] = as_number(server.gauge(Gauge::carriers_fiber));
    sample[Quantity::carriers_closure] = as_number(server.gauge(Gauge::carriers_closure));
    sample[Quantity::carriers_process] = as_number(server.gauge(Gauge::carriers_process));

    // A mode that has never carried a connection has no curve.
    const auto by_mode = connections_by_mode(snapshot);
    for (std::size_t mode = 0; mode < std::min(by_mode.size(), most_modes); ++mode) {
        mode_was_used_[mode] = mode_was_used_[mode] || by_mode[mode] > 0;
        if (mode_was_used_[mode]) sample[in_mode(mode)] = static_cast<double>(by_mode[mode]);
    }
}

void Metrics::add_memory(const Snapshot& snapshot, Sample& sample) const {
    if (!snapshot.server_process) return;
    const observe::ProcessReading& process = *snapshot.server_process;
    sample[Quantity::resident_bytes] = static_cast<double>(process.resident_bytes);
    sample[Quantity::page_table_bytes] = static_cast<double>(process.page_table_bytes);
    sample[Quantity::kernel_stack_bytes] = as_number(process.kernel_stack_bytes);
    // What the process says of itself is not resident to the last byte, so the rest may come out a little too small.
    const auto part = [&](Quantity which, std::optional<std::uint64_t> bytes) {
        sample[which] = as_number(bytes);
        return static_cast<double>(bytes.value_or(0));
    };
    const auto coroutines = snapshot.server.gauge(Gauge::carrier_bytes_coroutine);
    const auto closures = snapshot.server.gauge(Gauge::carrier_bytes_closure);
    std::optional<std::uint64_t> frames;
    if (coroutines || closures) frames = coroutines.value_or(0) + closures.value_or(0);
    auto heap = snapshot.server.gauge(Gauge::heap_used_bytes);
    if (heap) heap = *heap - std::min(*heap, frames.value_or(0)); // frames and closures are allocated there
    const double known = part(Quantity::stack_bytes, snapshot.server_memory.stack_bytes) +
                         part(Quantity::frame_bytes, frames) + part(Quantity::heap_bytes, heap);
    sample[Quantity::rest_bytes] =
        std::max(static_cast<double>(process.resident_bytes + process.page_table_bytes) - known, 0.0);
    part(Quantity::socket_bytes, snapshot.server_memory.socket_bytes);

    const auto idle = snapshot.server.gauge(Gauge::idle_private_bytes);
    if (!idle || !process.kernel_stack_bytes || snapshot.server.connections.empty()) return;
    // Pages of the program's own files may be shared with others and are there without connections too.
    // Processes of connections' own are measured by themselves.
    const auto all = static_cast<double>(process.resident_bytes - process.resident_shared_bytes) +
                     static_cast<double>(process.page_table_bytes + *process.kernel_stack_bytes) +
                     static_cast<double>(snapshot.server.gauge(Gauge::carrier_bytes_process).value_or(0));
    sample[Quantity::bytes_per_connection] =
        std::max(all - static_cast<double>(*idle), 0.0) / static_cast<double>(snapshot.server.connections.size());
}

void Metrics::add_gauge_rates(const Snapshot& snapshot, Sample& sample) {
    const telemetry::ServerReading& server = snapshot.server;
    if (gauges_ && server.heartbeat - gauges_->time >= gauge_span) {
        const double span = seconds(server.heartbeat - gauges_->time);
        const auto since = [&](Gauge which) {
            const auto before = gauges_->values[static_cast<std::size_t>(which)];
            const auto now = server.gauge(which);
            if (!now || before == telemetry::layout::not_available || *now < before) return not_known;
            return static_cast<double>(*now - before);
        };
        gauge_rates_[Quantity::voluntary_per_s] = since(Gauge::voluntary_switches) / span;
        gauge_rates_[Quantity::involuntary_per_s] = since(Gauge::involuntary_switches) / span;
        const double cpu = (since(Gauge::user_cpu_ns) + since(Gauge::system_cpu_ns)) / 1e9 / span;
        gauge_rates_[Quantity::cpu_user] = cpu > 0 ? cpu * (1 - system_share_) : cpu;
        gauge_rates_[Quantity::cpu_system] = cpu > 0 ? cpu * system_share_ : cpu;
    }
    if (!gauges_ || server.heartbeat - gauges_->time >= gauge_span) gauges_ = GaugePoint{server.heartbeat, server.gauges};
    if (snapshot.taken - server.heartbeat > gauges_are_old) return; // the server does not write: its rates are not known
    for (const Quantity which :
         {Quantity::voluntary_per_s, Quantity::involuntary_per_s, Quantity::cpu_user, Quantity::cpu_system}) {
        sample[which] = gauge_rates_[which];
    }
}

// The CPUs that the server could use are as many as the threads that have run its connections, and no more than there are.
void Metrics::add_idle(const Snapshot& snapshot, Sample& sample) const {
    if (!has_probe(snapshot)) return; // of which threads its connections have is known in part only
    static const auto cpus = static_cast<std::size_t>(std::max(std::thread::hardware_concurrency(), 1U));
    std::vector<std::uint32_t> threads;
    for (const auto& connection : snapshot.server.connections) {
        if (connection.thread == 0 || std::find(threads.begin(), threads.end(), connection.thread) != threads.end())
            continue;
        threads.push_back(connection.thread);
        if (threads.size() == cpus) break;
    }
    if (threads.empty()) return;
    const double left = static_cast<double>(threads.size()) - sample[Quantity::cpu_user] - sample[Quantity::cpu_system];
    if (!std::isnan(left)) sample[Quantity::cpu_idle] = std::max(left, 0.0);
}

// The kernel knows exactly how much CPU time a server has taken, but divides it into user's and system's by what it meets at
// its ticks, a few hundred a second at most: over less than some seconds the shares jump. So the sum is that of the moment
// and the shares are those of a longer stretch, which begins anew with a mode.
void Metrics::learn_split(const Snapshot& snapshot) {
    const telemetry::ServerReading& server = snapshot.server;
    const auto user = server.gauge(Gauge::user_cpu_ns);
    const auto system = server.gauge(Gauge::system_cpu_ns);
    if (!user || !system) return;
    const CostPoint now{
        server.heartbeat, static_cast<double>(*user) / 1e9, static_cast<double>(*system) / 1e9,
        server.counters.requests == telemetry::layout::not_available ? 0.0 : static_cast<double>(server.counters.requests)};
    if (!costs_.empty() && (now.requests < costs_.back().requests || now.user < costs_.back().user)) { // another server
        costs_.clear();
        system_share_ = not_known;
    }
    if (mode_changes_ && *mode_changes_ != server.mode_changes) {
        split_from_ = now.time;
        split_is_held_ = true;
    }
    mode_changes_ = server.mode_changes;
    if (costs_.empty() || now.time > costs_.back().time) costs_.push_back(now);
    while (now.time - costs_.front().time > split_window) costs_.pop_front();
    const auto first = std::find_if(costs_.begin(), costs_.end(), [&](const CostPoint& p) { return p.time >= split_from_; });
    if (first == costs_.end()) return;
    if (now.time - first->time >= least_split) split_is_held_ = false;
    const double in_system = costs_.back().system - first->system;
    const double all = in_system + costs_.back().user - first->user;
    if (!split_is_held_ && all > 0) system_share_ = in_system / all;
}

void Metrics::add_cost(Sample& sample) const {
    if (costs_.empty() || std::isnan(system_share_)) return;
    const CostPoint& now = costs_.back();
    const auto before = std::find_if(costs_.begin(), costs_.end(),
                                     [&](const CostPoint& point) { return now.time - point.time <= cost_window; });
    const double requests = now.requests - before->requests;
    if (requests <= 0) return;
    const double each = (now.user + now.system - before->user - before->system) / requests;
    sample[Quantity::cpu_user_per_request] = each * (1 - system_share_);
    sample[Quantity::cpu_system_per_request] = each * system_share_;
}

void Metrics::add_counter_rates(const Snapshot& snapshot, Sample& sample) {
    const telemetry::ServerCounters& now = snapshot.server.counters;
    const bool is_reported = has_probe(snapshot);
    if (!counters_.empty() && now.slices < counters_.back().counters.slices) counters_.clear(); // another server
    // Between two readings of the sockets nothing is known to have changed: the rate is that of the last ones.
    const std::chrono::nanoseconds time = is_reported ? snapshot.taken : snapshot.sockets_taken;
    if (time.count() == 0) return; // nothing was read yet
    if (counters_.empty() || time > counters_.back().time) counters_.push_back({time, now});
    const std::chrono::nanoseconds window = is_reported ? counter_window : socket_window;
    while (counters_.size() > 2 && time - counters_[1].time >= window) counters_.pop_front();
    const CounterPoint& before = counters_.front();
    const CounterPoint& newest = counters_.back();
    const double span = seconds(newest.time - before.time);
    const bool sees_sockets = is_reported || (snapshot.server.gauge(Gauge::connections_open).has_value() &&
                                              snapshot.taken - time <= sockets_are_old);
    if (span > 0 && sees_sockets && newest.counters.bytes_in >= before.counters.bytes_in &&
        newest.counters.bytes_out >= before.counters.bytes_out) {
        sample[Quantity::traffic_in] = static_cast<double>(newest.counters.bytes_in - before.counters.bytes_in) / span;
        sample[Quantity::traffic_out] = static_cast<double>(newest.counters.bytes_out - before.counters.bytes_out) / span;
    }
    if (span > 0 && is_reported) {
        if (now.requests != telemetry::layout::not_available && now.requests >= before.counters.requests)
            sample[Quantity::requests_per_s] = static_cast<double>(now.requests - before.counters.requests) / span;
        sample[Quantity::user_space_per_s] =
            static_cast<double>(now.user_space_switches - before.counters.user_space_switches) / span;
    }

    const double requests = sample[Quantity::requests_per_s];
    if (requests > 0) {
        sample[Quantity::switches_per_request] =
            (sample[Quantity::voluntary_per_s] + sample[Quantity::involuntary_per_s]) / requests;
        sample[Quantity::cpu_per_request] = (sample[Quantity::cpu_user] + sample[Quantity::cpu_system]) / requests;
    }
}

void Metrics::add_delays(const Snapshot& snapshot, Sample& sample) {
    delay_.add(snapshot.delay_from_readiness, snapshot.taken);
    stamped_delay_.add(snapshot.delay_from_stamp, snapshot.taken);
    sample[Quantity::delay_p50] = delay_.percentile(0.5);
    sample[Quantity::delay_p99] = delay_.percentile(0.99);
    sample[Quantity::stamped_delay_p50] = stamped_delay_.percentile(0.5);
    sample[Quantity::stamped_delay_p99] = stamped_delay_.percentile(0.99);
}

void Metrics::add_load(const Snapshot& snapshot, Sample& sample) {
    if (!snapshot.has_load || snapshot.load.populations.empty()) {
        latency_.clear();
        return;
    }
    const telemetry::PopulationReading& all = snapshot.load.populations.front();
    latency_.add(all.latency_since, snapshot.taken);
    sample[Quantity::latency_p50] = latency_.percentile(0.5);
    sample[Quantity::latency_p99] = latency_.percentile(0.99);
    sample[Quantity::latency_max] = latency_.max();
    using telemetry::layout::LoadCounter;
    sample[Quantity::offered_per_s] = static_cast<double>(all.counter(LoadCounter::offered_per_s));
    const auto completed = static_cast<double>(all.counter(LoadCounter::completed));
    const auto corrupted = static_cast<double>(all.counter(LoadCounter::corrupted));
    if (completed + corrupted > 0) sample[Quantity::verified_share] = completed / (completed + corrupted);
}

} // namespace connscope::app
