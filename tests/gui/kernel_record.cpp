// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's record of who ran, in the timeline.
#include "models/preemptions.hpp"
#include "models/time_view.hpp"
#include "models/timeline.hpp"
#include "views/timeline_view.hpp"
#include "window/main_window.hpp"
#include "window/theme.hpp"

#include <QApplication>
#include <QHelpEvent>
#include <QPainter>
#include <QTest>
#include <QToolTip>

#include <fstream>
#include <memory>

using namespace connscope::app;
using connscope::observe::SwitchRecord;
using namespace std::chrono_literals;

namespace {

constexpr int patience = 20'000; // ms, on a busy machine

SwitchRecord record(std::chrono::nanoseconds time, std::uint32_t thread, SwitchRecord::Kind kind, std::uint32_t other = 0) {
    SwitchRecord made;
    made.time = time;
    made.thread = thread;
    made.kind = kind;
    made.cpu = 1;
    made.other_known = other != 0;
    made.other_process = other;
    made.other_thread = other;
    return made;
}

// The window with its tool tip, which is a window of its own.
QPixmap picture_with_tip(MainWindow& window, TimelineView& view, const QPoint& place) {
    QPixmap picture = window.grab();
    for (QWidget* each : QApplication::topLevelWidgets()) {
        if (!each->inherits("QTipLabel") || !each->isVisible()) continue;
        QPainter painter(&picture);
        const QPoint at = view.mapTo(&window, place);
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(view.palette().color(QPalette::Text), 2));
        painter.drawEllipse(at, 9, 9);
        painter.drawPixmap(at + QPoint(-each->width() / 2, 18), each->grab());
    }
    return picture;
}

} // namespace

class KernelRecord : public QObject {
    Q_OBJECT

private slots:
    void initTestCase() {
        apply_style();
        apply_theme(Theme::light);
    }

    void a_preemption_reaches_from_the_kernels_taking_to_its_giving_back() {
        Preemptions kernel;
        Snapshot snapshot;
        snapshot.switches = {record(1s, 7, SwitchRecord::Kind::preempted, 99),
                             record(1500ms, 8, SwitchRecord::Kind::preempted), record(2s, 7, SwitchRecord::Kind::resumed)};
        snapshot.switch_names = {{99, 99, "other"}};
        snapshot.switches_lost = {{1200ms, 0, 5}};
        kernel.append(snapshot, 2.5, 0.0);
        QCOMPARE(kernel.count(), std::size_t{2});
        const auto of_7 = kernel.of(7, 0, 10);
        QCOMPARE(of_7.size(), std::size_t{1});
        QCOMPARE(of_7[0].begin, 1.0);
        QCOMPARE(of_7[0].end, 2.0);
        QVERIFY(!of_7[0].lasts && of_7[0].other_known);
        QCOMPARE(kernel.name_of(of_7[0].other_process, of_7[0].other_thread), std::string("other"));
        QCOMPARE(kernel.name_of(98, 99), std::string()); // the number was another's before
        const auto of_8 = kernel.of(8, 0, 10);
        QCOMPARE(of_8.size(), std::size_t{1});
        QVERIFY(of_8[0].lasts && !of_8[0].other_known);
        QCOMPARE(of_8[0].end, 2.5); // as long as is known
        QCOMPARE(kernel.losses().size(), std::size_t{1});
        QCOMPARE(kernel.losses()[0].count, std::uint64_t{5});
        QVERIFY(kernel.of(9, 0, 10).empty());
        QVERIFY(kernel.of(7, 3, 10).empty());
        // The next look: it got a CPU in between, and what is too old goes.
        snapshot.switches = {record(3s, 8, SwitchRecord::Kind::resumed)};
        snapshot.switches_lost.clear();
        snapshot.switches_missing = "no perf events here";
        kernel.append(snapshot, 4.0, 2.2);
        QVERIFY(kernel.of(7, 0, 10).empty());
        QCOMPARE(kernel.of(8, 0, 10)[0].end, 3.0);
        QVERIFY(kernel.losses().empty());
        QCOMPARE(kernel.missing(), std::string("no perf events here"));
    }

