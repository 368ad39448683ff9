// SPDX-License-Identifier: GPL-3.0-or-later
// Random keys, clicks, wheel turns and sizes: the window is alive and answers afterwards. CONNSCOPE_MONKEY_EVENTS and
// CONNSCOPE_MONKEY_SEED choose how many and which.
#include "window_support.hpp"

#include "window/banner.hpp"
#include "window/mode_bar.hpp"

#include <QDialog>
#include <QMenu>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTimer>

#include <sys/resource.h>

#include <random>

using namespace connscope::app;

class Monkey : public QObject {
    Q_OBJECT

    std::mt19937 random_;
    std::unique_ptr<MainWindow> window_;
    QString last_; // what was done last, for the message of a failure

    int any(int least, int greatest) { return std::uniform_int_distribution(least, greatest)(random_); }

    QWidget* target() {
        if (QWidget* popup = QApplication::activePopupWidget()) return popup;
        QWidget* window = window_.get();
        const auto dialogs = window_->findChildren<QDialog*>();
        for (QDialog* dialog : dialogs) {
            if (dialog->isVisible() && any(0, 2) == 0) window = dialog;
        }
        QList<QWidget*> visible{window};
        for (QWidget* child : window->findChildren<QWidget*>()) {
            if (child->isVisible() && !child->size().isEmpty()) visible << child;
        }
        return visible[any(0, static_cast<int>(visible.size()) - 1)];
    }

    void press_key() {
        QWidget* focus = QApplication::focusWidget();
        QWidget* to = focus != nullptr ? focus : window_.get();
        static const Qt::Key keys[] = {
            Qt::Key_Tab,    Qt::Key_Tab,  Qt::Key_Backtab, Qt::Key_Space,   Qt::Key_Return, Qt::Key_Escape, Qt::Key_Up,
            Qt::Key_Down,   Qt::Key_Left, Qt::Key_Right,   Qt::Key_Home,    Qt::Key_End,    Qt::Key_PageUp, Qt::Key_PageDown,
            Qt::Key_Delete, Qt::Key_F1,   Qt::Key_F2,      Qt::Key_F11,     Qt::Key_A,      Qt::Key_S,      Qt::Key_1,
            Qt::Key_9,      Qt::Key_0,    Qt::Key_Equal,   Qt::Key_Greater, Qt::Key_K,      Qt::Key_Z,      Qt::Key_M};
        static const Qt::KeyboardModifiers modifiers[] = {Qt::NoModifier,      Qt::NoModifier,    Qt::NoModifier,
                                                          Qt::ControlModifier, Qt::ShiftModifier, Qt::AltModifier};
        const Qt::Key key = keys[any(0, static_cast<int>(std::size(keys)) - 1)];
        const auto with = modifiers[any(0, static_cast<int>(std::size(modifiers)) - 1)];
        last_ = QStringLiteral("key %1 to %2 %3")
                    .arg(QKeySequence(key | with).toString(), QString::fromLatin1(to->metaObject()->className()),
                         to->objectName());
        QTest::keyClick(to, key, with);
    }

