// SPDX-License-Identifier: GPL-3.0-or-later

// Pictures of every view in light and dark, with a real server and real clients, for whoever wants to judge them:
// pictures FOLDER [WIDTH HEIGHT [COMPARISON.json]]. QT_SCALE_FACTOR=2 draws for a screen with twice the pixels. With the
// word lab in the place of COMPARISON.json: the pages of the scheduling lab, which takes some minutes.
#include "models/run_store.hpp"
#include "session/session.hpp"
#include "views/chart.hpp"
#include "views/chart_grid.hpp"
#include "views/comparison_page.hpp"
#include "views/connection_view.hpp"
#include "views/timeline_view.hpp"
#include "window/application.hpp"
#include "window/conversation_page.hpp"
#include "window/four_fields_page.hpp"
#include "window/layers_page.hpp"
#include "window/load_bar.hpp"
#include "window/main_window.hpp"
#include "window/mode_bar.hpp"
#include "window/panel.hpp"
#include "window/stepper.hpp"
#include "window/sweep_page.hpp"
#include "window/tour.hpp"
#include "window/tour_guide.hpp"

#include <QComboBox>
#include <QDialog>
#include <QDir>
#include <QElapsedTimer>
#include <QMenu>
#include <QMenuBar>
#include <QTemporaryDir>
#include <QTimer>

#include <cstdio>
#include <cstdlib>

using namespace connscope::app;

