// SPDX-License-Identifier: GPL-3.0-or-later
// The anatomy panel and the moving of one connection, in a real window with a real server and load.
#include "cut_text.hpp"

#include "views/anatomy_table.hpp"
#include "views/anatomy_view.hpp"
#include "views/connection_view.hpp"
#include "window/main_window.hpp"
#include "window/mode_bar.hpp"
#include "window/panel.hpp"
#include "window/theme.hpp"

#include <QAction>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QScrollArea>
#include <QSignalSpy>
#include <QTest>

#include <cmath>
#include <memory>

using namespace connscope::app;

namespace {

constexpr int patience = 15'000; // ms, on a busy machine

} // namespace

class Anatomy : public QObject {
    Q_OBJECT

    std::unique_ptr<MainWindow> window_;

    const AnatomyModel& model() const { return window_->anatomy().model(); }

    void select_row(int row) {
        QTableView& table = window_->connections().table();
        QTRY_VERIFY_WITH_TIMEOUT(table.model()->rowCount() > row, patience);
        QTest::mouseClick(table.viewport(), Qt::LeftButton, Qt::NoModifier,
                          table.visualRect(table.model()->index(row, 0)).center());
        QVERIFY(window_->connections().selected());
    }
    void open_panel() {
        window_->anatomy_panel().bring_up();
        QTRY_VERIFY_WITH_TIMEOUT(window_->anatomy().isVisible(), patience);
    }
    static QAction* action_of(QMenu* menu, const QString& text) {
        for (QAction* action : menu->actions())
            if (action->text() == text) return action;
        return nullptr;
    }
    static QString line(const std::vector<AnatomyLine>& lines, const char* label) {
        for (const AnatomyLine& each : lines)
            if (each.label == QLatin1String(label))
                return each.now.isEmpty() ? each.now_missing : each.now.join(QLatin1Char('\n'));
        return {};
    }
    // For people to look at: where CONNSCOPE_PICTURES says.
    void picture(const QString& name) {
        const QString folder = qEnvironmentVariable("CONNSCOPE_PICTURES");
        if (folder.isEmpty()) return;
        QVERIFY(window_->grab().save(folder + QLatin1Char('/') + name + QStringLiteral(".png")));
        QVERIFY(window_->anatomy().table().grab().save(folder + QStringLiteral("/panel-") + name + QStringLiteral(".png")));
    }

private slots:
    void initTestCase() {
        apply_style();
        apply_theme(qEnvironmentVariable("CONNSCOPE_THEME") == QLatin1String("dark") ? Theme::dark : Theme::light);
    }

    void init() {
        Plan plan;
        plan.companions_folder = QStringLiteral(CONNSCOPE_BIN_FOLDER);
        plan.populations = {QStringLiteral("active:40,rate=400,payload=64")};
        window_ = std::make_unique<MainWindow>(plan, Theme::light, false);
        const QStringList size = qEnvironmentVariable("CONNSCOPE_SIZE", QStringLiteral("1440x900")).split(QLatin1Char('x'));
        window_->resize(size[0].toInt(), size[1].toInt());
        window_->show();
        window_->start();
        QTRY_VERIFY_WITH_TIMEOUT(window_->connections().table().model()->rowCount() == 40, patience);
        QTRY_VERIFY_WITH_TIMEOUT(!window_->session().modes().empty(), patience);
    }

    void cleanup() {
        window_->close();
        window_.reset();
    }

    void a_selected_connection_is_taken_apart_and_read_anew_twice_a_second() {
        open_panel();
        QVERIFY(model().now() == nullptr);
        QVERIFY(!window_->anatomy().mover()->isEnabled());
        select_row(3);
        QTRY_VERIFY_WITH_TIMEOUT(model().now() != nullptr, patience);
        QCOMPARE(model().now()->id, window_->connections().selected()->id);
        QCOMPARE(model().now()->mode, QStringLiteral("coroutines"));
        QVERIFY(!model().control().empty() && !model().state().empty());
        QVERIFY(model().before() == nullptr);
        QSignalSpy readings(&window_->session(), &Session::anatomyTaken);
        QTRY_VERIFY_WITH_TIMEOUT(readings.count() >= 3, 3000);
        // Another one is read at once, and nothing of the first stays.
        const auto first = model().now()->id;
        QSignalSpy filled(&window_->anatomy(), &AnatomyView::summaryChanged);
        QElapsedTimer timer;
        timer.start();
        // The table is sorted anew all the time: the row below may be the first one's by now.
        for (int row = 5; window_->connections().selected()->id == first; ++row) {
            timer.start();
            select_row(row);
        }
        const auto second = window_->connections().selected()->id;
        const auto is_filled = [&] { return model().now() != nullptr && model().now()->id == second; };
        while (!is_filled() && timer.elapsed() < patience) filled.wait(patience);
        QVERIFY(is_filled());
        qInfo("from the click to the filled panel: %lld ms", static_cast<long long>(timer.elapsed()));
        QCOMPARE(model().now()->id, window_->connections().selected()->id);
    }

