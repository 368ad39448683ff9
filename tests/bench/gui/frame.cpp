// SPDX-License-Identifier: GPL-3.0-or-later

// What one frame of the whole window costs: poll results, models, every visible view painted. The window is the real one,
// its snapshots are synthetic, so that nothing else on the machine is busy: 10,000 active connections, ten minutes of
// history.
#include "synthetic.hpp"
#include "window/application.hpp"
#include "window/main_window.hpp"

#include <QTimer>

#include <cstdio>
#include <cstdlib>

using namespace connscope;
using namespace connscope::app;

namespace {

struct Row {
    const char* what;
    double span;      // s that the charts show
    bool repaint_all; // as if every view had changed in every frame
};

void measure(Application& app, MainWindow& window, bench::SyntheticServer& server, const Row& row, int frames) {
    window.time_view().resetSpan();
    window.time_view().zoom(row.span / window.time_view().span(), window.time_view().now());
    const auto frame = [&] {
        if (row.repaint_all) {
            window.refresh_all();
            for (QWidget* widget : window.findChildren<QWidget*>()) widget->update();
        }
        emit window.session().snapshotTaken(server.next());
        QApplication::processEvents();
    };
    for (int i = 0; i < 20; ++i) frame();
    window.frame_meter().clear();
    app.measure(&window.frame_meter());
    for (int i = 0; i < frames; ++i) frame();
    app.measure(nullptr);
    std::printf("\n%s, charts over %.0f s\n%s\n", row.what, row.span, qPrintable(window.frame_meter().report()));
}

} // namespace

int main(int argc, char** argv) {
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    Application app(argc, argv);
    apply_style();
    apply_theme(Theme::light);
    const std::uint32_t connections = argc > 1 ? static_cast<std::uint32_t>(std::atoi(argv[1])) : 10'000;
    const int frames = argc > 2 ? std::atoi(argv[2]) : 400;
    const QSize size = argc > 4 ? QSize(std::atoi(argv[3]), std::atoi(argv[4])) : QSize(1920, 1080);

    MainWindow window(Plan{}, Theme::light, false);
    window.resize(size);
    bench::SyntheticServer server(connections, 10'000);
    std::puts("filling ten minutes of history");
    for (int look = 0; look < 12'000; ++look) {
        emit window.session().snapshotTaken(server.next());
        // A window was resized, a mode changed: seven marks on every chart.
        if (look % 1'800 == 900) {
            ModeChange change;
            change.from = QStringLiteral("thread-per-connection");
            change.to = look % 3'600 == 900 ? QStringLiteral("coroutines") : QStringLiteral("thread-per-connection");
            emit window.session().modeChanged(change);
        }
    }
    window.show();
    QApplication::processEvents();
    std::printf("%u connections, %dx%d, %d frames each\n", connections, size.width(), size.height(), frames);
    for (const Row& row :
         {Row{"frames as they come", 60, false}, Row{"frames as they come", 600, false},
          Row{"every view drawn in every frame", 60, true}, Row{"every view drawn in every frame", 600, true}}) {
        measure(app, window, server, row, frames);
    }
}
