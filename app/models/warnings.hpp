// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_model.hpp"
#include "session/hog_watch.hpp"
#include "session/plan.hpp"
#include "session/snapshot.hpp"

#include <QObject>
#include <QString>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace connscope::app {

// From when on something is worth a warning.
struct WarningThresholds {
    double unyielded_s = 0.05;  // a slice that lasts so long
    double unscheduled_s = 0.1; // a connection that could run and does not, for so long
    double cpu_share = 0.5;     // of one core, by one connection
    double limit_share = 0.8;   // of threads, descriptors or memory
    double blocked_s = 0.5;     // a peer that takes nothing for so long
    int blocked_connections = 3;

    bool operator==(const WarningThresholds&) const = default;
};

// What the rules look at. Nothing is kept from it.
struct WarningContext {
    const Snapshot& snapshot;
    const ProcessStatus& server;
    const WarningThresholds& thresholds;
    double now = 0;                   // s of CLOCK_MONOTONIC
    QString mode_name;                // "Coroutines"
    bool program_decides = false;     // the mode schedules in user space: who does not yield stops others
    std::span<const HogReading> hogs; // as the server tells
    bool hogs_are_told = false;       // false: it cannot be asked for them
};

struct Finding {
    QString text; // a whole sentence
    std::optional<ConnectionKey> culprit;
    QString view; // object name of the panel or control to go to when there is no culprit
    // The connection that keeps others waiting, as the server says: it can be let go on, closed or moved. 0: none does.
    std::uint64_t hog = 0;
};

// One thing that may be wrong.
class WarningRule {
public:
    virtual ~WarningRule() = default;
    virtual QString id() const = 0;
    virtual std::optional<Finding> check(const WarningContext& context) = 0;
};

std::vector<std::unique_ptr<WarningRule>> all_warning_rules();

struct Warning {
    QString rule;
    Finding finding;
    double began = 0;     // s of CLOCK_MONOTONIC
    double last_seen = 0; //
    bool is_active = true;
};

// Asks all rules about each snapshot and remembers what they found. GUI thread.
class WarningBoard : public QObject {
    Q_OBJECT
public:
    static constexpr double lingers = 3.0; // s: a finding stays active after it was seen last, so that it can be read
    static constexpr std::size_t kept = 200;

    explicit WarningBoard(QObject* parent = nullptr);

    void update(const WarningContext& context);

    // Active ones first, that of a hog before all others, then past ones, the newest first in each.
    const std::vector<Warning>& warnings() const noexcept { return warnings_; }
    std::size_t active() const noexcept { return active_; }

signals:
    // The list is another one; texts may change without it several times a second.
    void changed();

private:
    std::vector<std::unique_ptr<WarningRule>> rules_;
    std::vector<Warning> warnings_;
    std::size_t active_ = 0;
};

} // namespace connscope::app
