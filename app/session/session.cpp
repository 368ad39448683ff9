// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/session.hpp"

#include "session/descriptions.hpp"
#include "session/remote.hpp"
#include "session/watcher.hpp"

#include <memory>
#include <utility>

namespace connscope::app {

namespace {
// A hand-off of many connections may take a while; a server that is stopped answers when it is continued.
constexpr std::chrono::seconds hand_off_time_out{120};
} // namespace

Session::Session(Plan plan, QObject* parent)
    : QObject(parent)
    , plan_(std::move(plan))
    , mode_(plan_.attach.isEmpty() ? plan_.mode : QString())
    , watcher_(new Watcher(plan_))
    , server_remote_(new Remote)
    , beside_remote_(new Remote)
    , load_remote_(new Remote)
    , anatomist_(new Anatomist) {
    watching_.setObjectName(QStringLiteral("watching"));
    calling_server_.setObjectName(QStringLiteral("calling-server"));
    calling_beside_.setObjectName(QStringLiteral("calling-beside"));
    calling_load_.setObjectName(QStringLiteral("calling-load"));
    reading_anatomy_.setObjectName(QStringLiteral("reading-anatomy"));
    anatomist_->moveToThread(&reading_anatomy_);
    connect(&reading_anatomy_, &QThread::finished, anatomist_, &QObject::deleteLater);
    connect(watcher_, &Watcher::serverChanged, anatomist_, &Anatomist::show_server);
    connect(anatomist_, &Anatomist::anatomyTaken, this, [this](const AnatomyPtr& reading) {
        if (!stopped_) emit anatomyTaken(reading);
    });
    watcher_->moveToThread(&watching_);
    server_remote_->moveToThread(&calling_server_);
    beside_remote_->moveToThread(&calling_beside_);
    load_remote_->moveToThread(&calling_load_);
    connect(&watching_, &QThread::finished, watcher_, &QObject::deleteLater);
    connect(&calling_server_, &QThread::finished, server_remote_, &QObject::deleteLater);
    connect(&calling_beside_, &QThread::finished, beside_remote_, &QObject::deleteLater);
    connect(&calling_load_, &QThread::finished, load_remote_, &QObject::deleteLater);
    connect(watcher_, &Watcher::snapshotTaken, this, &Session::take_snapshot);
    connect(watcher_, &Watcher::serverChanged, this, &Session::set_server);
    connect(watcher_, &Watcher::loadChanged, this, [this](const ProcessStatus& status) {
        load_ = status;
        emit loadChanged(load_);
    });
}

Session::~Session() {
    stop();
    for (QThread* thread : {&calling_server_, &calling_beside_, &calling_load_, &reading_anatomy_}) {
        thread->quit();
        thread->wait();
    }
}

void Session::start() {
    watching_.start();
    calling_server_.start();
    calling_beside_.start();
    calling_load_.start();
    reading_anatomy_.start();
    QMetaObject::invokeMethod(watcher_, [watcher = watcher_] { watcher->start(); });
}

void Session::stop() {
    if (stopped_) return;
    stopped_ = true;
    if (!watching_.isRunning()) {
        delete watcher_;
        delete server_remote_;
        delete beside_remote_;
        delete load_remote_;
        delete anatomist_;
        return;
    }
    QMetaObject::invokeMethod(
        watcher_, [watcher = watcher_] { watcher->stop(); }, Qt::BlockingQueuedConnection);
    watching_.quit();
    watching_.wait();
}

void Session::call(Target target, const char* method, boost::json::object parameters, Answer answer,
                   std::chrono::milliseconds time_out) {
    if (stopped_) return;
    Remote* remote = target == Target::server ? server_remote_ : target == Target::load ? load_remote_ : beside_remote_;
    const QString path = target == Target::load ? load_.control_path : server_.control_path;
    QMetaObject::invokeMethod(remote, [this, remote, path, method = std::string(method), parameters = std::move(parameters),
                                       answer = std::move(answer), time_out]() mutable {
        auto result = std::make_shared<telemetry::Outcome<boost::json::value>>(
            remote->call(path, method, std::move(parameters), time_out));
        // `this` is alive here: ~Session waits for this thread. What is still queued then is dropped with it.
        QMetaObject::invokeMethod(this, [this, answer = std::move(answer), result] {
            if (!stopped_) answer(std::move(*result));
        });
    });
}

void Session::changeMode(const QString& id) { hand_off("set_mode", {{"mode", id.toStdString()}}, id); }

void Session::changeParameters(const ModeParameters& wanted) {
    if (wanted.threads != mode_parameters_.threads) {
        hand_off("set_threads", {{"threads", wanted.threads}}, mode_);
    } else if (wanted.stack_kib != mode_parameters_.stack_kib) {
        hand_off("set_stack_size", {{"stack_kib", wanted.stack_kib}}, mode_);
    } else if (wanted.slice_us != mode_parameters_.slice_us) {
        const boost::json::value us = wanted.slice_us > 0 ? boost::json::value(wanted.slice_us) : nullptr;
        hand_off("set_slice", {{"us", us}}, mode_);
    }
}

void Session::hand_off(const char* method, boost::json::object parameters, const QString& to) {
    if (mode_is_changing_ || !server_.alive()) return;
    mode_is_changing_ = true;
    emit modeChangeBegan(to);
    call(
        Target::server, method, std::move(parameters),
        [this, to, from = mode_](telemetry::Outcome<boost::json::value> answer) {
            mode_is_changing_ = false;
            if (!answer) {
                emit modeChangeRefused(to, QString::fromStdString(answer.error().text));
                return;
            }
            ModeChange change = mode_change_of(*answer);
            change.from = from;
            change.to = to;
            change.parameters_before = mode_parameters_;
            mode_ = to;
            set_parameters(change.parameters);
            emit modeChanged(change);
        },
        hand_off_time_out);
}

void Session::set_parameters(const ModeParameters& parameters) {
    mode_parameters_ = parameters;
    emit modeParametersChanged(mode_parameters_);
}

void Session::attach(const QStringList& wanted) {
    if (stopped_) return;
    if (plan_.attach.isEmpty()) plan_.mode = mode_; // for the way back
    mode_is_changing_ = false;
    plan_.attach = wanted;
    mode_ = wanted.isEmpty() ? plan_.mode : QString();
    if (!modes_.empty()) {
        modes_.clear();
        emit modesChanged();
    }
    QMetaObject::invokeMethod(watcher_, [watcher = watcher_, plan = plan_] { watcher->restart(plan); });
}

void Session::awaitServer(bool on) {
    QMetaObject::invokeMethod(watcher_, [watcher = watcher_, on] { watcher->await(on); });
}

void Session::restart() {
    mode_is_changing_ = false;
    if (plan_.attach.isEmpty()) plan_.mode = mode_;
    QMetaObject::invokeMethod(watcher_, [watcher = watcher_, plan = plan_] { watcher->restart(plan); });
}

void Session::restartLoad() {
    QMetaObject::invokeMethod(watcher_, [watcher = watcher_, plan = plan_] { watcher->restart_load(plan); });
}

void Session::setPopulation(const QString& text) { change_load("set_population", {{"population", text.toStdString()}}); }

void Session::removePopulation(const QString& name) { change_load("remove_population", {{"name", name.toStdString()}}); }

void Session::setWorkload(const QString& protocol, const QStringList& populations) {
    if (protocol != plan_.protocol) {
        plan_.protocol = protocol;
        plan_.populations = populations;
        restart();
        return;
    }
    boost::json::array list;
    for (const QString& population : populations) list.emplace_back(population.toStdString());
    change_load("set_populations", {{"populations", std::move(list)}});
}

void Session::setLoadRunning(bool running) { change_load(running ? "start" : "stop", {}); }

void Session::closeConnection(quint64 id) {
    call(Target::server, "close_connection", {{"id", static_cast<std::int64_t>(id)}},
         [this](const telemetry::Outcome<boost::json::value>& answer) {
             if (!answer) emit connectionRefused(QString::fromStdString(answer.error().text));
         });
}

void Session::moveConnection(quint64 id, const QString& mode) {
    call(
        Target::server, "move_connection", {{"id", static_cast<std::int64_t>(id)}, {"mode", mode.toStdString()}},
        [this, id](const telemetry::Outcome<boost::json::value>& answer) {
            if (!answer) emit connectionRefused(QString::fromStdString(answer.error().text));
            if (looked_at_ == id) lookAt(looked_at_process_, id); // at once, as it is now
        },
        std::chrono::seconds(15));
}

void Session::lookAt(quint32 process, quint64 id) {
    looked_at_process_ = process;
    looked_at_ = id;
    if (stopped_ || !reading_anatomy_.isRunning()) return;
    AnatomySubject subject;
    subject.process = process;
    if (newest_ && process < newest_->processes.size()) {
        const WatchedProcess& whose = newest_->processes[process];
        subject.pid = whose.pid;
        subject.name = QString::fromStdString(whose.name);
        subject.segment = QString::fromStdString(whose.segment);
        subject.id = id;
    }
    QMetaObject::invokeMethod(anatomist_, [anatomist = anatomist_, subject] { anatomist->look_at(subject); });
    tell_thread_of_looked_at();
}

// Without a probe the anatomist cannot find out by itself.
void Session::tell_thread_of_looked_at() {
    if (looked_at_ == 0 || !newest_ || looked_at_process_ >= newest_->processes.size() || stopped_) return;
    if (newest_->processes[looked_at_process_].has_probe) return;
    ForeignThread foreign;
    const auto find_in = [&](const std::vector<telemetry::ConnectionReading>& connections,
                             const std::vector<SocketFigures>& sockets) {
        for (std::size_t i = 0; i < std::min(connections.size(), sockets.size()); ++i) {
            if (connections[i].id != looked_at_ || connections[i].segment != looked_at_process_) continue;
            const observe::SocketThread& thread = sockets[i].thread;
            foreign.thread = thread.thread;
            foreign.is_its_own = thread.source == observe::ThreadSource::waits;
            foreign.told_by = QString::fromStdString(observe::to_string(thread, newest_->server.taken));
        }
    };
    find_in(newest_->server.connections, newest_->sockets);
    find_in(newest_->outgoing.connections, newest_->outgoing.sockets);
    QMetaObject::invokeMethod(anatomist_, [anatomist = anatomist_, foreign] { anatomist->tell_thread(foreign); });
}

void Session::change_load(const char* method, boost::json::object parameters) {
    call(Target::load, method, std::move(parameters), [this](const telemetry::Outcome<boost::json::value>& answer) {
        if (!answer) {
            emit loadRefused(QString::fromStdString(answer.error().text));
        } else {
            emit loadAnswered(note_of(*answer));
        }
    });
}

void Session::continueServer() {
    QMetaObject::invokeMethod(watcher_, [watcher = watcher_] { watcher->continue_server(); });
}

void Session::continueLoad() {
    QMetaObject::invokeMethod(watcher_, [watcher = watcher_] { watcher->continue_load(); });
}

void Session::take_snapshot(const SnapshotPtr& snapshot) {
    if (stopped_) return;
    newest_ = snapshot;
    tell_thread_of_looked_at();
    if (snapshot->has_server && snapshot->server.mode < snapshot->modes.size()) {
        const QString mode = QString::fromStdString(snapshot->modes[snapshot->server.mode]);
        if (mode_.isEmpty()) mode_ = mode;         // the first of a server that was running already
        if (mode != mode_ && !mode_is_changing_) { // somebody else changed it
            const QString from = std::exchange(mode_, mode);
            ModeChange change;
            change.from = from;
            change.to = mode;
            change.parameters_before = change.parameters = mode_parameters_;
            change.moved = snapshot->server.gauge(telemetry::Gauge::last_hand_off_count).value_or(0);
            change.duration_ms =
                static_cast<double>(snapshot->server.gauge(telemetry::Gauge::last_hand_off_ns).value_or(0)) / 1e6;
            emit modeChanged(change);
        }
    }
    if (snapshot->has_load && snapshot->load.populations.size() > 1) { // a restart begins with what runs now
        plan_.populations.clear();
        for (std::size_t i = 1; i < snapshot->load.populations.size(); ++i) {
            plan_.populations << QString::fromStdString(snapshot->load.populations[i].text);
        }
    }
    emit snapshotTaken(snapshot);
}

void Session::set_server(const ProcessStatus& status) {
    const bool is_new = status.phase == ProcessStatus::Phase::running && status.pid != server_.pid;
    server_ = status;
    emit serverChanged(server_);
    if (is_new && !server_.control_path.isEmpty()) ask_for_modes();
}

void Session::ask_for_modes() {
    call(Target::server, "list_modes", {}, [this](telemetry::Outcome<boost::json::value> answer) {
        if (!answer) return; // the server's death is told by its own signal
        modes_ = mode_descriptions_of(*answer);
        emit modesChanged();
    });
    call(Target::server, "status", {}, [this](telemetry::Outcome<boost::json::value> answer) {
        if (answer) set_parameters(mode_parameters_of(*answer));
    });
}

} // namespace connscope::app
