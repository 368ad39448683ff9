// SPDX-License-Identifier: GPL-3.0-or-later
// Layers crossed: the page with a real measurement.
#include "window_support.hpp"

#include "models/layer_rows.hpp"
#include "views/layers_view.hpp"
#include "window/layers_page.hpp"

#include <QAction>
#include <QComboBox>
#include <QLabel>
#include <QPushButton>

using namespace connscope;
using namespace connscope::app;

namespace {

constexpr int measuring_patience = 60'000; // ms

lab::ModeLayers mode(const char* title, double switches) {
    lab::ModeLayers made;
    made.mode = made.title = title;
    for (const LayerRow& row : layer_rows()) {
        lab::Layer layer;
        layer.id = row.id;
        layer.ns.value = 1000;
        layer.source = "a test";
        if (row.id == "socket" || row.id == "scheduler") layer.crossed_by = "system calls";
        if (row.id == "switch") layer.crossed_by = "kernel switches";
        if (!layer.crossed_by.empty()) layer.crossings.value = row.id == "switch" ? switches : 2;
        made.layers.push_back(layer);
    }
    return made;
}

} // namespace

class LayersTest : public QObject {
    Q_OBJECT

    std::unique_ptr<MainWindow> window_;

    LayersPage* open_page() {
        window_ = shown_window(small_plan());
        window_->findChild<QAction*>(QStringLiteral("action_layers"))->trigger();
        return window_->layers();
    }

private slots:
    void initTestCase() {
        apply_style();
        apply_theme(Theme::light);
    }
    void cleanup() {
        if (!window_) return;
        window_->close();
        window_.reset();
    }

    void the_way_goes_as_deep_as_most_requests_do() {
        LayersView view;
        view.resize(900, 600);
        view.show_modes({mode("threads", 1.02), mode("a loop", 0.06)}, {});
        QCOMPARE(view.depth_of(0), layer_row_count);
        QCOMPARE(view.depth_of(1), layer_row_count - 1);
        for (std::size_t row = 0; row < layer_row_count; ++row) {
            QVERIFY(view.rect().contains(view.place_of(1, row)));
            QVERIFY(!view.place_of(0, row).intersects(view.place_of(1, row)));
        }
        QTest::mouseClick(&view, Qt::LeftButton, {}, view.place_of(1, 2).center());
        QCOMPARE(view.chosen(), std::size_t{1});
        QTest::keyClick(&view, Qt::Key_Left);
        QCOMPARE(view.chosen(), std::size_t{0});
    }

    void what_could_not_be_had_says_why() {
        lab::ModeLayers poor = mode("poor", 1);
        for (lab::Layer& layer : poor.layers) layer.ns = {{}, "it needs root"};
        QVERIFY(layer_tip(poor, layer_rows()[0]).contains(QStringLiteral("not available: it needs root")));
        QCOMPARE(layer_time_text(poor.layers[0]), QStringLiteral("–"));
        poor.failed = "no such server";
        QVERIFY(layer_tip(poor, layer_rows()[0]).contains(QStringLiteral("no such server")));
        QVERIFY(layer_details(poor).join(QString()).contains(QStringLiteral("no such server")));
    }

    void a_measurement_is_run_shown_and_told() {
        LayersPage* page = open_page();
        QVERIFY(page != nullptr && page->isVisible());
        page->add_arguments({QStringLiteral("--modes"), QStringLiteral("coroutines,thread-per-connection")});
        page->findChild<QComboBox*>(QStringLiteral("layers_depth"))->setItemData(0, 0.4); // short, for a test
        auto* go = page->findChild<QPushButton*>(QStringLiteral("layers_go"));
        QTest::mouseClick(go, Qt::LeftButton);
        QVERIFY(page->is_running());
        QCOMPARE(go->text(), QStringLiteral("Stop"));
        QTRY_VERIFY_WITH_TIMEOUT(!page->is_running(), measuring_patience);
        const QString state = page->findChild<QLabel*>(QStringLiteral("layers_state"))->text();
        QVERIFY2(state.startsWith(QStringLiteral("Measured in ")), qPrintable(state));
        QCOMPARE(page->view().modes().size(), std::size_t{2});
        for (const lab::ModeLayers& each : page->view().modes()) {
            QVERIFY2(each.failed.empty(), each.failed.c_str());
            QVERIFY(each.cpu_ns.value.value_or(0) > 0);
            for (const LayerRow& row : layer_rows()) {
                const lab::Layer* layer = find_layer(each, row.id);
                QVERIFY(layer != nullptr);
                QVERIFY2(layer->ns.value.has_value() != !layer->ns.missing.empty(), row.id.data());
            }
        }
        page->view().choose(1);
        const QString details = page->findChild<QLabel*>(QStringLiteral("layers_details"))->text();
        QVERIFY2(details.contains(QStringLiteral("Thread per connection")) &&
                     details.contains(QStringLiteral("Without a trace")),
                 qPrintable(details));
        for (const Theme theme : {Theme::dark, Theme::light}) {
            apply_theme(theme);
            QVERIFY(!page->grab().isNull());
        }
    }

    void a_measurement_can_be_stopped() {
        LayersPage* page = open_page();
        QVERIFY(page != nullptr);
        page->start();
        QTRY_VERIFY_WITH_TIMEOUT(!page->view().modes().empty() || !page->is_running(), measuring_patience);
        page->stop();
        QTRY_VERIFY_WITH_TIMEOUT(!page->is_running(), measuring_patience);
        const auto measured = page->view().modes().size();
        QVERIFY(measured >= 1 && measured < 10);
    }
};

QTEST_MAIN(LayersTest)
#include "layers.moc"
