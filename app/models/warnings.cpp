// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/warnings.hpp"

#include "models/format.hpp"

#include <QCoreApplication>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <unistd.h>

namespace connscope::app {

namespace {

using telemetry::ConnectionReading;
using telemetry::ConnectionState;

QString tr(const char* text) { return QCoreApplication::translate("Warnings", text); }

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

QString number(std::uint64_t value) { return QString::number(value); }

// "Connection 7", and of which process where there are several.
QString who(const Snapshot& snapshot, const ConnectionKey& key) {
    const auto watched = std::ranges::count_if(snapshot.processes, [](const WatchedProcess& each) { return each.pid != 0; });
    if (watched < 2 || key.segment >= snapshot.processes.size()) return tr("Connection %1").arg(number(key.id));
    return tr("Connection %1 of process %2").arg(number(key.id)).arg(snapshot.processes[key.segment].pid);
}

// The connection that has been in a state longest; nullptr when none is in it.
const ConnectionReading* longest_in(const Snapshot& snapshot, ConnectionState state) {
    const ConnectionReading* found = nullptr;
    for (const auto& connection : snapshot.server.connections) {
        if (connection.state == state && (found == nullptr || connection.state_since < found->state_since))
            found = &connection;
    }
    return found;
}

double in_state(const Snapshot& snapshot, const ConnectionReading& connection) {
    return std::max(seconds(snapshot.server.taken - connection.state_since), 0.0);
}

class NotYielded : public WarningRule {
public:
    QString id() const override { return QStringLiteral("not_yielded"); }
    std::optional<Finding> check(const WarningContext& context) override {
        if (!context.hogs.empty()) return told(context);
        // Who keeps nobody waiting is none, however long it computes.
        if (context.hogs_are_told && context.program_decides) return std::nullopt;
        return guess(context);
    }

private:
    // The server has asked the connection itself.
    static std::optional<Finding> told(const WarningContext& context) {
        const HogReading& hog = context.hogs.front();
        if (hog.held_s < context.thresholds.unyielded_s) return std::nullopt;
        const QString place = hog.function.isEmpty() ? tr(" (where: %1)").arg(hog.missing)
                              : hog.at.isEmpty()     ? tr(" in %1").arg(hog.function)
                                                     : tr(" in %1 (%2)").arg(hog.function, hog.at);
        const QString others =
            hog.waiting == 1 ? tr("1 connection could run and has waited %1").arg(duration_text(hog.longest_wait_s))
                             : tr("%1 connections could run and wait, the longest for %2")
                                   .arg(count_text(static_cast<double>(hog.waiting)), duration_text(hog.longest_wait_s));
        const QString more = context.hogs.size() > 1 ? tr(" %1 more do the same.").arg(context.hogs.size() - 1) : QString();
        return Finding{tr("%1 has not yielded for %2%3: %4.%5")
                           .arg(who(context.snapshot, {0, hog.connection}), duration_text(hog.held_s), place, others, more),
                       ConnectionKey{0, hog.connection},
                       {},
                       hog.connection};
    }

    // By what its segment shows.
    static std::optional<Finding> guess(const WarningContext& context) {
        double longest = 0;
        ConnectionKey culprit;
        for (const SegmentEvent& each : context.snapshot.events) {
            const double length = seconds(each.event.length);
            if (length <= longest) continue;
            longest = length;
            culprit = {each.segment, each.event.connection};
        }
        bool still_runs = false;
        if (const auto* running = longest_in(context.snapshot, ConnectionState::running);
            running != nullptr && in_state(context.snapshot, *running) > longest) {
            longest = in_state(context.snapshot, *running);
            culprit = key_of(*running);
            still_runs = true;
        }
        if (longest < context.thresholds.unyielded_s) return std::nullopt;
        const QString held =
            still_runs ? tr("%1 has not yielded for %2").arg(who(context.snapshot, culprit), duration_text(longest))
                       : tr("%1 did not yield for %2").arg(who(context.snapshot, culprit), duration_text(longest));
        const QString effect = context.program_decides
                                   ? tr("%1: whoever shares its thread waits, nobody takes the CPU away.").arg(held)
                                   : tr("%1; the kernel lets the others run meanwhile.").arg(held);
        return Finding{effect, culprit, {}};
    }
};

class NotScheduled : public WarningRule {
public:
    QString id() const override { return QStringLiteral("not_scheduled"); }
    std::optional<Finding> check(const WarningContext& context) override {
        const auto* ready = longest_in(context.snapshot, ConnectionState::ready);
        if (ready == nullptr) return std::nullopt;
        const WatchedProcess* process = process_of(context.snapshot, *ready);
        const bool has_probe = process == nullptr || process->has_probe;
        const double least =
            has_probe ? context.thresholds.unscheduled_s : std::max(context.thresholds.unscheduled_s, least_unread_s);
        const double waits = in_state(context.snapshot, *ready);
        if (waits < least) return std::nullopt;
        const auto waiting = std::count_if(
            context.snapshot.server.connections.begin(), context.snapshot.server.connections.end(),
            [&](const auto& c) { return c.state == ConnectionState::ready && in_state(context.snapshot, c) >= least; });
        const QString others = waiting > 1 ? tr(", as %1 others").arg(waiting - 1) : QString();
        const QString sentence = has_probe ? tr("%1 could run and has waited %2 for a CPU%3.")
                                 : is_left_open(context.snapshot, *ready)
                                     ? tr("%1 was ended by its peer %2 ago, and its process has not closed it%3.")
                                     : tr("%1 has waited %2 for its process to read what has come%3.");
        return Finding{
            sentence.arg(who(context.snapshot, key_of(*ready)), duration_text(waits), others), key_of(*ready), {}};
    }

private:
    // Sockets are looked at less often than what a probe writes.
    static constexpr double least_unread_s = 1;

