// SPDX-License-Identifier: GPL-3.0-or-later

// What is drawn, as far as it can be told without a server: columns of charts, lanes of the timeline, cells of the map.
#include "models/columns.hpp"
#include "models/history.hpp"
#include "models/map_colouring.hpp"
#include "models/time_view.hpp"
#include "models/timeline.hpp"
#include "views/card.hpp"
#include "views/chart.hpp"
#include "views/chart_axes.hpp"
#include "views/chart_export.hpp"
#include "views/connection_map.hpp"
#include "views/legend.hpp"
#include "views/palette.hpp"
#include "views/timeline_view.hpp"
#include "window/frame_meter.hpp"
#include "window/mode_bar.hpp"
#include "window/theme.hpp"

#include <qcustomplot.h>

#include <QComboBox>
#include <QFile>
#include <QMouseEvent>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>

using namespace connscope;
using namespace connscope::app;
using namespace std::chrono_literals;
using telemetry::layout::EventKind;

namespace {

Sample sample_at(double time, Quantity which, double value) {
    Sample sample;
    sample.time = time;
    sample[which] = value;
    return sample;
}

// A snapshot at `taken` with one slice of a millisecond for each (thread, connection, begin, ending).
struct Slice {
    std::uint32_t thread;
    std::uint64_t connection;
    std::chrono::nanoseconds begin;
    EventKind ending = EventKind::slice_to_read;
};
Snapshot snapshot_of(std::chrono::nanoseconds taken, const std::vector<Slice>& slices) {
    Snapshot snapshot;
    snapshot.taken = taken;
    for (const Slice& slice : slices) {
        SegmentEvent event;
        event.event.kind = slice.ending;
        event.event.thread = slice.thread;
        event.event.connection = slice.connection;
        event.event.begin = slice.begin;
        event.event.length = 1ms;
        snapshot.events.push_back(event);
    }
    return snapshot;
}

std::vector<std::uint32_t> threads_of(const std::vector<ShownLane>& lanes) {
    std::vector<std::uint32_t> threads;
    for (const ShownLane& lane : lanes) threads.push_back(lane.thread);
    return threads;
}
using Threads = std::vector<std::uint32_t>;

} // namespace

class Drawing : public QObject {
    Q_OBJECT
private slots:
    void a_column_spans_the_least_and_the_greatest_value_read_in_it() {
        History history;
        for (int i = 0; i < 40; ++i) history.append(sample_at(10 + i * 0.1, Quantity::open, i % 4));
        Columns columns({Quantity::open}, false);
        QCOMPARE(columns.update(history, 1.0, 10, 4), Columns::Change::columns);
        QCOMPARE(columns.update(history, 1.0, 10, 4), Columns::Change::nothing);
        for (const Extent& extent : columns.curve(0)) {
            QCOMPARE(extent.least, 0.0);
            QCOMPARE(extent.greatest, 3.0);
        }
        QCOMPARE(columns.bounds().greatest, 3.0);
        QCOMPARE(columns.bounds().least, 3.0); // the least above 0 that is drawn
    }

    void columns_that_move_with_time_are_those_that_are_made_anew() {
        History history;
        Columns moving({Quantity::open, Quantity::threads}, true);
        int changes = 0;
        for (int i = 0; i < 3000; ++i) {
            Sample sample = sample_at(100 + i * 0.05, Quantity::open, 5 + std::sin(i * 0.7));
            if (i % 300 > 40) sample[Quantity::threads] = i % 17;
            history.append(sample);
            const double width = 0.31;
            const auto end = static_cast<std::int64_t>(std::floor(history.newest_time() / width)) + 1;
            if (moving.update(history, width, end - 200, 200) != Columns::Change::nothing) ++changes;
            if (i % 97 != 0) continue;
            Columns anew({Quantity::open, Quantity::threads}, true);
            anew.update(history, width, end - 200, 200);
            for (std::size_t curve = 0; curve < 2; ++curve) {
                // The line that comes in from the left may have begun elsewhere in the column before.
                for (std::size_t column = 7; column < 200; ++column) {
                    const Extent a = moving.curve(curve)[column];
                    const Extent b = anew.curve(curve)[column];
                    QCOMPARE(a.is_known(), b.is_known());
                    if (!a.is_known()) continue;
                    QCOMPARE(a.least, b.least);
                    QCOMPARE(a.greatest, b.greatest);
                }
            }
        }
        QVERIFY(changes > 400);
        QVERIFY(changes < 3000); // most readings change no pixel
    }

