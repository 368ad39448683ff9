// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/connection_model.hpp"
#include "models/format.hpp"
#include "models/history.hpp"
#include "models/metrics.hpp"
#include "models/time_view.hpp"
#include "models/warnings.hpp"
#include "session/descriptions.hpp"
#include "session/ready_line.hpp"
#include "views/chart_axes.hpp"
#include "views/chart_grid.hpp"
#include "views/palette.hpp"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QTest>

#include <boost/json/parse.hpp>

#include <cmath>

using namespace connscope;
using namespace connscope::app;
using namespace std::chrono_literals;
using telemetry::CarrierKind;
using telemetry::ConnectionReading;
using telemetry::ConnectionState;
using telemetry::Gauge;

namespace {

ConnectionReading connection(std::uint64_t id, std::uint64_t requests,
                             ConnectionState state = ConnectionState::waiting_read) {
    ConnectionReading made;
    made.id = id;
    made.slot = static_cast<std::uint32_t>(id);
    made.state = state;
    made.carrier = CarrierKind::coroutine;
    made.requests = requests;
    return made;
}

std::shared_ptr<Snapshot> snapshot_of(std::vector<ConnectionReading> connections) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->has_server = true;
    snapshot->server.taken = snapshot->taken = 100s;
    snapshot->server.gauges.fill(telemetry::layout::not_available);
    snapshot->server.connections = std::move(connections);
    return snapshot;
}

std::vector<std::uint64_t> ids_of(const ConnectionModel& model) {
    std::vector<std::uint64_t> ids;
    for (int row = 0; row < model.rowCount(); ++row) ids.push_back(model.connection(row).id);
    return ids;
}

int column_called(std::string_view id) {
    const auto columns = connection_columns();
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (columns[i].id == id) return static_cast<int>(i);
    }
    return -1;
}

void set(Snapshot& snapshot, Gauge gauge, std::uint64_t value) {
    snapshot.server.gauges[static_cast<std::size_t>(gauge)] = value;
}

using Ids = std::vector<std::uint64_t>;

} // namespace

class Models : public QObject {
    Q_OBJECT
private slots:
    void numbers_are_written_as_people_read_them_data() {
        QTest::addColumn<QString>("written");
        QTest::addColumn<QString>("expected");
        QTest::newRow("zero") << count_text(0) << QStringLiteral("0");
        QTest::newRow("hundredth") << count_text(0.02) << QStringLiteral("0.02");
        QTest::newRow("thousands") << count_text(1002) << QStringLiteral("1,002");
        QTest::newRow("no exponent") << count_text(20000) << QStringLiteral("20,000");
        QTest::newRow("many") << count_text(123456) << QStringLiteral("123\u00a0k");
        QTest::newRow("million") << count_text(1.24e6) << QStringLiteral("1.24\u00a0M");
        QTest::newRow("unknown") << count_text(not_known) << QStringLiteral("–");
        QTest::newRow("bytes") << bytes_text(712) << QStringLiteral("712\u00a0B");
        QTest::newRow("kibibytes") << bytes_text(36.1 * 1024) << QStringLiteral("36.1\u00a0KiB");
        QTest::newRow("just a mebibyte") << bytes_text(1048576) << QStringLiteral("1\u00a0MiB");
        QTest::newRow("nanoseconds") << duration_text(85e-9) << QStringLiteral("85\u00a0ns");
        QTest::newRow("microseconds") << duration_text(4.2e-6) << QStringLiteral("4.2\u00a0µs");
        QTest::newRow("milliseconds") << duration_text(0.2134) << QStringLiteral("213\u00a0ms");
        QTest::newRow("not 1,000 ms") << duration_text(0.99996) << QStringLiteral("1\u00a0s");
        QTest::newRow("minutes") << duration_text(200.0) << QStringLiteral("3\u00a0min 20 s");
        QTest::newRow("percent") << percent_text(0.34) << QStringLiteral("34\u00a0%");
        QTest::newRow("nearly all is not all") << percent_text(0.99996) << QStringLiteral("99.99\u00a0%");
        QTest::newRow("all") << percent_text(1) << QStringLiteral("100\u00a0%");
        QTest::newRow("factor") << factor_text(33.4) << QStringLiteral("33×");
    }
    void numbers_are_written_as_people_read_them() {
        QFETCH(QString, written);
        QFETCH(QString, expected);
        QCOMPARE(written, expected);
    }

