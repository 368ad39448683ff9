// SPDX-License-Identifier: GPL-3.0-or-later
// Every rule of the warnings, provoked on a real server.
#include "window_support.hpp"

#include "connscope/observe/process.hpp"
#include "models/format.hpp"
#include "models/population.hpp"
#include "views/connection_view.hpp"
#include "views/warning_list.hpp"
#include "window/banner.hpp"
#include "window/mode_bar.hpp"

#include <QContextMenuEvent>
#include <QListView>
#include <QMenu>
#include <QProcess>
#include <QPushButton>
#include <QSignalSpy>

#include <sys/resource.h>

using namespace connscope::app;

class Warnings : public QObject {
    Q_OBJECT

    std::unique_ptr<MainWindow> window_;

    void watch(const QString& population, const QString& mode = QStringLiteral("coroutines")) {
        Plan plan = small_plan(population);
        plan.mode = mode;
        window_ = shown_window(plan);
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(*window_, parse_population(population)->connections), patience);
    }

    std::optional<Warning> active(const QString& rule) const {
        for (const Warning& warning : window_->warnings().warnings()) {
            if (warning.is_active && warning.rule == rule) return warning;
        }
        return std::nullopt;
    }

    // Clicks a rule's warning in the list, as a user does. False when the list does not have it.
    bool click(const QString& rule) {
        auto* list = window_->findChild<WarningList*>();
        const auto& warnings = window_->warnings().warnings();
        for (std::size_t row = 0; row < warnings.size(); ++row) {
            if (warnings[row].rule != rule) continue;
            const QModelIndex index = list->model()->index(static_cast<int>(row), 0);
            list->scrollTo(index);
            QTest::mouseClick(list->viewport(), Qt::LeftButton, {}, list->visualRect(index).center());
            return true;
        }
        return false;
    }

    // A hog that computes for so long without a yield, connection 1, and 20 others that are kept waiting by it.
    void watch_hog(const char* us, const QString& mode = QStringLiteral("coroutines")) {
        watch(QStringLiteral("hog:1,rate=1,us=") + QLatin1String(us), mode);
        window_->session().setPopulation(QStringLiteral("active:20,rate=100,payload=10"));
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("not_yielded")).has_value(), patience);
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

    void a_connection_that_does_not_yield_is_told_by_the_server_and_found() {
        watch_hog("200000");
        // Where it is takes a while to find out; the line is that of the program, not of a library.
        QTRY_VERIFY2_WITH_TIMEOUT(active(QStringLiteral("not_yielded")).has_value() &&
                                      active(QStringLiteral("not_yielded"))->finding.text.contains(QStringLiteral(".cpp:")),
                                  active(QStringLiteral("not_yielded"))
                                      ? qPrintable(active(QStringLiteral("not_yielded"))->finding.text)
                                      : "no warning",
                                  patience);
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("not_yielded")).has_value() &&
                                     active(QStringLiteral("not_yielded"))
                                         ->finding.text.contains(QStringLiteral("could run and wait, the longest for ")),
                                 patience);
        const Warning warning = *active(QStringLiteral("not_yielded"));
        QVERIFY2(warning.finding.text.startsWith(QStringLiteral("Connection 1 has not yielded for ")),
                 qPrintable(warning.finding.text));
        QVERIFY(warning.finding.culprit);
        QCOMPARE(warning.finding.culprit->id, std::uint64_t{1}); // the hog was the first to connect
        QCOMPARE(warning.finding.hog, std::uint64_t{1});
        QVERIFY(click(QStringLiteral("not_yielded")));
        QCOMPARE(window_->connections().selected()->id, std::uint64_t{1});
        // Without the hog it becomes a past one, with its time.
        window_->session().removePopulation(QStringLiteral("hog"));
        QTRY_VERIFY_WITH_TIMEOUT(!active(QStringLiteral("not_yielded")), patience);
        QTRY_VERIFY_WITH_TIMEOUT(std::any_of(window_->warnings().warnings().begin(), window_->warnings().warnings().end(),
                                             [](const Warning& each) { return each.rule == QLatin1String("not_yielded"); }),
                                 patience);
        auto* list = window_->findChild<WarningList*>();
        QVERIFY(list->hog_bar().isHidden());
        QTRY_VERIFY2_WITH_TIMEOUT(
            list->model()->index(0, 0).data(WarningListModel::TimeRole).toString().contains(QStringLiteral(" ago, ")),
            qPrintable(list->model()->index(0, 0).data(WarningListModel::TimeRole).toString()), patience);
    }

    void the_warning_of_a_hog_is_there_soon_after_the_threshold() {
        watch(QStringLiteral("active:20,rate=1000,payload=10"));
        std::vector<double> held_ms;
        const QMetaObject::Connection heard =
            connect(&window_->session(), &Session::snapshotTaken, this, [&](const SnapshotPtr& snapshot) {
                // What the warning says when it is first seen, at the latest one snapshot after it came.
                const auto warning = active(QStringLiteral("not_yielded"));
                if (!warning || !held_ms.empty()) return;
                for (const auto& each : snapshot->server.connections) {
                    if (each.id != warning->finding.hog) continue;
                    held_ms.push_back(std::chrono::duration<double, std::milli>(snapshot->taken - each.state_since).count());
                }
            });
        window_->session().setPopulation(QStringLiteral("hog:1,us=5000000,rate=1"));
        QTRY_VERIFY_WITH_TIMEOUT(!held_ms.empty(), patience);
        disconnect(heard);
        qInfo("told %.0f ms after the slice began; the threshold is 50 ms", held_ms.front());
        QVERIFY2(held_ms.front() < 2000, "even a busy machine tells while the connection computes");
    }

    void a_hog_is_moved_to_a_thread_of_its_own_by_a_click() {
        watch_hog("8000000");
        auto* list = window_->findChild<WarningList*>();
        QTRY_VERIFY_WITH_TIMEOUT(!list->hog_bar().isHidden(), patience);
        auto* button = list->hog_bar().findChild<QAbstractButton*>(QStringLiteral("hog_own_thread"));
        QVERIFY(button != nullptr && list->rect().contains(QRect(button->mapTo(list, QPoint()), button->size())));
        QTest::mouseClick(button, Qt::LeftButton);
        QSignalSpy snapshots(&window_->session(), &Session::snapshotTaken);
        QTRY_VERIFY_WITH_TIMEOUT(
            [&] {
                if (snapshots.empty()) return false;
                const auto snapshot = snapshots.last().first().value<SnapshotPtr>();
                return std::any_of(snapshot->server.connections.begin(), snapshot->server.connections.end(),
                                   [](const auto& each) {
                                       return each.id == 1 && each.carrier == connscope::telemetry::CarrierKind::thread;
                                   });
            }(),
            patience);
        QTRY_VERIFY_WITH_TIMEOUT(list->hog_bar().isHidden(), patience);
        QTRY_VERIFY_WITH_TIMEOUT(!active(QStringLiteral("not_yielded")) ||
                                     active(QStringLiteral("not_yielded"))->finding.hog == 0,
                                 patience); // who computes on keeps nobody waiting any more
    }

    void a_hog_is_closed_by_the_menu_of_its_warning_in_the_middle_of_its_computation() {
        watch_hog("60000000");
        auto* list = window_->findChild<WarningList*>();
        QTRY_VERIFY_WITH_TIMEOUT(!list->hog_bar().isHidden(), patience);
        const auto& warnings = window_->warnings().warnings();
        const auto row = std::find_if(warnings.begin(), warnings.end(),
                                      [](const Warning& each) { return each.is_active && each.finding.hog != 0; });
        QVERIFY(row != warnings.end());
        const QModelIndex index = list->model()->index(static_cast<int>(row - warnings.begin()), 0);
        list->scrollTo(index);
        const QPoint at = list->visualRect(index).center();
        QContextMenuEvent asked(QContextMenuEvent::Mouse, at, list->viewport()->mapToGlobal(at));
        QCoreApplication::sendEvent(list->viewport(), &asked);
        auto* menu = list->findChild<QMenu*>(QStringLiteral("warning_menu"));
        QVERIFY(menu != nullptr);
        auto* close = menu->findChild<QAction*>(QStringLiteral("action_hog_close"));
        QVERIFY(close != nullptr);
        close->trigger();
        menu->close();
        QTRY_VERIFY_WITH_TIMEOUT(!active(QStringLiteral("not_yielded")), patience); // not after a minute
        QVERIFY(window_->notice_banner().isHidden());
    }

    void a_hog_that_is_let_go_on_computes_on_and_is_told_no_more() {
        watch_hog("20000000");
        auto* list = window_->findChild<WarningList*>();
        QTRY_VERIFY_WITH_TIMEOUT(!list->hog_bar().isHidden(), patience);
        QTest::mouseClick(list->hog_bar().findChild<QAbstractButton*>(QStringLiteral("hog_let_go_on")), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(!active(QStringLiteral("not_yielded")), patience);
        QTRY_VERIFY_WITH_TIMEOUT(list->hog_bar().isHidden(), patience);
        // One that waits cannot be let go, and the server says so.
        emit list->hog_bar().wanted(2, HogAction::let_go_on);
        QTRY_VERIFY_WITH_TIMEOUT(!window_->notice_banner().isHidden(), patience);
    }

    void in_a_mode_of_the_kernel_the_same_is_told_as_harmless_to_others() {
        watch(QStringLiteral("hog:1,us=200000,rate=1"), QStringLiteral("thread-per-connection"));
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("not_yielded")).has_value(), patience);
        const QString text = active(QStringLiteral("not_yielded"))->finding.text;
        QVERIFY2(text.contains(QStringLiteral("the kernel lets the others run")), qPrintable(text));
    }

    void a_connection_that_waits_for_a_cpu_is_told_and_found() {
        watch(QStringLiteral("hog:4,us=300000"), QStringLiteral("thread-pool"));
        ModeParameters one = window_->session().mode_parameters();
        one.threads = 1;
        window_->session().changeParameters(one);
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("not_scheduled")).has_value(), patience);
        const Warning warning = *active(QStringLiteral("not_scheduled"));
        QVERIFY2(warning.finding.text.contains(QStringLiteral("could run and has waited")),
                 qPrintable(warning.finding.text));
        QVERIFY(warning.finding.culprit);
        QVERIFY(click(QStringLiteral("not_scheduled")));
        QVERIFY(window_->connections().selected());
    }

    void a_connection_that_takes_most_of_a_core_is_told_and_found() {
        watch(QStringLiteral("hog:1,us=30000"));
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("eats_cpu")).has_value(), patience);
        QCOMPARE(active(QStringLiteral("eats_cpu"))->finding.culprit->id, std::uint64_t{1});
        QVERIFY(click(QStringLiteral("eats_cpu")));
        QCOMPARE(window_->connections().selected()->id, std::uint64_t{1});
    }

    void peers_that_take_nothing_are_told_and_found() {
        watch(QStringLiteral("slow-reader:5,path=/bytes?n=8000000"));
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("back_pressure")).has_value(), patience);
        const QString text = active(QStringLiteral("back_pressure"))->finding.text;
        QVERIFY2(text.startsWith(QStringLiteral("5 connections wait to write")) ||
                     text.contains(QStringLiteral(" connections wait to write")),
                 qPrintable(text));
        QVERIFY(click(QStringLiteral("back_pressure")));
        QVERIFY(window_->connections().selected());
    }

    void limits_that_are_nearly_reached_are_told() {
        watch(QStringLiteral("active:40,rate=100,payload=10"));
        const auto pid = static_cast<pid_t>(window_->session().server().pid);
        const rlimit few_files{60, 60};
        QVERIFY(::prlimit(pid, RLIMIT_NOFILE, &few_files, nullptr) == 0);
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("near_limit")).has_value(), patience);
        QVERIFY2(active(QStringLiteral("near_limit"))->finding.text.contains(QStringLiteral("of the 60 descriptors")),
                 qPrintable(active(QStringLiteral("near_limit"))->finding.text));
        QVERIFY(click(QStringLiteral("near_limit")));
    }

    void threads_near_their_limit_are_told() {
        if (::geteuid() != 0) QSKIP("the limit holds for all processes of this user, this one too; only root is exempt");
        rlimit usual{};
        ::getrlimit(RLIMIT_NPROC, &usual);
        const rlimit few_threads{45, usual.rlim_max};
        QVERIFY(::setrlimit(RLIMIT_NPROC, &few_threads) == 0); // the server inherits it
        watch(QStringLiteral("active:40,rate=100,payload=10"), QStringLiteral("thread-per-connection"));
        ::setrlimit(RLIMIT_NPROC, &usual);
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("near_limit")).has_value(), patience);
        QVERIFY2(active(QStringLiteral("near_limit"))->finding.text.contains(QStringLiteral("of the 45 threads")),
                 qPrintable(active(QStringLiteral("near_limit"))->finding.text));
    }

    void memory_near_its_limit_is_told_data() {
        QTest::addColumn<int>("limit");
        QTest::addColumn<QString>("words");
        QTest::newRow("data") << int(RLIMIT_DATA) << "of memory for data that it may have";
        QTest::newRow("address space") << int(RLIMIT_AS) << "of address space that it may have";
    }
    void memory_near_its_limit_is_told() {
        QFETCH(int, limit);
        QFETCH(QString, words);
        watch(QStringLiteral("active:40,rate=100,payload=10"));
        const std::uint32_t server = window_->session().server().pid;
        QVERIFY(!active(QStringLiteral("near_limit")));
        auto observer = connscope::observe::ProcessObserver::open(server);
        QVERIFY(observer);
        const auto reading = observer->read();
        QVERIFY(reading);
        const rlim_t used = limit == RLIMIT_DATA ? reading->data_bytes : reading->address_space_bytes;
        const rlimit some_more{used + used / 10, used + used / 10};
        QVERIFY(::prlimit(static_cast<pid_t>(server), static_cast<__rlimit_resource>(limit), &some_more, nullptr) == 0);
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("near_limit")).has_value(), patience);
        const QString text = active(QStringLiteral("near_limit"))->finding.text;
        QVERIFY2(text.contains(words), qPrintable(text));
        QVERIFY2(text.contains(bytes_text(static_cast<double>(some_more.rlim_cur))), qPrintable(text));
        QVERIFY(click(QStringLiteral("near_limit")));
        QCOMPARE(window_->focusWidget()->objectName(), QStringLiteral("chart_memory"));
    }

    void a_load_that_cannot_keep_up_is_told() {
        watch(QStringLiteral("active:64,rate=2000000"));
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("load_is_bottleneck")).has_value(), patience);
        QVERIFY(click(QStringLiteral("load_is_bottleneck")));
    }

    void events_that_were_overwritten_before_they_could_be_read_are_counted() {
        watch(QStringLiteral("active:64"));
        // This window sleeps as on a suspended laptop, while the server goes on.
        QProcess waker;
        waker.start(
            QStringLiteral("sh"),
            {QStringLiteral("-c"), QStringLiteral("sleep 2; kill -CONT %1").arg(QCoreApplication::applicationPid())});
        QVERIFY(waker.waitForStarted());
        ::kill(::getpid(), SIGSTOP);
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("events_lost")).has_value(), patience);
        QVERIFY2(active(QStringLiteral("events_lost"))->finding.text.contains(QStringLiteral("events were overwritten")),
                 qPrintable(active(QStringLiteral("events_lost"))->finding.text));
        QVERIFY(click(QStringLiteral("events_lost")));
        QTRY_COMPARE_WITH_TIMEOUT(waker.state(), QProcess::NotRunning, patience);
    }

    void a_server_that_is_gone_is_told() {
        watch(QStringLiteral("active:10,rate=100"));
        send_signal(window_->session().server().pid, SIGKILL);
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("server_gone")).has_value(), 1000);
        QVERIFY2(active(QStringLiteral("server_gone"))->finding.text.contains(QStringLiteral("killed")),
                 qPrintable(active(QStringLiteral("server_gone"))->finding.text));
    }

    void an_orderly_server_is_warned_of_by_no_rule() {
        watch(QStringLiteral("active:40,rate=400,payload=64"));
        const auto samples = window_->history().times().size();
        QTRY_VERIFY_WITH_TIMEOUT(window_->history().times().size() > samples + 40, patience);
        for (const Warning& warning : window_->warnings().warnings()) {
            // A busy machine may delay anybody; nothing else may be warned of.
            QVERIFY2(warning.rule == QLatin1String("not_scheduled") || warning.rule == QLatin1String("not_yielded") ||
                         warning.rule == QLatin1String("load_is_bottleneck"),
                     qPrintable(warning.finding.text));
        }
    }
};

QTEST_MAIN(Warnings)
#include "warnings.moc"
