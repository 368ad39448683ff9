// SPDX-License-Identifier: GPL-3.0-or-later
#include "cut_text.hpp"
#include "window_support.hpp"

#include "views/chart.hpp"
#include "views/chart_grid.hpp"
#include "views/connection_view.hpp"
#include "views/number_card.hpp"
#include "window/banner.hpp"
#include "window/mode_bar.hpp"

#include <qcustomplot.h>

#include <QApplication>
#include <QHeaderView>
#include <QProcess>
#include <QSettings>
#include <QSignalSpy>
#include <QTest>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <memory>
#include <string_view>

using namespace connscope::app;

class Window : public QObject {
    Q_OBJECT

    std::unique_ptr<MainWindow> window_;

private slots:
    void initTestCase() {
        apply_style();
        apply_theme(Theme::light);
    }

    void init() {
        window_ = shown_window(small_plan());
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(*window_, 40), patience);
        QTRY_VERIFY_WITH_TIMEOUT(!window_->session().modes().empty(), patience);
    }

    void cleanup() {
        const auto server = window_->session().server().pid;
        const auto load = window_->session().load().pid;
        window_->close();
        window_.reset();
        QVERIFY(!is_alive(server));
        QVERIFY(!is_alive(load));
    }

    void charts_move_and_the_table_fills() {
        QTRY_VERIFY_WITH_TIMEOUT(window_->connections().table().model()->rowCount() == 40, patience);
        for (Chart* chart : window_->charts().charts()) {
            for (std::size_t series = 0; series < chart->spec().series.size(); ++series) {
                if (chart->spec().series[series].hidden_while_unused) continue;
                const QString what = chart->spec().title + QLatin1Char(' ') + chart->spec().series[series].label;
                QTRY_VERIFY2_WITH_TIMEOUT(chart->legend_value(series) != unknown_text, qPrintable(what), patience);
            }
        }
        const auto samples = window_->history().times().size();
        QTRY_VERIFY_WITH_TIMEOUT(window_->history().times().size() > samples + 20, patience);
        // At least ten readings a second.
        const auto times = window_->history().times();
        const double span = times.back() - times[times.size() - 21];
        QVERIFY2(span < 2.0, qPrintable(QString::number(span)));
    }

    void every_mode_button_moves_all_connections() {
        const auto accepted = 40.0;
        for (const ModeDescription& mode : window_->session().modes()) {
            SegmentButton* button = window_->mode_bar().button(mode.id);
            QVERIFY(button != nullptr);
            if (button->isChecked()) continue;
            QTRY_VERIFY_WITH_TIMEOUT(button->isEnabled(), patience);
            QSignalSpy changed(&window_->session(), &Session::modeChanged);
            QTest::mouseClick(button, Qt::LeftButton);
            QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 1, patience);
            QVERIFY(button->isChecked());
            QVERIFY2(window_->mode_bar().message().startsWith(QStringLiteral("moved 40 connections in ")),
                     qPrintable(window_->mode_bar().message()));
            QCOMPARE(window_->history().marks().back().label, mode.name);
            QVERIFY(has_connections(*window_, accepted));
            if (mode.id == QLatin1String("thread-per-connection")) {
                QTRY_VERIFY_WITH_TIMEOUT(window_->history().values(Quantity::threads).back() >= 40, patience);
            }
        }
    }

    void a_change_of_mode_is_undone_with_one_key() {
        QSignalSpy changed(&window_->session(), &Session::modeChanged);
        QTest::mouseClick(window_->mode_bar().button(QStringLiteral("callbacks")), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 1, patience);
        window_->activateWindow();
        QTest::keyClick(window_.get(), Qt::Key_Z, Qt::ControlModifier);
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 2, patience);
        QCOMPARE(window_->session().mode(), QStringLiteral("coroutines"));
    }

    void a_killed_server_is_told_within_a_second_and_started_again() {
        const auto killed = window_->session().server().pid;
        QVERIFY(!window_->server_banner().isVisible());
        QElapsedTimer timer;
        timer.start();
        send_signal(killed, SIGKILL);
        QTRY_VERIFY_WITH_TIMEOUT(window_->server_banner().isVisible(), 1000);
        QVERIFY2(window_->server_banner().text().contains(QStringLiteral("killed")),
                 qPrintable(window_->server_banner().text()));
        QVERIFY(!window_->mode_bar().button(QStringLiteral("callbacks"))->isEnabled());

        QTest::mouseClick(&window_->server_banner().button(), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(window_->session().server().alive() && window_->session().server().pid != killed, patience);
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(*window_, 40), patience);
        QTRY_VERIFY_WITH_TIMEOUT(!window_->server_banner().isVisible(), patience);
        QTRY_VERIFY_WITH_TIMEOUT(window_->mode_bar().button(QStringLiteral("callbacks"))->isEnabled(), patience);
    }

    void a_stopped_server_is_told_and_continued() {
        send_signal(window_->session().server().pid, SIGSTOP);
        QTRY_VERIFY_WITH_TIMEOUT(window_->server_banner().isVisible(), 1000);
        QCOMPARE(window_->server_banner().button().text(), QStringLiteral("Continue"));
        QTest::mouseClick(&window_->server_banner().button(), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(!window_->server_banner().isVisible(), patience);
    }

    void closing_with_a_stopped_server_and_a_pending_change_leaves_no_process() {
        const auto server = window_->session().server().pid;
        send_signal(server, SIGSTOP);
        window_->session().changeMode(QStringLiteral("callbacks"));
        QElapsedTimer timer;
        timer.start();
        window_->close();
        QVERIFY2(timer.elapsed() < 5000, qPrintable(QString::number(timer.elapsed())));
        QVERIFY(!is_alive(server));
    }

    void a_killed_load_is_told_and_started_again() {
        const auto killed = window_->session().load().pid;
        send_signal(killed, SIGKILL);
        QTRY_VERIFY_WITH_TIMEOUT(window_->load_banner().isVisible(), 1000);
        QTest::mouseClick(&window_->load_banner().button(), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(window_->session().load().alive() && window_->session().load().pid != killed, patience);
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(*window_, 40), patience);
        QTRY_VERIFY_WITH_TIMEOUT(!window_->load_banner().isVisible(), patience);
    }

    void the_window_answers_while_the_server_hangs() {
        send_signal(window_->session().server().pid, SIGSTOP);
        window_->session().changeMode(QStringLiteral("callbacks"));
        // Events are handled all the while: the longest gap between two is what a user would feel.
        QElapsedTimer timer;
        timer.start();
        qint64 last = 0;
        qint64 longest = 0;
        while (timer.elapsed() < 1500) {
            QCoreApplication::processEvents(QEventLoop::AllEvents, 5);
            longest = std::max(longest, timer.elapsed() - last);
            last = timer.elapsed();
        }
        QVERIFY2(longest < 400, qPrintable(QString::number(longest)));
        send_signal(window_->session().server().pid, SIGCONT);
    }

    void a_selected_connection_stays_selected_while_rows_move() {
        QTRY_VERIFY_WITH_TIMEOUT(window_->connections().table().model()->rowCount() == 40, patience);
        QTableView& table = window_->connections().table();
        const auto columns = connection_columns();
        const auto run = std::ranges::find(columns, std::string_view("run"), &ConnectionColumn::id);
        table.sortByColumn(static_cast<int>(run - columns.begin()), Qt::DescendingOrder); // the order changes all the time
        const QRect cell = table.visualRect(table.model()->index(3, 0));
        QTest::mouseClick(table.viewport(), Qt::LeftButton, Qt::NoModifier, cell.center());
        const auto chosen = window_->connections().selected();
        QVERIFY(chosen);
        QSignalSpy moved(table.model(), &QAbstractItemModel::layoutChanged);
        QTRY_VERIFY_WITH_TIMEOUT(moved.count() >= 3, patience);
        QCOMPARE(window_->connections().selected(), chosen);
    }

    void a_click_on_a_head_sorts() {
        QTRY_VERIFY_WITH_TIMEOUT(window_->connections().table().model()->rowCount() == 40, patience);
        QHeaderView* head = window_->connections().table().horizontalHeader();
        const int x = head->sectionViewportPosition(0) + 5;
        QTest::mouseClick(head->viewport(), Qt::LeftButton, Qt::NoModifier, QPoint(x, head->height() / 2));
        const auto order = head->sortIndicatorOrder();
        QCOMPARE(head->sortIndicatorSection(), 0);
        QTest::mouseClick(head->viewport(), Qt::LeftButton, Qt::NoModifier, QPoint(x, head->height() / 2));
        QVERIFY(head->sortIndicatorOrder() != order);
        QTRY_VERIFY(window_->connections().summary().contains(QStringLiteral("sorted by id")));
    }

    void the_mouse_over_one_chart_reads_all_charts_at_that_instant() {
        QTRY_VERIFY_WITH_TIMEOUT(window_->history().times().size() > 60, patience);
        Chart* first = window_->charts().charts().front();
        const QRect area = first->plot().axisRect()->rect();
        const QPoint at(area.right() - 4, area.center().y());
        QTest::mouseMove(&first->plot(), at);
        QMouseEvent move(QEvent::MouseMove, at, first->plot().mapToGlobal(at), Qt::NoButton, Qt::NoButton, Qt::NoModifier);
        QApplication::sendEvent(&first->plot(), &move);
        QCOMPARE(first->legend_value(2).isEmpty(), false);
        QEvent leave(QEvent::Leave);
        QApplication::sendEvent(&first->plot(), &leave);
    }

    void the_space_bar_pauses_the_view_and_home_brings_it_back() {
        QTRY_VERIFY_WITH_TIMEOUT(window_->history().times().size() > 20, patience);
        window_->activateWindow();
        const auto range = [this] { return window_->charts().charts().front()->plot().xAxis->range().upper; };
        QTest::keyClick(window_.get(), Qt::Key_Space);
        const double paused = range();
        const auto samples = window_->history().times().size();
        QTRY_VERIFY_WITH_TIMEOUT(window_->history().times().size() > samples + 10, patience);
        QCOMPARE(range(), paused);
        QTest::keyClick(window_.get(), Qt::Key_Space);
        QTRY_VERIFY_WITH_TIMEOUT(range() > paused, patience);
    }

    void a_double_click_shows_one_chart_alone_and_another_all_again() {
        Chart* chart = window_->charts().charts()[3];
        QTest::mouseDClick(&chart->plot(), Qt::LeftButton);
        QCOMPARE(window_->charts().enlarged(), chart);
        QVERIFY(!window_->charts().charts()[0]->isVisible());
        QTest::mouseDClick(&chart->plot(), Qt::LeftButton);
        QVERIFY(window_->charts().enlarged() == nullptr);
        QVERIFY(window_->charts().charts()[0]->isVisible());
    }

    void no_text_is_cut_and_no_controls_overlap_data() {
        QTest::addColumn<QSize>("size");
        QTest::newRow("1280x720") << QSize(1280, 720);
        QTest::newRow("1920x1080") << QSize(1920, 1080);
    }
    void no_text_is_cut_and_no_controls_overlap() {
        QFETCH(QSize, size);
        window_->resize(size);
        QTRY_VERIFY_WITH_TIMEOUT(window_->connections().table().model()->rowCount() == 40, patience);
        QTRY_VERIFY_WITH_TIMEOUT(window_->history().times().size() > 40, patience);
        const QStringList cut = cut_texts(*window_);
        QVERIFY2(cut.isEmpty(), qPrintable(cut.join(QLatin1Char('\n'))));
    }

    void every_control_has_a_name_and_a_tool_tip() {
        QStringList wanting;
        for (QWidget* widget : window_->findChildren<QWidget*>()) {
            if (!widget->isVisible() || widget->focusPolicy() == Qt::NoFocus) continue;
            if (widget->objectName().startsWith(QLatin1String("qt_"))) continue;
            if (qobject_cast<QAbstractButton*>(widget) == nullptr) continue;
            if (widget->objectName().isEmpty() || widget->accessibleName().isEmpty() || widget->toolTip().isEmpty()) {
                wanting << QStringLiteral("%1 '%2'").arg(QString::fromLatin1(widget->metaObject()->className()),
                                                         widget->objectName());
            }
        }
        QVERIFY2(wanting.isEmpty(), qPrintable(wanting.join(QLatin1Char('\n'))));
    }
};

QTEST_MAIN(Window)
#include "window.moc"
