// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/watcher.hpp"

#include "connscope/telemetry/runtime_folder.hpp"

#include <QCoreApplication>
#include <QFileInfo>

#include <atomic>
#include <csignal>
#include <utility>

namespace connscope::app {

namespace {

constexpr std::chrono::milliseconds interval{50};
constexpr unsigned looks_between_losses = 8;
constexpr std::size_t most_events = 50'000;         // of a segment in one look: a million a second
constexpr std::chrono::milliseconds patience{1500}; // for a process that was asked to end

// Writes into `status` that a process that runs has been stopped, or goes on again; false when nothing has changed.
bool note_stop(ProcessStatus& status, char state, const QString& program) {
    using Phase = ProcessStatus::Phase;
    const bool is_stopped = state == 'T' || state == 't'; // by a signal or by a debugger
    if (!status.alive() || is_stopped == (status.phase == Phase::stopped)) return false;
    status.phase = is_stopped ? Phase::stopped : Phase::running;
    status.reason = is_stopped
                        ? QCoreApplication::translate(
                              "Watcher", "%1 (pid %2) was stopped by a signal and does nothing until it is continued.")
                              .arg(program)
                              .arg(status.pid)
                        : QString();
    return true;
}

telemetry::Outcome<telemetry::SegmentReader> open_segment(const QString& name) {
    auto folder = telemetry::runtime_folder();
    if (!folder) return std::move(folder).error();
    return telemetry::SegmentReader::open(telemetry::segment_path(*folder, name.toStdString()));
}

// Makes the names of segments unique in this process, which may have several windows.
int next_number() {
    static std::atomic<int> number{0};
    return ++number; // any order will do
}

std::optional<observe::ProcessObserver> observer_of(std::uint32_t pid) {
    auto observer = observe::ProcessObserver::open(pid);
    if (!observer) return std::nullopt;
    return std::move(*observer);
}

} // namespace

Watcher::Watcher(Plan plan)
    : plan_(std::move(plan))
    , server_(this)
    , load_(this)
    , timer_(this) {
    timer_.setTimerType(Qt::PreciseTimer);
    timer_.setInterval(interval);
    connect(&timer_, &QTimer::timeout, this, &Watcher::look);
    connect(&server_, &Companion::ready, this, &Watcher::server_is_ready);
    connect(&load_, &Companion::ready, this, &Watcher::load_is_ready);
    connect(&server_, &Companion::ended, this, [this](const QString& reason, bool was_ready) {
        ProcessStatus status = server_status_;
        status.phase = was_ready ? ProcessStatus::Phase::gone : ProcessStatus::Phase::failed;
        status.reason = reason;
        server_observer_.reset();
        server_memory_.reset();
        switches_.reset();
        set_server(std::move(status));
    });
    connect(&load_, &Companion::ended, this, [this](const QString& reason, bool was_ready) {
        ProcessStatus status = load_status_;
        status.phase = was_ready ? ProcessStatus::Phase::gone : ProcessStatus::Phase::failed;
        status.reason = reason;
        load_observer_.reset();
        load_segment_.reset();
        set_load(std::move(status));
    });
}

Watcher::~Watcher() { stop(); }

void Watcher::start() {
    telemetry::remove_dead_segments();
    start_server();
    timer_.start();
}

void Watcher::restart(const Plan& plan) {
    plan_ = plan;
    load_.ask_to_end();
    server_.ask_to_end();
    load_.end(patience);
    server_.end(patience);
    telemetry::remove_dead_segments();
    load_segment_.reset();
    load_observer_.reset();
    set_load({});
    start_server();
}

void Watcher::restart_load(const Plan& plan) {
    plan_ = plan;
    load_.end(patience);
    load_segment_.reset();
    load_observer_.reset();
    if (server_status_.alive()) start_load();
}

void Watcher::continue_server() {
    if (server_status_.alive()) ::kill(static_cast<pid_t>(server_status_.pid), SIGCONT);
}

void Watcher::continue_load() {
    if (load_status_.alive()) ::kill(static_cast<pid_t>(load_status_.pid), SIGCONT);
}

void Watcher::stop() {
    timer_.stop();
    load_.ask_to_end();
    load_.end(patience);
    server_.end(patience);
}

void Watcher::start_server() {
    segments_ = {};
    modes_.clear();
    server_observer_.reset();
    server_memory_.reset();
    ProcessStatus status;
    status.phase = ProcessStatus::Phase::starting;
    set_server(std::move(status));
    const QString name = QStringLiteral("window-%1-%2").arg(QCoreApplication::applicationPid()).arg(next_number());
    server_.start(plan_.companions_folder + QStringLiteral("/connscope-serve"),
                  {QStringLiteral("--listen"), QStringLiteral("127.0.0.1:0"), QStringLiteral("--mode"), plan_.mode,
                   QStringLiteral("--protocol"), plan_.protocol, QStringLiteral("--name"), name,
                   QStringLiteral("--exit-with-parent")});
}

void Watcher::start_load() {
    ProcessStatus status;
    status.phase = ProcessStatus::Phase::starting;
    set_load(std::move(status));
    const QString name = QStringLiteral("window-%1-%2-load").arg(QCoreApplication::applicationPid()).arg(next_number());
    QStringList arguments{
        QStringLiteral("--connect"),         server_status_.address, QStringLiteral("--protocol"), plan_.protocol,
        QStringLiteral("--duration"),        QStringLiteral("0"),    QStringLiteral("--name"),     name,
        QStringLiteral("--exit-with-parent")};
    for (const QString& population : plan_.populations) arguments << QStringLiteral("--population") << population;
    load_.start(plan_.companions_folder + QStringLiteral("/connscope-load"), arguments);
}

void Watcher::server_is_ready(const ReadyLine& line) {
    ProcessStatus status;
    status.phase = ProcessStatus::Phase::running;
    status.pid = line.pid;
    status.address = line.address;
    status.control_path = line.control_path;
    status.segment_name = line.segment_name;
    auto segment = open_segment(line.segment_name);
    if (!segment) {
        status.reason = QString::fromStdString(segment.error().text);
    } else {
        modes_ = segment->identity().modes;
        segments_.add(std::move(*segment));
    }
    server_observer_ = observer_of(line.pid);
    server_memory_ = std::make_unique<MemoryWatch>(line.pid);
    switches_.emplace(line.pid);
    set_server(std::move(status));
    start_load();
}

void Watcher::load_is_ready(const ReadyLine& line) {
    ProcessStatus status;
    status.phase = ProcessStatus::Phase::running;
    status.pid = line.pid;
    status.address = line.address;
    status.control_path = line.control_path;
    status.segment_name = line.segment_name;
    auto segment = open_segment(line.segment_name);
    if (!segment) {
        status.reason = QString::fromStdString(segment.error().text);
    } else {
        load_segment_ = std::move(*segment);
    }
    load_observer_ = observer_of(line.pid);
    set_load(std::move(status));
}

void Watcher::set_server(ProcessStatus status) {
    server_loss_.clear();
    server_status_ = std::move(status);
    emit serverChanged(server_status_);
}

void Watcher::set_load(ProcessStatus status) {
    load_loss_.clear();
    load_status_ = std::move(status);
    emit loadChanged(load_status_);
}

void Watcher::look() {
    const auto begin = telemetry::monotonic_ns();
    auto snapshot = unused_snapshot();
    look_at_server(*snapshot);
    SwitchWatch::clear(*snapshot);
    if (switches_) switches_->look(*snapshot);
    look_at_load(*snapshot);
    if (++looks_ % looks_between_losses == 0) look_for_losses();
    const auto end = telemetry::monotonic_ns();
    snapshot->taken = std::chrono::nanoseconds(snapshot->has_server ? snapshot->server.taken.count() : begin);
    snapshot->cost = std::chrono::nanoseconds(end - begin);
    emit snapshotTaken(std::move(snapshot));
}

void Watcher::look_at_server(Snapshot& into) {
    into.has_server = false;
    into.server_process.reset();
    if (!server_status_.alive() || segments_.empty()) return;

    if (const auto status = segments_.read(into.server); !status) {
        if (const QString reason = QString::fromStdString(status.error().text); reason != server_status_.reason) {
            server_status_.reason = reason;
            emit serverChanged(server_status_);
        }
        return;
    }
    into.has_server = true;
    into.modes = modes_;
    into.delay_from_readiness.clear();
    into.delay_from_stamp.clear();
    into.events.clear();
    into.events_lost = 0;
    for (std::size_t segment = 0; segment < segments_.size(); ++segment) {
        if (segments_.at(segment).read_delays(telemetry::layout::DelayHistogram::from_readiness, delays_)) {
            into.delay_from_readiness.merge(delays_);
        }
        if (segments_.at(segment).read_delays(telemetry::layout::DelayHistogram::from_stamp, delays_)) {
            into.delay_from_stamp.merge(delays_);
        }
        if (!segments_.at(segment).read_events(events_, most_events)) continue;
        into.events_lost += events_.lost;
        for (const auto& event : events_.events) into.events.push_back({static_cast<std::uint32_t>(segment), event});
    }
    into.server_memory = {};
    if (server_memory_) {
        if (std::exchange(mode_changes_, into.server.mode_changes) != into.server.mode_changes) server_memory_->read_soon();
        into.server_memory = server_memory_->newest();
    }
    if (!server_observer_) return;
    auto process = server_observer_->read();
    if (!process) return;
    into.server_process = *process;
    if (note_stop(server_status_, process->state, QStringLiteral("connscope-serve"))) emit serverChanged(server_status_);
}

// Somebody may remove or replace the files by which a process that runs well is found.
void Watcher::look_for_losses() {
    const auto loss_of = [](const ProcessStatus& status, bool segment_is_there, const QString& program) -> QString {
        if (!segment_is_there) {
            return tr("The segment %1 of %2 (pid %3) was removed or replaced by another file: no other program finds it "
                      "now. This "
                      "window goes on with the one that it had opened.")
                .arg(status.segment_name, program)
                .arg(status.pid);
        }
        if (!QFileInfo::exists(status.control_path)) {
            return tr("The control socket %1 is gone: %2 (pid %3) can still be watched, but nothing else can ask it to "
                      "change.")
                .arg(status.control_path, program)
                .arg(status.pid);
        }
        return {};
    };
    if (server_status_.phase == ProcessStatus::Phase::running && server_status_.reason == server_loss_) {
        bool is_there = true;
        for (std::size_t segment = 0; segment < segments_.size(); ++segment) is_there &= segments_.at(segment).still_there();
        const QString loss = loss_of(server_status_, is_there, QStringLiteral("connscope-serve"));
        if (loss != server_loss_) {
            server_status_.reason = server_loss_ = loss;
            emit serverChanged(server_status_);
        }
    }
    if (load_status_.phase == ProcessStatus::Phase::running && load_status_.reason == load_loss_ && load_segment_) {
        const QString loss = loss_of(load_status_, load_segment_->still_there(), QStringLiteral("connscope-load"));
        if (loss != load_loss_) {
            load_status_.reason = load_loss_ = loss;
            emit loadChanged(load_status_);
        }
    }
}

void Watcher::look_at_load(Snapshot& into) {
    into.has_load = false;
    into.load_process.reset();
    if (!load_segment_) return;
    into.has_load = static_cast<bool>(load_segment_->read(into.load));
    if (!load_observer_) return;
    auto process = load_observer_->read();
    if (!process) return;
    into.load_process = *process;
    if (note_stop(load_status_, process->state, QStringLiteral("connscope-load"))) emit loadChanged(load_status_);
}

std::shared_ptr<Snapshot> Watcher::unused_snapshot() {
    for (const auto& snapshot : pool_) {
        if (snapshot.use_count() == 1) {
            // Pairs with the release of the last other owner, whose reads of the snapshot are over before we write it.
            std::atomic_thread_fence(std::memory_order_acquire);
            return snapshot;
        }
    }
    return pool_.emplace_back(std::make_shared<Snapshot>());
}

} // namespace connscope::app