    void columns_between_readings_are_on_a_line_and_what_was_not_known_is_a_gap() {
        History history;
        history.append(sample_at(0.5, Quantity::open, 10));
        history.append(sample_at(4.5, Quantity::open, 50));
        history.append(sample_at(5.5, Quantity::open, not_known));
        history.append(sample_at(8.5, Quantity::open, 20));
        Columns columns({Quantity::open}, false);
        columns.update(history, 1.0, 0, 10);
        const auto curve = columns.curve(0);
        QCOMPARE(curve[2].least, 30.0);
        QCOMPARE(curve[2].greatest, 30.0);
        for (const std::size_t gap : {5, 6, 7, 9}) QVERIFY(!curve[gap].is_known());
        QCOMPARE(curve[8].greatest, 20.0);
        Columns cut({Quantity::open}, false); // a line into and out of what is shown
        cut.update(history, 1.0, 1, 3);
        QCOMPARE(cut.curve(0)[0].least, 20.0);
        QVERIFY(std::abs(cut.curve(0)[2].least - 40.0) < 1);
    }

    void a_chart_paints_a_known_value_where_its_axis_says() {
        History history;
        TimeView view;
        ChartSpec spec;
        spec.id = QStringLiteral("test");
        spec.series = {{Quantity::open, QStringLiteral("open"), QStringLiteral("open"), Meaning::amount}};
        Chart chart(spec, history, view);
        chart.resize(400, 300);
        chart.show();
        for (int i = 0; i <= 400; ++i) history.append(sample_at(100 + i * 0.05, Quantity::open, i < 200 ? 20 : 80));
        view.advance(history.newest_time());
        QCoreApplication::processEvents();
        chart.redraw();
        const QImage image = chart.plot().toPixmap().toImage();
        const QRgb line = colour(Meaning::amount, chart.palette()).rgb();
        const auto painted_at = [&](double time, double value) {
            const int x = static_cast<int>(chart.plot().xAxis->coordToPixel(time));
            const int y = static_cast<int>(std::lround(chart.plot().yAxis->coordToPixel(value)));
            for (int row = y - 2; row <= y + 2; ++row) {
                if (image.pixel(x, row) == line) return true;
            }
            return false;
        };
        QVERIFY(painted_at(107, 20));
        QVERIFY(!painted_at(107, 80));
        QVERIFY(painted_at(118, 80));
        QVERIFY(!painted_at(118, 20));
    }

    void a_chart_is_saved_as_a_picture_a_drawing_or_values_and_as_nothing_else() {
        History history;
        TimeView view;
        ChartSpec spec;
        spec.id = QStringLiteral("test");
        spec.title = QStringLiteral("Connections");
        spec.is_stacked = true;
        spec.series = {{Quantity::open, QStringLiteral("open"), QStringLiteral("open"), Meaning::amount}};
        Chart chart(spec, history, view);
        chart.resize(400, 300);
        chart.show();
        for (int i = 0; i <= 100; ++i) history.append(sample_at(100 + i * 0.125, Quantity::open, i));
        view.advance(history.newest_time());
        chart.redraw();
        const QTemporaryDir folder;
        const auto save = [&](const QString& name) { return save_chart(chart, history, view, folder.filePath(name)); };
        const auto content = [&](const QString& name) {
            QFile file(folder.filePath(name));
            return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
        };
        QCOMPARE(save(QStringLiteral("a.png")), QString());
        const QImage image(folder.filePath(QStringLiteral("a.png")));
        QCOMPARE(image.size(), QSize(800, 600));
        QCOMPARE(save(QStringLiteral("a.svg")), QString());
        QVERIFY(content(QStringLiteral("a.svg")).contains("Connections"));
        QVERIFY(content(QStringLiteral("a.svg")).contains("polyline"));
        QCOMPARE(save(QStringLiteral("a.csv")), QString());
        const auto lines = content(QStringLiteral("a.csv")).trimmed().split('\n');
        QCOMPARE(lines.front(), QByteArray("seconds,open"));
        QCOMPARE(lines.back(), QByteArray("0.000,100"));
        QCOMPARE(lines.size(), 102);
        QVERIFY(save(QStringLiteral("a.txt")).contains(QStringLiteral(".png")));
        QVERIFY(save(QStringLiteral("no/such/folder/a.csv")).contains(QStringLiteral("not saved")));
    }

