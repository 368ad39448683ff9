// SPDX-License-Identifier: BSL-1.0
#include "watch_snapshot.hpp"

#include "connscope/observe/memory.hpp"
#include "connscope/observe/process.hpp"
#include "connscope/telemetry/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

namespace connscope::watch {
namespace {

using std::chrono::nanoseconds;
using telemetry::CarrierKind;
using telemetry::Gauge;
using telemetry::Status;
template <class T>
using Maybe = std::optional<T>;

// The shares of a core that the dear readings may take: watching is to stay below a fiftieth of one.
constexpr double sockets_share = 0.008;
constexpr double stacks_share = 0.003;
constexpr std::chrono::milliseconds threads_budget(4); // for each reading
constexpr std::chrono::microseconds joining_budget(1000);
constexpr double joining_share = 0.002;

void add(Maybe<std::uint64_t>& sum, Maybe<std::uint64_t> value) {
    if (value) sum = sum.value_or(0) + *value;
}

// How fast a counter grew; none where it was not there at both times, or went backwards.
Maybe<double> rate(Maybe<double> now, Maybe<double> before, nanoseconds span) {
    if (!now || !before || *now < *before || span.count() <= 0) return std::nullopt;
    return (*now - *before) / std::chrono::duration<double>(span).count();
}

template <class T>
Maybe<double> as_double(Maybe<T> value) {
    if (!value) return std::nullopt;
    return static_cast<double>(*value);
}

double seconds(nanoseconds time) { return std::chrono::duration<double>(time).count(); }

// What only grows, at a time.
struct Totals {
    nanoseconds taken{};
    Maybe<double> voluntary, involuntary, cpu_user_s, cpu_system_s;
};

// What the kernel is asked for about one process.
struct Observed {
    std::uint32_t pid = 0;
    Maybe<observe::ProcessObserver> process;
    Maybe<observe::SocketsObserver> sockets;
    observe::SocketsReading sockets_reading;
    Maybe<observe::ThreadsObserver> threads;
    observe::ThreadsReading threads_reading;
    Maybe<observe::SocketThreads> joined;
    bool joins_all = false; // of every socket a thread is known
    Maybe<observe::StackMemory> stacks;
    nanoseconds next_stacks{}; // CLOCK_MONOTONIC
};

struct PreviousConnection {
    std::uint64_t id = 0;
    nanoseconds run{};
    std::uint64_t requests = 0;
};

struct PreviousThread {
    observe::ThreadReading reading;
    ThreadRow row;
};

} // namespace

struct Watcher::Impl {
    Target target;
    WatchOptions options;
    telemetry::SegmentSet servers;
    std::vector<telemetry::SegmentReader> loads;
    std::vector<Observed> observed;
    std::vector<std::string> notes;

    telemetry::ServerReading reading;
    telemetry::LoadReading load_reading; // of the last one
    struct {
        std::uint64_t open = 0, completed = 0;
    } load_sums;
    std::vector<observe::ProcessReading> process_readings; // of observed, in its order
    bool seen_alive = false;
    Maybe<Totals> previous;
    Maybe<double> previous_user_space, previous_requests;
    nanoseconds previous_taken{};
    std::vector<std::vector<PreviousConnection>> previous_connections; // by segment and slot
    std::unordered_map<std::uint32_t, PreviousThread> previous_threads;
    Maybe<observe::SocketReadRecorder> reads; // of those that have no segment, while their sockets are shown
    bool reads_were_tried = false;
    std::vector<observe::SocketRead> socket_reads;

