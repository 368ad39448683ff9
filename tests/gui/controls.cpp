// SPDX-License-Identifier: GPL-3.0-or-later
// Every control of the window, used on a real server and a real load.
#include "cut_text.hpp"
#include "window_support.hpp"

#include "views/what_changed.hpp"
#include "window/banner.hpp"
#include "window/load_bar.hpp"
#include "window/load_panel.hpp"
#include "window/log_slider.hpp"
#include "window/mode_bar.hpp"
#include "window/mode_parameters_row.hpp"
#include "window/stepper.hpp"
#include "window/workload_cards.hpp"

#include <QComboBox>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTableView>

#include <sys/resource.h>

using namespace connscope::app;

class Controls : public QObject {
    Q_OBJECT

    std::unique_ptr<MainWindow> window_;

    MainWindow& window() { return *window_; }
    double open() { return window().history().values(Quantity::open).back(); }
    quint32 load_pid() { return window().session().load().pid; }
    // Counts of the load since its start: opened connections, and those lost.
    std::uint64_t opened_by_load() {
        const auto& populations = newest_->load.populations;
        return populations.empty() ? 0 : populations.front().counter(connscope::telemetry::layout::LoadCounter::opened);
    }

    SnapshotPtr newest_;

private slots:
    void initTestCase() {
        apply_style();
        apply_theme(Theme::light);
    }

