// SPDX-License-Identifier: GPL-3.0-or-later
// What cmake --install puts where, and whether it runs from there, wherever that is.
#include <QDir>
#include <QFileInfo>
#include <QImage>
#include <QProcess>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>
#include <QXmlStreamReader>

class Installed : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    QString prefix_;

    static int run(const QString& program, const QStringList& arguments, QByteArray& output) {
        QProcess process;
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start(program, arguments);
        if (!process.waitForFinished(90'000)) {
            process.kill();
            process.waitForFinished();
            return -1;
        }
        output = process.readAll();
        return process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1;
    }
    QString path(const char* relative) const { return prefix_ + QLatin1Char('/') + QString::fromLatin1(relative); }

private slots:
    void initTestCase() {
        QByteArray output;
        const QString first = folder_.filePath(QStringLiteral("first"));
        const int code =
            run(QStringLiteral("cmake"),
                {QStringLiteral("--install"), QStringLiteral(CONNSCOPE_BIN_FOLDER "/.."), QStringLiteral("--prefix"), first},
                output);
        QVERIFY2(code == 0, output.constData());
        // It runs from any prefix, so from another one than it was installed to, with a blank in its name.
        prefix_ = folder_.filePath(QStringLiteral("moved there"));
        QVERIFY(QDir().rename(first, prefix_));
    }

    void everything_is_at_its_place_data() {
        QTest::addColumn<QString>("file");
        for (const char* file : {"bin/connscope", "bin/connscope-serve", "bin/connscope-load", "bin/connscope-watch",
                                 "share/applications/connscope.desktop", "share/icons/hicolor/scalable/apps/connscope.svg",
                                 "share/metainfo/io.github.connscope.connscope.metainfo.xml", "share/doc/connscope/LICENSE",
                                 "share/connscope/workloads/never-yields.json"}) {
            QTest::newRow(file) << QString::fromLatin1(file);
        }
    }
    void everything_is_at_its_place() {
        QFETCH(QString, file);
        const QFileInfo info(prefix_ + QLatin1Char('/') + file);
        QVERIFY2(info.isFile() && info.size() > 0, qPrintable(info.filePath()));
        QCOMPARE(info.isExecutable(), file.startsWith(QLatin1String("bin/")));
    }

    void the_desktop_entry_names_what_is_installed() {
        QSettings entry(path("share/applications/connscope.desktop"), QSettings::IniFormat);
        entry.beginGroup(QStringLiteral("Desktop Entry"));
        QCOMPARE(entry.value(QStringLiteral("Type")).toString(), QStringLiteral("Application"));
        QVERIFY(QFileInfo(path("bin/") + entry.value(QStringLiteral("Exec")).toString().section(QLatin1Char(' '), 0, 0))
                    .isExecutable());
        QVERIFY(QFileInfo::exists(path("share/icons/hicolor/scalable/apps/") +
                                  entry.value(QStringLiteral("Icon")).toString() + QStringLiteral(".svg")));
    }

    void the_metainfo_is_well_formed_and_names_the_desktop_entry() {
        QFile file(path("share/metainfo/io.github.connscope.connscope.metainfo.xml"));
        QVERIFY(file.open(QIODevice::ReadOnly));
        QXmlStreamReader xml(&file);
        QMap<QString, QString> texts;
        while (!xml.atEnd()) {
            if (xml.readNext() != QXmlStreamReader::StartElement) continue;
            const QString name = xml.name().toString();
            if (name == QLatin1String("id") || name == QLatin1String("launchable") || name == QLatin1String("summary") ||
                name == QLatin1String("project_license")) {
                texts[name] = xml.readElementText();
            }
        }
        QVERIFY2(!xml.hasError(), qPrintable(xml.errorString()));
        QCOMPARE(texts.value(QStringLiteral("id")), QStringLiteral("io.github.connscope.connscope"));
        QVERIFY(QFileInfo::exists(path("share/applications/") + texts.value(QStringLiteral("launchable"))));
        QVERIFY(!texts.value(QStringLiteral("summary")).isEmpty() &&
                !texts.value(QStringLiteral("summary")).endsWith(QLatin1Char('.')));
        QVERIFY(texts.value(QStringLiteral("project_license")).contains(QStringLiteral("GPL-3.0-or-later")));
    }

    void the_installed_window_runs_with_its_own_server_and_load() {
        const QString picture = folder_.filePath(QStringLiteral("a.png"));
        QByteArray output;
        const int code = run(path("bin/connscope"),
                             {QStringLiteral("--screenshot"), picture, QStringLiteral("--after"), QStringLiteral("1"),
                              QStringLiteral("--connections"), QStringLiteral("20"), QStringLiteral("--size"),
                              QStringLiteral("1280x720")},
                             output);
        QVERIFY2(code == 0, output.constData());
        QCOMPARE(QImage(picture).size(), QSize(1280, 720));
    }

    void the_installed_load_finds_its_presets() {
        QByteArray output;
        QCOMPARE(run(path("bin/connscope-load"), {QStringLiteral("--list-presets")}, output), 0);
        QVERIFY2(output.contains("never-yields"), output.constData());
    }
};

QTEST_GUILESS_MAIN(Installed)
#include "installed.moc"
