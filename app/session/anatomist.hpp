// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/plan.hpp"

#include "connscope/observe/anatomy/anatomy.hpp"
#include "connscope/observe/cost.hpp"
#include "connscope/telemetry/reader.hpp"

#include <QObject>
#include <QTimer>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace connscope::app {

// What one connection was made of at one moment. Made on the anatomist's thread, then never changed.
struct AnatomyReading {
    std::uint32_t process = 0; // of Snapshot::processes
    std::uint64_t id = 0;
    QString mode;    // its id
    QString problem; // why there is none: a sentence; empty: the rows say all
    std::chrono::nanoseconds took{};
    telemetry::CarrierKind carrier = telemetry::CarrierKind::none;
    std::uint32_t hand_offs = 0;
    std::vector<observe::AnatomyRow> control;
    std::vector<observe::AnatomyRow> state;
    // What one more open connection took, between the server's first moments and a few seconds ago at most; none: not known.
    std::shared_ptr<const observe::Cost> cost;
    std::uint64_t cost_from = 0; // connections then
    std::uint64_t cost_to = 0;   // and now
};
using AnatomyPtr = std::shared_ptr<const AnatomyReading>;

// Whose connection is looked at.
struct AnatomySubject {
    std::uint32_t process = 0; // of Snapshot::processes
    std::uint32_t pid = 0;
    QString name;
    QString segment;      // empty: it has no probe
    std::uint64_t id = 0; // of the connection; 0: none is looked at

    bool is_in(const AnatomySubject& other) const { return pid == other.pid && segment == other.segment; }
};

// What is known of the thread of a connection whose process has no probe, as of the newest look.
struct ForeignThread {
    std::uint32_t thread = 0; // 0: none is known
    bool is_its_own = false;  // it waits in a call on this socket alone: what it continues with is the connection's
    QString told_by;
};

// Reads the anatomy of the connection that is looked at, twice a second. Lives on a thread of its own, where all its
// functions are called; its signal crosses to whoever listens.
class Anatomist : public QObject {
    Q_OBJECT
public:
    Anatomist();
    ~Anatomist() override;

    void show_server(const ProcessStatus& server);
    // Reads at once, where its process has a probe, and else as soon as its thread is told.
    void look_at(const AnatomySubject& subject);
    void tell_thread(const ForeignThread& thread);

signals:
    void anatomyTaken(connscope::app::AnatomyPtr reading);

private:
    bool open();
    void look();
    void prepare();
    void read_once_before();
    void turn_to(const AnatomySubject& subject);
    AnatomyPtr read();
    void read_foreign(AnatomyReading& reading);
    std::optional<observe::CostReading> read_cost();
    void renew_cost();

    ProcessStatus server_;
    AnatomySubject subject_;
    std::optional<ForeignThread> foreign_; // of a subject without a probe
    std::uint32_t slot_ = 0;
    bool slot_is_known_ = false;
    QString problem_;
    QTimer timer_;
    QTimer preparing_; // while there is something left to open
    std::optional<telemetry::SegmentReader> segment_;
    std::optional<observe::AnatomyReader> reader_;
    telemetry::ServerReading scratch_;
    std::optional<observe::CostReading> cost_at_first_;
    std::shared_ptr<const observe::Cost> cost_;
    std::uint64_t cost_to_ = 0;
    int looks_ = 0;
    int early_costs_ = 0; // in a row: the last connections had just come
    std::uint64_t warm_mode_changes_ = ~std::uint64_t{0};
};

} // namespace connscope::app