    static bool is_left_open(const Snapshot& snapshot, const ConnectionReading& connection) {
        const auto index = static_cast<std::size_t>(&connection - snapshot.server.connections.data());
        return index < snapshot.sockets.size() && snapshot.sockets[index].state == observe::SocketState::close_wait;
    }
};

class EatsCpu : public WarningRule {
public:
    QString id() const override { return QStringLiteral("eats_cpu"); }
    std::optional<Finding> check(const WarningContext& context) override {
        const double span = context.now - begin_;
        if (span < window) return last_;
        last_.reset();
        double most = 0;
        const ConnectionReading* culprit = nullptr;
        std::unordered_map<std::uint64_t, std::chrono::nanoseconds> run;
        run.reserve(context.snapshot.server.connections.size());
        for (const auto& connection : context.snapshot.server.connections) {
            const std::uint64_t key = connection.id << 8 | connection.segment;
            run.emplace(key, connection.run);
            const auto before = run_.find(key);
            if (before == run_.end() || span > 3 * window) continue;
            const double share = seconds(connection.run - before->second) / span;
            if (share <= most) continue;
            most = share;
            culprit = &connection;
        }
        run_ = std::move(run);
        begin_ = context.now;
        if (culprit == nullptr || most < context.thresholds.cpu_share) return std::nullopt;
        last_ = Finding{
            tr("%1 takes %2 of a core.").arg(who(context.snapshot, key_of(*culprit)), percent_text(std::min(most, 1.0))),
            key_of(*culprit),
            {}};
        return last_;
    }

private:
    static constexpr double window = 1.0; // s
    double begin_ = 0;
    std::unordered_map<std::uint64_t, std::chrono::nanoseconds> run_; // of each connection when the window began
    std::optional<Finding> last_;
};

class NearLimit : public WarningRule {
public:
    QString id() const override { return QStringLiteral("near_limit"); }
    std::optional<Finding> check(const WarningContext& context) override {
        if (!context.snapshot.server_process) return std::nullopt;
        const auto& process = *context.snapshot.server_process;
        const auto near = [&](std::optional<std::uint64_t> used, std::optional<std::uint64_t> limit) {
            return used && limit && *limit > 0 &&
                   static_cast<double>(*used) > context.thresholds.limit_share * static_cast<double>(*limit);
        };
        if (near(process.open_files, process.open_files_limit)) {
            return Finding{
                tr("The server has %1 of the %2 descriptors that it may have: further connections will be refused.")
                    .arg(count_text(static_cast<double>(*process.open_files)),
                         count_text(static_cast<double>(*process.open_files_limit))),
                std::nullopt, QStringLiteral("number_connections")};
        }
        if (near(process.threads, process.threads_limit)) {
            return Finding{tr("The server has %1 of the %2 threads that this user may have: further ones will be refused.")
                               .arg(count_text(process.threads), count_text(static_cast<double>(*process.threads_limit))),
                           std::nullopt, QStringLiteral("chart_carriers")};
        }
        struct Memory {
            std::uint64_t used;
            std::optional<std::uint64_t> limit;
            QString text;
        };
        for (const Memory& memory :
             {Memory{process.data_bytes, process.data_limit,
                     tr("The server has %1 of the %2 of memory for data that it may have (RLIMIT_DATA): new clients will be "
                        "turned away.")},
              Memory{process.address_space_bytes, process.address_space_limit,
                     tr("The server has %1 of the %2 of address space that it may have (RLIMIT_AS): new clients will be "
                        "turned away.")}}) {
            if (!near(memory.used, memory.limit)) continue;
            return Finding{memory.text.arg(bytes_text(static_cast<double>(memory.used)),
                                           bytes_text(static_cast<double>(*memory.limit))),
                           std::nullopt, QStringLiteral("chart_memory")};
        }
        static const auto memory =
            static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        if (near(process.resident_bytes, memory)) {
            return Finding{
                tr("The server has %1 of the machine's %2 of memory.")
                    .arg(bytes_text(static_cast<double>(process.resident_bytes)), bytes_text(static_cast<double>(memory))),
                std::nullopt, QStringLiteral("chart_memory")};
        }
        return std::nullopt;
    }
};

class BackPressure : public WarningRule {
public:
    QString id() const override { return QStringLiteral("back_pressure"); }
    std::optional<Finding> check(const WarningContext& context) override {
        int blocked = 0;
        for (const auto& connection : context.snapshot.server.connections) {
            blocked += connection.state == ConnectionState::waiting_write &&
                       in_state(context.snapshot, connection) > context.thresholds.blocked_s;
        }
        if (blocked < context.thresholds.blocked_connections) return std::nullopt;
        const auto* longest = longest_in(context.snapshot, ConnectionState::waiting_write);
        return Finding{tr("%1 connections wait to write: their peers do not take what they asked for, connection %2 for %3.")
                           .arg(blocked)
                           .arg(number(longest->id), duration_text(in_state(context.snapshot, *longest))),
                       key_of(*longest),
                       {}};
    }
};

class LoadIsBottleneck : public WarningRule {
public:
    QString id() const override { return QStringLiteral("load_is_bottleneck"); }
    std::optional<Finding> check(const WarningContext& context) override {
        if (!context.snapshot.has_load || !context.snapshot.load.is_bottleneck) return std::nullopt;
        return Finding{
            tr("The load itself cannot keep up: the figures say more about connscope-load than about the server."),
            std::nullopt, QStringLiteral("load_bar")};
    }
};

class EventsLost : public WarningRule {
public:
    QString id() const override { return QStringLiteral("events_lost"); }
    std::optional<Finding> check(const WarningContext& context) override {
        if (std::exchange(seen_, context.snapshot.taken) != context.snapshot.taken) lost_ += context.snapshot.events_lost;
        if (context.snapshot.events_lost == 0) return std::nullopt;
        return Finding{tr("%1 events were overwritten before this window could read them: the timeline has gaps.")
                           .arg(count_text(static_cast<double>(lost_))),
                       std::nullopt, QStringLiteral("timeline_panel")};
    }

private:
    std::chrono::nanoseconds seen_{}; // the snapshot: one may be looked at more than once
    std::uint64_t lost_ = 0;
};

class ServerGone : public WarningRule {
public:
    QString id() const override { return QStringLiteral("server_gone"); }
    std::optional<Finding> check(const WarningContext& context) override {
        using Phase = ProcessStatus::Phase;
        if (context.server.phase != Phase::gone && context.server.phase != Phase::failed &&
            context.server.phase != Phase::stopped) {
            return std::nullopt;
        }
        return Finding{context.server.reason, std::nullopt, QStringLiteral("server_banner")};
    }
};

} // namespace

std::vector<std::unique_ptr<WarningRule>> all_warning_rules() {
    std::vector<std::unique_ptr<WarningRule>> rules;
    rules.push_back(std::make_unique<ServerGone>());
    rules.push_back(std::make_unique<NotYielded>());
    rules.push_back(std::make_unique<NotScheduled>());
    rules.push_back(std::make_unique<EatsCpu>());
    rules.push_back(std::make_unique<BackPressure>());
    rules.push_back(std::make_unique<NearLimit>());
    rules.push_back(std::make_unique<LoadIsBottleneck>());
    rules.push_back(std::make_unique<EventsLost>());
    return rules;
}

WarningBoard::WarningBoard(QObject* parent)
    : QObject(parent)
    , rules_(all_warning_rules()) {}

void WarningBoard::update(const WarningContext& context) {
    bool list_changed = false;
    for (const auto& rule : rules_) {
        auto finding = rule->check(context);
        const auto active = std::find_if(warnings_.begin(), warnings_.end(), [&](const Warning& warning) {
            return warning.is_active && warning.rule == rule->id();
        });
        if (active != warnings_.end()) {
            if (finding) {
                active->last_seen = context.now;
                active->finding = std::move(*finding);
            } else if (context.now - active->last_seen > lingers) {
                active->is_active = false;
                list_changed = true;
            }
        } else if (finding) {
            warnings_.insert(warnings_.begin(), {rule->id(), std::move(*finding), context.now, context.now, true});
            list_changed = true;
        }
    }
    active_ = static_cast<std::size_t>(
        std::count_if(warnings_.begin(), warnings_.end(), [](const Warning& warning) { return warning.is_active; }));
    if (!list_changed) return;
    std::stable_sort(warnings_.begin(), warnings_.end(), [](const Warning& a, const Warning& b) {
        if (a.is_active != b.is_active) return a.is_active;
        // What one can do something about stands first.
        const bool a_is_hog = a.is_active && a.finding.hog != 0, b_is_hog = b.is_active && b.finding.hog != 0;
        return a_is_hog != b_is_hog ? a_is_hog : a.began > b.began;
    });
    if (warnings_.size() > kept) warnings_.resize(kept);
    emit changed();
}

} // namespace connscope::app
