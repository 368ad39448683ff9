// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/kernel_report.hpp"

#include <algorithm>
#include <cstring>

namespace connscope::app {

namespace {

using namespace std::chrono_literals;
using observe::SocketReading;
using observe::SocketState;
using std::chrono::nanoseconds;
using telemetry::ConnectionState;
using telemetry::Gauge;

constexpr nanoseconds interval = 200ms;
constexpr nanoseconds threads_budget = 1400us; // five times a second: 0.7 % of a core
constexpr nanoseconds joining_budget = 600us;  // 0.3 %
constexpr double joining_share = 0.003;        // of a core, for what event loops wait for
constexpr std::size_t most_names = 50;
constexpr std::size_t most_known_names = 20'000;
constexpr nanoseconds split_span = 1s;

// What a connection does, as far as its socket tells: what has arrived and is not read waits for the process, what is not
// sent waits for the peer, and otherwise the peer has its turn.
ConnectionState state_of(const SocketReading& socket) {
    switch (socket.state) {
    case SocketState::close_wait: // the peer has finished, which the process has not answered
        return ConnectionState::ready;
    case SocketState::fin_wait_1:
    case SocketState::last_ack:
    case SocketState::closing:
        return ConnectionState::waiting_write;
    default:
        break;
    }
    if (socket.receive_queue > 0) return ConnectionState::ready;
    if (socket.tcp && socket.tcp->unsent_bytes.value_or(0) > 0) return ConnectionState::waiting_write;
    return ConnectionState::waiting_read;
}

// When the kernel last saw happen what ended the state before; 0: it does not say.
nanoseconds last_activity(const SocketReading& socket, ConnectionState state, nanoseconds taken) {
    if (!socket.tcp) return {};
    switch (state) {
    case ConnectionState::ready:
        return taken - nanoseconds(socket.tcp->since_data_received);
    case ConnectionState::waiting_read:
        return taken - nanoseconds(std::min(socket.tcp->since_data_sent, socket.tcp->since_data_received));
    default:
        return taken;
    }
}

std::uint64_t as_count(double value) { return static_cast<std::uint64_t>(std::max(value, 0.0)); }

} // namespace

KernelReport::KernelReport(std::uint32_t pid, std::shared_ptr<observe::SharedSocketTable> table, double share)
    : pid_(pid) {
    if (table != nullptr) {
        auto sockets = observe::SocketsObserver::open(pid, std::move(table));
        if (sockets) {
            sockets_ = std::move(*sockets);
        } else if (sockets.error().code != std::errc::no_such_process) {
            missing_ = sockets.error().text;
        }
    }
    if (auto threads = observe::ThreadsObserver::open(
            pid, {.budget = std::chrono::duration_cast<nanoseconds>(share * threads_budget), .wait_channels = false}))
        threads_ = std::move(*threads);
    if (!sockets_ || !threads_) return;
    joined_.emplace(pid,
                    observe::SocketThreadsOptions{.budget = std::chrono::duration_cast<nanoseconds>(share * joining_budget),
                                                  .share = share * joining_share});
}

void KernelReport::take_reads(std::span<const observe::SocketRead> reads) {
    if (joined_) joined_->take(reads);
}

telemetry::Status KernelReport::look(telemetry::ServerReading& into, std::vector<SocketFigures>& sockets,
                                     OutgoingConnections& outgoing, const observe::ProcessReading& process,
                                     nanoseconds now) {
    if (now >= next_) {
        next_ = now + interval;
        if (threads_) {
            if (auto read = threads_->read(threads_reading_); !read) return read;
        }
        if (joined_) joined_->look(threads_reading_, !joins_all_);
        if (auto read = read_sockets(); !read) return read;
        take_cpu(process);
        set_gauges(process);
    }
    into = {};
    into.taken = now;
    into.heartbeat = gauges_taken_;
    into.gauges = gauges_;
    into.counters.bytes_in = bytes_in_;
    into.counters.bytes_out = bytes_out_;
    into.connections = connections_;
    // Whether it waits for the process or its peer still is not known until the next look: it counts up to the last one.
    outgoing = outgoing_;
    for (auto* connections : {&into.connections, &outgoing.connections})
        for (telemetry::ConnectionReading& connection : *connections)
            if (connection.state != ConnectionState::waiting_read) connection.state_since += now - taken_;
    sockets = figures_;
    return telemetry::success();
}

telemetry::Status KernelReport::read_sockets() {
    if (!sockets_) return telemetry::success();
    if (auto read = sockets_->read(sockets_reading_); !read) {
        if (read.error().code == std::errc::no_such_process) return read;
        missing_ = read.error().text;
        sockets_.reset();
        return telemetry::success();
    }
    if (sockets_reading_.taken == taken_) return telemetry::success(); // their share of time is used up
    ++reading_;
    connections_.clear();
    figures_.clear();
    outgoing_.connections.clear();
    outgoing_.sockets.clear();
    ports_.clear();
    joins_all_ = true;
    for (const SocketReading& socket : sockets_reading_.sockets) {
        if (socket.state == SocketState::listening) {
            ports_.push_back(socket.local.port);
        } else {
            take(socket);
        }
    }
    std::ranges::sort(ports_);
    const auto same = std::ranges::unique(ports_);
    ports_.erase(same.begin(), same.end());
    if (joined_) joined_->forget_others(sockets_reading_.sockets);
    taken_ = sockets_reading_.taken;
    std::erase_if(known_, [this](const auto& entry) {
        const bool is_gone = entry.second.seen_in != reading_;
        if (is_gone && entry.second.accepted) free_slots_.push_back(entry.second.slot);
        return is_gone;
    });
    std::ranges::sort(free_slots_, std::greater()); // the lowest one is given next
    return telemetry::success();
}

std::uint32_t KernelReport::free_slot() {
    if (free_slots_.empty()) return slots_++;
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
}

void KernelReport::take(const SocketReading& socket) {
    const bool is_first = taken_ < nanoseconds{};
    const nanoseconds taken = sockets_reading_.taken;
    const auto [at, is_new] = known_.try_emplace(socket.inode);
    Known& known = at->second;
    if (is_new) {
        known.id = ++newest_id_;
        if (!is_first) known.opened = taken;
    }
    if (socket.accepted && !known.accepted) {
        known.accepted = true;
        known.slot = free_slot();
    }
    known.seen_in = reading_;
    const ConnectionState state = state_of(socket);
    const nanoseconds active = last_activity(socket, state, taken);
    // Who has read, or whose peer has taken, something since the last look does not wait since then.
    const std::uint64_t moved = socket.tcp ? socket.tcp->bytes_received.value_or(0) - socket.receive_queue +
                                                 socket.tcp->bytes_acknowledged.value_or(0)
                                           : 0;
    if (known.state != state || known.moved != moved || state == ConnectionState::waiting_read)
        known.since = std::max(known.since, active.count() > 0 ? active : taken);
    known.state = state;
    known.moved = moved;

    if (known.accepted && (ports_.empty() || ports_.back() != socket.local.port)) ports_.push_back(socket.local.port);
    telemetry::ConnectionReading& connection =
        known.accepted ? connections_.emplace_back() : outgoing_.connections.emplace_back();
    connection.id = known.id;
    connection.slot = known.slot;
    connection.state = state;
    connection.mode = 0xff; // none
    connection.state_since = known.since;
    connection.opened = known.opened;
    connection.socket_inode = socket.inode;
    connection.peer = socket.peer;
    SocketFigures& figures = known.accepted ? figures_.emplace_back() : outgoing_.sockets.emplace_back();
    figures.known = true;
    figures.accepted = known.accepted;
    name_thread(figures, socket);
    connection.thread = figures.thread.thread;
    figures.state = socket.state;
    figures.local = socket.local;
    figures.receive_queue = socket.receive_queue;
    figures.send_queue = socket.send_queue;
    if (!socket.tcp) return;
    connection.bytes_in = socket.tcp->bytes_received.value_or(0);
    connection.bytes_out = socket.tcp->bytes_acknowledged.value_or(0);
    if (known.accepted && (!is_new || !is_first)) {
        bytes_in_ += connection.bytes_in - std::min(known.bytes_in, connection.bytes_in);
        bytes_out_ += connection.bytes_out - std::min(known.bytes_out, connection.bytes_out);
    }
    known.bytes_in = connection.bytes_in;
    known.bytes_out = connection.bytes_out;
    figures.round_trip = socket.tcp->round_trip;
    figures.retransmitted = socket.tcp->retransmitted;
}

void KernelReport::name_thread(SocketFigures& figures, const SocketReading& socket) {
    if (!joined_) return;
    figures.thread = joined_->of(socket);
    if (figures.thread.source == observe::ThreadSource::none) joins_all_ = false;
    const auto name = named_.find(figures.thread.thread);
    if (name == named_.end()) return;
    std::memcpy(figures.thread_name.data(), name->second.data(),
                std::min(name->second.size(), figures.thread_name.size() - 1));
}

void KernelReport::take_cpu(const observe::ProcessReading& process) {
    if (!process.cpu) return;
    if (!split_from_) {
        split_from_ = process;
        const auto ticks = process.user_cpu + process.system_cpu;
        system_share_ =
            ticks.count() > 0 ? static_cast<double>(process.system_cpu.count()) / static_cast<double>(ticks.count()) : 0;
    } else if (process.taken - split_from_->taken >= split_span) {
        const auto user = process.user_cpu - split_from_->user_cpu;
        const auto system = process.system_cpu - split_from_->system_cpu;
        if ((user + system).count() > 0)
            system_share_ = static_cast<double>(system.count()) / static_cast<double>((user + system).count());
        split_from_ = process;
    }
    if (cpu_.count() >= 0 && *process.cpu > cpu_) {
        const auto since = static_cast<double>((*process.cpu - cpu_).count());
        system_cpu_ns_ += since * system_share_;
        user_cpu_ns_ += since * (1 - system_share_);
    }
    cpu_ = *process.cpu;
}

void KernelReport::set_gauges(const observe::ProcessReading& process) {
    gauges_taken_ = process.taken;
    gauges_.fill(telemetry::layout::not_available);
    const auto set = [&](Gauge which, std::uint64_t value) { gauges_[static_cast<std::size_t>(which)] = value; };
    set(Gauge::threads, process.threads);
    if (sockets_) set(Gauge::connections_open, connections_.size());
    if (process.cpu) {
        set(Gauge::user_cpu_ns, as_count(user_cpu_ns_));
        set(Gauge::system_cpu_ns, as_count(system_cpu_ns_));
    }
    if (!threads_) return;
    set(Gauge::voluntary_switches, threads_reading_.voluntary_switches);
    set(Gauge::involuntary_switches, threads_reading_.involuntary_switches);
}

void KernelReport::name_threads(std::vector<NamedThread>& into) {
    if (named_.size() > most_known_names) named_.clear();
    std::size_t told = 0;
    for (const observe::ThreadReading& thread : threads_reading_.threads) {
        if (thread.name.empty()) continue;
        std::string& name = named_[thread.id];
        if (name == thread.name) continue;
        name = thread.name;
        into.push_back({pid_, thread.id, thread.name});
        if (++told >= most_names) return;
    }
}

} // namespace connscope::app
