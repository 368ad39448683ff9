// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/chart_menu.hpp"

#include "models/history.hpp"
#include "models/time_view.hpp"
#include "views/chart.hpp"
#include "views/chart_export.hpp"
#include "views/chart_grid.hpp"

#include <QApplication>
#include <QClipboard>
#include <QCoreApplication>
#include <QFileDialog>
#include <QMenu>

namespace connscope::app {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("ChartMenu", text); }

void ask_and_save(Chart& chart, const History& history, const TimeView& view, const QString& extension, const Teller& tell) {
    auto* dialog = new QFileDialog(chart.window(), tr("Save the chart \"%1\"").arg(chart.spec().title));
    dialog->setObjectName(QStringLiteral("save_chart"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(extension);
    dialog->setNameFilter(QStringLiteral("*.%1").arg(extension));
    dialog->selectFile(QStringLiteral("connscope-%1.%2").arg(chart.spec().id, extension));
    QObject::connect(dialog, &QFileDialog::fileSelected, &chart, [&chart, &history, &view, tell](const QString& file) {
        const SaveError error = save_chart(chart, history, view, file);
        tell(error.isEmpty() ? tr("saved as %1").arg(file) : error, !error.isEmpty());
    });
    dialog->open(); // not exec(): the window goes on behind it
}

} // namespace

QMenu* make_chart_menu(ChartGrid& grid, Chart& chart, const History& history, TimeView& view, const Teller& tell) {
    auto* menu = new QMenu(&chart);
    menu->setObjectName(QStringLiteral("chart_menu"));
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->setToolTipsVisible(true);
    const bool is_alone = grid.enlarged() == &chart;
    menu->addAction(is_alone ? tr("Show &all charts") : tr("Show this chart &alone"), &grid,
                    [&grid, &chart, is_alone] { grid.enlarge(is_alone ? nullptr : &chart); });
    menu->addSeparator();
    QAction* live = menu->addAction(tr("Back to &live"), &view, &TimeView::goLive);
    live->setEnabled(!view.is_live());
    for (const auto& [text, span] : {std::pair{tr("The last 15 &seconds"), 15.0}, std::pair{tr("The last &minute"), 60.0},
                                     std::pair{tr("The last &ten minutes"), 600.0}}) {
        menu->addAction(text, &view, [&view, span = span] {
            view.goLive();
            view.zoom(span / view.span(), view.now());
        });
    }
    menu->addSeparator();
    QAction* picture = menu->addAction(tr("&Copy as a picture"), &chart,
                                       [&chart] { QApplication::clipboard()->setImage(picture_of(chart)); });
    picture->setToolTip(tr("The chart as it is now, twice as fine as on the screen."));
    QAction* values = menu->addAction(tr("Copy the &values"), &chart, [&chart, &history, &view] {
        QApplication::clipboard()->setText(QString::fromUtf8(csv_of(chart, history, view)));
    });
    values->setToolTip(
        tr("The shown stretch as comma-separated values: seconds before its end, then each curve in SI units."));
    menu->addSeparator();
    for (const auto& [text, extension] :
         {std::pair{tr("Save as &PNG …"), QStringLiteral("png")}, std::pair{tr("Save as S&VG …"), QStringLiteral("svg")},
          std::pair{tr("Save the values as CS&V …"), QStringLiteral("csv")}}) {
        QAction* save = menu->addAction(text, &chart, [&chart, &history, &view, extension = extension, tell] {
            ask_and_save(chart, history, view, extension, tell);
        });
        save->setObjectName(QStringLiteral("save_") + extension);
    }
    return menu;
}

} // namespace connscope::app
