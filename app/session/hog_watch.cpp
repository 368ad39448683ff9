// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/hog_watch.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <utility>

namespace connscope::app {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds suspicious{25}; // a slice of this length: the server may tell of it soon
constexpr int asks_again_after = 25;                // ms
constexpr std::chrono::seconds move_time_out{15};
const QString own_thread_mode = QStringLiteral("thread-per-connection");

QString text(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return {};
    const json::string& found = value->get_string();
    return QString::fromUtf8(found.data(), static_cast<qsizetype>(found.size()));
}

double number(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value == nullptr || !value->is_number() ? 0 : std::max(value->to_number<double>(), 0.0);
}

} // namespace

std::vector<HogReading> hog_readings_of(const json::value& answer) {
    std::vector<HogReading> hogs;
    const json::array* list = answer.if_array();
    if (list == nullptr) return hogs;
    for (const json::value& entry : *list) {
        const json::object* object = entry.if_object();
        if (object == nullptr) continue;
        HogReading hog;
        hog.connection = static_cast<std::uint64_t>(std::min(number(*object, "id"), 1e15));
        if (hog.connection == 0) continue;
        hog.mode = text(*object, "mode");
        hog.held_s = number(*object, "held_ms") / 1e3;
        hog.waiting = static_cast<std::uint64_t>(std::min(number(*object, "waiting"), 1e15));
        hog.longest_wait_s = number(*object, "longest_wait_ms") / 1e3;
        hog.function = text(*object, "function");
        hog.at = text(*object, "at");
        hog.missing = text(*object, "missing");
        hogs.push_back(std::move(hog));
    }
    std::sort(hogs.begin(), hogs.end(), [](const HogReading& a, const HogReading& b) { return a.held_s > b.held_s; });
    return hogs;
}

HogWatch::HogWatch(Session& session, QObject* parent)
    : QObject(parent)
    , session_(session) {
    again_.setSingleShot(true);
    again_.setInterval(asks_again_after);
    again_.setTimerType(Qt::PreciseTimer);
    connect(&again_, &QTimer::timeout, this, &HogWatch::ask);
    connect(&session_, &Session::snapshotTaken, this, [this](const SnapshotPtr& snapshot) { look(*snapshot); });
    connect(&session_, &Session::serverChanged, this, [this](const ProcessStatus& server) {
        if (server.phase == ProcessStatus::Phase::running && server.pid == server_pid_) return;
        server_pid_ = server.phase == ProcessStatus::Phase::running ? server.pid : 0;
        told_ = !server.control_path.isEmpty();
        take({});
    });
}

// A server is not asked for what nobody is suspected of: each question takes some of its time.
void HogWatch::look(const Snapshot& snapshot) {
    if (!snapshot.has_server || server_pid_ == 0) return;
    const auto& connections = snapshot.server.connections;
    const bool is_suspected = std::any_of(connections.begin(), connections.end(), [&](const auto& connection) {
        return connection.state == telemetry::ConnectionState::running &&
               snapshot.server.taken - connection.state_since >= suspicious;
    });
    if (!is_suspected && hogs_.empty()) return;
    ask();
    again_.start(); // who is suspected now may be told of by then
}

void HogWatch::ask() {
    if (asking_ || server_pid_ == 0 || session_.server().control_path.isEmpty()) return;
    asking_ = true;
    session_.call(Session::Target::server_beside, "hogs", {},
                  [this, pid = server_pid_](const telemetry::Outcome<json::value>& answer) {
                      asking_ = false;
                      if (pid != server_pid_) return; // another server by now
                      told_ = static_cast<bool>(answer);
                      take(answer ? hog_readings_of(*answer) : std::vector<HogReading>());
                      if (!hogs_.empty()) again_.start();
                  });
}

void HogWatch::take(std::vector<HogReading> hogs) {
    if (hogs == hogs_) return;
    hogs_ = std::move(hogs);
    emit hogsTold();
}

void HogWatch::act(std::uint64_t connection, HogAction action) {
    const auto id = static_cast<std::int64_t>(connection);
    const auto tell = [this, connection](const QString& done) {
        return [this, connection, done](const telemetry::Outcome<json::value>& answer) {
            emit acted(connection, answer ? done : QString::fromStdString(answer.error().text), !answer);
            if (answer) ask();
        };
    };
    switch (action) {
    case HogAction::let_go_on:
        session_.call(Session::Target::server_beside, "excuse_hog", {{"id", id}},
                      tell(tr("Connection %1 may go on computing.").arg(connection)));
        break;
    case HogAction::close:
        session_.call(Session::Target::server_beside, "close_connection", {{"id", id}},
                      tell(tr("Connection %1 was closed.").arg(connection)));
        break;
    case HogAction::own_thread: {
        const auto& modes = session_.modes();
        const auto found =
            std::find_if(modes.begin(), modes.end(), [](const auto& mode) { return mode.id == own_thread_mode; });
        if (found == modes.end()) {
            emit acted(connection, tr("This server has no mode in which a connection has a thread of its own."), true);
            return;
        }
        session_.call(Session::Target::server, "move_connection", {{"id", id}, {"mode", own_thread_mode.toStdString()}},
                      tell(tr("Connection %1 computes on, on a thread of its own.").arg(connection)), move_time_out);
        break;
    }
    }
}

} // namespace connscope::app