    void init() {
        window_ = shown_window(small_plan());
        connect(&window().session(), &Session::snapshotTaken, this,
                [this](const SnapshotPtr& snapshot) { newest_ = snapshot; });
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(window(), 40), patience);
        QTRY_VERIFY_WITH_TIMEOUT(!window().session().modes().empty(), patience);
    }

    void cleanup() {
        const auto server = window().session().server().pid;
        const auto load = load_pid();
        window().close();
        newest_.reset();
        window_.reset();
        QVERIFY(!is_alive(server));
        QVERIFY(!is_alive(load));
    }

    void the_parameters_of_a_mode_act_at_once_and_are_undone() {
        ModeParametersRow& row = window().mode_bar().parameters();
        QSignalSpy changed(&window().session(), &Session::modeChanged);
        const auto threads = [this](std::size_t back = 1) {
            const auto& values = window().history().values(Quantity::threads);
            return values.size() < back ? 0.0 : values[values.size() - back];
        };
        const double of_coroutines = threads();
        QTest::mouseClick(window().mode_bar().button(QStringLiteral("thread-pool")), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 1, patience);
        QVERIFY(row.threads().isVisible());
        QVERIFY(!row.stack_size().isVisible());
        // The readings follow the change: they are the pool's when several in a row agree.
        QTRY_VERIFY_WITH_TIMEOUT(threads() > of_coroutines && threads() == threads(2) && threads() == threads(3), patience);
        const double before = threads();
        row.threads().setFocus();
        row.threads().selectAll();
        QTest::keyClicks(&row.threads(), QStringLiteral("9"));
        QTest::keyClick(&row.threads(), Qt::Key_Enter);
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 2, patience);
        QCOMPARE(window().session().mode_parameters().threads, 9);
        QTRY_VERIFY_WITH_TIMEOUT(threads() >= 10, patience);
        QVERIFY2(window().history().marks().back().label.contains(QStringLiteral("9 threads")),
                 qPrintable(window().history().marks().back().label));
        QCOMPARE(open(), 40.0);
        window().undoModeChange();
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 3, patience);
        QCOMPARE(row.threads().value(), 0);
        QTRY_COMPARE_WITH_TIMEOUT(threads(), before, patience);
        window().undoModeChange();
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 4, patience);
        QCOMPARE(window().session().mode(), QStringLiteral("coroutines"));
    }

    void stack_and_slice_are_chosen_from_lists() {
        ModeParametersRow& row = window().mode_bar().parameters();
        QSignalSpy changed(&window().session(), &Session::modeChanged);
        QTest::mouseClick(window().mode_bar().button(QStringLiteral("preemptive-fibers")), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 1, patience);
        QVERIFY(row.stack_size().isVisible() && row.slice().isVisible() && !row.threads().isVisible());
        for (QComboBox* box : {&row.stack_size(), &row.slice()}) {
            const int calls = static_cast<int>(changed.count());
            const int before = box->currentIndex();
            QTRY_VERIFY_WITH_TIMEOUT(box->isEnabled(), patience);
            box->setFocus();
            QTest::keyClick(box, Qt::Key_Down);
            QTRY_COMPARE_WITH_TIMEOUT(changed.count(), calls + 1, patience);
            QCOMPARE(box->currentIndex(), before + 1);
        }
        QCOMPARE(window().session().mode_parameters().stack_kib, 512);
        QCOMPARE(window().session().mode_parameters().slice_us, 200);
        QCOMPARE(open(), 40.0);
    }

    void a_mode_for_which_there_is_no_memory_is_refused_and_the_reason_told() {
        const auto pid = static_cast<pid_t>(window().session().server().pid);
        ModeParameters big = window().session().mode_parameters();
        big.stack_kib = 8192;
        QSignalSpy changed(&window().session(), &Session::modeChanged);
        window().session().changeParameters(big);
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 1, patience);
        QFile status(QStringLiteral("/proc/%1/statm").arg(pid));
        QVERIFY(status.open(QIODevice::ReadOnly));
        const auto pages = status.readAll().split(' ').front().toULongLong();
        const rlimit scarce{pages * 4096 + (20 << 20), RLIM_INFINITY}; // for two stacks, and some for all others
        QVERIFY(::prlimit(pid, RLIMIT_AS, &scarce, nullptr) == 0);
        QTest::mouseClick(window().mode_bar().button(QStringLiteral("thread-per-connection")), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(window().notice_banner().isVisible(), patience);
        const QString text = window().notice_banner().text();
        QVERIFY2(text.contains(QStringLiteral("cannot take 40 connections")) && text.contains(QStringLiteral("coroutines")),
                 qPrintable(text));
        QVERIFY(window().mode_bar().button(QStringLiteral("coroutines"))->isChecked());
        QVERIFY(window().mode_bar().button(QStringLiteral("thread-per-connection"))->isEnabled());
        QTRY_COMPARE_WITH_TIMEOUT(open(), 40.0, patience);
    }

    void the_hint_tells_how_the_mode_under_the_pointer_works() {
        const auto hint = [this] { return window().mode_bar().hint_line()->text(); };
        QVERIFY2(hint().startsWith(QStringLiteral("Coroutines: ")), qPrintable(hint()));
        SegmentButton* pool = window().mode_bar().button(QStringLiteral("thread-pool"));
        QEnterEvent enter(QPointF(2, 2), QPointF(2, 2), pool->mapToGlobal(QPointF(2, 2)));
        QApplication::sendEvent(pool, &enter);
        QVERIFY2(hint().startsWith(QStringLiteral("Thread pool: ")), qPrintable(hint()));
        QEvent leave(QEvent::Leave);
        QApplication::sendEvent(pool, &leave);
        QVERIFY2(hint().startsWith(QStringLiteral("Coroutines: ")), qPrintable(hint()));
    }

    void sliders_and_steppers_change_the_running_load_and_keep_its_connections() {
        const quint32 pid = load_pid();
        window().load_bar().connections().slider().setFocus();
        QTest::keyClick(&window().load_bar().connections().slider(), Qt::Key_PageUp);
        QTRY_VERIFY_WITH_TIMEOUT(open() > 60, patience);
        const auto grown = static_cast<std::uint64_t>(window().load_bar().connections().value());
        QTRY_COMPARE_WITH_TIMEOUT(opened_by_load(), grown, patience); // the 40 were not opened anew
        QTest::keyClick(&window().load_bar().rate().slider(), Qt::Key_PageUp);
        QTRY_VERIFY_WITH_TIMEOUT(window().history().values(Quantity::offered_per_s).back() > 500, patience);

        const double before = open();
        QTest::mouseClick(&window().load_bar().idle().add_button(), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(open(), before + 100, patience);
        QTest::mouseClick(&window().load_bar().slow_readers().add_button(), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(open(), before + 101, patience);
        QTest::mouseClick(&window().load_bar().hogs().add_button(), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(open(), before + 102, patience);
        for (Stepper* stepper :
             {&window().load_bar().idle(), &window().load_bar().slow_readers(), &window().load_bar().hogs()}) {
            QTest::mouseClick(&stepper->remove_button(), Qt::LeftButton);
            QCOMPARE(stepper->count(), 0);
        }
        QTRY_COMPARE_WITH_TIMEOUT(open(), before, patience);
        QCOMPARE(opened_by_load(), grown + 102);
        QCOMPARE(load_pid(), pid);
    }

    void the_table_of_clients_is_edited_in_place() {
        LoadPanel& panel = window().load_panel();
        QTest::mouseClick(&window().load_bar().panel_button(), Qt::LeftButton);
        QTRY_VERIFY(panel.isVisible());
        QTRY_COMPARE_WITH_TIMEOUT(panel.model().rowCount(), 1, patience);
        const auto edit = [&](PopulationModel::Column column, const QString& text) {
            panel.table().setFocus();
            panel.table().setCurrentIndex(panel.model().index(0, column));
            QTest::keyClick(&panel.table(), Qt::Key_F2);
            auto* editor = panel.table().findChild<QWidget*>(QStringLiteral("population_editor"));
            QVERIFY(editor != nullptr);
            if (auto* spin = qobject_cast<QAbstractSpinBox*>(editor)) spin->selectAll();
            QTest::keyClicks(editor, text);
            QTest::keyClick(editor, Qt::Key_Enter);
            QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
        };
        edit(PopulationModel::connections, QStringLiteral("70"));
        QTRY_COMPARE_WITH_TIMEOUT(open(), 70.0, patience);
        QCOMPARE(opened_by_load(), std::uint64_t{70});
        edit(PopulationModel::rate, QStringLiteral("900"));
        QTRY_COMPARE_WITH_TIMEOUT(window().history().values(Quantity::offered_per_s).back(), 900.0, patience);
        edit(PopulationModel::payload, QStringLiteral("128"));
        QTRY_VERIFY_WITH_TIMEOUT(newest_->load.populations.size() == 2 &&
                                     newest_->load.populations[1].text.find("payload=128") != std::string::npos,
                                 patience);
        QCOMPARE(opened_by_load(), std::uint64_t{70});

        panel.table().selectRow(0);
        panel.connections().slider().setFocus();
        QTest::keyClick(&panel.connections().slider(), Qt::Key_PageUp);
        QTRY_VERIFY_WITH_TIMEOUT(open() > 90, patience);
        QTest::keyClick(&panel.rate().slider(), Qt::Key_Home); // “most”
        QTRY_COMPARE_WITH_TIMEOUT(window().history().values(Quantity::offered_per_s).back(), 0.0, patience);
        QTest::keyClick(&panel.payload().slider(), Qt::Key_PageUp);
        QTRY_VERIFY_WITH_TIMEOUT(newest_->load.populations.size() == 2 &&
                                     newest_->load.populations[1].text.find("payload=128") == std::string::npos,
                                 patience);
    }

    void a_workloads_card_replaces_the_load_and_says_that_it_runs() {
        QTest::mouseClick(&window().load_bar().panel_button(), Qt::LeftButton);
        WorkloadCards& cards = window().load_panel().cards();
        QTRY_VERIFY(cards.isVisible());
        QVERIFY(cards.count() >= 10);
        for (int row = 0; row < cards.count(); ++row) {
            const Workload& workload = cards.workloads()[static_cast<std::size_t>(row)];
            if (workload.id != QLatin1String("never-yields")) continue;
            cards.scrollToItem(cards.item(row));
            QTest::mouseClick(cards.viewport(), Qt::LeftButton, {}, cards.visualItemRect(cards.item(row)).center());
            QTRY_COMPARE_WITH_TIMEOUT(open(), 101.0, patience);
            QTRY_VERIFY2_WITH_TIMEOUT(window().load_bar().panel_button().text().contains(workload.title),
                                      qPrintable(window().load_bar().panel_button().text()), patience);
            QTRY_COMPARE_WITH_TIMEOUT(window().load_panel().model().rowCount(), 2, patience);
            return;
        }
        QFAIL("the workload is not among the cards");
    }

    void populations_are_added_and_removed() {
        QTest::mouseClick(&window().load_bar().panel_button(), Qt::LeftButton);
        LoadPanel& panel = window().load_panel();
        auto* add = panel.findChild<QPushButton*>(QStringLiteral("add_population"));
        QTRY_VERIFY_WITH_TIMEOUT(add != nullptr && add->menu()->actions().size() == 6, patience);
        for (QAction* action : add->menu()->actions()) action->trigger();
        QTRY_COMPARE_WITH_TIMEOUT(panel.model().rowCount(), 7, patience);
        QVERIFY2(!window().notice_banner().isVisible(), qPrintable(window().notice_banner().text()));
        auto* remove = panel.findChild<QPushButton*>(QStringLiteral("remove_population"));
        while (panel.model().rowCount() > 1) {
            const int rows = panel.model().rowCount();
            panel.table().selectRow(rows - 1);
            QTest::mouseClick(remove, Qt::LeftButton);
            QTRY_COMPARE_WITH_TIMEOUT(panel.model().rowCount(), rows - 1, patience);
        }
        QTRY_COMPARE_WITH_TIMEOUT(open(), 40.0, patience);
    }

    void any_two_marks_are_compared_and_the_noise_is_stated() {
        const auto mark = [this] { window().findChild<QAction*>(QStringLiteral("action_mark"))->trigger(); };
        const auto samples_after = [this](std::size_t more) {
            const auto before = window().history().times().size();
            QTRY_VERIFY_WITH_TIMEOUT(window().history().times().size() > before + more, patience);
        };
        samples_after(70); // more than the two seconds that a stretch needs, and the one in which it settles
        QTest::mouseClick(&window().load_bar().idle().add_button(), Qt::LeftButton);
        QCOMPARE(window().history().marks().back().kind, Mark::Kind::load_change);
        QTRY_COMPARE_WITH_TIMEOUT(open(), 140.0, patience);
        samples_after(70);
        mark();
        QVERIFY(window().history().marks().back().label.startsWith(QStringLiteral("Mark ")));
        samples_after(70);
        auto* before = window().findChild<QComboBox*>(QStringLiteral("compare_before"));
        QTRY_COMPARE_WITH_TIMEOUT(before->count(), 3, patience);
        QTRY_COMPARE_WITH_TIMEOUT(before->currentIndex(), 1, patience); // the newest two
        before->setFocus();
        QTest::keyClick(before, Qt::Key_Up); // the first and the last
        QTRY_COMPARE_WITH_TIMEOUT(before->currentIndex(), 0, patience);
        QTRY_VERIFY_WITH_TIMEOUT(!window().what_changed().differences().empty(), patience);
        bool any_differs = false;
        for (const Difference& each : window().what_changed().differences()) {
            QVERIFY(each.noise >= 0.03);
            QCOMPARE(each.sentence.isEmpty(), !each.differs);
            if (each.differs) QVERIFY2(each.sentence.contains(QStringLiteral("may be chance")), qPrintable(each.sentence));
            any_differs |= each.differs;
        }
        QVERIFY(any_differs); // 100 idle connections more are 100 frames more
    }

    void every_button_and_every_choice_of_the_window_can_be_used() {
        QTest::mouseClick(&window().load_bar().panel_button(), Qt::LeftButton);
        QStringList used;
        const auto goes_on = [this] {
            const auto before = window().history().times().size();
            QTRY_VERIFY_WITH_TIMEOUT(window().history().times().size() > before, patience);
            QVERIFY(window().isVisible());
        };
        QList<QPointer<QWidget>> controls;
        for (QWidget* widget : window().findChildren<QWidget*>()) {
            if (qobject_cast<QAbstractButton*>(widget) != nullptr || qobject_cast<QComboBox*>(widget) != nullptr)
                controls << widget;
        }
        // Those that hide something come last, so that nothing is hidden that has not been used.
        std::stable_partition(controls.begin(), controls.end(), [](const QPointer<QWidget>& control) {
            return !control->objectName().endsWith(QLatin1String("_hide"));
        });
        for (const QPointer<QWidget>& control : controls) {
            QTRY_VERIFY_WITH_TIMEOUT(!window().session().mode_is_changing(), patience); // buttons rest meanwhile
            if (!control || !control->isVisible() || !control->isEnabled()) continue;
            const QString name = control->objectName();
            if (name.startsWith(QLatin1String("qt_")) || name == QLatin1String("load_panel_button")) continue; // it has been
            if (name == QLatin1String("add_population")) continue; // opens a menu that waits
            used << name;
            if (auto* box = qobject_cast<QComboBox*>(control.data())) {
                box->setFocus();
                QTest::keyClick(box, Qt::Key_Down);
            } else {
                QTest::mouseClick(control.data(), Qt::LeftButton);
            }
            goes_on();
        }
        QVERIFY2(used.size() > 24, qPrintable(used.join(QLatin1Char(' '))));
        for (const char* wanted :
             {"live", "map_panel_hide", "timeline_panel_hide", "mode_callbacks", "add_hog", "remove_population"}) {
            QVERIFY2(used.contains(QString::fromLatin1(wanted)), wanted);
        }
        QTRY_VERIFY_WITH_TIMEOUT(!window().session().mode_is_changing(), patience);
    }

    void a_change_that_a_limit_forbids_is_refused_with_the_reason() {
        // The load may have only so many files: more connections than that are not to be had.
        window().load_panel().model().setData(window().load_panel().model().index(0, PopulationModel::connections),
                                              15'000'000);
        QTRY_VERIFY_WITH_TIMEOUT(window().notice_banner().isVisible(), patience);
        QVERIFY2(window().notice_banner().text().contains(QRegularExpression(QStringLiteral("\\d"))),
                 qPrintable(window().notice_banner().text()));
        QTest::mouseClick(&window().notice_banner().button(), Qt::LeftButton);
        QVERIFY(!window().notice_banner().isVisible());
    }
};

QTEST_MAIN(Controls)
#include "controls.moc"
