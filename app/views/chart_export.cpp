// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/chart_export.hpp"

#include "models/history.hpp"
#include "models/time_view.hpp"
#include "views/chart.hpp"

#include <QBuffer>
#include <QCoreApplication>
#include <QFileInfo>
#include <QPainter>
#include <QSvgGenerator>

#include <cmath>

namespace connscope::app {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("ChartExport", text); }

QByteArray svg_of(Chart& chart) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QSvgGenerator generator;
    generator.setOutputDevice(&buffer);
    generator.setSize(chart.size());
    generator.setViewBox(QRect(QPoint(0, 0), chart.size()));
    generator.setTitle(chart.spec().title);
    generator.setDescription(chart.spec().about);
    QPainter painter(&generator);
    chart.draw_vectors(painter);
    painter.end();
    return bytes;
}

} // namespace

QImage picture_of(Chart& chart) {
    QImage image(chart.size() * 2, QImage::Format_RGB32);
    image.setDevicePixelRatio(2);
    image.fill(chart.palette().color(QPalette::Window));
    QPainter painter(&image);
    chart.draw_vectors(painter);
    return image;
}

QByteArray csv_of(const Chart& chart, const History& history, const TimeView& view) {
    QByteArray csv = "seconds";
    for (const SeriesSpec& series : chart.spec().series) csv += "," + series.label.toUtf8().replace(' ', '_');
    csv += '\n';
    const auto times = history.times();
    for (std::size_t i = 0; i < times.size(); ++i) {
        if (times[i] < view.begin() || times[i] > view.end()) continue;
        csv += QByteArray::number(times[i] - view.end(), 'f', 3);
        for (const SeriesSpec& series : chart.spec().series) {
            const double value = history.values(series.quantity)[i];
            csv += ',';
            if (!std::isnan(value)) csv += QByteArray::number(value, 'g', 9); // an empty field is not known
        }
        csv += '\n';
    }
    return csv;
}

SaveError save_chart(Chart& chart, const History& history, const TimeView& view, const QString& file) {
    const QString extension = QFileInfo(file).suffix().toLower();
    QByteArray bytes;
    if (extension == QLatin1String("png")) {
        QBuffer buffer(&bytes);
        buffer.open(QIODevice::WriteOnly);
        picture_of(chart).save(&buffer, "PNG");
    } else if (extension == QLatin1String("svg")) {
        bytes = svg_of(chart);
    } else if (extension == QLatin1String("csv")) {
        bytes = csv_of(chart, history, view);
    } else {
        return tr("%1 was not saved: a chart can be saved as .png, .svg or .csv.").arg(file);
    }
    return save_file(file, bytes);
}

} // namespace connscope::app
