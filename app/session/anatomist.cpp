// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/anatomist.hpp"

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
    const bool is_another = server.pid != server_.pid || server.segment_name != server_.segment_name;
    server_ = server;
    if (is_another || !server.alive()) {
        segment_.reset();
        reader_.reset();
        slot_is_known_ = false;
        cost_at_first_.reset();
        cost_.reset();
        warm_mode_changes_ = ~std::uint64_t{0};
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

void Anatomist::look_at(quint64 id) {
    id_ = id;
    slot_is_known_ = false;
    looks_ = 0;
    if (id != 0) look();
}

bool Anatomist::open() {
    if (segment_ && reader_) return true;
    problem_ = tr("There is no server to look into.");
    if (!server_.alive()) return false;
    if (server_.segment_name.isEmpty()) {
        problem_ = server_.pids.size() > 1
                       ? tr("Several processes are watched together: attach to one of them alone to look into it.")
                       : tr("%1 has no probe, so where its connections are in its memory is not known. Linking "
                            "connscope::asio or connscope::probe into it would tell.")
                             .arg(server_.name);
        return false;
    }
    auto folder = telemetry::runtime_folder();
    if (!folder) return false;
    auto segment = telemetry::SegmentReader::open(telemetry::segment_path(*folder, server_.segment_name.toStdString()));
    auto reader = observe::AnatomyReader::open(server_.pid);
    if (!segment || !reader) {
        problem_ = QString::fromStdString(!segment ? segment.error().text : reader.error().text);
        return false;
    }
    segment_.emplace(std::move(*segment));
    reader_.emplace(std::move(*reader));
    return true;
}

void Anatomist::look() {
    if (id_ == 0) return read_once_before();
    emit anatomyTaken(read());
    if (looks_++ % looks_between_costs == 0) renew_cost(); // afterwards: whoever has clicked does not wait for it
}

std::optional<observe::CostReading> Anatomist::read_cost() {
    if (!open() || !segment_->read(scratch_)) return std::nullopt;
    auto reading = observe::read_cost(server_.pid, scratch_);
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
    if (!open() || !reader_->prepare(prepared_at_once)) preparing_.stop();
}

// Once after each change of mode, what an anatomy needs of it alone.
void Anatomist::read_once_before() {
    if (preparing_.isActive() || !open() || !segment_->read(scratch_) || scratch_.connections.empty() ||
        scratch_.mode_changes == warm_mode_changes_)
        return;
    warm_mode_changes_ = scratch_.mode_changes;
    const auto& first = scratch_.connections.front();
    std::ignore = reader_->read([&] { return segment_->read_connection(first.slot, first.id); });
}

AnatomyPtr Anatomist::read() {
    auto reading = std::make_shared<AnatomyReading>();
    reading->id = id_;
    if (!open()) {
        reading->problem = problem_;
        return reading;
    }
    if (!slot_is_known_ && segment_->read(scratch_)) {
        const auto found = std::ranges::find(scratch_.connections, id_, &telemetry::ConnectionReading::id);
        slot_is_known_ = found != scratch_.connections.end();
        if (slot_is_known_) slot_ = found->slot;
    }
    if (!slot_is_known_) {
        reading->problem = tr("Connection %1 has ended.").arg(id_);
        return reading;
    }
    const auto anatomy = reader_->read([this] { return segment_->read_connection(slot_, id_); });
    if (!anatomy) {
        reading->problem = anatomy.error().code == std::errc::no_such_process ? tr("Connection %1 has ended.").arg(id_)
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

} // namespace connscope::app
