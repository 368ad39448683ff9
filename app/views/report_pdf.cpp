// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/report_pdf.hpp"

#include "connscope/lab/charts.hpp"
#include "connscope/lab/report.hpp"

#include <QBuffer>
#include <QFont>
#include <QPainter>
#include <QPdfWriter>
#include <QSvgRenderer>
#include <QTextDocument>
#include <QUrl>

namespace connscope::app {

QByteArray report_pdf(const lab::Result& result) {
    const lab::Paper paper = lab::to_paper(result);
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QPdfWriter writer(&buffer);
    writer.setPageSize(QPageSize(QPageSize::A4));
    writer.setPageMargins(QMarginsF(14, 14, 14, 14), QPageLayout::Millimeter);
    writer.setTitle(QStringLiteral("connscope: what each way of scheduling connections costs"));
    writer.setResolution(96); // the text's layout; drawings are finer

    QTextDocument document;
    document.setDocumentMargin(0);
    QFont font(QStringLiteral("Inter"));
    font.setPointSizeF(9);
    document.setDefaultFont(font);
    const double width = writer.width();
    for (std::size_t i = 0; i < paper.charts.size(); ++i) {
        QSvgRenderer renderer(QByteArray::fromStdString(paper.charts[i]));
        const QSizeF natural = renderer.defaultSize();
        // Three times as fine as it is shown, for printers.
        const double shown = std::min(0.78 * width, lab::chart_width);
        QImage image((natural * (3 * shown / natural.width())).toSize(), QImage::Format_ARGB32_Premultiplied);
        image.fill(Qt::white);
        QPainter painter(&image);
        renderer.render(&painter);
        painter.end();
        image.setDevicePixelRatio(3);
        document.addResource(QTextDocument::ImageResource, QUrl(QStringLiteral("chart:%1").arg(i)), image);
    }
    document.setHtml(QString::fromStdString(paper.html));
    document.setPageSize(QSizeF(writer.width(), writer.height()));
    document.print(&writer);
    buffer.close();
    return bytes;
}

} // namespace connscope::app
