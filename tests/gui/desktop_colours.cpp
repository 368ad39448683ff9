// SPDX-License-Identifier: GPL-3.0-or-later
// The window's colours follow the desktop's, over a real message bus with a portal that says what the test wants.
#include "window_support.hpp"

#include "views/palette.hpp"
#include "window/desktop_colours.hpp"

#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusVariant>
#include <QProcess>
#include <QSignalSpy>

using namespace connscope::app;

// What desktops have at org.freedesktop.portal.Desktop.
class Portal : public QObject {
    Q_OBJECT
    Q_CLASSINFO("D-Bus Interface", "org.freedesktop.portal.Settings")
public:
    uint scheme = 0; // 0: no wish, 1: dark, 2: light

    void change(uint to) {
        scheme = to;
        QDBusMessage told =
            QDBusMessage::createSignal(QStringLiteral("/org/freedesktop/portal/desktop"),
                                       QStringLiteral("org.freedesktop.portal.Settings"), QStringLiteral("SettingChanged"));
        told << QStringLiteral("org.freedesktop.appearance") << QStringLiteral("color-scheme")
             << QVariant::fromValue(QDBusVariant(scheme));
        QVERIFY(QDBusConnection(QStringLiteral("portal")).send(told));
    }

public slots:
    QDBusVariant Read(const QString&, const QString&) { return QDBusVariant(QVariant::fromValue(QDBusVariant(scheme))); }
};

class DesktopColoursTest : public QObject {
    Q_OBJECT

    QProcess bus_;
    Portal portal_;

private slots:
    void initTestCase() {
        bus_.start(QStringLiteral("dbus-daemon"),
                   {QStringLiteral("--session"), QStringLiteral("--nofork"), QStringLiteral("--print-address")});
        QVERIFY2(bus_.waitForStarted(patience), "dbus-daemon is missing");
        QTRY_VERIFY_WITH_TIMEOUT(bus_.canReadLine(), patience);
        const QByteArray address = bus_.readLine().trimmed();
        qputenv("DBUS_SESSION_BUS_ADDRESS", address);
        QDBusConnection own = QDBusConnection::connectToBus(QString::fromLatin1(address), QStringLiteral("portal"));
        QVERIFY(own.isConnected());
        QVERIFY(own.registerObject(QStringLiteral("/org/freedesktop/portal/desktop"), &portal_,
                                   QDBusConnection::ExportAllSlots));
        QVERIFY(own.registerService(QStringLiteral("org.freedesktop.portal.Desktop")));
        apply_style();
    }

    void cleanupTestCase() {
        QDBusConnection::disconnectFromBus(QStringLiteral("portal"));
        bus_.terminate();
        QVERIFY(bus_.waitForFinished(patience));
    }

    void the_window_follows_the_desktop_while_it_runs_unless_it_has_colours_of_its_own() {
        portal_.scheme = 1;
        QApplication::setPalette(light_palette()); // what Qt has found
        const DesktopColours desktop;
        QVERIFY(!desktop.is_dark());
        apply_theme(Theme::system, desktop.is_dark());
        MainWindow window(small_plan(), Theme::system, false);
        connect(&desktop, &DesktopColours::changed, &window, &MainWindow::follow_desktop);
        QTRY_VERIFY_WITH_TIMEOUT(is_dark(QApplication::palette()), patience); // the portal's answer
        portal_.change(2);
        QTRY_VERIFY_WITH_TIMEOUT(!is_dark(QApplication::palette()), patience);
        portal_.change(1);
        QTRY_VERIFY_WITH_TIMEOUT(is_dark(QApplication::palette()), patience);
        portal_.change(0); // no wish: as Qt has found it
        QTRY_VERIFY_WITH_TIMEOUT(!is_dark(QApplication::palette()), patience);

        auto* light = window.findChild<QAction*>(QStringLiteral("action_theme_light"));
        auto* system = window.findChild<QAction*>(QStringLiteral("action_theme_system"));
        light->trigger();
        QSignalSpy changed(&desktop, &DesktopColours::changed);
        portal_.change(1);
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 1, patience);
        QVERIFY(!is_dark(QApplication::palette()));
        system->trigger(); // from now on as the desktop is by then
        QVERIFY(is_dark(QApplication::palette()));
    }
};

QTEST_MAIN(DesktopColoursTest)
#include "desktop_colours.moc"
