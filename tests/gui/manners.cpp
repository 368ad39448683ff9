// SPDX-License-Identifier: GPL-3.0-or-later
// What is expected of any desktop application: menus and keys, names for those who cannot see it, a layout that is
// remembered.
#include "cut_text.hpp"
#include "window_support.hpp"

#include "models/population.hpp"
#include "views/connection_view.hpp"
#include "views/filter_line.hpp"
#include "views/palette.hpp"
#include "window/command_palette.hpp"
#include "window/load_bar.hpp"
#include "window/load_panel.hpp"
#include "window/mode_bar.hpp"
#include "window/panel.hpp"
#include "window/settings.hpp"
#include "window/stepper.hpp"
#include "window/threshold_dialog.hpp"

#include <QDialogButtonBox>
#include <QDockWidget>
#include <QDoubleSpinBox>
#include <QMenuBar>
#include <QMessageBox>
#include <QPushButton>
#include <QScrollBar>
#include <QSettings>
#include <QSignalSpy>

#include <array>
#include <cmath>
#include <map>

using namespace connscope::app;

namespace {

template <class Dialog>
Dialog* shown(MainWindow& window, const char* name) {
    auto* dialog = window.findChild<Dialog*>(QString::fromLatin1(name));
    return dialog != nullptr && dialog->isVisible() ? dialog : nullptr;
}

// Whether a person who cannot see a control is told what it is.
bool needs_name(const QWidget& widget) {
    if (!widget.isVisible() || widget.focusPolicy() == Qt::NoFocus) return false;
    if (widget.objectName().startsWith(QLatin1String("qt_"))) return false;                    // parts of Qt's own controls
    if (qobject_cast<const QAbstractSpinBox*>(widget.parentWidget()) != nullptr) return false; // the line of a spin box
    if (qobject_cast<const QAbstractScrollArea*>(widget.parentWidget()) != nullptr) return false; // a viewport, a header
    if (qobject_cast<const QMainWindow*>(widget.parentWidget()) != nullptr && widget.inherits("QTabBar"))
        return false; // Qt's, of panels in one place: each tab has its panel's title
    return qobject_cast<const QLabel*>(&widget) == nullptr;
}

} // namespace

class Manners : public QObject {
    Q_OBJECT

    std::unique_ptr<MainWindow> window_;

    MainWindow& window() { return *window_; }
    void press(int key, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
        window().activateWindow();
        QTest::keyClick(window_.get(), static_cast<Qt::Key>(key), modifiers);
    }
    QAction* action(const char* name) {
        return window().findChild<QAction*>(QStringLiteral("action_") + QString::fromLatin1(name));
    }

    void show(bool remembers = false, QSize size = {1440, 900}) {
        window_ = shown_window(small_plan(), size, remembers);
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(window(), 40), patience);
        QTRY_VERIFY_WITH_TIMEOUT(!window().session().modes().empty(), patience);
    }
    void close() {
        window().close();
        window_.reset();
    }

