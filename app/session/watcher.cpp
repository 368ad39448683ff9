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
constexpr unsigned looks_between_finds = 20;
constexpr std::size_t most_processes = 256;         // watched together
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

QString server_name(const ProcessStatus& status) {
    return status.name.isEmpty() ? QStringLiteral("connscope-serve") : status.name;
}

// Errors begin with a small letter, so that they can be put behind a program's name.
QString sentence(const std::string& text) {
    QString made = QString::fromStdString(text);
    if (!made.isEmpty()) made[0] = made[0].toUpper();
    return made + QLatin1Char('.');
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
        server_set_.clear();
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
    begin();
    timer_.start();
}

void Watcher::begin() {
    server_set_.clear();
    selection_.reset();
    if (plan_.attach.isEmpty()) {
        start_server();
    } else {
        attach();
    }
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
    begin();
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
    observe::FoundProcess found;
    found.pid = line.pid;
    found.name = "connscope-serve";
    if (auto folder = telemetry::runtime_folder())
        found.segment = telemetry::segment_path(*folder, line.segment_name.toStdString());
    server_set_.clear();
    if (const auto added = server_set_.add(found); !added) status.reason = QString::fromStdString(added.error().text);
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
    if (server_status_.is_attached && looks_ % looks_between_finds == 0) find_attached();
    if (server_status_.is_attached && !server_status_.alive()) { // what was seen last stays
        ++looks_;
        return;
    }
    const auto begin = telemetry::monotonic_ns();
    auto snapshot = unused_snapshot();
    look_at_server(*snapshot);
    look_at_load(*snapshot);
    if (++looks_ % looks_between_losses == 0) look_for_losses();
    const auto end = telemetry::monotonic_ns();
    if (server_status_.is_attached && !snapshot->has_server) return attached_has_ended();
    snapshot->taken = std::chrono::nanoseconds(snapshot->has_server ? snapshot->server.taken.count() : begin);
    snapshot->cost = std::chrono::nanoseconds(end - begin);
    emit snapshotTaken(std::move(snapshot));
}

void Watcher::look_at_server(Snapshot& into) {
    if (!server_status_.alive() || server_set_.empty()) {
        into.has_server = false;
        into.server_process.reset();
        SwitchWatch::clear(into);
        return;
    }
    const std::size_t before = server_set_.alive();
    if (const auto status = server_set_.look(into); !status) {
        if (const QString reason = QString::fromStdString(status.error().text); reason != server_status_.reason) {
            server_status_.reason = reason;
            emit serverChanged(server_status_);
        }
        return;
    }
    if (!into.has_server) return;
    if (server_status_.is_attached && server_set_.alive() != before) tell_attached();
    if (into.server_process && note_stop(server_status_, into.server_process->state, server_name(server_status_)))
        emit serverChanged(server_status_);
}

void Watcher::attach() {
    ProcessStatus status;
    status.phase = ProcessStatus::Phase::starting;
    status.is_attached = true;
    status.name = plan_.attach.join(tr(", "));
    set_server(std::move(status));
    std::vector<std::string> wanted;
    for (const QString& each : plan_.attach) wanted.push_back(each.toStdString());
    auto selection = observe::ProcessSelection::parse(wanted);
    if (!selection) {
        status = server_status_;
        status.phase = ProcessStatus::Phase::failed;
        status.reason = sentence(selection.error().text);
        set_server(std::move(status));
        return;
    }
    selection_ = std::move(*selection);
    find_attached();
    if (server_status_.alive()) return;
    status = server_status_;
    status.phase = ProcessStatus::Phase::failed;
    status.reason = sentence(selection_->nothing_found().text);
    set_server(std::move(status));
}

// Watches those that have come; those that have gone are noticed when they are looked at.
void Watcher::find_attached() {
    using Phase = ProcessStatus::Phase;
    if (!selection_ || server_status_.phase == Phase::gone || server_status_.phase == Phase::failed) return;
    bool has_new = false;
    QString problem;
    for (const observe::FoundProcess& found : selection_->find()) {
        if (server_set_.has(found.pid) || server_set_.alive() >= most_processes) continue;
        if (const auto added = server_set_.add(found); !added) problem = QString::fromStdString(added.error().text);
        has_new = has_new || server_set_.has(found.pid);
    }
    if (has_new) tell_attached();
    if (has_new && !problem.isEmpty()) {
        server_status_.reason = problem;
        emit serverChanged(server_status_);
    }
}

// Says who is watched, and what can be done with them.
void Watcher::tell_attached() {
    ProcessStatus status;
    status.phase = ProcessStatus::Phase::running;
    status.is_attached = true;
    status.pids = server_set_.pids();
    status.pid = status.pids.front();
    for (const std::string& name : server_set_.names()) status.names << QString::fromStdString(name);
    status.name = status.names.join(tr(", "));
    status.address = QString::fromStdString(server_set_.address());
    status.segment_name = QString::fromStdString(server_set_.segment_name());
    status.control_path = QString::fromStdString(server_set_.control_path());
    for (const std::string& missing : server_set_.missing()) status.missing << QString::fromStdString(missing);
    if (status.pids.size() > 1) {
        status.uncontrolled = tr("They are watched as one server, and nothing is changed there.");
    } else if (status.segment_name.isEmpty()) {
        status.uncontrolled =
            tr("%1 has no probe and no control socket: it is watched, and nothing is changed there.").arg(status.name);
    } else if (status.control_path.isEmpty() || !QFileInfo::exists(status.control_path)) {
        status.control_path.clear();
        status.uncontrolled = tr("%1 has no control socket: it is watched, and nothing is changed there.").arg(status.name);
    }
    awaited_ = status.names;
    set_server(std::move(status));
}

void Watcher::attached_has_ended() {
    ProcessStatus status = server_status_;
    status.phase = ProcessStatus::Phase::gone;
    status.reason = status.pids.size() > 1 ? tr("The last of the processes of %1 has ended.").arg(status.name)
                                           : tr("%1 (pid %2) has ended.").arg(status.name).arg(status.pid);
    status.reason += QLatin1Char(' ') + tr("What it did last stays on the screen.");
    set_server(std::move(status));
}

void Watcher::await(bool on) {
    using Phase = ProcessStatus::Phase;
    ProcessStatus status = server_status_;
    if (!status.is_attached || status.alive() || awaited_.isEmpty()) return;
    status.phase = on ? Phase::awaited : Phase::gone;
    if (on) {
        std::vector<std::string> names;
        for (const QString& name : awaited_) names.push_back(name.toStdString());
        if (auto selection = observe::ProcessSelection::parse(names)) selection_ = std::move(*selection);
        server_set_.clear();
        status.reason = tr("Waiting for a process called %1.").arg(awaited_.join(tr(" or ")));
    } else {
        status.reason = tr("%1 has ended. What it did last stays on the screen.").arg(status.name);
    }
    set_server(std::move(status));
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
        if (!status.control_path.isEmpty() && !QFileInfo::exists(status.control_path)) {
            return tr("The control socket %1 is gone: %2 (pid %3) can still be watched, but nothing else can ask it to "
                      "change.")
                .arg(status.control_path, program)
                .arg(status.pid);
        }
        return {};
    };
    if (server_status_.phase == ProcessStatus::Phase::running && server_status_.reason == server_loss_) {
        const QString loss = loss_of(server_status_, server_set_.segments_are_there(), server_name(server_status_));
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
