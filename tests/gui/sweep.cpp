// SPDX-License-Identifier: GPL-3.0-or-later
// How often to interrupt: the page with a real sweep, and where its two curves cross.
#include "window_support.hpp"

#include "session/lab_process.hpp"

#include "views/sweep_view.hpp"
#include "window/sweep_page.hpp"

#include <QAction>
#include <QComboBox>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QTableWidget>

using namespace connscope;
using namespace connscope::app;

namespace {

constexpr int sweep_patience = 60'000; // ms

lab::SweepPoint point(int slice_us, double overhead, double p99_us) {
    lab::SweepPoint made;
    made.slice_us = slice_us;
    made.work_per_cpu = 1e6 * (1 - overhead);
    made.overhead = overhead;
    made.p50_us = p99_us / 3;
    made.p99_us = p99_us;
    return made;
}

} // namespace

class SweepTest : public QObject {
    Q_OBJECT

    std::unique_ptr<MainWindow> window_;

    SweepPage* open_page() {
        window_ = shown_window(small_plan());
        if (!QTest::qWaitFor([&] { return !window_->session().modes().empty(); }, patience)) return nullptr;
        window_->findChild<QAction*>(QStringLiteral("action_sweep"))->trigger();
        return window_->sweep();
    }
    template <class Control>
    Control* control(const char* name) const {
        return window_->sweep()->findChild<Control*>(QLatin1String(name));
    }

private slots:
    void initTestCase() {
        apply_style();
        apply_theme(Theme::light);
    }
    void cleanup() {
        if (!window_) return;
        window_->close();
        window_.reset();
    }

    void the_crossing_stands_where_the_drawn_curves_meet() {
        SweepView view;
        view.resize(900, 400);
        lab::Sweep sweep;
        // The one falls and the other rises evenly over the logarithm of the slice: they meet in its middle.
        sweep.points = {point(100'000, 0.0, 100'000), point(10'000, 0.1, 10'000), point(1000, 0.2, 1000)};
        sweep.crossing_us = lab::crossing_of(sweep.points);
        view.show_sweep(sweep, {});
        QVERIFY(sweep.crossing_us);
        QVERIFY(view.crossing_x());
        const QImage picture = view.grab().toImage();
        // Both curves pass through the same place there: whichever is drawn last, above and below it there is card.
        const QRgb card = picture.pixel(*view.crossing_x() + 40, 60);
        int marked = 0;
        for (int y = 45; y < 340; ++y) {
            bool any = false;
            for (int dx = 5; dx < 8; ++dx) any = any || picture.pixel(*view.crossing_x() + dx, y) != card;
            marked += any;
        }
        QVERIFY2(marked > 0 && marked < 30, qPrintable(QString::number(marked))); // a knot, not two curves apart
        sweep.points.clear();
        sweep.crossing_us.reset();
        view.show_sweep(sweep, QStringLiteral("nothing yet"));
        QVERIFY(!view.crossing_x());
    }

    void a_sweep_is_measured_shown_and_told_with_units() {
        SweepPage* page = open_page();
        QVERIFY(page != nullptr && page->isVisible());
        page->choose_mode(QStringLiteral("preemptive-fibers"));
        page->add_arguments({QStringLiteral("--slice-us"), QStringLiteral("500,20000")});
        control<QComboBox>("sweep_depth")->setItemData(0, 0.3); // short, for a test
        QTest::mouseClick(control<QPushButton>("sweep_go"), Qt::LeftButton);
        QVERIFY(page->is_running());
        QCOMPARE(control<QPushButton>("sweep_go")->text(), QStringLiteral("Stop"));
        QTRY_VERIFY_WITH_TIMEOUT(!page->is_running(), sweep_patience);
        const lab::Sweep& sweep = page->view().sweep();
        QVERIFY2(sweep.complete, qPrintable(control<QLabel>("sweep_state")->text()));
        QCOMPARE(sweep.points.size(), std::size_t{2});
        for (const auto& each : sweep.points) {
            QVERIFY2(each.failed.empty(), each.failed.c_str());
            QVERIFY(each.overhead && each.p99_us && *each.p99_us > 0);
        }
        // Shorter slices let the others wait less: a factor of forty between the slices is seen on any machine.
        QVERIFY(*sweep.points[0].p99_us < *sweep.points[1].p99_us);
        const auto* table = control<QTableWidget>("sweep_table");
        QCOMPARE(table->rowCount(), 3); // and one without interruption
        QVERIFY(table->item(0, 2)->text().contains(QLatin1Char('%')));
        QVERIFY(table->item(0, 4)->text().contains(QLatin1Char('s')));
        QVERIFY(control<QProgressBar>("sweep_progress")->isHidden());
        for (const Theme theme : {Theme::dark, Theme::light}) {
            apply_theme(theme);
            QVERIFY(!page->grab().isNull());
        }
    }

    void a_sweep_can_be_stopped_and_keeps_what_it_had() {
        SweepPage* page = open_page();
        QVERIFY(page != nullptr);
        page->choose_mode(QStringLiteral("fibers"));
        control<QComboBox>("sweep_depth")->setItemData(0, 0.3);
        page->start();
        QTRY_VERIFY_WITH_TIMEOUT(!page->view().sweep().points.empty() || !page->is_running(), sweep_patience);
        QTest::mouseClick(control<QPushButton>("sweep_go"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(!page->is_running(), sweep_patience);
        QVERIFY(!page->view().sweep().points.empty());
        QVERIFY(page->view().sweep().points.size() < 10);
        QVERIFY(control<QLabel>("sweep_state")->text().startsWith(QStringLiteral("Stopped")));
    }

    void a_window_that_is_closed_meanwhile_hears_no_more_of_it() {
        auto process = std::make_unique<LabProcess>();
        int told = 0;
        connect(process.get(), &LabProcess::told, this, [&] { ++told; });
        process->start(QStringLiteral(CONNSCOPE_BIN_FOLDER), {QStringLiteral("--sweep"), QStringLiteral("fibers"),
                                                              QStringLiteral("--stretch"), QStringLiteral("0.3")});
        QTRY_VERIFY_WITH_TIMEOUT(told > 0, sweep_patience);
        const int before = told;
        process.reset(); // it tells how far it came when it is ended
        QCOMPARE(told, before);
    }

    void a_sweep_that_cannot_start_says_why() {
        SweepPage* page = open_page();
        QVERIFY(page != nullptr);
        page->add_arguments({QStringLiteral("--slice-us"), QStringLiteral("7")});
        page->start();
        QTRY_VERIFY_WITH_TIMEOUT(!page->is_running(), sweep_patience);
        QVERIFY2(control<QLabel>("sweep_state")->text().contains(QStringLiteral("200 to 100000")),
                 qPrintable(control<QLabel>("sweep_state")->text()));
    }
};

QTEST_MAIN(SweepTest)
#include "sweep.moc"