    void many_short_preemptions_look_as_short_as_they_are() {
        Timeline timeline;
        TimeView time;
        TimelineView view(timeline, time);
        view.resize(600, 160);
        view.show();
        Snapshot snapshot;
        snapshot.taken = 1s;
        SegmentEvent slice;
        slice.event.kind = connscope::telemetry::layout::EventKind::slice_to_read;
        slice.event.thread = 7;
        slice.event.connection = 1;
        slice.event.begin = 700ms;
        slice.event.length = 290ms;
        snapshot.events = {slice};
        for (int ms = 800; ms < 1000; ++ms) { // a pixel is a third of a millisecond
            for (const int us : {0, 300, 600}) {
                const auto begin = std::chrono::milliseconds(ms) + std::chrono::microseconds(us);
                snapshot.switches.push_back(record(begin, 7, SwitchRecord::Kind::preempted, 99));
                snapshot.switches.push_back(record(begin + 20us, 7, SwitchRecord::Kind::resumed));
            }
        }
        timeline.append(snapshot);
        view.show_span(0.2);
        const auto orange = [&view] {
            const QImage picture = view.grab().toImage();
            const QRgb wanted = colour(Meaning::involuntary, view.palette()).rgb();
            int found = 0;
            for (int y = 0; y < picture.height(); ++y)
                for (int x = 0; x < picture.width(); ++x) found += picture.pixel(x, y) == wanted;
            return found;
        };
        const int short_ones = orange();
        QVERIFY(short_ones > 0);
        // And one of the whole stretch.
        snapshot.events.clear();
        snapshot.taken = 1200ms;
        snapshot.switches = {record(1s, 7, SwitchRecord::Kind::preempted, 99),
                             record(1200ms, 7, SwitchRecord::Kind::resumed)};
        timeline.append(snapshot);
        view.refresh();
        const int long_one = orange();
        QVERIFY2(short_ones * 4 < long_one, qPrintable(QStringLiteral("%1 and %2").arg(short_ones).arg(long_one)));
    }

    void threads_that_compute_are_seen_to_be_preempted_on_the_slices_own_clock() {
        Plan plan;
        plan.companions_folder = QStringLiteral(CONNSCOPE_BIN_FOLDER);
        plan.mode = QStringLiteral("thread-per-connection");
        plan.populations = {QStringLiteral("active:20,rate=200,payload=64"), QStringLiteral("hog:6,us=200000")};
        MainWindow window(plan, Theme::light, false);
        window.resize(1600, 1000);
        window.show();
        window.start();
        const Timeline& timeline = window.timeline_model();
        const auto shown = [&] { return timeline.preemptions().count() > 20 || !timeline.preemptions().missing().empty(); };
        QTRY_VERIFY_WITH_TIMEOUT(shown(), patience);
        if (!timeline.preemptions().missing().empty()) QSKIP(timeline.preemptions().missing().c_str());
        // Whoever is preempted in the middle of a slice is so within that slice: both are on one clock.
        const auto within = [&] {
            std::size_t inside = 0;
            for (const auto& [thread, lane] : timeline.lanes())
                for (const TimelinePreemption& each : timeline.preemptions().of(thread, 0, timeline.newest()))
                    for (const TimelineSlice& slice : lane.within(each.begin, each.end))
                        if (slice.begin <= each.begin && each.end <= slice.end && slice.end - slice.begin > 0.01) ++inside;
            return inside;
        };
        QTRY_VERIFY_WITH_TIMEOUT(within() > 10, patience);
        // Pointed at, one of them says how long it lasted, and who ran instead where rights allow.
        TimelineView& view = window.timeline();
        view.show_span(0.5);
        QString tip;
        QPoint place;
        const auto pointed_at = [&] {
            QCoreApplication::processEvents();
            for (const auto& [thread, lane] : timeline.lanes())
                for (const TimelinePreemption& each : timeline.preemptions().of(thread, view.begin(), view.end())) {
                    const auto at = view.place_of(thread, (each.begin + each.end) / 2);
                    if (each.lasts || each.end - each.begin < 0.01 || !at || at->x() < view.width() / 4) continue;
                    place = *at;
                    QHelpEvent help(QEvent::ToolTip, place, view.mapToGlobal(place));
                    QCoreApplication::sendEvent(&view, &help);
                    tip = QToolTip::text();
                    return tip.startsWith(QStringLiteral("The kernel took CPU"));
                }
            return false;
        };
        window.time_view().pause();
        if (!pointed_at()) { // the newest half second had none
            window.time_view().goLive();
            QTRY_VERIFY_WITH_TIMEOUT(pointed_at(), patience);
        }
        QVERIFY2(tip.contains(QStringLiteral("Instead ran")) || tip.contains(QStringLiteral("The CPU idled")) ||
                     tip.contains(QStringLiteral("CAP_PERFMON")),
                 qPrintable(tip));
        const QString folder = qEnvironmentVariable("CONNSCOPE_PICTURES");
        if (!folder.isEmpty()) QVERIFY(picture_with_tip(window, view, place).save(folder + QStringLiteral("/timeline.png")));
        window.close();
    }
};

QTEST_MAIN(KernelRecord)
#include "kernel_record.moc"
