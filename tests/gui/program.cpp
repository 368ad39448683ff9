// SPDX-License-Identifier: GPL-3.0-or-later
#include <QImage>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

namespace {

struct Result {
    int code = -1;
    QString out;
    QString errors;
};

QString program() { return QStringLiteral(CONNSCOPE_BIN_FOLDER "/connscope"); }

Result run(const QStringList& arguments, const QProcessEnvironment& environment = QProcessEnvironment::systemEnvironment()) {
    QProcess process;
    process.setProcessEnvironment(environment);
    process.start(program(), arguments);
    Result result;
    if (!process.waitForFinished(60'000)) {
        process.kill();
        process.waitForFinished();
        return result;
    }
    result.code = process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1;
    result.out = QString::fromUtf8(process.readAllStandardOutput());
    result.errors = QString::fromUtf8(process.readAllStandardError());
    return result;
}

QProcessEnvironment without_display() {
    auto environment = QProcessEnvironment::systemEnvironment();
    for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}) environment.remove(QString::fromLatin1(name));
    return environment;
}

// The processes that a window of this process id started and that still run.
QStringList companions_of(qint64 window) {
    QProcess ps;
    ps.start(QStringLiteral("ps"), {QStringLiteral("-eo"), QStringLiteral("pid=,stat=,args=")});
    ps.waitForFinished();
    QStringList found;
    for (const QString& line : QString::fromUtf8(ps.readAllStandardOutput()).split(QLatin1Char('\n'))) {
        if (line.contains(QStringLiteral("window-%1-").arg(window)) && !line.contains(QStringLiteral("<defunct>")))
            found << line;
    }
    return found;
}

} // namespace

