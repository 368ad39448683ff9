// SPDX-License-Identifier: GPL-3.0-or-later
// What goes wrong outside of the window: it says so within a second, answers all the while and leaves nothing behind.
#include "window_support.hpp"

#include "models/saved_file.hpp"
#include "window/banner.hpp"
#include "window/mode_bar.hpp"

#include <QFileDialog>
#include <QSignalSpy>
#include <QTemporaryDir>

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <functional>

using namespace connscope::app;

namespace {

constexpr int told_within_ms = 1000;
// What a user may wait for an answer; on a machine whose other core is busy with the tests beside this one, some more.
constexpr qint64 answers_within_ms = 100;

} // namespace

class Weather : public QObject {
    Q_OBJECT

    std::unique_ptr<MainWindow> window_;

    MainWindow& window() { return *window_; }
    void show(const QString& population = QStringLiteral("active:40,rate=400,payload=64")) {
        window_ = shown_window(small_plan(population), {1280, 720});
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(window(), 40), patience);
        QTRY_VERIFY_WITH_TIMEOUT(!window().session().modes().empty(), patience);
        // The first frames make glyphs and layouts, once.
        const auto samples = window().history().times().size();
        QTRY_VERIFY_WITH_TIMEOUT(window().history().times().size() > samples + 20, patience);
    }
    QString segment_file(const ProcessStatus& status) {
        return QFileInfo(status.control_path).path() + QLatin1Char('/') + status.segment_name + QStringLiteral(".segment");
    }

