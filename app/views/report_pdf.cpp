// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/report_pdf.hpp"

#include "connscope/lab/charts.hpp"
#include "connscope/lab/report.hpp"

#include <QAbstractTextDocumentLayout>
#include <QBuffer>
#include <QFont>
#include <QPainter>
#include <QPdfWriter>
#include <QSvgRenderer>
#include <QTextBlock>
#include <QTextCursor>
#include <QTextDocument>
#include <QUrl>

#include <memory>
#include <vector>

namespace connscope::app {

namespace {

constexpr std::size_t most_breaks = 40;

bool has_picture(const QTextBlock& block) {
    for (auto fragment = block.begin(); !fragment.atEnd(); ++fragment)
        if (fragment.fragment().charFormat().isImageFormat()) return true;
    return false;
}

// The first heading that stands at the end of a page, apart from its picture or its first words; -1: none behind the
// block `after` does.
int heading_apart(const QTextDocument& document, int after) {
    const auto page_of = [&document](double y) { return static_cast<int>(y / document.pageSize().height()); };
    const auto place_of = [&document](const QTextBlock& block) {
        return document.documentLayout()->blockBoundingRect(block);
    };
    for (QTextBlock heading = document.begin(); heading.isValid(); heading = heading.next()) {
        if (heading.blockFormat().headingLevel() == 0 || heading.blockNumber() <= after) continue;
        QTextBlock last = heading.next();
        QTextBlock block = last;
        for (int i = 0; i < 3 && block.isValid(); ++i, block = block.next()) {
            if (!has_picture(block)) continue;
            last = block;
            break;
        }
        if (last.isValid() && page_of(place_of(heading).top()) != page_of(place_of(last).bottom() - 1))
            return heading.blockNumber();
    }
    return -1;
}

// The paper's text, in which these blocks begin a page.
std::unique_ptr<QTextDocument> lay_out(const lab::Paper& paper, const std::vector<QImage>& charts,
                                       const std::vector<int>& page_breaks, const QSizeF& page) {
    auto document = std::make_unique<QTextDocument>();
    document->setDocumentMargin(0);
    QFont font(QStringLiteral("Inter"));
    font.setPointSizeF(9);
    document->setDefaultFont(font);
    for (std::size_t i = 0; i < charts.size(); ++i)
        document->addResource(QTextDocument::ImageResource, QUrl(QStringLiteral("chart:%1").arg(i)), charts[i]);
    document->setHtml(QString::fromStdString(paper.html));
    for (const int number : page_breaks) {
        QTextBlockFormat begins_a_page;
        begins_a_page.setPageBreakPolicy(QTextFormat::PageBreak_AlwaysBefore);
        QTextCursor(document->findBlockByNumber(number)).mergeBlockFormat(begins_a_page);
    }
    document->setPageSize(page);
    return document;
}

} // namespace

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

    std::vector<QImage> charts;
    const double width = writer.width();
    for (const std::string& chart : paper.charts) {
        QSvgRenderer renderer(QByteArray::fromStdString(chart));
        const QSizeF natural = renderer.defaultSize();
        // Three times as fine as it is shown, for printers.
        const double shown = std::min(0.78 * width, lab::chart_width);
        QImage image((natural * (3 * shown / natural.width())).toSize(), QImage::Format_ARGB32_Premultiplied);
        image.fill(Qt::white);
        QPainter painter(&image);
        renderer.render(&painter);
        painter.end();
        image.setDevicePixelRatio(3);
        charts.push_back(image);
    }
    const QSizeF page(writer.width(), writer.height());
    std::vector<int> page_breaks;
    auto document = lay_out(paper, charts, page_breaks, page);
    for (int apart = -1; page_breaks.size() < most_breaks;) {
        apart = heading_apart(*document, apart);
        if (apart < 0) break;
        page_breaks.push_back(apart);
        document = lay_out(paper, charts, page_breaks, page);
    }
    document->print(&writer);
    buffer.close();
    return bytes;
}

} // namespace connscope::app