    void use_mouse() {
        QPointer<QWidget> to = target();
        const QPoint at(any(0, to->width() - 1), any(0, to->height() - 1));
        const int what = any(0, 9);
        last_ = QStringLiteral("mouse %1 at %2,%3 of %4 %5")
                    .arg(what)
                    .arg(at.x())
                    .arg(at.y())
                    .arg(QString::fromLatin1(to->metaObject()->className()), to->objectName());
        if (what < 5) {
            QTest::mouseClick(to, Qt::LeftButton, {}, at);
        } else if (what == 5) {
            QTest::mouseClick(to, Qt::RightButton, {}, at);
        } else if (what == 6) {
            QTest::mouseDClick(to, Qt::LeftButton, {}, at);
        } else if (what == 7) {
            QWheelEvent wheel(at, to->mapToGlobal(at), {}, {0, any(0, 1) == 0 ? 120 : -120}, Qt::NoButton, {},
                              Qt::NoScrollPhase, false);
            QApplication::sendEvent(to, &wheel);
        } else {
            QTest::mousePress(to, Qt::LeftButton, {}, at);
            const QPoint end(any(0, 400), any(0, 300));
            if (to) QTest::mouseMove(to, end);
            if (to) QTest::mouseRelease(to, Qt::LeftButton, {}, end);
        }
    }

private slots:
    void a_monkey_leaves_the_window_alive_and_answering() {
        const int events = qEnvironmentVariableIsSet("CONNSCOPE_MONKEY_EVENTS")
                               ? qEnvironmentVariableIntValue("CONNSCOPE_MONKEY_EVENTS")
                               : 3000;
        const unsigned seed = qEnvironmentVariableIsSet("CONNSCOPE_MONKEY_SEED")
                                  ? qEnvironmentVariable("CONNSCOPE_MONKEY_SEED").toUInt()
                                  : std::random_device()();
        qInfo("%d events, CONNSCOPE_MONKEY_SEED=%u", events, seed);
        random_.seed(seed);
        // What it opens is bounded by the files that a process may have; what it saves goes where it harms nobody.
        rlimit files{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        files = {600, std::min<rlim_t>(files.rlim_max, 600)};
        QVERIFY(::setrlimit(RLIMIT_NOFILE, &files) == 0);
        const QTemporaryDir folder;
        QVERIFY(QDir::setCurrent(folder.path()));
        apply_style();
        apply_theme(Theme::light);
        window_ = shown_window(small_plan());
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(*window_, 40), patience);
        window_->findChild<QAction*>(QStringLiteral("action_quit"))->setEnabled(false);
        // A menu waits for its own end in an event loop of its own: it is closed after a while, as by a user who gives up.
        QTimer gives_up;
        gives_up.setInterval(60);
        connect(&gives_up, &QTimer::timeout, this, [] {
            if (QWidget* popup = QApplication::activePopupWidget()) popup->close();
            if (QWidget* modal = QApplication::activeModalWidget()) modal->close();
        });
        gives_up.start();

        qint64 longest = 0;
        QString slowest;
        for (int event = 0; event < events; ++event) {
            QElapsedTimer timer;
            timer.start();
            const int what = any(0, 99);
            if (what < 45) {
                press_key();
            } else if (what < 98) {
                use_mouse();
            } else {
                last_ = QStringLiteral("resize");
                window_->resize(any(640, 1920), any(480, 1080));
            }
            QCoreApplication::processEvents(QEventLoop::AllEvents, 3);
            QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
            QVERIFY2(window_->isVisible(), qPrintable(last_));
            if (timer.elapsed() > longest) {
                longest = timer.elapsed();
                slowest = last_;
            }
        }
        qInfo("the slowest event took %lld ms: %s", static_cast<long long>(longest), qPrintable(slowest));

        // Whatever it has done to the server and the load: a restart brings them back.
        for (int i = 0;
             i < 20 && (QApplication::activePopupWidget() != nullptr || QApplication::activeModalWidget() != nullptr); ++i) {
            QTest::qWait(80);
        }
        if (!window_->time_view().is_live()) window_->time_view().goLive();
        window_->session().setWorkload(QStringLiteral("http"), {QStringLiteral("active:30,rate=100")});
        window_->session().restart();
        QTRY_VERIFY_WITH_TIMEOUT(window_->session().server().phase == ProcessStatus::Phase::running, patience);
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(*window_, 1), patience);
        QSignalSpy changed(&window_->session(), &Session::modeChanged);
        QSignalSpy refused(&window_->session(), &Session::modeChangeRefused);
        const QString other =
            window_->session().mode() == QLatin1String("callbacks") ? QStringLiteral("fibers") : QStringLiteral("callbacks");
        QTRY_VERIFY_WITH_TIMEOUT(!window_->session().mode_is_changing(), patience);
        window_->session().changeMode(other);
        QTRY_VERIFY_WITH_TIMEOUT(changed.count() + refused.count() >= 1, patience);
        const Handled calm = handle_until([] { return false; }, 1500);
        QVERIFY2(calm.longest_ms < 250, qPrintable(QString::number(calm.longest_ms)));
        const auto server = window_->session().server().pid;
        const auto load = window_->session().load().pid;
        window_->close();
        window_.reset();
        QVERIFY(!is_alive(server));
        QVERIFY(!is_alive(load));
        QDir::setCurrent(QDir::rootPath());
    }
};

QTEST_MAIN(Monkey)
#include "monkey.moc"