private slots:
    void initTestCase() {
        apply_style();
        apply_theme(Theme::light);
    }

    void cleanup() {
        if (!window_) return;
        const auto server = window().session().server().pid;
        const auto load = window().session().load().pid;
        window().close();
        window_.reset();
        QVERIFY(!is_alive(server));
        QVERIFY(!is_alive(load));
    }

    void each_is_told_within_a_second_while_the_window_answers_data() {
        QTest::addColumn<QString>("happens");
        QTest::addColumn<QString>("words");
        QTest::newRow("server killed") << "server killed"
                                       << "killed by signal 9";
        QTest::newRow("server stopped") << "server stopped"
                                        << "stopped by a signal";
        QTest::newRow("load killed") << "load killed"
                                     << "killed by signal 9";
        QTest::newRow("load stopped") << "load stopped"
                                      << "stopped by a signal";
        QTest::newRow("control socket gone") << "control socket gone"
                                             << "control socket";
        QTest::newRow("the load's control socket gone") << "load's control socket gone"
                                                        << "control socket";
        QTest::newRow("segment replaced") << "segment replaced"
                                          << "replaced by another file";
        QTest::newRow("segment removed") << "segment removed"
                                         << "removed or replaced";
    }
    void each_is_told_within_a_second_while_the_window_answers() {
        QFETCH(QString, happens);
        QFETCH(QString, words);
        show();
        const ProcessStatus server = window().session().server();
        const ProcessStatus load = window().session().load();
        const bool is_of_load = happens.startsWith(QLatin1String("load"));
        Banner& banner = is_of_load ? window().load_banner() : window().server_banner();
        QVERIFY(!banner.isVisible());
        const QString segment = segment_file(server);
        if (happens.startsWith(QLatin1String("segment"))) QVERIFY2(QFile::exists(segment), qPrintable(segment));
        if (happens.endsWith(QLatin1String("killed"))) send_signal(is_of_load ? load.pid : server.pid, SIGKILL);
        if (happens.endsWith(QLatin1String("stopped"))) send_signal(is_of_load ? load.pid : server.pid, SIGSTOP);
        if (happens.endsWith(QLatin1String("socket gone")))
            QVERIFY(QFile::remove((is_of_load ? load : server).control_path));
        if (happens == QLatin1String("segment removed")) QVERIFY(QFile::remove(segment));
        if (happens == QLatin1String("segment replaced")) {
            QFile other(segment + QStringLiteral(".other"));
            QVERIFY(other.open(QIODevice::WriteOnly) && other.write(QByteArray(100'000, 'x')) == 100'000);
            other.close();
            QVERIFY(::rename(qPrintable(other.fileName()), qPrintable(segment)) == 0);
        }
        const Handled told = handle_until([&] { return banner.isVisible(); }, 5000);
        QVERIFY2(told.took_ms <= told_within_ms, qPrintable(QString::number(told.took_ms)));
        QVERIFY2(banner.text().contains(words), qPrintable(banner.text()));
        // A change that is asked for meanwhile keeps nobody waiting either.
        window().session().changeMode(QStringLiteral("callbacks"));
        const Handled after = handle_until([] { return false; }, 1500);
        const qint64 longest = std::max(told.longest_ms, after.longest_ms);
        qInfo("told after %lld ms; the longest that the window did not answer: %lld ms",
              static_cast<long long>(told.took_ms), static_cast<long long>(longest));
        QVERIFY2(longest < answers_within_ms, qPrintable(QString::number(longest)));

        // And there is a way on: the banner's button.
        QTest::mouseClick(&banner.button(), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(!banner.isVisible(), patience);
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(window(), 40), patience);
        if (happens == QLatin1String("segment replaced")) QFile::remove(segment);
    }

    void a_disk_that_is_full_while_a_picture_is_saved_leaves_the_old_one_and_is_told() {
        QTemporaryDir folder;
        // A disk of its own that is nearly full; where none can be mounted, the greatest size of a file is as good.
        const bool is_mounted = ::mount("tmpfs", qPrintable(folder.path()), "tmpfs", 0, "size=24k") == 0;
        rlimit usual{};
        ::getrlimit(RLIMIT_FSIZE, &usual);
        const auto limit_files = [&](bool on) {
            if (is_mounted) return;
            std::signal(SIGXFSZ, on ? SIG_IGN : SIG_DFL);
            const rlimit small{20'000, usual.rlim_max};
            ::setrlimit(RLIMIT_FSIZE, on ? &small : &usual);
        };
        const QString file = folder.filePath(QStringLiteral("window.png"));
        QFile old(file);
        QVERIFY(old.open(QIODevice::WriteOnly) && old.write("old") == 3);
        old.close();
        show(); // a server that starts with small files only could not
        window().findChild<QAction*>(QStringLiteral("action_save_picture"))->trigger();
        auto* dialog = window().findChild<QFileDialog*>(QStringLiteral("picture_dialog"));
        QVERIFY(dialog != nullptr);
        limit_files(true);
        emit dialog->fileSelected(file); // what choosing it in the dialog leads to
        limit_files(false);
        dialog->close();
        QVERIFY(window().notice_banner().isVisible());
        QVERIFY2(window().notice_banner().text().contains(QStringLiteral("window.png was not saved: ")),
                 qPrintable(window().notice_banner().text()));
        QVERIFY(old.open(QIODevice::ReadOnly));
        QCOMPARE(old.readAll(), QByteArray("old"));
        old.close();
        QCOMPARE(QDir(folder.path()).entryList(QDir::Files).size(), 1); // no half file is left
        if (is_mounted) ::umount(qPrintable(folder.path()));
    }

    void a_window_shut_during_a_hand_off_leaves_no_process() {
        show(QStringLiteral("active:1500,rate=500,payload=64"));
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(window(), 1500), patience);
        const auto server = window().session().server().pid;
        const auto load = window().session().load().pid;
        QSignalSpy began(&window().session(), &Session::modeChangeBegan);
        QSignalSpy changed(&window().session(), &Session::modeChanged);
        QTest::mouseClick(window().mode_bar().button(QStringLiteral("thread-per-connection")), Qt::LeftButton);
        QCOMPARE(began.count(), 1);
        QVERIFY2(
            window().mode_bar().message().startsWith(QStringLiteral("moving 1,500 connections to Thread per connection … ")),
            qPrintable(window().mode_bar().message()));
        QElapsedTimer timer;
        timer.start();
        window().close();
        QVERIFY2(timer.elapsed() < 4000, qPrintable(QString::number(timer.elapsed())));
        QCOMPARE(changed.count(), 0);
        QVERIFY(!is_alive(server));
        QVERIFY(!is_alive(load));
    }

    void three_windows_at_once_keep_to_themselves() {
        std::vector<std::unique_ptr<MainWindow>> windows;
        for (int i = 0; i < 3; ++i) windows.push_back(shown_window(small_plan(), {1280, 720}));
        for (const auto& each : windows) QTRY_VERIFY_WITH_TIMEOUT(has_connections(*each, 40), patience);
        QSet<std::uint32_t> pids;
        for (const auto& each : windows) pids << each->session().server().pid << each->session().load().pid;
        QCOMPARE(pids.size(), 6);
        QTRY_VERIFY_WITH_TIMEOUT(!windows[1]->session().modes().empty(), patience);
        QSignalSpy changed(&windows[1]->session(), &Session::modeChanged);
        QTest::mouseClick(windows[1]->mode_bar().button(QStringLiteral("fibers")), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 1, patience);
        QCOMPARE(windows[0]->session().mode(), QStringLiteral("coroutines"));
        send_signal(windows[0]->session().server().pid, SIGKILL);
        QTRY_VERIFY_WITH_TIMEOUT(windows[0]->server_banner().isVisible(), told_within_ms);
        QVERIFY(!windows[1]->server_banner().isVisible());
        QVERIFY(!windows[2]->server_banner().isVisible());
        windows.erase(windows.begin());
        QVERIFY(has_connections(*windows[0], 40));
        for (const auto& each : windows) each->close();
        windows.clear();
        for (const std::uint32_t pid : pids) QVERIFY(!is_alive(pid));
    }
};

QTEST_MAIN(Weather)
#include "weather.moc"