    void labels_of_marks_touch_neither_each_other_nor_a_line() {
        const QFontMetrics metrics(QGuiApplication::font());
        std::mt19937 random(7);
        const QStringList names{QStringLiteral("Coroutines"), QStringLiteral("Thread per connection"),
                                QStringLiteral("Callbacks"), QStringLiteral("server gone")};
        int shown = 0;
        for (int round = 0; round < 500; ++round) {
            std::vector<PlacedMark> marks(1 + random() % 12);
            for (PlacedMark& mark : marks) {
                mark.x = static_cast<int>(50 + random() % 300);
                mark.text = names[random() % 4];
            }
            std::sort(marks.begin(), marks.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
            place_labels(marks, 50, 350, metrics);
            std::vector<std::pair<int, int>> places;
            for (const PlacedMark& mark : marks) {
                if (mark.text.isEmpty()) continue;
                ++shown;
                const int end = mark.text_left + metrics.horizontalAdvance(mark.text);
                QVERIFY(mark.text_left >= 50);
                QVERIFY2(end <= 350, qPrintable(mark.text));
                for (const PlacedMark& other : marks) QVERIFY(other.x < mark.text_left || other.x > end);
                for (const auto& [from, to] : places) QVERIFY(end < from || mark.text_left > to);
                places.emplace_back(mark.text_left, end);
            }
        }
        QVERIFY(shown > 500);
    }

    void lanes_of_threads_that_have_ended_go() {
        Timeline timeline;
        timeline.append(snapshot_of(10s, {{1, 7, 9800ms}, {2, 8, 9810ms}, {3, 9, 9820ms}}));
        QCOMPARE(threads_of(lanes_to_show(timeline, 9.5, 10, 9, {})), (Threads{1, 2, 3}));
        // The connections of 1 and 2 are handed over to 3; then 3 alone runs.
        timeline.append(snapshot_of(10200ms, {{1, 7, 10100ms, EventKind::slice_to_hand_off},
                                              {2, 8, 10101ms, EventKind::slice_to_hand_off},
                                              {3, 7, 10110ms}}));
        timeline.append(snapshot_of(10800ms, {{3, 8, 10790ms}}));
        QCOMPARE(threads_of(lanes_to_show(timeline, 10.3, 10.8, 9, {})), (Threads{3}));
        // In the past they are still there.
        QCOMPARE(threads_of(lanes_to_show(timeline, 9.7, 10.2, 9, {})), (Threads{1, 2, 3}));
    }

    void a_thread_that_waits_a_moment_keeps_its_lane() {
        Timeline timeline;
        timeline.append(snapshot_of(10s, {{1, 7, 9900ms}, {2, 8, 9990ms}}));
        QCOMPARE(threads_of(lanes_to_show(timeline, 9.98, 10.0, 9, {})), (Threads{1, 2}));
    }

    void where_lanes_have_no_room_the_busiest_and_the_selected_stay() {
        Timeline timeline;
        std::vector<Slice> slices;
        for (std::uint32_t thread = 1; thread <= 20; ++thread) {
            for (std::uint32_t i = 0; i < thread; ++i) slices.push_back({thread, thread, 9500ms + i * 2ms});
        }
        timeline.append(snapshot_of(10s, slices));
        QCOMPARE(threads_of(lanes_to_show(timeline, 9, 10, 3, {})), (Threads{18, 19, 20}));
        QCOMPARE(threads_of(lanes_to_show(timeline, 9, 10, 3, ConnectionKey{0, 2})), (Threads{2, 19, 20}));
    }

    void a_click_on_a_slice_selects_its_connection_and_dragging_pauses() {
        Timeline timeline;
        TimeView time;
        time.advance(10);
        TimelineView view(timeline, time);
        view.resize(600, 200);
        view.show();
        timeline.append(snapshot_of(10s, {{1, 7, 9900ms}, {1, 8, 9950ms}, {2, 9, 9950ms}}));
        view.show_span(0.2);
        std::optional<ConnectionKey> clicked;
        connect(&view, &TimelineView::clicked, &view, [&](const ConnectionKey& key) { clicked = key; });
        for (const auto& [thread, at, expected] :
             {std::tuple{1U, 9.9005, 7U}, std::tuple{1U, 9.9505, 8U}, std::tuple{2U, 9.9505, 9U}}) {
            const auto place = view.place_of(thread, at);
            QVERIFY(place);
            QTest::mouseClick(&view, Qt::LeftButton, Qt::NoModifier, *place);
            QVERIFY(clicked);
            QCOMPARE(clicked->id, std::uint64_t{expected});
        }
        QVERIFY(!view.place_of(3, 9.9));
        QVERIFY(time.is_live());
        const QPoint from = *view.place_of(1, 9.9);
        const double end = view.end();
        QTest::mousePress(&view, Qt::LeftButton, Qt::NoModifier, from);
        QMouseEvent move(QEvent::MouseMove, from + QPoint(100, 0), view.mapToGlobal(from + QPoint(100, 0)), Qt::NoButton,
                         Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(&view, &move);
        QTest::mouseRelease(&view, Qt::LeftButton, Qt::NoModifier, from + QPoint(100, 0));
        QVERIFY(!time.is_live());
        QVERIFY(view.end() < end);
        // Keys zoom down to a microsecond and up to all that is kept.
        for (int i = 0; i < 80; ++i) QTest::keyClick(&view, Qt::Key_Plus);
        QCOMPARE(view.span(), TimelineView::shortest_span);
        for (int i = 0; i < 80; ++i) QTest::keyClick(&view, Qt::Key_Minus);
        QCOMPARE(view.span(), TimelineView::longest_span);
    }

    void a_slice_that_has_not_ended_is_drawn_until_its_event_comes() {
        Timeline timeline;
        Snapshot snapshot = snapshot_of(10s, {{1, 7, 9500ms}});
        telemetry::ConnectionReading connection;
        connection.id = 8;
        connection.thread = 1;
        connection.state = telemetry::ConnectionState::running;
        connection.state_since = 9600ms;
        snapshot.server.connections.push_back(connection);
        timeline.append(snapshot);
        const auto slices = [&] { return timeline.lanes().at(1).slices(); };
        QCOMPARE(slices().size(), std::size_t{2});
        QVERIFY(slices()[1].lasts);
        QCOMPARE(slices()[1].connection.id, std::uint64_t{8});
        QCOMPARE(slices()[1].begin, 9.6);
        QCOMPARE(slices()[1].end, 10.0);
        snapshot = snapshot_of(10050ms, {});
        snapshot.server.connections.push_back(connection);
        timeline.append(snapshot);
        QCOMPARE(slices().size(), std::size_t{2}); // the same one, longer
        QCOMPARE(slices()[1].end, 10.05);
        const auto seen = timeline.lanes().at(1).within(10.04, 10.05); // far from where it began
        QCOMPARE(seen.size(), std::size_t{1});
        QVERIFY(seen.front().lasts);
        // It ends while it is looked at: the state was read before, the event after.
        snapshot = snapshot_of(10100ms, {{1, 8, 9600ms}});
        snapshot.server.connections.push_back(connection);
        timeline.append(snapshot);
        QCOMPARE(slices().size(), std::size_t{2});
        QVERIFY(!slices()[1].lasts);
        // Who runs on a thread without a slice yet has a lane, too.
        snapshot = snapshot_of(10150ms, {});
        connection.thread = 2;
        connection.state_since = 10140ms;
        snapshot.server.connections.push_back(connection);
        timeline.append(snapshot);
        QCOMPARE(threads_of(lanes_to_show(timeline, 10.05, 10.15, 9, {})), (Threads{1, 2}));
        timeline.append(snapshot_of(10200ms, {}));
        QVERIFY(!timeline.lanes().contains(2));
    }

    void a_busy_thread_has_a_high_bar_and_the_selected_connection_stands_out() {
        Timeline timeline;
        TimeView time;
        TimelineView view(timeline, time);
        view.resize(600, 200);
        view.show();
        std::vector<Slice>
            slices; // thread 1 is busy for a tenth of the time, thread 2 for all of it, but for the first second
        for (int i = 0; i < 900; ++i) slices.push_back({1, 7, 1s + i * 10ms});
        for (int i = 0; i < 9000; ++i) slices.push_back({2, i % 2 == 0 ? 8U : 9U, 1s + i * 1ms});
        timeline.append(snapshot_of(10s, slices));
        view.show_span(10);
        view.refresh();
        const QRgb behind = ink(view.palette()).hover.rgb();
        const auto filled = [&](std::uint32_t thread, double at) { // of the lane's rows above its middle
            const QImage image = view.grab().toImage();
            const QPoint place = *view.place_of(thread, at);
            return image.pixel(place.x(), place.y() - 3) != behind;
        };
        QVERIFY(!filled(1, 5));
        QVERIFY(filled(2, 5));
        QVERIFY(!filled(2, 0.5));
        const QImage before = view.grab().toImage();
        view.select(ConnectionKey{0, 7});
        const QImage after = view.grab().toImage();
        QVERIFY(before.pixel(*view.place_of(2, 5)) != after.pixel(*view.place_of(2, 5))); // dimmed
        QVERIFY(filled(1, 5));
    }

    void every_cell_of_the_map_has_its_place_and_is_found_there() {
        for (const std::size_t cells : {1UL, 7UL, 200UL, 9'999UL, 100'000UL, 1'000'000UL}) {
            const MapGrid grid = grid_for(cells, 337, 211, 18);
            QVERIFY(grid.side * static_cast<int>(grid.columns) <= 337);
            QVERIFY(grid.side * static_cast<int>(grid.rows()) <= 211);
            for (std::size_t cell = 0; cell < cells; cell += 1 + cells / 97) {
                const auto [x, y] = grid.place_of(cell);
                const auto found = grid.cell_at(x + grid.side / 2, y + grid.side / 2);
                QVERIFY(found && *found <= cell && cell < *found + grid.in_pixel);
            }
            QVERIFY(!grid.cell_at(-1, 0));
            QVERIFY(!grid.cell_at(0, 100'000));
        }
    }

    void of_many_cells_in_a_pixel_the_rarest_shows() {
        MapCells cells;
        cells.classes.assign(1000, 3);
        cells.classes[577] = 2;
        cells.connections.assign(1000, 0);
        cells.counts = {0, 0, 1, 999};
        const MapGrid grid = grid_for(1000, 10, 5, 18);
        QCOMPARE(grid.in_pixel, std::size_t{20});
        std::vector<std::uint32_t> pixels(50);
        const std::array<std::uint32_t, 4> colours{10, 11, 12, 13};
        paint_cells(pixels, 10, grid, cells, colours, 99, 4);
        QCOMPARE(std::count(pixels.begin(), pixels.end(), 12U), 1);
        QCOMPARE(std::count(pixels.begin(), pixels.end(), 13U), 49);
        const auto [x, y] = grid.place_of(577);
        QCOMPARE(pixels[static_cast<std::size_t>(y * 10 + x)], 12U);
    }

    void the_map_of_many_connections_is_made_elsewhere_and_a_click_finds_the_connection() {
        auto snapshot = std::make_shared<Snapshot>();
        snapshot->has_server = true;
        for (std::uint32_t i = 0; i < 60'000; ++i) {
            telemetry::ConnectionReading connection;
            connection.id = i + 1;
            connection.slot = i;
            connection.state = telemetry::ConnectionState::waiting_read;
            snapshot->server.connections.push_back(connection);
        }
        MapCanvas canvas;
        canvas.resize(400, 300);
        canvas.show();
        canvas.select(ConnectionKey{0, 30'000});
        canvas.show_snapshot(snapshot, MapAspect::state);
        QTRY_COMPARE_WITH_TIMEOUT(canvas.cells().classes.size(), std::size_t{60'000}, 5000);
        QTRY_COMPARE_WITH_TIMEOUT(canvas.cells().selected.value_or(0), std::size_t{29'999}, 5000);
        std::optional<ConnectionKey> clicked;
        connect(&canvas, &MapCanvas::clicked, &canvas, [&](const ConnectionKey& key) { clicked = key; });
        QTest::mouseClick(&canvas, Qt::LeftButton, Qt::NoModifier, canvas.place_of(12'345).center().toPoint());
        QVERIFY(clicked);
        QVERIFY(clicked->id > 12'000 && clicked->id < 13'000); // the neighbour's pixel at the farthest
        canvas.show_snapshot(snapshot, MapAspect::carrier);    // and goes while another picture is being made
    }

    void the_maps_legend_names_the_threads_and_where_they_are_too_many_says_how_many() {
        const auto with_threads = [](std::uint32_t threads) {
            auto snapshot = std::make_shared<Snapshot>();
            snapshot->has_server = true;
            for (std::uint32_t i = 0; i < 60; ++i) {
                telemetry::ConnectionReading connection;
                connection.id = i + 1;
                connection.slot = i;
                connection.thread = 4000 + 8 * (i % threads); // numbers that are alike by any small divisor
                snapshot->server.connections.push_back(connection);
            }
            return snapshot;
        };
        ConnectionMap map;
        map.chooser()->setParent(&map); // as a panel's head would
        map.resize(400, 300);
        map.show();
        map.chooser()->setCurrentIndex(map.chooser()->findText(title_of(MapAspect::thread)));
        auto* legend = map.findChild<Legend*>();
        map.show_snapshot(with_threads(3));
        QCOMPARE(legend->toolTip(), QStringLiteral("thread 4000 20\nthread 4008 20\nthread 4016 20"));
        map.show_snapshot(with_threads(30));
        QCOMPARE(legend->toolTip(), QStringLiteral("in turn for threads: 30"));
        QVERIFY(legend->needed_width() <= legend->width());
    }

    void ten_modes_stand_in_one_line_of_a_window_of_1280_pixels() {
        using Scheduling = ModeDescription::Scheduling;
        std::vector<ModeDescription> modes;
        for (const auto& [name, scheduling] :
             {std::pair{"Thread per connection", Scheduling::kernel}, std::pair{"Thread pool", Scheduling::kernel},
              std::pair{"Process per connection", Scheduling::kernel}, std::pair{"Callbacks", Scheduling::program},
              std::pair{"Coroutines", Scheduling::program}, std::pair{"Fibers", Scheduling::program},
              std::pair{"Preemptive fibers", Scheduling::program}, std::pair{"Cooperative threads", Scheduling::program},
              std::pair{"Coroutines × threads", Scheduling::both}, std::pair{"Loop per core", Scheduling::both}}) {
            ModeDescription mode;
            mode.name = QString::fromUtf8(name);
            mode.id = mode.name.toLower();
            mode.scheduling = scheduling;
            modes.push_back(mode);
        }
        apply_style();
        ModeBar bar;
        bar.message_line()->setParent(&bar); // as the window would
        bar.hint_line()->setParent(&bar);
        bar.resize(1264, 60);
        bar.show();
        bar.show_modes(modes);
        const auto top_of = [&](const QString& id) { return bar.button(id)->mapTo(&bar, QPoint(0, 0)).y(); };
        QTRY_COMPARE_WITH_TIMEOUT(top_of(modes.back().id), top_of(modes.front().id), 5000);
        for (const ModeDescription& mode : modes) {
            const SegmentButton* button = bar.button(mode.id);
            QVERIFY(button->width() >= QFontMetrics(button->font()).horizontalAdvance(mode.name) + 6);
            QVERIFY(button->mapTo(&bar, QPoint(button->width(), 0)).x() <= bar.width());
        }
    }

    void a_part_of_a_frame_counts_once_where_parts_lie_within_each_other() {
        FrameMeter meter;
        const auto spend = [](std::chrono::microseconds time) {
            const auto end = FrameMeter::Clock::now() + time;
            while (FrameMeter::Clock::now() < end) {
            }
        };
        {
            const FrameShare outer(meter, "outer");
            spend(2ms);
            const FrameShare inner(meter, "inner");
            spend(5ms);
        }
        meter.end_frame();
        const auto parts = meter.parts_ms();
        QVERIFY(parts.at("inner") >= 5);
        QVERIFY(parts.at("outer") >= 2);
        QVERIFY(std::abs(parts.at("inner") + parts.at("outer") - meter.percentile_ms(1)) < 0.1);
    }
};

QTEST_MAIN(Drawing)
#include "drawing.moc"