    void the_same_connection_moves_alone_through_all_modes_and_what_it_was_stays_beside_it() {
        open_panel();
        select_row(2);
        QTRY_VERIFY_WITH_TIMEOUT(model().now() != nullptr, patience);
        const auto id = model().now()->id;
        QString before = model().now()->mode;
        for (const ModeDescription& mode : window_->session().modes()) {
            QAction* action = action_of(window_->anatomy().mover()->menu(), mode.name);
            QVERIFY(action != nullptr);
            if (mode.id == before) continue;
            action->trigger();
            QTRY_VERIFY_WITH_TIMEOUT(model().now() != nullptr && model().now()->mode == mode.id, patience);
            QCOMPARE(model().now()->id, id);
            QVERIFY(model().before() != nullptr);
            QCOMPARE(model().before()->mode, before);
            QCOMPARE(window_->session().mode(), QStringLiteral("coroutines")); // the others stay
            const QString carrier = line(model().control(), "Carried by");
            QVERIFY2(!carrier.isEmpty(), qPrintable(mode.id));
            for (const AnatomyLine& each : model().control()) QVERIFY(!each.now.isEmpty() || !each.now_missing.isEmpty());
            // The modes' counts tell it apart from the others, while there are others.
            const bool is_back = mode.id == QLatin1String("coroutines");
            QTRY_COMPARE_WITH_TIMEOUT(window_->mode_bar().button(mode.id)->count(),
                                      is_back ? QString() : QStringLiteral("1"), patience);
            const auto* others = window_->mode_bar().button(QStringLiteral("coroutines"));
            QTRY_COMPARE_WITH_TIMEOUT(others->count(), is_back ? QString() : QStringLiteral("39"), patience);
            before = mode.id;
            QTest::qWait(0);
            picture(QStringLiteral("anatomy-") + mode.id);
        }
    }

    void the_row_menu_moves_and_shows_the_anatomy() {
        QTableView& table = window_->connections().table();
        select_row(1);
        const auto id = window_->connections().selected()->id;
        emit table.customContextMenuRequested(table.visualRect(table.model()->index(1, 0)).center());
        auto* menu = window_->connections().findChild<QMenu*>(QStringLiteral("row_menu"));
        QVERIFY(menu != nullptr);
        auto* moves = menu->findChild<QMenu*>(QStringLiteral("row_move_menu"));
        QVERIFY(moves != nullptr);
        QCOMPARE(moves->actions().size(), static_cast<qsizetype>(window_->session().modes().size()));
        for (QAction* action : menu->actions())
            if (action->text().contains(QStringLiteral("anatomy"))) action->trigger();
        QTRY_VERIFY_WITH_TIMEOUT(window_->anatomy().isVisible(), patience);
        QTRY_VERIFY_WITH_TIMEOUT(model().now() != nullptr, patience);
        for (QAction* action : moves->actions())
            if (action->text() == window_->session().modes().front().name) action->trigger();
        menu->close();
        QTRY_VERIFY_WITH_TIMEOUT(model().now()->mode == window_->session().modes().front().id, patience);
        QVERIFY(model().now()->id >= 1 && window_->connections().selected()->id >= 1 && id >= 1);
    }

    void the_parts_of_what_an_open_connection_costs_stand_beside_what_the_memory_grew_by() {
        open_panel();
        select_row(2);
        QTRY_VERIFY_WITH_TIMEOUT(!model().cost().empty(), patience);
        const auto& cost = *model().now()->cost;
        QVERIFY(cost.parts.size() > 8);
        QVERIFY(cost.sum > 1000); // a frame, a session, a slot, ...
        QVERIFY(
            std::isfinite(cost.grown)); // it counts the kernel's objects of the whole machine, where others end meanwhile
        QCOMPARE(cost.difference(), cost.grown - cost.sum);
        QCOMPARE(model().now()->cost_to, std::uint64_t{40});
        QCOMPARE(model().cost().size(), cost.parts.size() + 3);
        QCOMPARE(model().cost().back().label, QStringLiteral("not explained"));
        for (const AnatomyLine& each : model().cost()) QVERIFY(!each.now.isEmpty() && !each.source.isEmpty());
        picture(QStringLiteral("cost"));
    }

    void a_connection_that_ends_is_said_to_have_and_what_was_read_last_stays() {
        open_panel();
        select_row(0);
        QTRY_VERIFY_WITH_TIMEOUT(model().now() != nullptr, patience);
        window_->session().closeConnection(model().now()->id);
        QTRY_VERIFY_WITH_TIMEOUT(model().problem().contains(QStringLiteral("has ended")), patience);
        QVERIFY(model().now() != nullptr);
        QCOMPARE(window_->anatomy().table().message(), model().problem());
        QVERIFY(!window_->anatomy().mover()->isEnabled());
    }

    void no_text_is_cut_at_any_width() {
        open_panel();
        select_row(2);
        QTRY_VERIFY_WITH_TIMEOUT(model().now() != nullptr, patience);
        AnatomyTable& table = window_->anatomy().table();
        const int narrow = table.heightForWidth(420);
        const int wide = table.heightForWidth(1600);
        QVERIFY2(wide < narrow, qPrintable(QStringLiteral("%1 %2").arg(wide).arg(narrow))); // side by side
        QVERIFY(wide > table.fontMetrics().height() * 9);
        QStringList cut;
        const auto is_whole = [&] { return (cut = cut_texts(*window_)).isEmpty(); }; // the head's text has just changed
        for (int i = 0; i < 50 && !is_whole(); ++i) QTest::qWait(20);
        QVERIFY2(cut.isEmpty(), qPrintable(cut.join(QLatin1Char('\n'))));
    }
};

QTEST_MAIN(Anatomy)
#include "anatomy.moc"
