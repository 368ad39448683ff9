// SPDX-License-Identifier: GPL-3.0-or-later
// Every tour to its end, with a real server and real clients; what a tour leaves behind, and a tour without a server.
#include "window_support.hpp"

#include "window/mode_bar.hpp"
#include "window/tour_guide.hpp"

#include <QPushButton>
#include <QRegularExpression>
#include <QSignalSpy>

using namespace connscope;
using namespace connscope::app;

class Tours : public QObject {
    Q_OBJECT

    std::unique_ptr<MainWindow> window_;

    TourGuide& guide() { return window_->tour_guide(); }
    QPushButton* button(const char* name) { return guide().findChild<QPushButton*>(QLatin1String(name)); }
    void click(const char* name) { QTest::mouseClick(button(name), Qt::LeftButton); }
    void begin(const Tour& tour) {
        auto* action = window_->findChild<QAction*>(QStringLiteral("action_tour_") + tour.id);
        QVERIFY2(action != nullptr, qPrintable(tour.id));
        action->trigger();
    }
    bool waits_for_the_reader() {
        return guide().stage() == TourGuide::Stage::seen || guide().stage() == TourGuide::Stage::asking;
    }

private slots:
    void initTestCase() {
        apply_style();
        apply_theme(Theme::light);
        window_ = shown_window(small_plan(QStringLiteral("active:20,rate=200,payload=64")), {1600, 1000});
        guide().set_measuring_time(0.25);
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(*window_, 20), patience);
        QTRY_VERIFY_WITH_TIMEOUT(!window_->session().modes().empty(), patience);
    }
    void cleanupTestCase() { window_.reset(); }

    void there_are_six_of_five_to_eight_steps_each() {
        QCOMPARE(tours().size(), std::size_t{6});
        for (const Tour& tour : tours()) QVERIFY2(tour.steps.size() >= 5 && tour.steps.size() <= 8, qPrintable(tour.id));
    }

    void each_comes_to_its_end_data() {
        QTest::addColumn<int>("number");
        for (std::size_t i = 0; i < tours().size(); ++i) QTest::newRow(qPrintable(tours()[i].id)) << static_cast<int>(i);
    }
    // Each step's act is done by the control that the tour points at; what is said has numbers in it.
    void each_comes_to_its_end() {
        QFETCH(int, number);
        const Tour& tour = tours()[static_cast<std::size_t>(number)];
        const QSignalSpy failed(&guide(), &TourGuide::failed);
        begin(tour);
        for (int step = 0; step < static_cast<int>(tour.steps.size()); ++step) {
            QCOMPARE(guide().step(), step);
            QTRY_VERIFY2_WITH_TIMEOUT(waits_for_the_reader(), qPrintable(guide().text()), 30'000);
            QVERIFY2(guide().target() != nullptr, qPrintable(tour.id + QString::number(step)));
            QVERIFY2(!guide().geometry().intersects(
                         QRect(guide().target()->mapTo(window_.get(), QPoint(0, 0)), guide().target()->size())),
                     "the card hides nothing of what it speaks of");
            if (guide().stage() == TourGuide::Stage::asking) {
                QVERIFY(button("tour_do_it")->isVisible());
                QVERIFY(!button("tour_next")->isEnabled());
                click("tour_do_it");
                QTRY_VERIFY2_WITH_TIMEOUT(guide().stage() == TourGuide::Stage::seen, qPrintable(guide().text()), 30'000);
            }
            const QString seen = guide().text();
            qInfo("%s %d: %s", qPrintable(tour.id), step + 1, qPrintable(seen));
            QVERIFY2(seen.contains(QRegularExpression(QStringLiteral("[0-9]"))), qPrintable(seen));
            QVERIFY2(!seen.contains(QStringLiteral("could not be measured")), qPrintable(seen));
            QVERIFY2(!seen.contains(QStringLiteral("–")), qPrintable(seen));
            click("tour_next");
        }
        QTRY_COMPARE_WITH_TIMEOUT(guide().stage(), TourGuide::Stage::away, 30'000);
        QCOMPARE(failed.count(), 0);
        QVERIFY(!guide().isVisible());
        QCOMPARE(window_->session().mode(), QStringLiteral("coroutines"));
        QTRY_COMPARE_WITH_TIMEOUT(static_cast<int>(window_->session().plan().populations.size()), 1, patience);
        QTRY_VERIFY_WITH_TIMEOUT(window_->session().plan().populations.front().startsWith(QLatin1String("active:20,")),
                                 patience);
    }

    void one_that_is_left_in_the_middle_leaves_things_as_they_were() {
        begin(tours()[1]);
        QTRY_VERIFY_WITH_TIMEOUT(waits_for_the_reader(), 30'000);
        click("tour_next");
        QTRY_VERIFY_WITH_TIMEOUT(guide().step() == 1 && waits_for_the_reader(), 30'000);
        click("tour_next");
        QTRY_VERIFY_WITH_TIMEOUT(guide().stage() == TourGuide::Stage::asking, 30'000);
        QTest::mouseClick(window_->mode_bar().button(QStringLiteral("fibers")), Qt::LeftButton); // as a user does it
        QTRY_COMPARE_WITH_TIMEOUT(window_->session().mode(), QStringLiteral("fibers"), patience);
        click("tour_leave");
        QVERIFY(!guide().isVisible());
        QTRY_COMPARE_WITH_TIMEOUT(guide().stage(), TourGuide::Stage::away, 30'000);
        QCOMPARE(window_->session().mode(), QStringLiteral("coroutines"));
        QTRY_VERIFY_WITH_TIMEOUT(window_->session().plan().populations.front().startsWith(QLatin1String("active:20,")),
                                 patience);
    }

    void without_a_server_it_says_so_and_goes_on_when_there_is_one() {
        send_signal(window_->session().server().pid, SIGKILL);
        QTRY_VERIFY_WITH_TIMEOUT(!window_->session().server().alive(), patience);
        begin(tours()[0]);
        QCOMPARE(guide().stage(), TourGuide::Stage::no_server);
        QVERIFY2(guide().text().contains(QStringLiteral("server is not running")), qPrintable(guide().text()));
        window_->session().restart();
        QTRY_VERIFY_WITH_TIMEOUT(waits_for_the_reader(), 30'000);
        click("tour_leave");
        QTRY_COMPARE_WITH_TIMEOUT(guide().stage(), TourGuide::Stage::away, 30'000);
    }
};

QTEST_MAIN(Tours)
#include "tours.moc"
