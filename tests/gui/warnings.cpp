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

#include <QListView>
#include <QProcess>
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

    void a_connection_that_does_not_yield_is_told_and_found() {
        watch(QStringLiteral("hog:1,us=200000,rate=1"));
        window_->session().setPopulation(QStringLiteral("active:20,rate=100,payload=10"));
        QTRY_VERIFY_WITH_TIMEOUT(active(QStringLiteral("not_yielded")).has_value(), patience);
        const Warning warning = *active(QStringLiteral("not_yielded"));
        QVERIFY2(warning.finding.text.contains(QStringLiteral("nobody takes the CPU away")),
                 qPrintable(warning.finding.text));
        QVERIFY(warning.finding.culprit);
        QCOMPARE(warning.finding.culprit->id, std::uint64_t{1}); // the hog was the first to connect
        QVERIFY(click(QStringLiteral("not_yielded")));
        QCOMPARE(window_->connections().selected()->id, std::uint64_t{1});
        // Without the hog it becomes a past one, with its time.
        window_->session().removePopulation(QStringLiteral("hog"));
        QTRY_VERIFY_WITH_TIMEOUT(!active(QStringLiteral("not_yielded")), patience);
        QTRY_VERIFY_WITH_TIMEOUT(std::any_of(window_->warnings().warnings().begin(), window_->warnings().warnings().end(),
                                             [](const Warning& each) { return each.rule == QLatin1String("not_yielded"); }),
                                 patience);
        auto* list = window_->findChild<WarningList*>();
        QTRY_VERIFY2_WITH_TIMEOUT(
            list->model()->index(0, 0).data(WarningListModel::TimeRole).toString().contains(QStringLiteral(" ago, ")),
            qPrintable(list->model()->index(0, 0).data(WarningListModel::TimeRole).toString()), patience);
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
