// SPDX-License-Identifier: GPL-3.0-or-later

// What single views cost with as many connections as they are made for: the table with 100,000, the map with 1,000,000, the
// timeline with ten seconds of 20,000 slices a second.
#include "models/connection_filter.hpp"
#include "models/time_view.hpp"
#include "synthetic.hpp"
#include "views/connection_map.hpp"
#include "views/connection_view.hpp"
#include "views/filter_line.hpp"
#include "views/timeline_view.hpp"
#include "window/theme.hpp"

#include <QApplication>
#include <QHeaderView>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>

using namespace connscope;
using namespace connscope::app;

namespace {

void print(const char* what, double asked_ms, const std::function<void()>& action, int times = 15) {
    std::vector<double> ms;
    for (int i = 0; i < times; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        action();
        ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    }
    std::sort(ms.begin(), ms.end());
    std::printf("  %-58s median %7.2f ms  max %7.2f ms", what, ms[ms.size() / 2], ms.back());
    if (asked_ms > 0) std::printf("  (asked: %g)", asked_ms);
    std::puts("");
}

int column_called(std::string_view id) {
    for (std::size_t i = 0; i < connection_columns().size(); ++i) {
        if (connection_columns()[i].id == id) return static_cast<int>(i);
    }
    return 0;
}

void measure_table() {
    bench::SyntheticServer server(100'000, 20'000);
    ConnectionModel model;
    ConnectionView view(model);
    view.resize(1200, 500);
    view.show();
    for (int i = 0; i < 100; ++i) (void)server.next();
    model.update(server.next());
    QApplication::processEvents();
    std::puts("table, 100,000 rows");
    for (const char* column : {"requests", "longest_slice", "peer", "state", "id"}) {
        auto order = Qt::AscendingOrder;
        const QByteArray what = QByteArray("sort by ") + column + ", painted";
        print(what.constData(), 50, [&] {
            order = order == Qt::AscendingOrder ? Qt::DescendingOrder : Qt::AscendingOrder;
            view.table().sortByColumn(column_called(column), order);
            QApplication::processEvents();
        });
    }
    for (const char* filter :
         {"state == ready and wait > 10ms", "requests > 20 or longest_slice > 5ms", "peer ~ 127.0.0.1:2", ""}) {
        const QByteArray what = QByteArray("filter: ") + filter;
        print(what.constData(), 50, [&] {
            model.set_filter(parse_filter(QString::fromLatin1(filter)).filter);
            QApplication::processEvents();
        });
    }
    view.table().sortByColumn(column_called("longest_slice"), Qt::DescendingOrder);
    view.table().selectRow(1000);
    std::vector<SnapshotPtr> snapshots;
    for (int i = 0; i < 15; ++i) snapshots.push_back(server.next());
    std::size_t next = 0;
    print("another snapshot, a row selected, painted", 50, [&] {
        model.update(snapshots[next++ % snapshots.size()]);
        QApplication::processEvents();
    });
}

double gui_thread_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

void measure_map() {
    for (const std::uint32_t count : {10'000U, 1'000'000U}) {
        bench::SyntheticServer server(count, 20'000);
        const auto a = server.next();
        const auto b = server.next();
        ConnectionMap map;
        map.resize(900, 700);
        map.show();
        QApplication::processEvents();
        bool is_shown = false;
        QObject::connect(&map.canvas(), &MapCanvas::pictureChanged, &map, [&is_shown] { is_shown = true; });
        std::printf("map, %u cells\n", count);
        bool turn = false;
        const auto show = [&](MapAspect aspect) {
            turn = !turn;
            is_shown = false;
            map.canvas().show_snapshot(turn ? a : b, aspect);
            while (!is_shown) QApplication::processEvents(QEventLoop::WaitForMoreEvents);
            QApplication::processEvents();
        };
        map.select(ConnectionKey{0, count / 2});
        for (const MapAspect aspect : map_aspects) {
            const double before = gui_thread_ms();
            const auto begin = std::chrono::steady_clock::now();
            constexpr int frames = 15;
            for (int i = 0; i < frames; ++i) show(aspect);
            const double until_shown =
                std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
            std::printf("  %-58s GUI thread %5.2f ms a frame (asked: 5), until it is shown %6.2f ms\n",
                        qPrintable(title_of(aspect)), (gui_thread_ms() - before) / frames, until_shown / frames);
        }
    }
}

void measure_timeline() {
    bench::SyntheticServer server(10'000, 20'000);
    Timeline timeline;
    TimeView time;
    TimelineView view(timeline, time);
    view.resize(700, 240);
    view.show();
    for (int i = 0; i < 220; ++i) timeline.append(*server.next());
    std::puts("timeline, 20,000 slices a second");
    print("a snapshot taken", 0, [&] { timeline.append(*server.next()); });
    for (const double span : {10.0, 0.2, 1e-3}) {
        view.show_span(span);
        print(qPrintable(QStringLiteral("%1 s shown, painted").arg(span)), 0, [&] {
            view.refresh();
            QApplication::processEvents();
        });
    }
}

} // namespace

int main(int argc, char** argv) {
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    const QApplication app(argc, argv);
    apply_style();
    apply_theme(Theme::light);
    measure_table();
    measure_map();
    measure_timeline();
}