    void no_number_is_written_with_an_exponent() {
        for (double value = 1e-9; value < 1e15; value *= 1.37) {
            for (const QString& text : {count_text(value), bytes_text(value), duration_text(std::min(value, 1e9)),
                                        factor_text(std::min(value, 1e9))}) {
                QVERIFY2(!text.contains(QLatin1Char('e'), Qt::CaseInsensitive) || text.contains(QStringLiteral("e ")),
                         qPrintable(text));
                QVERIFY2(text.size() < 16, qPrintable(text));
            }
        }
    }

    void an_axis_ends_at_a_nice_number_not_below_the_value() {
        for (double value = 1e-6; value < 1e9; value *= 1.13) {
            const double top = nice_top(value);
            QVERIFY(top >= value * (1 - 1e-6));
            QVERIFY(top <= value * 2);
        }
    }

    void charts_get_equal_columns_that_suit_the_room() {
        QCOMPARE(columns_for(8, QSize(1264, 320)), 4);
        QCOMPARE(columns_for(8, QSize(1900, 560)), 4);
        QCOMPARE(columns_for(1, QSize(500, 500)), 1);
    }

    void colours_of_text_can_be_read_on_cards() {
        for (const QPalette& palette : {light_palette(), dark_palette()}) {
            const auto luminance = [](const QColor& c) {
                const auto part = [](double v) { return v <= 0.03928 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); };
                return 0.2126 * part(c.redF()) + 0.7152 * part(c.greenF()) + 0.0722 * part(c.blueF());
            };
            const auto contrast = [&](const QColor& a, const QColor& b) {
                return (std::max(luminance(a), luminance(b)) + 0.05) / (std::min(luminance(a), luminance(b)) + 0.05);
            };
            const Ink& colours = ink(palette);
            for (const QColor& text : {colours.text, colours.muted, colours.good, colours.bad}) {
                for (const QColor& behind : {colours.card, colours.window}) {
                    QVERIFY2(contrast(text, behind) >= 4.5, qPrintable(text.name() + behind.name()));
                }
            }
            QVERIFY(contrast(colours.on_accent, colours.accent) >= 4.5);
            QVERIFY(contrast(colours.text, colours.warning_background) >= 4.5);
            for (std::size_t meaning = 0; meaning < static_cast<std::size_t>(Meaning::count_); ++meaning) {
                const QColor text = text_colour(static_cast<Meaning>(meaning), palette);
                QVERIFY2(contrast(text, colours.card) >= 4.5, qPrintable(text.name()));
            }
        }
    }

    void a_ready_line_is_read_and_anything_else_is_not() {
        const auto line = parse_ready_line(QStringLiteral("listening on 127.0.0.1:7777 mode=coroutines protocol=echo pid=41 "
                                                          "control=/run/a.sock segment=window-1-1 new=1\n"));
        QVERIFY(line);
        QCOMPARE(line->address, QStringLiteral("127.0.0.1:7777"));
        QCOMPARE(line->pid, 41U);
        QCOMPARE(line->control_path, QStringLiteral("/run/a.sock"));
        QCOMPARE(line->segment_name, QStringLiteral("window-1-1"));
        QVERIFY(parse_ready_line(QStringLiteral("loading 127.0.0.1:1 protocol=echo pid=2 control=/a segment=b")));
        for (const char* wrong :
             {"", "listening", "listening on", "listening on 127.0.0.1:1 pid=1 control=/a",
              "loading 127.0.0.1:1 pid=x control=/a segment=b", "loading here pid=2 control=/a segment=b",
              "loading 127.0.0.1:1 pid=2 control=/a segment=../b"}) {
            QVERIFY2(!parse_ready_line(QString::fromLatin1(wrong)), wrong);
        }
    }

    void modes_are_taken_from_the_servers_list_and_nonsense_is_left_out() {
        const auto modes = mode_descriptions_of(boost::json::parse(
            R"([{"id":"a","title":"A","carrier":"thread","scheduling":"kernel","hint":"h"}, 7, {"title":"no id"},
                {"id":"b","scheduling":"both"}, {"id":"c","scheduling":12}])"));
        QCOMPARE(modes.size(), std::size_t{3});
        QCOMPARE(modes[0].name, QStringLiteral("A"));
        QCOMPARE(modes[0].scheduling, ModeDescription::Scheduling::kernel);
        QCOMPARE(modes[1].name, QStringLiteral("b"));
        QCOMPARE(modes[1].scheduling, ModeDescription::Scheduling::both);
        QVERIFY(mode_descriptions_of(boost::json::value(nullptr)).empty());
        QCOMPARE(mode_change_of(boost::json::parse(R"({"moved":-3,"duration_ms":"x"})")).moved, std::uint64_t{0});
    }

    void a_history_keeps_ten_minutes() {
        History history;
        for (int i = 0; i < 20 * 700; ++i) {
            Sample sample;
            sample.time = i * 0.05;
            sample[Quantity::open] = i;
            history.append(sample);
        }
        QVERIFY(history.times().front() >= 700 - 0.05 - History::length - 1e-6);
        QVERIFY(history.times().front() < 700 - History::length + 0.1);
        QCOMPARE(history.values(Quantity::open).size(), history.times().size());
        QCOMPARE(history.values(Quantity::open).back(), 20 * 700 - 1.0);
        QVERIFY(std::isnan(history.values(Quantity::ready).back()));
    }

    void a_history_answers_for_an_instant_and_for_a_stretch() {
        History history;
        for (int i = 0; i < 5; ++i) {
            Sample sample;
            sample.time = i;
            sample[Quantity::open] = i == 2 ? not_known : i;
            history.append(sample);
        }
        QCOMPARE(history.at(Quantity::open, 1.4), 1.0);
        QVERIFY(std::isnan(history.at(Quantity::open, -0.1)));
        QVERIFY(std::isnan(history.at(Quantity::open, 9)));
        QCOMPARE(history.mean(Quantity::open, 0, 3), 2.0); // 1 and 3: what is not known does not count
        QVERIFY(std::isnan(history.mean(Quantity::ready, 0, 3)));
        QCOMPARE(history.range(1.5, 2.5), (std::pair<std::size_t, std::size_t>(1, 4)));
    }

    void a_live_view_moves_with_time_and_a_paused_one_stays() {
        TimeView view;
        QSignalSpy live(&view, &TimeView::liveChanged);
        view.advance(1000);
        QCOMPARE(view.begin(), 985.0);
        view.pause();
        view.advance(1010);
        QCOMPARE(view.end(), 1000.0);
        view.pan(-30);
        QCOMPARE(view.end(), 970.0);
        view.pan(500);
        QVERIFY(view.is_live());
        QCOMPARE(view.end(), 1010.0);
        QCOMPARE(live.count(), 2);
    }

    void a_view_grows_with_the_recording_until_somebody_zooms() {
        TimeView view;
        view.advance(1000);
        QCOMPARE(view.span(), 15.0);
        view.advance(1016);
        QCOMPARE(view.span(), 30.0);
        view.advance(1500);
        QCOMPARE(view.span(), TimeView::usual_span);
        TimeView zoomed;
        zoomed.advance(1000);
        zoomed.zoom(0.5, 1000);
        zoomed.advance(1500);
        QCOMPARE(zoomed.span(), 7.5);
        zoomed.resetSpan();
        QCOMPARE(zoomed.span(), TimeView::usual_span);
    }

    void zooming_keeps_the_instant_under_the_mouse_in_its_place() {
        TimeView view;
        view.advance(1000);
        view.show(900, 960);
        view.zoom(0.5, 915);
        QCOMPARE(view.begin(), 907.5);
        QCOMPARE(view.end(), 937.5);
        view.zoom(1e9, 915);
        QCOMPARE(view.span(), TimeView::longest_span);
        view.zoom(1e-9, 915);
        QCOMPARE(view.span(), TimeView::shortest_span);
    }

    void gauges_become_rates_between_their_writings_whatever_the_rhythm_of_looking() {
        Metrics metrics;
        double last = not_known;
        for (int look = 0; look < 40; ++look) { // looks every 50 ms, gauges written every 100 ms at 300 switches/s
            auto snapshot = snapshot_of({});
            snapshot->taken = snapshot->server.taken = 10s + look * 50ms;
            const int writing = look / 2;
            snapshot->server.heartbeat = 10s + writing * 100ms;
            set(*snapshot, Gauge::voluntary_switches, static_cast<std::uint64_t>(writing) * 30);
            const Sample sample = metrics.update(*snapshot);
            last = sample[Quantity::voluntary_per_s];
            if (writing >= 1) QCOMPARE(last, 300.0);
            QVERIFY(std::isnan(sample[Quantity::involuntary_per_s])); // never set
        }
        auto silent = snapshot_of({}); // the server was stopped two seconds ago
        silent->taken = silent->server.taken = 14s;
        silent->server.heartbeat = 12s;
        QVERIFY(std::isnan(metrics.update(*silent)[Quantity::voluntary_per_s]));
    }

    void traffic_is_that_between_two_readings_of_the_sockets_and_holds_until_the_next() {
        Metrics metrics;
        for (int look = 0; look < 200; ++look) { // looks every 50 ms, sockets read every 2 s, 1,000 bytes/s
            auto snapshot = snapshot_of({});
            snapshot->processes = {{4711, "plain", false}};
            snapshot->taken = snapshot->server.taken = 100s + look * 50ms;
            snapshot->sockets_taken = 100s + look / 40 * 2s;
            set(*snapshot, Gauge::connections_open, 1);
            snapshot->server.counters.bytes_in = static_cast<std::uint64_t>(look / 40) * 2000;
            const double traffic = metrics.update(*snapshot)[Quantity::traffic_in];
            if (look < 40) {
                QVERIFY(std::isnan(traffic));
            } else {
                QCOMPARE(traffic, 1000.0);
            }
        }
        auto later = snapshot_of({}); // so many sockets that they are hardly read
        later->processes = {{4711, "plain", false}};
        later->taken = later->server.taken = 130s;
        later->sockets_taken = 108s;
        set(*later, Gauge::connections_open, 1);
        later->server.counters.bytes_in = 8000;
        QVERIFY(std::isnan(metrics.update(*later)[Quantity::traffic_in]));
    }

    void the_division_of_cpu_time_does_not_jump_with_the_kernels_ticks_and_its_sum_is_exact() {
        Metrics metrics;
        std::uint64_t user = 0;
        std::uint64_t system = 0;
        double least = 1;
        double most = 0;
        const auto write = [&](int writing, bool all_in_system, std::uint64_t mode_changes) {
            (all_in_system ? system : user) += 30'000'000; // what ticks make of it: all one or all the other
            auto snapshot = snapshot_of({});
            snapshot->taken = snapshot->server.taken = snapshot->server.heartbeat = 10s + writing * 100ms;
            snapshot->server.mode_changes = mode_changes;
            set(*snapshot, Gauge::user_cpu_ns, user);
            set(*snapshot, Gauge::system_cpu_ns, system);
            return metrics.update(*snapshot);
        };
        for (int writing = 0; writing < 200; ++writing) {
            const Sample sample = write(writing, writing % 3 != 0, 0);
            if (writing < 50) continue;
            const double sum = sample[Quantity::cpu_user] + sample[Quantity::cpu_system];
            QVERIFY2(std::abs(sum - 0.3) < 1e-9, qPrintable(QString::number(sum)));
            least = std::min(least, sample[Quantity::cpu_system]);
            most = std::max(most, sample[Quantity::cpu_system]);
        }
        QVERIFY2(least > 0.19 && most < 0.21, qPrintable(QStringLiteral("%1 to %2").arg(least).arg(most)));
        // Another mode, all in user space: the old share stands until there is a second of the new one's, then none is left.
        for (int writing = 200; writing < 209; ++writing) {
            const double share = write(writing, false, 1)[Quantity::cpu_system];
            QVERIFY2(share > 0.19, qPrintable(QString::number(share)));
        }
        Sample last;
        for (int writing = 209; writing < 225; ++writing) last = write(writing, false, 1);
        QCOMPARE(last[Quantity::cpu_system], 0.0);
        QCOMPARE(last[Quantity::cpu_user], 0.3);
    }

    void what_cannot_be_had_is_not_known_rather_than_zero() {
        Metrics metrics;
        const auto snapshot = snapshot_of({connection(1, 0), connection(2, 0, ConnectionState::ready)});
        const Sample sample = metrics.update(*snapshot);
        QCOMPARE(sample[Quantity::open], 2.0);
        QCOMPARE(sample[Quantity::ready], 1.0);
        QVERIFY(std::isnan(sample[Quantity::resident_bytes]));
        QVERIFY(std::isnan(sample[Quantity::bytes_per_connection]));
        QVERIFY(std::isnan(sample[Quantity::latency_p99]));
        QVERIFY(std::isnan(sample[Quantity::carriers_fiber]));
        Snapshot nothing;
        nothing.taken = 1s;
        const Sample none = metrics.update(nothing);
        QVERIFY(std::isnan(none[Quantity::open]));
    }

    void connections_are_counted_by_mode_from_the_first_one_that_a_mode_carries() {
        Metrics metrics;
        auto snapshot = snapshot_of({connection(1, 0), connection(2, 0), connection(3, 0)});
        snapshot->modes = {"coroutines", "fibers", "callbacks"};
        snapshot->server.connections[2].mode = 2;
        const Sample several = metrics.update(*snapshot);
        QCOMPARE(several[in_mode(0)], 2.0);
        QVERIFY(std::isnan(several[in_mode(1)])); // never used: it has no curve
        QCOMPARE(several[in_mode(2)], 1.0);
        snapshot->server.connections[2].mode = 0;
        const Sample one = metrics.update(*snapshot);
        QCOMPARE(one[in_mode(0)], 3.0);
        QCOMPARE(one[in_mode(2)], 0.0); // it carried some
    }

    void memory_per_connection_leaves_out_what_the_idle_server_had() {
        Metrics metrics;
        auto snapshot = snapshot_of({connection(1, 0), connection(2, 0)});
        set(*snapshot, Gauge::idle_private_bytes, 1000);
        observe::ProcessReading process;
        process.resident_bytes = 9000;
        process.resident_shared_bytes = 5000;
        process.page_table_bytes = 600;
        process.kernel_stack_bytes = 400;
        snapshot->server_process = process;
        QCOMPARE(metrics.update(*snapshot)[Quantity::bytes_per_connection], 2000.0);
    }

    void percentiles_are_those_of_the_last_second() {
        WindowedPercentiles window;
        telemetry::Histogram slow;
        slow.add(80ms);
        telemetry::Histogram fast;
        fast.add(1ms);
        window.add(slow, 0ms);
        QVERIFY(std::abs(window.max() - 0.080) < 0.001);
        for (auto time = 100ms; time < 1500ms; time += 50ms) window.add(fast, time);
        QVERIFY(std::abs(window.max() - 0.001) < 0.0001);
        QVERIFY(std::abs(window.percentile(0.5) - 0.001) < 0.0001);
        window.clear();
        QVERIFY(std::isnan(window.percentile(0.5)));
    }

    void rows_are_sorted_by_any_column_and_equal_ones_by_id() {
        ConnectionModel model;
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.update(snapshot_of({connection(1, 5), connection(2, 9), connection(3, 5), connection(4, 1)}));
        model.sort(column_called("requests"), Qt::DescendingOrder);
        QCOMPARE(ids_of(model), (Ids{2, 1, 3, 4}));
        model.sort(column_called("requests"), Qt::AscendingOrder);
        QCOMPARE(ids_of(model), (Ids{4, 1, 3, 2}));
        for (int column = 0; column < model.columnCount(); ++column) {
            model.sort(column, Qt::AscendingOrder);
            QCOMPARE(model.rowCount(), 4);
            for (int row = 0; row < 4; ++row) QVERIFY(!model.index(row, column).data().toString().isEmpty());
        }
    }

    void rows_without_a_value_come_last_in_either_order() {
        ConnectionModel model;
        auto with = connection(1, 0);
        with.voluntary_switches = 3;
        model.update(snapshot_of({connection(2, 0), with}));
        for (const auto order : {Qt::AscendingOrder, Qt::DescendingOrder}) {
            model.sort(column_called("voluntary"), order);
            QCOMPARE(ids_of(model), (Ids{1, 2}));
        }
        QCOMPARE(model.index(1, column_called("voluntary")).data().toString(), unknown_text);
    }

    void a_kept_index_follows_its_connection_and_ends_with_it() {
        ConnectionModel model;
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.sort(column_called("requests"), Qt::DescendingOrder);
        model.update(snapshot_of({connection(1, 5), connection(2, 9), connection(3, 1)}));
        const QPersistentModelIndex kept = model.index(1, 3); // connection 1
        model.update(snapshot_of({connection(1, 50), connection(2, 9), connection(4, 20), connection(5, 30)}));
        QCOMPARE(ids_of(model), (Ids{1, 5, 4, 2}));
        QVERIFY(kept.isValid());
        QCOMPARE(kept.row(), 0);
        QCOMPARE(kept.column(), 3);
        model.update(snapshot_of({connection(2, 9)}));
        QVERIFY(!kept.isValid());
        model.update(snapshot_of({}));
        QCOMPARE(model.rowCount(), 0);
    }

    void rows_that_stay_in_place_are_changed_without_a_new_layout() {
        ConnectionModel model;
        model.update(snapshot_of({connection(1, 5), connection(2, 9)}));
        QSignalSpy layouts(&model, &QAbstractItemModel::layoutChanged);
        QSignalSpy changes(&model, &QAbstractItemModel::dataChanged);
        model.update(snapshot_of({connection(1, 6), connection(2, 10)}));
        QCOMPARE(layouts.count(), 0);
        QCOMPARE(changes.count(), 1);
        QCOMPARE(model.index(0, column_called("requests")).data().toString(), QStringLiteral("6"));
    }

    void a_warning_names_the_process_where_several_are_watched() {
        ConnectionReading runs = connection(7, 1, ConnectionState::running);
        runs.segment = 1;
        runs.state_since = 99s;
        const auto snapshot = snapshot_of({runs});
        const auto sentences = [&] {
            ProcessStatus server;
            server.phase = ProcessStatus::Phase::running;
            const WarningThresholds thresholds;
            QStringList texts;
            for (const auto& rule : all_warning_rules()) {
                if (auto finding = rule->check({*snapshot, server, thresholds, 100, {}, false, {}, false}))
                    texts << finding->text;
            }
            return texts;
        };
        snapshot->processes = {{0, "gone", true}, {4711, "shard", true}};
        QCOMPARE(sentences(), QStringList(QStringLiteral(
                                  "Connection 7 has not yielded for 1\u00a0s; the kernel lets the others run meanwhile.")));
        snapshot->processes[0].pid = 4710;
        QCOMPARE(
            sentences(),
            QStringList(QStringLiteral(
                "Connection 7 of process 4711 has not yielded for 1\u00a0s; the kernel lets the others run meanwhile.")));
    }

    void what_a_process_without_a_probe_leaves_unread_does_not_wait_for_a_cpu() {
        ConnectionReading waits = connection(7, 1, ConnectionState::ready);
        waits.state_since = 40s;
        const auto snapshot = snapshot_of({waits});
        snapshot->processes = {{4711, "plain", false}};
        const auto sentence = [&] {
            ProcessStatus server;
            server.phase = ProcessStatus::Phase::running;
            const WarningThresholds thresholds;
            QString text;
            for (const auto& rule : all_warning_rules()) {
                if (rule->id() != QLatin1String("not_scheduled")) continue;
                if (auto finding = rule->check({*snapshot, server, thresholds, 100, {}, false, {}, false}))
                    text = finding->text;
            }
            return text.replace(QChar(0xa0), QLatin1Char(' '));
        };
        QCOMPARE(sentence(), QStringLiteral("Connection 7 has waited 60 s for its process to read what has come."));
        snapshot->sockets.resize(1);
        snapshot->sockets[0].known = true;
        snapshot->sockets[0].state = observe::SocketState::close_wait;
        QCOMPARE(sentence(),
                 QStringLiteral("Connection 7 was ended by its peer 60 s ago, and its process has not closed it."));
        snapshot->processes[0].has_probe = true;
        QCOMPARE(sentence(), QStringLiteral("Connection 7 could run and has waited 60 s for a CPU."));
    }

    void what_nobody_tells_has_no_place_on_the_screen() {
        const auto snapshot = snapshot_of({connection(7, 1)});
        snapshot->processes = {{4711, "asio", true}};
        QCOMPARE(sources_of(*snapshot, false), Sources{});
        set(*snapshot, Gauge::idle_private_bytes, 1);
        Sources told;
        told.load = false;
        QCOMPARE(sources_of(*snapshot, true), told);
        snapshot->server.counters.requests = telemetry::layout::not_available;
        told.requests = false;
        QCOMPARE(sources_of(*snapshot, true), told);
        snapshot->processes[0].has_probe = false;
        told.probe = told.idle_memory = false;
        QCOMPARE(sources_of(*snapshot, true), told);
    }

    void a_filter_hides_rows_and_keeps_the_total() {
        ConnectionModel model;
        model.update(snapshot_of({connection(1, 5), connection(2, 9), connection(3, 1)}));
        model.set_filter([](const ConnectionContext& context) { return context.connection.requests > 4; });
        QCOMPARE(ids_of(model), (Ids{1, 2}));
        QCOMPARE(model.total(), std::size_t{3});
        model.set_filter({});
        QCOMPARE(model.rowCount(), 3);
    }
};

QTEST_MAIN(Models)
#include "models.moc"