private slots:
    void initTestCase() {
        QCoreApplication::setOrganizationName(QStringLiteral("connscope"));
        QCoreApplication::setApplicationName(QStringLiteral("manners-test"));
        QSettings().clear();
        apply_style();
        apply_theme(Theme::light);
    }

    void cleanup() {
        if (window_) close();
        apply_text_size(0);
        apply_theme(Theme::light);
        QSettings().clear();
    }

    void the_palette_finds_every_action_and_does_it() {
        show();
        const auto actions = actions_of(window().menus());
        QVERIFY(actions.size() > 40);
        QStringList paths;
        for (const FoundAction& each : actions) {
            QVERIFY2(!paths.contains(each.path), qPrintable(each.path)); // two of one name could not be told apart
            paths << each.path;
        }
        press(Qt::Key_K, Qt::ControlModifier);
        auto* palette = shown<CommandPalette>(window(), "command_palette");
        QVERIFY(palette != nullptr);
        for (const FoundAction& each : actions) {
            palette->input().setText(each.path.section(QStringLiteral(" \u203a "), -1));
            bool found = false;
            for (int row = 0; row < palette->list().count(); ++row)
                found |= palette->list().item(row)->text().startsWith(each.path);
            QVERIFY2(found, qPrintable(each.path));
        }
        palette->input().clear();
        QTest::keyClicks(&palette->input(), QStringLiteral("add hog"));
        QTest::keyClick(&palette->input(), Qt::Key_Return);
        QTRY_COMPARE_WITH_TIMEOUT(window().load_bar().hogs().count(), 1, patience);
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(window(), 41), patience);
    }

    void no_two_actions_have_the_same_keys_and_f1_shows_them_all() {
        show();
        QStringList keys;
        for (const FoundAction& each : actions_of(window().menus())) {
            for (const QKeySequence& sequence : each.action->shortcuts()) {
                QVERIFY2(!keys.contains(sequence.toString()), qPrintable(sequence.toString()));
                keys << sequence.toString();
            }
        }
        QVERIFY(keys.size() > 30);
        press(Qt::Key_F1);
        auto* sheet = shown<ShortcutSheet>(window(), "shortcut_sheet");
        QVERIFY(sheet != nullptr);
        QStringList texts;
        for (const QLabel* label : sheet->findChildren<QLabel*>()) texts << label->text();
        for (const FoundAction& each : actions_of(window().menus())) {
            if (each.action->shortcut().isEmpty()) continue;
            QVERIFY2(texts.contains(each.action->shortcut().toString(QKeySequence::NativeText)), qPrintable(each.path));
        }
    }

    void every_control_has_a_name_a_tool_tip_and_an_accessible_name() {
        show();
        window().load_bar().panel_button().click();
        action("thresholds")->trigger();
        QStringList wanting;
        int walked = 0;
        for (QWidget* widget : window().findChildren<QWidget*>()) {
            if (!needs_name(*widget)) continue;
            ++walked;
            QStringList lacks;
            if (widget->objectName().isEmpty()) lacks << QStringLiteral("object name");
            const bool speaks =
                qobject_cast<QPushButton*>(widget) != nullptr && !static_cast<QPushButton*>(widget)->text().isEmpty();
            if (widget->accessibleName().isEmpty() && !speaks) lacks << QStringLiteral("accessible name");
            const bool of_a_dialog = qobject_cast<QDialogButtonBox*>(widget->parentWidget()) != nullptr;
            const bool is_view = widget->inherits("QAbstractScrollArea") || widget->inherits("connscope::app::Chart") ||
                                 widget->inherits("connscope::app::TimelineView");
            if (widget->toolTip().isEmpty() && !of_a_dialog && !is_view)
                lacks << QStringLiteral("tool tip"); // a view has one for each item
            if (of_a_dialog) lacks.removeOne(QStringLiteral("object name"));
            if (!lacks.isEmpty())
                wanting << QStringLiteral("%1 lacks %2").arg(where(*widget), lacks.join(QStringLiteral(", ")));
        }
        QVERIFY(walked > 30);
        QVERIFY2(wanting.isEmpty(), qPrintable(wanting.join(QLatin1Char('\n'))));
    }

    void the_keyboard_alone_reaches_every_control() {
        show();
        window().activateWindow();
        QSet<const QWidget*> reached;
        QWidget* first = window().focusWidget();
        for (int step = 0; step < 300; ++step) {
            QWidget* now = QApplication::focusWidget();
            if (now == nullptr) break;
            reached << now;
            QTest::keyClick(now, Qt::Key_Tab);
            if (step > 10 && QApplication::focusWidget() == first) break;
        }
        QStringList missed;
        for (QWidget* widget : window().findChildren<QWidget*>()) {
            if (!needs_name(*widget) || !widget->isEnabled() || widget->window() != window_.get()) continue;
            if (qobject_cast<QMenuBar*>(widget) != nullptr) continue; // Alt and its letters
            if (qobject_cast<QAbstractButton*>(widget) == nullptr && qobject_cast<QAbstractSlider*>(widget) == nullptr &&
                qobject_cast<QLineEdit*>(widget) == nullptr && qobject_cast<QComboBox*>(widget) == nullptr &&
                qobject_cast<QAbstractItemView*>(widget) == nullptr) {
                continue;
            }
            if (!reached.contains(widget)) missed << where(*widget);
        }
        QVERIFY2(missed.isEmpty(), qPrintable(missed.join(QLatin1Char('\n'))));
    }

    void space_presses_the_button_with_the_focus_and_pauses_the_view_otherwise() {
        show();
        SegmentButton* callbacks = window().mode_bar().button(QStringLiteral("callbacks"));
        QSignalSpy changed(&window().session(), &Session::modeChanged);
        callbacks->setFocus(Qt::TabFocusReason);
        QTest::keyClick(callbacks, Qt::Key_Space);
        QTRY_COMPARE_WITH_TIMEOUT(changed.count(), 1, patience);
        QVERIFY(window().time_view().is_live());
        window().connections().table().setFocus();
        QTest::keyClick(&window().connections().table(), Qt::Key_Space);
        QVERIFY(!window().time_view().is_live());
    }

    void the_key_of_a_panel_behind_another_brings_it_up_and_then_hides_it() {
        show();
        auto* anatomy = window().findChild<QDockWidget*>(QStringLiteral("anatomy_panel"));
        auto* timeline = window().findChild<QDockWidget*>(QStringLiteral("timeline_panel"));
        timeline->raise();
        QTRY_VERIFY(anatomy->visibleRegion().isEmpty());
        QAction* toggle = anatomy->toggleViewAction();
        toggle->trigger();
        QTRY_VERIFY(!anatomy->visibleRegion().isEmpty());
        QVERIFY(toggle->isChecked());
        toggle->trigger();
        QTRY_VERIFY(anatomy->isHidden());
        QVERIFY(!toggle->isChecked());
        toggle->trigger();
        timeline->raise();
    }

    void the_filter_and_the_panels_have_keys() {
        show();
        press(Qt::Key_F, Qt::ControlModifier);
        QCOMPARE(QApplication::focusWidget(), static_cast<QWidget*>(window().connections().filter()));
        auto* map = window().findChild<QDockWidget*>(QStringLiteral("map_panel"));
        QAction* toggle = map->toggleViewAction();
        QVERIFY(!toggle->shortcut().isEmpty());
        toggle->trigger();
        QVERIFY(!map->isVisible());
        toggle->trigger();
        QVERIFY(map->isVisible());
    }

    void layout_text_size_theme_and_thresholds_are_remembered() {
        show(true);
        auto* map = window().findChild<QDockWidget*>(QStringLiteral("map_panel"));
        map->hide();
        window().addDockWidget(Qt::LeftDockWidgetArea, window().findChild<QDockWidget*>(QStringLiteral("warnings_panel")));
        action("bigger")->trigger();
        action("bigger")->trigger();
        action("theme_dark")->trigger();
        QVERIFY(is_dark(QApplication::palette()));
        action("thresholds")->trigger();
        auto* dialog = shown<ThresholdDialog>(window(), "threshold_dialog");
        QVERIFY(dialog != nullptr);
        dialog->findChild<QDoubleSpinBox*>(QStringLiteral("threshold_unyielded"))->setValue(77);
        QTest::mouseClick(dialog->findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok), Qt::LeftButton);
        const double size = QApplication::font().pointSizeF();
        close();
        apply_text_size(0);

        show(true);
        map = window().findChild<QDockWidget*>(QStringLiteral("map_panel"));
        QVERIFY(!map->isVisible());
        QCOMPARE(window().dockWidgetArea(window().findChild<QDockWidget*>(QStringLiteral("warnings_panel"))),
                 Qt::LeftDockWidgetArea);
        QCOMPARE(QApplication::font().pointSizeF(), size);
        QCOMPARE(QSettings().value(QStringLiteral("window/theme")).toString(), QStringLiteral("dark"));
        QCOMPARE(remembered_thresholds().unyielded_s, 0.077);
        QVERIFY(action("reset_layout") != nullptr);
        action("reset_layout")->trigger();
        QVERIFY(map->isVisible());
        QCOMPARE(window().dockWidgetArea(window().findChild<QDockWidget*>(QStringLiteral("warnings_panel"))),
                 Qt::RightDockWidgetArea);
    }

    void the_choice_of_columns_their_widths_and_their_order_are_remembered() {
        const auto column_called = [](std::string_view id) {
            const auto columns = connection_columns();
            const auto found =
                std::find_if(columns.begin(), columns.end(), [&](const auto& column) { return column.id == id; });
            return static_cast<int>(found - columns.begin());
        };
        const int age = column_called("age");
        const int peer = column_called("peer");
        const int state = column_called("state");
        const auto choose = [&](const QString& head) {
            QMetaObject::invokeMethod(window().connections().table().horizontalHeader(), "customContextMenuRequested",
                                      Q_ARG(QPoint, QPoint(5, 5)));
            auto* menu = window().connections().findChild<QMenu*>(QStringLiteral("columns_menu"));
            QVERIFY(menu != nullptr);
            for (QAction* each : menu->actions()) {
                if (each->text() == head) each->trigger();
            }
            delete menu;
        };
        show(true);
        QTableView* table = &window().connections().table();
        QVERIFY(table->isColumnHidden(age));
        choose(QStringLiteral("Age"));
        choose(QStringLiteral("Peer"));
        const bool had_peer = !table->isColumnHidden(peer);
        table->setColumnWidth(state, 173);
        table->horizontalHeader()->moveSection(table->horizontalHeader()->visualIndex(state), 0);
        table->sortByColumn(age, Qt::AscendingOrder);
        close();

        show(true);
        table = &window().connections().table();
        QVERIFY(!table->isColumnHidden(age));
        QCOMPARE(!table->isColumnHidden(peer), had_peer);
        QCOMPARE(table->columnWidth(state), 173);
        QCOMPARE(table->horizontalHeader()->logicalIndex(0), state);
        QCOMPARE(table->horizontalHeader()->sortIndicatorSection(), age);
        QCOMPARE(table->horizontalHeader()->sortIndicatorOrder(), Qt::AscendingOrder);
        choose(QStringLiteral("As many as there is &room for"));
        QVERIFY(table->isColumnHidden(age));
        QCOMPARE(table->horizontalHeader()->logicalIndex(0), 0);
        QVERIFY(window().connections().column_wishes() == ColumnWishes{});
        close();

        show(true);
        QVERIFY(window().connections().column_wishes() == ColumnWishes{});
    }

    void the_table_has_as_many_columns_as_there_is_room_for() {
        show();
        QTableView& table = window().connections().table();
        const auto shown = [&] {
            int count = 0;
            for (int column = 0; column < table.model()->columnCount(); ++column) count += !table.isColumnHidden(column);
            return count;
        };
        int before = 0;
        for (const QSize size : {QSize(1280, 720), QSize(1600, 1000), QSize(2560, 1440), QSize(3840, 2160)}) {
            window().resize(size);
            QTRY_VERIFY2_WITH_TIMEOUT(table.horizontalScrollBar()->maximum() == 0 && shown() > before,
                                      qPrintable(QStringLiteral("%1 columns at %2").arg(shown()).arg(size.width())),
                                      patience);
            QVERIFY(table.horizontalHeader()->length() <= table.viewport()->width());
            before = shown();
        }
    }

    void settings_that_make_no_sense_are_as_if_there_were_none() {
        QSettings settings;
        settings.setValue(QStringLiteral("columns/shown"), QStringList{QStringLiteral("nonsense")});
        settings.setValue(QStringLiteral("columns/order"), QStringList{QStringLiteral("nonsense"), QStringLiteral("state")});
        settings.setValue(QStringLiteral("columns/widths"),
                          QVariantMap{{QStringLiteral("state"), -5}, {QStringLiteral("id"), 1e9}});
        settings.setValue(QStringLiteral("columns/sorted_by"), 17);
        settings.setValue(QStringLiteral("window/geometry"), QByteArray("nonsense"));
        settings.setValue(QStringLiteral("window/state"), QByteArray("\xff\x00\x01", 3));
        settings.setValue(QStringLiteral("window/text_steps"), QStringLiteral("many"));
        settings.setValue(QStringLiteral("warnings/unyielded_s"), -4);
        settings.setValue(QStringLiteral("warnings/cpu_share"), QStringLiteral("x"));
        QCOMPARE(remembered_thresholds(), WarningThresholds());
        show(true);
        QVERIFY(window().findChild<QDockWidget*>(QStringLiteral("map_panel"))->isVisible());
    }

    // Machado, Oliveira, Fernandes: A physiologically-based model for simulation of color vision deficiency, 2009;
    // severity 1.
    void colours_of_one_view_stay_apart_for_every_kind_of_colour_vision() {
        using Matrix = std::array<double, 9>;
        const std::map<const char*, Matrix> kinds{
            {"usual", {1, 0, 0, 0, 1, 0, 0, 0, 1}},
            {"protanopia", {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998}},
            {"deuteranopia", {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881}},
            {"tritanopia", {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900}},
        };
        const auto lab = [](const QColor& colour, const Matrix& m) {
            const auto linear = [](double v) { return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); };
            const double c[3] = {linear(colour.redF()), linear(colour.greenF()), linear(colour.blueF())};
            double seen[3];
            for (std::size_t i = 0; i < 3; ++i) {
                seen[i] = std::clamp(m[3 * i] * c[0] + m[3 * i + 1] * c[1] + m[3 * i + 2] * c[2], 0.0, 1.0);
            }
            const auto f = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116; };
            const double x = f((0.4124 * seen[0] + 0.3576 * seen[1] + 0.1805 * seen[2]) / 0.9505);
            const double y = f(0.2126 * seen[0] + 0.7152 * seen[1] + 0.0722 * seen[2]);
            const double z = f((0.0193 * seen[0] + 0.1192 * seen[1] + 0.9505 * seen[2]) / 1.089);
            return std::array<double, 3>{116 * y - 16, 500 * (x - y), 200 * (y - z)};
        };
        const std::vector<std::vector<Meaning>> views{
            {Meaning::running, Meaning::ready, Meaning::waiting_read, Meaning::waiting_write, Meaning::paused},
            {Meaning::thread, Meaning::process, Meaning::coroutine, Meaning::closure, Meaning::fiber},
            {Meaning::stacks, Meaning::frames, Meaning::heap, Meaning::kernel_stacks, Meaning::sockets, Meaning::rest},
            {Meaning::voluntary, Meaning::involuntary, Meaning::user_space},
            {Meaning::cpu_user, Meaning::cpu_system},
            {Meaning::p50, Meaning::p99, Meaning::max},
            {Meaning::offered, Meaning::amount},
        };
        QStringList alike;
        for (const QPalette& palette : {light_palette(), dark_palette()}) {
            for (const auto& [kind, matrix] : kinds) {
                for (const auto& view : views) {
                    for (std::size_t a = 0; a < view.size(); ++a) {
                        for (std::size_t b = a + 1; b < view.size(); ++b) {
                            const auto first = lab(colour(view[a], palette), matrix);
                            const auto second = lab(colour(view[b], palette), matrix);
                            const double distance =
                                std::hypot(first[0] - second[0], first[1] - second[1], first[2] - second[2]);
                            if (distance < 10) { // about four times what is just seen
                                alike << QStringLiteral("%1 %2 and %3 of view %4: %5")
                                             .arg(QString::fromLatin1(kind), colour(view[a], palette).name(),
                                                  colour(view[b], palette).name())
                                             .arg(&view - views.data())
                                             .arg(distance);
                            }
                        }
                    }
                }
            }
        }
        QVERIFY2(alike.isEmpty(), qPrintable(alike.join(QLatin1Char('\n'))));
    }

    void about_tells_versions_and_licences() {
        show();
        action("about")->trigger();
        auto* box = shown<QMessageBox>(window(), "about");
        QVERIFY(box != nullptr);
        for (const char* wanted :
             {CONNSCOPE_VERSION, "Qt 6.", "QCustomPlot 2.", "Boost 1.", "GPL-3.0-or-later", "BSL-1.0", "LGPL-3.0"}) {
            QVERIFY2(box->text().contains(QString::fromLatin1(wanted)), wanted);
        }
    }

    void no_text_is_cut_in_any_colours_and_sizes_data() {
        QTest::addColumn<QSize>("size");
        QTest::addColumn<bool>("dark");
        QTest::addColumn<int>("steps");
        for (const QSize size : {QSize(1280, 720), QSize(1920, 1080)}) {
            for (const bool dark : {false, true}) {
                for (const int steps : {-2, 0, 3}) {
                    if (steps == 3 && size.width() < 1900) continue; // a third bigger needs a third more room
                    QTest::addRow("%dx%d %s %+d", size.width(), size.height(), dark ? "dark" : "light", steps)
                        << size << dark << steps;
                }
            }
        }
    }
    void no_text_is_cut_in_any_colours_and_sizes() {
        QFETCH(QSize, size);
        QFETCH(bool, dark);
        QFETCH(int, steps);
        apply_theme(dark ? Theme::dark : Theme::light);
        apply_text_size(steps);
        show(false, size);
        QTRY_VERIFY_WITH_TIMEOUT(window().connections().table().model()->rowCount() == 40, patience);
        QTRY_VERIFY_WITH_TIMEOUT(window().history().times().size() > 30, patience);
        QCOMPARE(window().size(), size); // what needs more room than there is makes the window bigger
        const QStringList cut = cut_texts(window());
        QVERIFY2(cut.isEmpty(), qPrintable(cut.join(QLatin1Char('\n'))));
    }
};

QTEST_MAIN(Manners)
#include "manners.moc"