namespace {

// Handles events until `done`; ends the program when it does not come within two minutes.
template <class Done>
void await(const char* what, Done done) {
    QElapsedTimer timer;
    timer.start();
    while (!done()) {
        QCoreApplication::processEvents(QEventLoop::AllEvents | QEventLoop::WaitForMoreEvents, 50);
        if (timer.elapsed() < 120'000) continue;
        std::fprintf(stderr, "waited two minutes for %s\n", what);
        std::exit(1);
    }
}

class Photographer {
public:
    Photographer(MainWindow& window, QString folder)
        : window_(window)
        , folder_(std::move(folder)) {}

    void watch(double seconds) {
        const double end = window_.history().newest_time() + seconds;
        await("snapshots", [&] { return window_.history().newest_time() >= end; });
    }

    void take(const QString& theme) {
        const QSize size = window_.size();
        prefix_ = theme;
        action(QStringLiteral("theme_") + theme)->trigger();
        watch(0.7);
        keep(&window_, "window");
        for (const char* view :
             {"charts", "connections_panel", "map_panel", "timeline_panel", "what_changed_panel", "warnings_panel", "top"}) {
            keep(window_.findChild<QWidget*>(QString::fromLatin1(view)), view);
        }
        auto* colours = window_.findChild<QComboBox*>(QStringLiteral("map_aspect"));
        for (int each = 1; each < colours->count(); ++each) {
            colours->setCurrentIndex(each);
            watch(0.4);
            keep(window_.findChild<QWidget*>(QStringLiteral("map_panel")), qPrintable(QStringLiteral("map-%1").arg(each)));
        }
        colours->setCurrentIndex(0);
        window_.anatomy_panel().bring_up();
        watch(2);
        keep(&window_, "window-anatomy");
        keep(&window_.anatomy_panel(), "anatomy_panel");
        window_.findChild<Panel*>(QStringLiteral("timeline_panel"))->bring_up();
        window_.load_bar().panel_button().click();
        watch(0.5);
        keep(window_.findChild<QWidget*>(QStringLiteral("load_panel")), "load_panel");
        window_.load_bar().panel_button().click();
        window_.charts().enlarge(window_.charts().charts()[2]);
        watch(0.7);
        keep(&window_, "window-one-chart");
        window_.charts().enlarge(nullptr);
        window_.resize(size);
        for (const char* dialog : {"palette", "shortcuts", "thresholds", "about"}) {
            action(QString::fromLatin1(dialog))->trigger();
            watch(0.3);
            for (QDialog* each : window_.findChildren<QDialog*>()) {
                if (each->isVisible()) keep(each, dialog);
                each->close();
            }
        }
        for (QMenu* menu : window_.menus().findChildren<QMenu*>(QString(), Qt::FindDirectChildrenOnly)) {
            menu->adjustSize();
            keep(menu, qPrintable(QStringLiteral("menu-") + menu->title().remove(QLatin1Char('&'))));
        }
        if (ComparisonPage* page = window_.comparison(); page != nullptr) keep(page, "comparison");
    }

    // A page of the lab in both colours, as big as the window.
    void take_page(QWidget& page, const char* name) {
        if (page.isWindow()) page.resize(window_.size());
        for (const char* theme : {"dark", "light"}) {
            prefix_ = QLatin1String(theme);
            action(QStringLiteral("theme_") + prefix_)->trigger();
            watch(0.3);
            keep(&page, name);
        }
    }

    QAction* action(const QString& name) { return window_.findChild<QAction*>(QStringLiteral("action_") + name); }

private:
    void keep(QWidget* widget, const char* name) {
        if (widget == nullptr) return;
        const QString file = QStringLiteral("%1/%2-%3.png").arg(folder_, prefix_, QString::fromLatin1(name));
        if (!widget->grab().save(file)) std::fprintf(stderr, "%s was not saved\n", qPrintable(file));
    }

    MainWindow& window_;
    QString folder_;
    QString prefix_;
};

void take_lab_pictures(const QString& folder, QSize size) {
    Plan plan;
    plan.companions_folder = QStringLiteral(CONNSCOPE_BIN_FOLDER);
    plan.populations = {QStringLiteral("active:200,rate=2000,payload=64")};
    MainWindow window(plan, Theme::light, false);
    window.resize(size);
    window.show();
    window.start();
    Photographer photographer(window, folder);
    await("the modes", [&] { return !window.session().modes().empty() && !window.history().empty(); });
    for (const char* mode : {"thread-per-connection", "preemptive-fibers", "coroutines"}) {
        window.session().changeMode(QLatin1String(mode));
        await("the hand-off", [&] { return !window.session().mode_is_changing(); });
        photographer.watch(4);
    }
    window.session().setPopulation(QStringLiteral("hog:1,us=60000000,rate=1"));
    await("the warning", [&] { return window.warnings().active() > 0; });
    photographer.watch(1);
    photographer.take_page(window, "window-hog");
    photographer.take_page(*window.findChild<Panel*>(QStringLiteral("warnings_panel")), "warnings-hog");
    window.resize(size);
    window.session().removePopulation(QStringLiteral("hog"));
    window.session().setPopulation(QStringLiteral("hog:3,us=60000"));
    for (const char* mode : {"preemptive-fibers", "thread-per-connection", "coroutines"}) {
        window.session().changeMode(QLatin1String(mode));
        await("the hand-off", [&] { return !window.session().mode_is_changing(); });
        for (const double span : {0.2, 0.03}) {
            window.timeline().show_span(span);
            photographer.watch(1.5);
            const QString name = QStringLiteral("timeline-%1-%2").arg(QLatin1String(mode)).arg(span * 1e3);
            photographer.take_page(*window.findChild<Panel*>(QStringLiteral("timeline_panel")), qPrintable(name));
        }
    }
    window.session().removePopulation(QStringLiteral("hog"));
    window.showFourFields();
    photographer.watch(1);
    photographer.take_page(*window.four_fields(), "two-questions");
    window.showSweep();
    photographer.take_page(*window.sweep(), "sweep-before");
    window.sweep()->choose_mode(QStringLiteral("preemptive-fibers"));
    window.sweep()->start();
    await("the sweep", [&] { return !window.sweep()->is_running(); });
    photographer.take_page(*window.sweep(), "sweep");
    window.showLayers();
    photographer.take_page(*window.layers(), "layers-before");
    window.layers()->start();
    await("the layers", [&] { return !window.layers()->is_running(); });
    photographer.take_page(*window.layers(), "layers");
    for (QWidget* page : std::initializer_list<QWidget*>{window.four_fields(), window.sweep(), window.layers()})
        page->close();
    window.tour_guide().start(tours().front());
    photographer.watch(3);
    photographer.take_page(window, "tour");
    window.tour_guide().leave();
    await("the end of the tour", [&] { return window.tour_guide().stage() == TourGuide::Stage::away; });
    window.showConversation();
    for (const char* preset : {"talk-one-never-yields", "talk-one-is-interrupted"}) {
        window.conversation()->begin(QLatin1String(preset));
        photographer.watch(12);
        photographer.take_page(*window.conversation(), preset);
    }
    window.close();
}

void take_pictures(const QString& folder, QSize size, const QString& comparison) {
    Plan plan;
    plan.companions_folder = QStringLiteral(CONNSCOPE_BIN_FOLDER);
    plan.populations = {QStringLiteral("active:600,rate=3000,payload=64"),
                        QStringLiteral("slow-reader:4,path=/bytes?n=4000000")};
    MainWindow window(plan, Theme::light, false);
    window.resize(size);
    window.show();
    window.start();
    Photographer photographer(window, folder);
    await("the modes", [&] { return !window.session().modes().empty() && !window.history().empty(); });
    const auto change_mode = [&](const QString& mode) {
        photographer.watch(5);
        window.session().changeMode(mode);
        await("the hand-off", [&] { return !window.session().mode_is_changing(); });
    };
    change_mode(QStringLiteral("thread-per-connection"));
    change_mode(QStringLiteral("fibers"));
    change_mode(QStringLiteral("loop-per-core"));
    window.load_bar().hogs().add_button().click();
    photographer.watch(8);
    QTableView& table = window.connections().table();
    table.selectRow(0);
    if (!comparison.isEmpty()) {
        window.showComparison();
        if (const QString problem = window.comparison()->import_file(comparison); !problem.isEmpty())
            std::fprintf(stderr, "%s\n", qPrintable(problem));
        window.comparison()->resize(window.size());
    }
    photographer.take(QStringLiteral("light"));
    photographer.take(QStringLiteral("dark"));
    window.close();
}

} // namespace

int main(int argc, char** argv) {
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    const QTemporaryDir data;
    qputenv("XDG_DATA_HOME", data.path().toLocal8Bit()); // the comparisons that this user keeps are left alone
    Application app(argc, argv);
    if (argc < 2) {
        std::fputs("pictures FOLDER [WIDTH HEIGHT [COMPARISON.json]]\n", stderr);
        return 2;
    }
    const QString folder = QString::fromLocal8Bit(argv[1]);
    QDir().mkpath(folder);
    apply_style();
    apply_theme(Theme::light);

    const QSize size = argc > 3 ? QSize(std::atoi(argv[2]), std::atoi(argv[3])) : QSize(1440, 900);
    const QString comparison = argc > 4 ? QString::fromLocal8Bit(argv[4]) : QString();
    QTimer::singleShot(0, &app, [&] { // within the event loop, without which widgets do not follow a change of colours
        comparison == QLatin1String("lab") ? take_lab_pictures(folder, size) : take_pictures(folder, size, comparison);
        QCoreApplication::quit();
    });
    return QApplication::exec();
}
