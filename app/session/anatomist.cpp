// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/anatomist.hpp"

#include "connscope/telemetry/clock.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <algorithm>

namespace connscope::app {

namespace {
constexpr std::chrono::milliseconds interval{500};
constexpr std::chrono::milliseconds prepared_at_once{5}; // whoever clicks meanwhile waits for it
constexpr std::chrono::milliseconds prepared_every{10};  // half of a core, for a second or two
constexpr std::chrono::milliseconds heap_is_told{1200};
constexpr int most_early_costs = 6;     // where connections come all the time
constexpr int looks_between_costs = 10; // a cost takes 5 us a stack and 10 us a socket to read
} // namespace

Anatomist::Anatomist()
    : timer_(this)
    , preparing_(this) {
    timer_.setInterval(interval);
    preparing_.setInterval(prepared_every);
    connect(&preparing_, &QTimer::timeout, this, &Anatomist::prepare);
    connect(&timer_, &QTimer::timeout, this, &Anatomist::look);
}

Anatomist::~Anatomist() = default;

void Anatomist::show_server(const ProcessStatus& server) {
    server_ = server;
    const bool is_there =
        server.alive() && (server.pid == subject_.pid || std::ranges::count(server.pids, subject_.pid) > 0);
    if (server.alive() && (!is_there || !server.segment_name.isEmpty())) { // the only one with a probe, or none yet
        turn_to({0, server.pid, server.name, server.segment_name, subject_.id});
    } else if (!is_there) {
        turn_to({0, 0, {}, {}, subject_.id});
    }
    if (server.alive()) {
        if (!cost_at_first_) cost_at_first_ = read_cost();
        timer_.start();
        preparing_.start();
    } else {
        timer_.stop();
        preparing_.stop();
    }
}

// What was opened and learned of another process is of no use.
void Anatomist::turn_to(const AnatomySubject& subject) {
    const bool is_another = !subject.is_in(subject_) || !server_.alive();
    subject_ = subject;
    slot_is_known_ = false;
    foreign_.reset();
    if (!is_another) return;
    segment_.reset();
    reader_.reset();
    cost_at_first_.reset();
    cost_.reset();
    warm_mode_changes_ = ~std::uint64_t{0};
}

void Anatomist::look_at(const AnatomySubject& subject) {
    looks_ = 0;
    if (subject.id == 0) {
        subject_.id = 0;
        return;
    }
    const bool is_another = !subject.is_in(subject_);
    turn_to(subject);
    if (is_another) {
        if (!subject.segment.isEmpty()) cost_at_first_ = read_cost();
        preparing_.start();
    }
    if (!subject.segment.isEmpty()) look();
}

void Anatomist::tell_thread(const ForeignThread& thread) {
    if (!subject_.segment.isEmpty() || subject_.id == 0) return;
    const bool is_first = !foreign_;
    foreign_ = thread;
    if (is_first) look();
}

bool Anatomist::open() {
    problem_ = tr("There is no server to look into.");
    if (!server_.alive() || subject_.pid == 0) return false;
    if (!reader_) {
        auto reader = observe::AnatomyReader::open(subject_.pid);
        if (!reader) {
            problem_ = QString::fromStdString(reader.error().text);
            return false;
        }
        reader_.emplace(std::move(*reader));
    }
    if (segment_ || subject_.segment.isEmpty()) return true;
    auto folder = telemetry::runtime_folder();
    if (!folder) return false;
    auto segment = telemetry::SegmentReader::open(telemetry::segment_path(*folder, subject_.segment.toStdString()));
    if (!segment) {
        problem_ = QString::fromStdString(segment.error().text);
        return false;
    }
    segment_.emplace(std::move(*segment));
    return true;
}

void Anatomist::look() {
    if (subject_.id == 0) return read_once_before();
    if (subject_.segment.isEmpty() && !foreign_) return; // its thread is not told yet
    emit anatomyTaken(read());
    if (!subject_.segment.isEmpty() && looks_++ % looks_between_costs == 0)
        renew_cost(); // afterwards: whoever has clicked does not wait for it
}

std::optional<observe::CostReading> Anatomist::read_cost() {
    if (subject_.segment.isEmpty() || !open() || !segment_->read(scratch_)) return std::nullopt;
    auto reading = observe::read_cost(subject_.pid, scratch_);
    return reading ? std::optional(std::move(*reading)) : std::nullopt;
}

void Anatomist::renew_cost() {
    const auto now = cost_at_first_ ? read_cost() : std::nullopt;
    // The server tells of its heap once a second: while connections come, what it told is of fewer.
    const auto newest = std::ranges::max_element(scratch_.connections, {}, &telemetry::ConnectionReading::opened);
    const bool is_told = newest == scratch_.connections.end() || scratch_.taken - newest->opened > heap_is_told;
    if (!is_told && ++early_costs_ < most_early_costs) {
        looks_ = 0; // again with the next look
        return;
    }
    early_costs_ = 0;
    cost_.reset();
    if (!now || now->connections <= cost_at_first_->connections) return;
    cost_ =
        std::make_shared<const observe::Cost>(observe::cost_between(*cost_at_first_, *now, observe::ends_here(scratch_)));
    cost_to_ = now->connections;
}

// Opens the debug information before it is asked for, so that the first click is answered as fast as all others.
void Anatomist::prepare() {
    const bool is_wanted = !subject_.segment.isEmpty() || subject_.id != 0; // of a foreign process none may ever be
    if (!is_wanted || !open() || !reader_->prepare(prepared_at_once)) preparing_.stop();
}

// Once after each change of mode, what an anatomy needs of it alone.
void Anatomist::read_once_before() {
    if (preparing_.isActive() || subject_.segment.isEmpty() || !open() || !segment_->read(scratch_) ||
        scratch_.connections.empty() || scratch_.mode_changes == warm_mode_changes_)
        return;
    warm_mode_changes_ = scratch_.mode_changes;
    const auto& first = scratch_.connections.front();
    std::ignore = reader_->read([&] { return segment_->read_connection(first.slot, first.id); });
}

AnatomyPtr Anatomist::read() {
    auto reading = std::make_shared<AnatomyReading>();
    reading->process = subject_.process;
    reading->id = subject_.id;
    if (!open()) {
        reading->problem = problem_;
        return reading;
    }
    if (!segment_) {
        read_foreign(*reading);
        return reading;
    }
    if (!slot_is_known_ && segment_->read(scratch_)) {
        const auto found = std::ranges::find(scratch_.connections, subject_.id, &telemetry::ConnectionReading::id);
        slot_is_known_ = found != scratch_.connections.end();
        if (slot_is_known_) slot_ = found->slot;
    }
    if (!slot_is_known_) {
        reading->problem = tr("Connection %1 has ended.").arg(subject_.id);
        return reading;
    }
    const auto anatomy = reader_->read([this] { return segment_->read_connection(slot_, subject_.id); });
    if (!anatomy) {
        reading->problem = anatomy.error().code == std::errc::no_such_process
                               ? tr("Connection %1 has ended.").arg(subject_.id)
                               : QString::fromStdString(anatomy.error().text);
        return reading;
    }
    const auto& modes = segment_->identity().modes;
    if (anatomy->connection.mode < modes.size()) reading->mode = QString::fromStdString(modes[anatomy->connection.mode]);
    reading->took = anatomy->took;
    reading->carrier = anatomy->connection.carrier;
    reading->hand_offs = anatomy->connection.hand_offs;
    reading->control = observe::control_rows(*anatomy);
    reading->state = observe::state_rows(*anatomy);
    reading->cost = cost_;
    reading->cost_from = cost_at_first_ ? cost_at_first_->connections : 0;
    reading->cost_to = cost_to_;
    return reading;
}

// Without a probe nothing tells where the process keeps a connection. A thread that waits for its socket alone is one that
// carries it.
void Anatomist::read_foreign(AnatomyReading& into) {
    if (foreign_->thread == 0) {
        into.problem =
            tr("%1 has no probe, so where its connections are in its memory is not known, and the kernel does not "
               "tell (yet) which thread works for this one. Linking connscope::asio or connscope::probe into it "
               "would tell.")
                .arg(subject_.name);
        return;
    }
    telemetry::ConnectionReading connection;
    connection.id = subject_.id;
    connection.thread = foreign_->thread;
    connection.state = telemetry::ConnectionState::waiting_read;
    connection.state_since = std::chrono::nanoseconds(telemetry::monotonic_ns());
    if (!foreign_->is_its_own) {
        into.problem = tr("%1 has no probe, so where its connections are in its memory is not known. As far as the kernel "
                          "tells, thread %2 works for this one, and for others too (%3). Linking connscope::asio or "
                          "connscope::probe into it would tell.")
                           .arg(subject_.name)
                           .arg(foreign_->thread)
                           .arg(foreign_->told_by);
        return;
    }
    connection.carrier = telemetry::CarrierKind::thread;
    connection.carrier_bytes = 1; // its stack is the connection's
    const auto anatomy = reader_->read([&]() -> telemetry::Outcome<telemetry::ConnectionReading> { return connection; });
    if (!anatomy) {
        into.problem = QString::fromStdString(anatomy.error().text);
        return;
    }
    into.took = anatomy->took;
    into.carrier = connection.carrier;
    into.control = observe::control_rows(*anatomy);
    into.state = observe::state_rows(*anatomy);
    for (observe::AnatomyRow& row : into.control)
        if (row.label == "Carried by")
            row.values = {"OS thread " + std::to_string(foreign_->thread) + ", which waits for it alone"};
    observe::AnatomyRow told;
    told.label = "Told by";
    told.values = {foreign_->told_by.toStdString()};
    told.source = "the kernel (/proc/PID/task/TID/syscall): no probe tells";
    into.control.insert(into.control.begin(), std::move(told));
}

} // namespace connscope::app