class Program : public QObject {
    Q_OBJECT
private slots:
    void wrong_arguments_end_with_code_2_and_a_sentence_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::newRow("unknown") << QStringList{QStringLiteral("--nonsense")};
        QTest::newRow("no connections") << QStringList{QStringLiteral("--connections"), QStringLiteral("0")};
        QTest::newRow("too many") << QStringList{QStringLiteral("--connections"), QStringLiteral("99999999")};
        QTest::newRow("negative rate") << QStringList{QStringLiteral("--rate"), QStringLiteral("-1")};
        QTest::newRow("theme") << QStringList{QStringLiteral("--theme"), QStringLiteral("pink")};
        QTest::newRow("size") << QStringList{QStringLiteral("--size"), QStringLiteral("large")};
        QTest::newRow("small") << QStringList{QStringLiteral("--size"), QStringLiteral("10x10")};
        QTest::newRow("attach to nothing") << QStringList{QStringLiteral("--attach"), QString()};
        QTest::newRow("attach to 0") << QStringList{QStringLiteral("--attach"), QStringLiteral("0")};
        QTest::newRow("attach to a path") << QStringList{QStringLiteral("--attach"), QStringLiteral("/usr/sbin/nginx")};
        QTest::newRow("after") << QStringList{QStringLiteral("--after"), QStringLiteral("soon")};
    }
    void wrong_arguments_end_with_code_2_and_a_sentence() {
        QFETCH(QStringList, arguments);
        const Result result = run(arguments);
        QCOMPARE(result.code, 2);
        QVERIFY2(result.errors.startsWith(QStringLiteral("connscope: ")), qPrintable(result.errors));
        QCOMPARE(result.errors.count(QLatin1Char('\n')), 1);
    }

    void attaching_to_what_is_not_there_ends_with_code_3_and_says_what_is() {
        for (const char* wanted : {"4194303", "no-such-program", "no-such-*"}) {
            const Result result = run({QStringLiteral("--attach"), QLatin1String(wanted)}, without_display());
            QCOMPARE(result.code, 3);
            QVERIFY2(result.errors.startsWith(QStringLiteral("connscope: there is no process")), qPrintable(result.errors));
            QVERIFY2(result.errors.contains(QLatin1String(wanted)), qPrintable(result.errors));
            QCOMPARE(result.errors.count(QLatin1Char('\n')), 1);
        }
    }

    void help_and_version_are_told() {
        const Result help = run({QStringLiteral("--help")});
        QCOMPARE(help.code, 0);
        for (const char* option : {"--mode", "--connections", "--rate", "--protocol", "--payload", "--theme", "--size",
                                   "--screenshot", "--after", "--frame-times"}) {
            QVERIFY2(help.out.contains(QString::fromLatin1(option)), option);
        }
        QCOMPARE(run({QStringLiteral("--version")}).code, 0);
    }

    void without_a_display_it_says_so_and_ends_with_code_3() {
        const Result result = run({}, without_display());
        QCOMPARE(result.code, 3);
        QVERIFY2(result.errors.contains(QStringLiteral("display")), qPrintable(result.errors));
    }

    void a_dead_display_is_told_in_a_sentence() {
        auto environment = without_display();
        environment.insert(QStringLiteral("DISPLAY"), QStringLiteral(":9731"));
        const Result result = run({}, environment);
        QCOMPARE(result.code, 3);
        QVERIFY2(result.errors.contains(QStringLiteral("cannot show its window")), qPrintable(result.errors));
    }

    void a_screenshot_is_taken_without_a_display() {
        const QTemporaryDir folder;
        const QString file = folder.filePath(QStringLiteral("a.png"));
        const Result result = run({QStringLiteral("--screenshot"), file, QStringLiteral("--after"), QStringLiteral("1"),
                                   QStringLiteral("--size"), QStringLiteral("1280x720"), QStringLiteral("--connections"),
                                   QStringLiteral("20"), QStringLiteral("--rate"), QStringLiteral("200")},
                                  without_display());
        QVERIFY2(result.code == 0, qPrintable(result.errors));
        const QImage image(file);
        QCOMPARE(image.size(), QSize(1280, 720));
        QSet<QRgb> colours;
        for (int y = 0; y < image.height(); y += 3) {
            for (int x = 0; x < image.width(); x += 3) colours.insert(image.pixel(x, y));
        }
        QVERIFY(colours.size() > 20);
    }

    void an_unwritable_screenshot_is_told() {
        const Result result =
            run({QStringLiteral("--screenshot"), QStringLiteral("/nonexistent/a.png"), QStringLiteral("--after"),
                 QStringLiteral("0.2"), QStringLiteral("--connections"), QStringLiteral("5")});
        QCOMPARE(result.code, 3);
        QVERIFY2(result.errors.contains(QStringLiteral("/nonexistent/a.png")), qPrintable(result.errors));
    }

    void an_unknown_mode_is_told_with_the_servers_words() {
        const QTemporaryDir folder;
        const Result result = run({QStringLiteral("--mode"), QStringLiteral("sleepwalking"), QStringLiteral("--screenshot"),
                                   folder.filePath(QStringLiteral("a.png"))});
        QCOMPARE(result.code, 3);
        QVERIFY2(result.errors.contains(QStringLiteral("sleepwalking")), qPrintable(result.errors));
    }

    void a_terminated_window_leaves_no_process_data() {
        QTest::addColumn<int>("signal");
        QTest::newRow("SIGTERM") << SIGTERM;
        QTest::newRow("SIGINT") << SIGINT;
        QTest::newRow("SIGKILL") << SIGKILL;
    }
    void a_terminated_window_leaves_no_process() {
        QFETCH(int, signal);
        QProcess window;
        window.start(program(), {QStringLiteral("--connections"), QStringLiteral("20")});
        QVERIFY(window.waitForStarted());
        const qint64 pid = window.processId();
        QTRY_COMPARE_WITH_TIMEOUT(companions_of(pid).size(), 3, 15'000); // server, what it forks processes from, load
        QVERIFY(::kill(static_cast<pid_t>(pid), signal) == 0);
        QVERIFY(window.waitForFinished(10'000));
        QTRY_VERIFY2_WITH_TIMEOUT(companions_of(pid).isEmpty(), qPrintable(companions_of(pid).join(QLatin1Char('\n'))),
                                  10'000);
        if (signal != SIGKILL) QCOMPARE(window.exitCode(), 0);
    }
};

QTEST_GUILESS_MAIN(Program)
#include "program.moc"