    void note(const std::string& text) {
        if (std::ranges::find(notes, text) == notes.end()) notes.push_back(text);
    }
    Status open();
    telemetry::Outcome<bool> read_sources();
    Status read_loads();
    void add_processes(Snapshot& into);
    void read_sockets(Observed& process, Snapshot& into);
    void read_socket_reads();
    void want_socket_reads();
    void join_threads(Observed& process);
    void add_socket_rows(Observed& process, Snapshot& into);
    void read_threads(Observed& process, Snapshot& into);
    Totals kernel_totals() const;
    void add_server(Snapshot& into);
    void add_loads(Snapshot& into);
    void count_connections(Snapshot& into);
    void fill_connection_rows(Snapshot& into);
    void take_rates(const Totals& now, Snapshot& into);
    std::string_view mode_name(std::uint32_t segment, std::uint8_t mode);
};

Status Watcher::Impl::open() {
    for (const auto& path : target.segments) {
        auto reader = telemetry::SegmentReader::open(path);
        if (!reader) return std::move(reader).error();
        if (target.kind == TargetKind::load)
            loads.push_back(std::move(*reader));
        else
            servers.add(std::move(*reader));
    }
    previous_connections.resize(target.segments.size());
    auto table = observe::SharedSocketTable::open({}, sockets_share); // one reading for all
    if (!table) note(table.error().text);
    for (const std::uint32_t pid : target.pids) {
        if (target.state != telemetry::WriterState::alive) break; // the pid may be another's by now
        auto process = observe::ProcessObserver::open(pid);
        if (!process) {
            if (target.segments.empty()) return std::move(process).error();
            continue; // its segment still shows the last moment
        }
        Observed& one = observed.emplace_back();
        one.pid = pid;
        one.process = std::move(*process);
        if (!table) continue;
        if (auto sockets = observe::SocketsObserver::open(pid, *table))
            one.sockets = std::move(*sockets);
        else
            note(sockets.error().text);
    }
    return telemetry::success();
}

// Reads what can end: segments and processes. False once the target has ended, and a reading of its life was had before.
telemetry::Outcome<bool> Watcher::Impl::read_sources() {
    auto writer = telemetry::WriterState::alive;
    if (target.kind == TargetKind::server) {
        if (auto read = servers.read(reading); !read) return std::move(read).error();
        writer = reading.writer;
    } else if (target.kind == TargetKind::load) {
        if (auto read = read_loads(); !read) return std::move(read).error();
        writer = load_reading.writer;
    }
    process_readings.clear();
    std::erase_if(observed, [&](Observed& process) {
        auto read = process.process->read();
        if (read) process_readings.push_back(*read);
        return !read;
    });
    const bool alive = target.kind == TargetKind::process ? !observed.empty() : writer == telemetry::WriterState::alive;
    if (!alive && (seen_alive || target.kind == TargetKind::process)) return false;
    seen_alive = alive;
    return true;
}

Status Watcher::Impl::read_loads() {
    load_sums = {};
    bool any_alive = false;
    for (telemetry::SegmentReader& load : loads) {
        if (auto read = load.read(load_reading); !read) return read;
        any_alive = any_alive || load_reading.writer == telemetry::WriterState::alive;
        if (load_reading.populations.empty()) continue;
        const auto& all = load_reading.populations.front();
        load_sums.open += all.counter(telemetry::layout::LoadCounter::open);
        load_sums.completed += all.counter(telemetry::layout::LoadCounter::completed);
    }
    if (any_alive) load_reading.writer = telemetry::WriterState::alive;
    return telemetry::success();
}

// Everything that the kernel tells of the processes, added up.
void Watcher::Impl::add_processes(Snapshot& into) {
    into.socket_rows.clear();
    into.thread_rows.clear();
    read_socket_reads();
    for (std::size_t i = 0; i < observed.size(); ++i) {
        Observed& process = observed[i];
        const observe::ProcessReading& now = process_readings[i];
        add(into.threads, now.threads);
        add(into.memory_bytes.resident, now.resident_bytes);
        add(into.memory_bytes.page_tables, now.page_table_bytes);
        add(into.memory_bytes.kernel_stacks, now.kernel_stack_bytes);
        if (now.taken >= process.next_stacks) {
            if (auto stacks = observe::read_stack_memory(process.pid)) {
                process.stacks = *stacks;
                const auto pause = std::chrono::duration<double, std::nano>(stacks->took) / stacks_share;
                process.next_stacks = now.taken + std::chrono::duration_cast<nanoseconds>(pause);
            } else if (stacks.error().code == std::errc::permission_denied) {
                note(stacks.error().text);
                process.next_stacks = nanoseconds::max();
            }
        }
        if (process.stacks) add(into.memory_bytes.stacks, process.stacks->resident_bytes);
        read_threads(process, into);
        join_threads(process);
        read_sockets(process, into);
    }
    want_socket_reads();
}

void Watcher::Impl::read_sockets(Observed& process, Snapshot& into) {
    if (!process.sockets) return;
    if (const auto read = process.sockets->read(process.sockets_reading); !read) {
        if (read.error().code != std::errc::no_such_process) note(read.error().text);
        process.sockets.reset();
        return;
    }
    std::uint64_t held = 0, open = 0, outgoing = 0;
    for (const auto& socket : process.sockets_reading.sockets) {
        if (socket.memory) held += socket.memory->held_bytes();
        if (socket.state != observe::SocketState::listening) ++(socket.accepted ? open : outgoing);
    }
    add(into.memory_bytes.sockets, held);
    if (target.kind != TargetKind::process) return;
    // Sockets whose owner is not found out yet are not shown as somebody else's.
    const bool known = process.sockets_reading.unassigned <= (open + outgoing) / 20;
    if (known) add(into.connections.open, open);
    if (known) add(into.connections.outgoing, outgoing);
    if (options.connections) add_socket_rows(process, into);
}

void Watcher::Impl::read_socket_reads() {
    socket_reads.clear();
    if (target.kind != TargetKind::process || !options.connections) {
        reads.reset();
        reads_were_tried = false;
        return;
    }
    if (!std::exchange(reads_were_tried, true)) {
        auto opened = observe::SocketReadRecorder::open();
        if (opened)
            reads = std::move(*opened);
        else
            note(opened.error().text);
    }
    if (reads) reads->read(socket_reads);
}

// One record for all processes, of the ports of all.
void Watcher::Impl::want_socket_reads() {
    if (!reads) return;
    std::vector<std::uint16_t> ports;
    for (const Observed& process : observed)
        for (const auto& socket : process.sockets_reading.sockets)
            if (socket.accepted || socket.state == observe::SocketState::listening) ports.push_back(socket.local.port);
    std::ranges::sort(ports);
    const auto same = std::ranges::unique(ports);
    ports.erase(same.begin(), same.end());
    if (const auto wanted = reads->want_ports(ports); !wanted) {
        note(wanted.error().text);
        reads.reset();
    }
}

void Watcher::Impl::join_threads(Observed& process) {
    if (target.kind != TargetKind::process || !options.connections || !process.threads) return;
    if (!process.joined)
        process.joined.emplace(process.pid, observe::SocketThreadsOptions{.budget = joining_budget, .share = joining_share});
    process.joined->take(socket_reads);
    process.joined->look(process.threads_reading, !process.joins_all);
    if (!process.joined->missing().empty()) note(process.joined->missing());
}

void Watcher::Impl::add_socket_rows(Observed& process, Snapshot& into) {
    const nanoseconds now(telemetry::monotonic_ns());
    std::unordered_map<std::uint32_t, const std::string*> names;
    for (const observe::ThreadReading& thread : process.threads_reading.threads) names.emplace(thread.id, &thread.name);
    process.joins_all = true;
    for (const auto& socket : process.sockets_reading.sockets) {
        if (socket.state == observe::SocketState::listening) continue;
        SocketRow& row = into.socket_rows.emplace_back();
        row.reading = socket;
        if (!process.joined) continue;
        row.thread = process.joined->of(socket);
        row.told_by = observe::to_string(row.thread, now);
        if (row.told_by.empty()) process.joins_all = false;
        if (const auto name = names.find(row.thread.thread); name != names.end()) row.thread_name = *name->second;
    }
    if (process.joined) process.joined->forget_others(process.sockets_reading.sockets);
}

void Watcher::Impl::read_threads(Observed& process, Snapshot& into) {
    // A server with a segment counts its switches itself; its threads are looked at when they are wanted.
    if (target.kind == TargetKind::server && !options.threads) return;
    if (!process.threads) {
        auto threads = observe::ThreadsObserver::open(process.pid, {.budget = threads_budget});
        if (!threads) return;
        process.threads = std::move(*threads);
    }
    if (!process.threads->read(process.threads_reading) || !options.threads) return;
    for (const observe::ThreadReading& now : process.threads_reading.threads) {
        PreviousThread& before = previous_threads[now.id];
        if (before.reading.id == now.id && before.reading.start_time == now.start_time && now.taken > before.reading.taken) {
            const nanoseconds span = now.taken - before.reading.taken;
            const auto time_share = [&](Maybe<nanoseconds> later, Maybe<nanoseconds> earlier) -> Maybe<double> {
                if (!later || !earlier || *later < *earlier) return std::nullopt;
                return seconds(*later - *earlier) / seconds(span);
            };
            const auto switches = [](const observe::ThreadReading& thread) {
                return static_cast<double>(thread.voluntary_switches + thread.involuntary_switches);
            };
            before.row.cpu = time_share(now.run, before.reading.run);
            before.row.delay = time_share(now.delay, before.reading.delay);
            before.row.switches_per_s = rate(switches(now), switches(before.reading), span);
        }
        before.reading = now;
        before.row.reading = now; // a thread that was not looked at keeps its rates
        into.thread_rows.push_back(before.row);
    }
    if (previous_threads.size() > 2 * into.thread_rows.size() + 1000) previous_threads.clear();
}

// Switches and CPU time as the kernel tells them, for what has no segment.
Totals Watcher::Impl::kernel_totals() const {
    Totals totals;
    for (const observe::ProcessReading& process : process_readings) {
        totals.taken = process.taken;
        totals.cpu_user_s = totals.cpu_user_s.value_or(0) + seconds(process.user_cpu);
        totals.cpu_system_s = totals.cpu_system_s.value_or(0) + seconds(process.system_cpu);
    }
    for (const Observed& process : observed) {
        if (!process.threads) continue;
        totals.voluntary = totals.voluntary.value_or(0) + static_cast<double>(process.threads_reading.voluntary_switches);
        totals.involuntary =
            totals.involuntary.value_or(0) + static_cast<double>(process.threads_reading.involuntary_switches);
    }
    return totals;
}

void Watcher::Impl::take_rates(const Totals& now, Snapshot& into) {
    if (previous && previous->taken == now.taken) return; // nothing new was written: the rates stand
    if (previous) {
        const nanoseconds span = now.taken - previous->taken;
        into.switches_per_s.voluntary = rate(now.voluntary, previous->voluntary, span);
        into.switches_per_s.involuntary = rate(now.involuntary, previous->involuntary, span);
        into.cpu.user = rate(now.cpu_user_s, previous->cpu_user_s, span);
        into.cpu.system = rate(now.cpu_system_s, previous->cpu_system_s, span);
    }
    previous = now;
}

void Watcher::Impl::add_server(Snapshot& into) {
    into.ended = reading.writer != telemetry::WriterState::alive;
    const auto& identity = servers.at(0).identity();
    if (reading.mode < identity.modes.size()) into.mode = identity.modes[reading.mode];
    count_connections(into);
    if (!into.threads) into.threads = reading.gauge(Gauge::threads);
    for (std::size_t kind = 1; kind < telemetry::carrier_kind_count; ++kind)
        into.carriers[kind] = reading.gauge(static_cast<Gauge>(static_cast<std::size_t>(Gauge::carriers_thread) + kind - 1));
    into.memory_bytes.heap = reading.gauge(Gauge::heap_used_bytes);
    add(into.memory_bytes.frames, reading.gauge(Gauge::carrier_bytes_coroutine));
    add(into.memory_bytes.frames, reading.gauge(Gauge::carrier_bytes_closure));
    const auto idle = reading.gauge(Gauge::idle_private_bytes);
    if (idle && !process_readings.empty() && !reading.connections.empty()) {
        std::uint64_t now = reading.gauge(Gauge::carrier_bytes_process).value_or(0); // measured by themselves
        for (const observe::ProcessReading& process : process_readings)
            now += process.resident_bytes - std::min(process.resident_bytes, process.resident_shared_bytes) +
                   process.page_table_bytes + process.kernel_stack_bytes.value_or(0);
        if (now >= *idle) into.memory_bytes.per_connection = (now - *idle) / reading.connections.size();
    }

    Totals totals;
    totals.taken = reading.heartbeat; // when the gauges were written
    totals.voluntary = as_double(reading.gauge(Gauge::voluntary_switches));
    totals.involuntary = as_double(reading.gauge(Gauge::involuntary_switches));
    const auto in_seconds = [](Maybe<double> ns) { return ns ? Maybe<double>(*ns / 1e9) : std::nullopt; };
    totals.cpu_user_s = in_seconds(as_double(reading.gauge(Gauge::user_cpu_ns)));
    totals.cpu_system_s = in_seconds(as_double(reading.gauge(Gauge::system_cpu_ns)));
    take_rates(totals, into);
    // connscope::asio writes them when something happens: of a while in which nothing does, the last rates are not true.
    constexpr nanoseconds gauges_are_old = std::chrono::seconds(1);
    if (reading.taken - reading.heartbeat > gauges_are_old) {
        into.cpu = {};
        into.switches_per_s = {};
    }
    const nanoseconds span = reading.taken - previous_taken;
    const auto user_space = static_cast<double>(reading.counters.user_space_switches);
    const Maybe<double> requests = reading.counters.requests == telemetry::layout::not_available // not told
                                       ? std::nullopt
                                       : Maybe<double>(static_cast<double>(reading.counters.requests));
    into.switches_per_s.user_space = rate(user_space, std::exchange(previous_user_space, user_space), span);
    into.requests_per_s = rate(requests, std::exchange(previous_requests, requests), span);
    if (options.connections) fill_connection_rows(into);
    previous_taken = reading.taken;
}

void Watcher::Impl::add_loads(Snapshot& into) {
    into.ended = load_reading.writer != telemetry::WriterState::alive;
    into.connections.open = load_sums.open;
    const auto completed = static_cast<double>(load_sums.completed);
    into.requests_per_s = rate(completed, std::exchange(previous_requests, completed), load_reading.taken - previous_taken);
    previous_taken = load_reading.taken;
}

void Watcher::Impl::count_connections(Snapshot& into) {
    std::array<std::uint64_t, telemetry::connection_state_count> states{};
    for (const auto& connection : reading.connections) ++states[static_cast<std::size_t>(connection.state)];
    const auto count = [&](telemetry::ConnectionState state) { return states[static_cast<std::size_t>(state)]; };
    into.connections.open = reading.connections.size();
    into.connections.running = count(telemetry::ConnectionState::running);
    into.connections.ready = count(telemetry::ConnectionState::ready);
    into.connections.waiting_read = count(telemetry::ConnectionState::waiting_read);
    into.connections.waiting_write = count(telemetry::ConnectionState::waiting_write);
    into.connections.paused = count(telemetry::ConnectionState::paused);

    std::map<std::pair<std::uint32_t, std::uint8_t>, std::uint64_t> by_mode; // of each segment, whose modes may differ
    for (const auto& connection : reading.connections) ++by_mode[{connection.segment, connection.mode}];
    for (const auto& [which, open] : by_mode) {
        const std::string_view name = mode_name(which.first, which.second);
        const auto known = std::ranges::find(into.modes, name, &Snapshot::ModeCount::mode);
        if (known == into.modes.end())
            into.modes.push_back({name, open});
        else
            known->open += open;
    }
}

void Watcher::Impl::fill_connection_rows(Snapshot& into) {
    into.connection_rows.resize(reading.connections.size());
    const double span = previous_taken.count() > 0 ? seconds(reading.taken - previous_taken) : 0;
    for (std::size_t i = 0; i < reading.connections.size(); ++i) {
        const auto& now = reading.connections[i];
        ConnectionRow& row = into.connection_rows[i];
        row = {now, mode_name(now.segment, now.mode), std::nullopt, std::nullopt};
        auto& slots = previous_connections[now.segment];
        if (slots.size() <= now.slot) slots.resize(std::size_t{now.slot} + 1);
        PreviousConnection& before = slots[now.slot];
        if (before.id == now.id && span > 0) {
            row.cpu = std::max(0.0, seconds(now.run - before.run)) / span;
            if (now.requests >= before.requests && now.requests != telemetry::layout::not_available)
                row.requests_per_s = static_cast<double>(now.requests - before.requests) / span;
        }
        before = {now.id, now.run, now.requests};
    }
}

std::string_view Watcher::Impl::mode_name(std::uint32_t segment, std::uint8_t mode) {
    const auto& modes = servers.at(segment).identity().modes;
    return mode < modes.size() ? std::string_view(modes[mode]) : std::string_view("?");
}

telemetry::Outcome<std::unique_ptr<Watcher>> Watcher::open(const Target& target, const WatchOptions& options) {
    auto impl = std::make_unique<Impl>();
    impl->target = target;
    impl->options = options;
    if (auto opened = impl->open(); !opened) return std::move(opened).error();
    return std::unique_ptr<Watcher>(new Watcher(std::move(impl)));
}

Watcher::Watcher(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Watcher::~Watcher() = default;

const Target& Watcher::target() const noexcept { return impl_->target; }

void Watcher::set_options(const WatchOptions& options) { impl_->options = options; }

Status Watcher::read(Snapshot& into) {
    if (into.ended) return telemetry::success();
    Impl& impl = *impl_;
    const auto going_on = impl.read_sources();
    if (!going_on) return going_on.error();
    into.time = std::chrono::system_clock::now();
    if (!*going_on) {
        into.ended = true;
        return telemetry::success();
    }
    // Rates stand where nothing new was written, and rows keep their memory; everything else is of this moment alone.
    Snapshot last = std::move(into);
    into = Snapshot{};
    into.time = last.time;
    into.connection_rows = std::move(last.connection_rows);
    into.socket_rows = std::move(last.socket_rows);
    into.thread_rows = std::move(last.thread_rows);
    into.switches_per_s = last.switches_per_s;
    into.cpu = last.cpu;
    if (!impl.options.connections) into.connection_rows.clear();

    into.pid = impl.target.pids.front();
    into.name = impl.target.name;
    into.kind = impl.target.kind;
    into.title = impl.target.address;
    impl.add_processes(into);
    if (into.kind == TargetKind::server) {
        const auto& identity = impl.servers.at(0).identity();
        into.title = identity.protocol + " on " + identity.address;
        impl.add_server(into);
    } else {
        if (into.kind == TargetKind::load) impl.add_loads(into);
        if (!impl.process_readings.empty()) impl.take_rates(impl.kernel_totals(), into);
    }
    into.notes = impl.notes;
    constexpr double nearly_all = 0.95;
    if (const double share = impl.reads ? impl.reads->recorded_share() : 1; share > 0 && share < nearly_all)
        into.notes.push_back(
            fmt::format("reads from sockets were recorded {:.0f} % of the time: there are too many", share * 100));
    return telemetry::success();
}

} // namespace connscope::watch
