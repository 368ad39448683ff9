// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/number_row.hpp"

#include "models/format.hpp"
#include "models/history.hpp"
#include "models/metrics.hpp"
#include "views/number_card.hpp"

#include <QHBoxLayout>

#include <cmath>

namespace connscope::app {

namespace {

constexpr double shown_window = 1.0;  // s: the numbers are means over it
constexpr double before_window = 5.0; // s: what it was before a change

// Numbers of less than 1 keep two digits behind the point, so that they do not seem to jump.
QString steady(double value) { return count_text(value < 10 ? std::round(value * 100) / 100 : value); }

} // namespace

NumberRow::NumberRow(const History& history, QWidget* parent)
    : QWidget(parent)
    , history_(history)
    , connections_(new NumberCard(QStringLiteral("connections"), tr("Connections"),
                                  tr("TCP connections that the server has accepted and that are open now."), this))
    , threads_(new NumberCard(
          QStringLiteral("threads"), tr("Threads"),
          tr("Threads of the server process, as /proc/PID/status counts them: those that carry connections and the "
             "few that accept and answer questions."),
          this))
    , carriers_(new NumberCard(
          QStringLiteral("carriers"), tr("Carriers"),
          tr("What carries connections in user space: coroutine frames, closures or fibers that exist now."), this))
    , memory_(new NumberCard(
          QStringLiteral("memory"), tr("Memory per connection"),
          tr("Resident memory, page tables and kernel stacks of the server, less what it had before the first "
             "connection, divided by the open connections."),
          this))
    , switches_(
          new NumberCard(QStringLiteral("switches"), tr("Switches per request"),
                         tr("How often the kernel handed a CPU from one of the server's threads to another, voluntary and "
                            "involuntary, for one answered request."),
                         this))
    , latency_(new NumberCard(
          QStringLiteral("latency"), tr("Latency p99"),
          tr("99 of 100 answers came faster than this in the last second, counted from when the request should "
             "have been sent."),
          this))
    , requests_(new NumberCard(QStringLiteral("requests"), tr("Requests"),
                               tr("Requests that the server answers in a second, and their share of what the load offers."),
                               this))
    , resident_(new NumberCard(QStringLiteral("resident"), tr("Resident memory"),
                               tr("VmRSS of what is watched, from /proc/PID/status. What several processes share counts for "
                                  "each of them."),
                               this))
    , cpu_(new NumberCard(
          QStringLiteral("cpu"), tr("CPU"),
          tr("CPU time that what is watched takes; 100 % is one core. From the kernel's clock of the process."), this))
    , all_switches_(new NumberCard(QStringLiteral("all_switches"), tr("Switches"),
                                   tr("How often the kernel handed a CPU from one of the threads to another in a second, "
                                      "voluntary and involuntary, from /proc/PID/task/*/status."),
                                   this))
    , received_(new NumberCard(QStringLiteral("received"), tr("Received"),
                               tr("Bytes that the connections receive in a second, by the kernel's figures of each socket."),
                               this))
    , sent_(new NumberCard(QStringLiteral("sent"), tr("Sent"),
                           tr("Bytes that the connections' peers acknowledge in a second, by the kernel's figures of each "
                              "socket."),
                           this)) {
    setObjectName(QStringLiteral("numbers"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    for (NumberCard* card : {connections_, threads_, resident_, cpu_, carriers_, memory_, switches_, all_switches_, latency_,
                             requests_, received_, sent_})
        row->addWidget(card, 1);
    show_sources({});
    connect(&history_, &History::marked, this, &NumberRow::remember_before_change);
}

void NumberRow::show_sources(const Sources& sources) {
    carriers_->setVisible(sources.probe);
    memory_->setVisible(sources.idle_memory);
    resident_->setVisible(!sources.idle_memory);
    for (NumberCard* card : {switches_, requests_}) card->setVisible(sources.requests);
    for (NumberCard* card : {all_switches_, received_, sent_}) card->setVisible(!sources.requests);
    latency_->setVisible(sources.load);
    cpu_->setVisible(!sources.load);
}

double NumberRow::now(Quantity which) const {
    return history_.mean(which, history_.newest_time() - shown_window, history_.newest_time());
}

void NumberRow::remember_before_change() {
    const Mark& mark = history_.marks().back();
    if (mark.kind != Mark::Kind::mode_change) return;
    // The last moment before a change belongs to the hand-off already.
    const double end = mark.time - 0.3;
    double begin = end - before_window;
    for (const Mark& earlier : history_.marks()) { // and so do the first after the change before
        if (earlier.kind == Mark::Kind::mode_change && earlier.time + 0.5 < end) begin = std::max(begin, earlier.time + 0.5);
    }
    for (std::size_t which = 0; which < quantity_count; ++which) {
        before_.values[which] = history_.mean(static_cast<Quantity>(which), begin, end);
    }
}

void NumberRow::refresh() {
    connections_->show_value({steady(now(Quantity::open)), tr("open")});
    const double ready = now(Quantity::ready);
    connections_->show_note(std::isnan(ready) ? QString() : tr("%1 ready").arg(steady(std::round(ready))));

    const auto was = [&](Quantity which, const QString& text) {
        return std::isnan(before_[which]) ? QString() : tr("was %1").arg(text);
    };
    threads_->show_value({steady(std::round(now(Quantity::threads))), {}});
    threads_->show_note(was(Quantity::threads, steady(std::round(before_[Quantity::threads]))));

    struct Carrier {
        Quantity quantity;
        QString unit;
    };
    double most = 0;
    QString unit = tr("alive");
    for (const Carrier& carrier :
         {Carrier{Quantity::carriers_coroutine, tr("coroutines")}, Carrier{Quantity::carriers_closure, tr("closures")},
          Carrier{Quantity::carriers_fiber, tr("fibers")}}) {
        const double count = now(carrier.quantity);
        if (std::isnan(count)) {
            if (most == 0) most = not_known;
        } else if (std::isnan(most) || count > most) {
            most = count;
            unit = carrier.unit;
        }
    }
    carriers_->show_value({steady(std::isnan(most) ? most : std::round(most)), unit});
    const double running = now(Quantity::running);
    carriers_->show_note(std::isnan(running) ? QString() : tr("%1 running").arg(steady(std::round(running * 10) / 10)));

    const auto compare = [&](NumberCard* card, Quantity which, const QString& before) {
        const double ratio = now(which) / before_[which];
        if (!std::isfinite(ratio) || ratio <= 0) {
            card->show_note(was(which, before));
            return;
        }
        if (ratio < 1 / 1.1) {
            card->show_note(tr("was %1, %2 less").arg(before, factor_text(1 / ratio)), NumberCard::Tone::good);
        } else if (ratio > 1.1) {
            card->show_note(tr("was %1, %2 more").arg(before, factor_text(ratio)), NumberCard::Tone::bad);
        } else {
            card->show_note(tr("was %1").arg(before));
        }
    };
    memory_->show_value(split_bytes(now(Quantity::bytes_per_connection)));
    compare(memory_, Quantity::bytes_per_connection, bytes_text(before_[Quantity::bytes_per_connection]));
    switches_->show_value({steady(now(Quantity::switches_per_request)), tr("kernel")});
    compare(switches_, Quantity::switches_per_request, steady(before_[Quantity::switches_per_request]));
    latency_->show_value(split_duration(now(Quantity::latency_p99)));
    compare(latency_, Quantity::latency_p99, duration_text(before_[Quantity::latency_p99]));

    const double requests = now(Quantity::requests_per_s);
    const double offered = now(Quantity::offered_per_s);
    requests_->show_value({steady(std::round(requests)), tr("/s")});
    const double share = requests / offered;
    if (!std::isfinite(share)) {
        requests_->show_note({});
    } else {
        requests_->show_note(tr("%1 of offered").arg(percent_text(std::round(std::min(share, 1.0) * 100) / 100)),
                             share > 0.97 ? NumberCard::Tone::good : NumberCard::Tone::bad);
    }

    resident_->show_value(split_bytes(now(Quantity::resident_bytes)));
    const double cpu = now(Quantity::cpu_user) + now(Quantity::cpu_system);
    cpu_->show_value({std::isnan(cpu) ? unknown_text : steady(std::round(cpu * 1000) / 10), tr("% of a core")});
    all_switches_->show_value(
        {steady(std::round(now(Quantity::voluntary_per_s) + now(Quantity::involuntary_per_s))), tr("/s")});
    const auto a_second = [](ValueText value) {
        if (!value.unit.isEmpty()) value.unit += QStringLiteral("/s");
        return value;
    };
    received_->show_value(a_second(split_bytes(now(Quantity::traffic_in))));
    sent_->show_value(a_second(split_bytes(now(Quantity::traffic_out))));
}

} // namespace connscope::app
