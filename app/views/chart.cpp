// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/chart.hpp"

#include "models/format.hpp"
#include "models/history.hpp"
#include "models/time_view.hpp"
#include "views/chart_axes.hpp"
#include "views/chart_curves.hpp"

#include <qcustomplot.h>

#include <QHBoxLayout>
#include <QPicture>
#include <QVBoxLayout>

#include <cmath>

namespace connscope::app {

namespace {

constexpr double legend_window = 0.5; // s: the legend shows means over it
constexpr int most_not_drawn = 4;     // refreshs; what changes within the newest column can wait so long

std::vector<Quantity> quantities_of(const ChartSpec& spec) {
    std::vector<Quantity> quantities;
    for (const SeriesSpec& series : spec.series) quantities.push_back(series.quantity);
    return quantities;
}

} // namespace

Chart::Chart(ChartSpec spec, const History& history, TimeView& view, QWidget* parent)
    : Card(parent)
    , spec_(std::move(spec))
    , history_(history)
    , view_(view)
    , columns_(quantities_of(spec_), spec_.is_stacked)
    , was_used_(spec_.series.size(), false) {
    setObjectName(QStringLiteral("chart_") + spec_.id);
    setAccessibleName(tr("Chart: %1").arg(spec_.title));
    setAccessibleDescription(spec_.about);

    title_ = new QLabel(spec_.title, this);
    title_->setFont(scaled_font(font(), 1.0, QFont::DemiBold));
    unit_ = new MutedLabel(spec_.unit, this);
    auto* about =
        new InfoButton(spec_.title,
                       tr("%1\n\nWheel: zoom. Drag: move in time. Double click: this chart alone. Right click: save "
                          "and copy.\nKeys: arrows, Enter, the menu key.")
                           .arg(spec_.about),
                       this);
    about->setObjectName(QStringLiteral("about_") + spec_.id);
    legend_ = new Legend(this);
    legend_->setObjectName(QStringLiteral("legend_") + spec_.id);

    auto* head = new QHBoxLayout;
    head->setSpacing(5);
    head->addWidget(title_);
    head->addWidget(unit_);
    head->addStretch();
    head->addWidget(about);

    make_plot();
    auto* box = new QVBoxLayout(this);
    box->setContentsMargins(10, 6, 6, 4);
    box->setSpacing(1);
    box->addLayout(head);
    box->addWidget(legend_);
    box->addWidget(plot_, 1);

    // All charts of a grid get equal widths, whatever their heads would like.
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Ignored);
    setMinimumHeight(fontMetrics().height() * 8);
    setFocusPolicy(Qt::StrongFocus);
    apply_colours();
    apply_margins();
    connect(&view_, &TimeView::hoverChanged, this, [this] {
        refresh_legend();
        show_cursor();
    });
}

Chart::~Chart() = default;

QCustomPlot& Chart::plot() noexcept { return *plot_; }

void Chart::make_plot() {
    plot_ = new Plot(this);
    plot_->setObjectName(QStringLiteral("plot_") + spec_.id);
    plot_->setNotAntialiasedElements(QCP::aeAll);
    plot_->setPlottingHints(QCP::phFastPolylines | QCP::phCacheLabels);
    plot_->setMouseTracking(true);
    plot_->setFocusPolicy(Qt::NoFocus);
    plot_->setMinimumSize(0, 0);
    plot_->setContextMenuPolicy(Qt::NoContextMenu);
    plot_->installEventFilter(this);

    plot_->addLayer(QStringLiteral("bands"), plot_->layer(QStringLiteral("grid")), QCustomPlot::limBelow);
    plot_->addLayer(QStringLiteral("marks"), plot_->layer(QStringLiteral("axes")), QCustomPlot::limAbove);
    new ChartMarks(plot_, QStringLiteral("bands"), ChartMarks::Part::bands, history_, view_);
    new ChartMarks(plot_, QStringLiteral("marks"), ChartMarks::Part::lines, history_, view_);

    time_ticker_.reset(new TimeTicker(view_));
    plot_->xAxis->setTicker(time_ticker_);
    plot_->xAxis->grid()->setVisible(false);
    for (QCPAxis* axis : {plot_->xAxis, plot_->yAxis}) {
        axis->setTickPen(Qt::NoPen);
        axis->setTickLength(0);
    }
    plot_->yAxis->setBasePen(Qt::NoPen);
    plot_->yAxis->grid()->setZeroLinePen(Qt::NoPen);
    QSharedPointer<QCPAxisTicker> ticker;
    if (spec_.is_logarithmic) {
        plot_->yAxis->setScaleType(QCPAxis::stLogarithmic);
        ticker.reset(new PowerTicker(spec_.notation));
    } else {
        ticker.reset(new NumberTicker(spec_.notation));
        ticker->setTickStepStrategy(QCPAxisTicker::tssReadability);
    }
    plot_->yAxis->setTicker(ticker);
    new ChartCurves(plot_, spec_, columns_);
}

void Chart::apply_colours() {
    const Ink& colours = ink(palette());
    plot_->setBackground(QBrush(colours.card));
    for (QCPAxis* axis : {plot_->xAxis, plot_->yAxis}) axis->setTickLabelColor(colours.muted);
    plot_->xAxis->setBasePen(QPen(colours.border, 0));
    plot_->yAxis->grid()->setPen(QPen(colours.grid, 0));
}

void Chart::apply_margins() {
    const QFont small = scaled_font(font(), 0.85);
    for (QCPAxis* axis : {plot_->xAxis, plot_->yAxis}) {
        axis->setTickLabelFont(small);
        axis->setTickLabelPadding(4);
    }
    const QFontMetrics metrics(small);
    // The same on all charts, so that the same instant is at the same place in all charts of a column.
    const int left = metrics.horizontalAdvance(QStringLiteral("100\u00a0ms")) + 6;
    const int right = metrics.horizontalAdvance(QStringLiteral("now")) / 2 + 4;
    plot_->axisRect()->setAutoMargins(QCP::msNone);
    plot_->axisRect()->setMargins(QMargins(left, 4, right, metrics.height() + 4));
}

void Chart::refresh() {
    if (!isVisible() || width() < 20) return;
    ++not_drawn_;
    const Columns::Change change = fill_columns();
    has_changed_ = has_changed_ || change != Columns::Change::nothing;
    if (change == Columns::Change::columns || (has_changed_ && not_drawn_ >= most_not_drawn)) redraw();
}

Columns::Change Chart::fill_columns() {
    const auto count = static_cast<std::size_t>(std::max(plot_->axisRect()->width() * plot_->bufferDevicePixelRatio(), 1.0));
    const double width = view_.span() / static_cast<double>(count);
    const auto end = static_cast<std::int64_t>(std::floor(view_.end() / width)) + 1;
    return columns_.update(history_, width, end - static_cast<std::int64_t>(count), count);
}

void Chart::redraw() {
    if (!isVisible() || width() < 20) return;
    fill_columns();
    has_changed_ = false;
    not_drawn_ = 0;
    const double begin = static_cast<double>(columns_.first()) * columns_.width();
    plot_->xAxis->setRange(begin, begin + static_cast<double>(columns_.count()) * columns_.width());
    scale_axis();
    const int line = QFontMetrics(plot_->yAxis->tickLabelFont()).height();
    plot_->yAxis->ticker()->setTickCount(std::clamp(plot_->axisRect()->height() / (line * 2), 2, 6));
    time_ticker_->fit(plot_->axisRect()->width(), QFontMetrics(plot_->xAxis->tickLabelFont()));
    plot_->replot(QCustomPlot::rpQueuedRefresh);
    show_cursor();
}

void Chart::show_cursor() {
    const auto hovered = view_.hovered();
    if (!hovered || !plot_->xAxis->range().contains(*hovered)) {
        plot_->show_cursor(std::nullopt, {});
        return;
    }
    plot_->show_cursor(plot_->xAxis->coordToPixel(*hovered), instant_text(view_, *hovered));
}

void Chart::scale_axis() {
    const double unit = drawn_unit(spec_.notation);
    const double smallest = spec_.smallest_top / unit;
    const double least = columns_.bounds().least / unit;
    const double greatest = std::max(columns_.bounds().greatest / unit, 0.0);
    // Room above the data for the labels of the marks.
    const double height = std::max(plot_->axisRect()->height(), 40);
    const double label = QFontMetrics(plot_->xAxis->tickLabelFont()).height() + 3;
    if (spec_.is_logarithmic) {
        const double top = std::max(greatest, smallest);
        const double low = std::isfinite(least) ? std::max(least, spec_.log_floor) : spec_.log_floor;
        const double begin = std::floor(std::log10(low) + 1e-9);
        const double data_end = std::max(std::log10(top), begin + 1);
        const double end = begin + (data_end - begin) * height / (height - label);
        plot_->yAxis->setRange(std::pow(10, begin) * 0.999, std::pow(10, end));
        return;
    }
    const double wanted = nice_top(std::max(greatest * height / (height - label), smallest));
    if (wanted > top_ || wanted < top_ * 0.8) top_ = wanted;
    plot_->yAxis->setRange(0, top_);
}

double Chart::value_of(const SeriesSpec& series) const {
    if (const auto hovered = view_.hovered()) return history_.at(series.quantity, *hovered);
    const double end = view_.end();
    return history_.mean(series.quantity, end - legend_window, end);
}

QString Chart::legend_value(std::size_t series) const { return value_text(spec_.notation, value_of(spec_.series[series])); }

void Chart::describe(const SeriesSpec& series) {
    const auto known = std::ranges::find(spec_.series, series.quantity, &SeriesSpec::quantity);
    if (known != spec_.series.end()) *known = series;
}

void Chart::refresh_legend() {
    std::vector<Legend::Entry> entries;
    for (std::size_t i = 0; i < spec_.series.size(); ++i) {
        const SeriesSpec& series = spec_.series[i];
        const double value = value_of(series);
        if (value > 0) was_used_[i] = true;
        if (series.hidden_while_unused && !was_used_[i]) continue;
        entries.push_back(
            {series.label, series.short_label, value_text(spec_.notation, value), series.meaning, {}, series.dashes});
    }
    legend_->show_entries(std::move(entries));
}

void Chart::draw_vectors(QPainter& painter) {
    painter.save();
    painter.fillRect(rect(), ink(palette()).card);
    for (QWidget* child : findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly)) {
        if (child == plot_ || qobject_cast<InfoButton*>(child) != nullptr || !child->isVisible()) continue;
        child->render(&painter, child->pos(), QRegion(), QWidget::DrawChildren);
    }
    QPicture picture; // QCustomPlot draws into a painter of its own kind only
    QCPPainter plot_painter(&picture);
    plot_->toPainter(&plot_painter, plot_->width(), plot_->height());
    plot_painter.end();
    painter.drawPicture(plot_->pos(), picture);
    painter.restore();
}

std::optional<double> Chart::time_at(const QPointF& position) const {
    const QRect area = plot_->axisRect()->rect();
    if (position.x() < area.left() || position.x() > area.right()) return std::nullopt;
    return plot_->xAxis->pixelToCoord(position.x());
}

bool Chart::eventFilter(QObject* watched, QEvent* event) {
    if (watched != plot_) return Card::eventFilter(watched, event);
    switch (event->type()) {
    case QEvent::Resize:
        QMetaObject::invokeMethod(this, &Chart::redraw, Qt::QueuedConnection);
        break;                  // once it is laid out
    case QEvent::PaletteChange: // it has its colours now; the chart may have had them before
        QMetaObject::invokeMethod(this, &Chart::redraw, Qt::QueuedConnection);
        break;
    case QEvent::Leave:
        view_.hover(std::nullopt);
        break;
    case QEvent::MouseMove: {
        const auto* mouse = static_cast<QMouseEvent*>(event);
        if (dragged_from_) {
            const QPoint position = mouse->position().toPoint();
            const double moved = plot_->xAxis->pixelToCoord(dragged_from_->x()) - plot_->xAxis->pixelToCoord(position.x());
            dragged_from_ = position;
            view_.pan(moved);
        }
        view_.hover(time_at(mouse->position()));
        break;
    }
    case QEvent::MouseButtonPress: {
        const auto* mouse = static_cast<QMouseEvent*>(event);
        setFocus(Qt::MouseFocusReason);
        if (mouse->button() == Qt::LeftButton) dragged_from_ = mouse->position().toPoint();
        if (mouse->button() == Qt::RightButton) emit menuWanted(this, mouse->globalPosition().toPoint());
        break;
    }
    case QEvent::MouseButtonRelease:
        dragged_from_.reset();
        break;
    case QEvent::MouseButtonDblClick:
        emit enlargeWanted(this);
        break;
    case QEvent::Wheel: {
        const auto* wheel = static_cast<QWheelEvent*>(event);
        const auto time = time_at(wheel->position());
        if (time) view_.zoom(std::pow(0.8, wheel->angleDelta().y() / 120.0), *time);
        event->accept();
        return true;
    }
    default:
        break;
    }
    return Card::eventFilter(watched, event);
}

void Chart::changeEvent(QEvent* event) {
    Card::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) apply_colours();
    if (event->type() == QEvent::FontChange) apply_margins();
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
        fit_title();
        redraw();
    }
}

void Chart::fit_title() {
    if (spec_.short_title.isEmpty()) return;
    const int others = unit_->sizeHint().width() + 3 * fontMetrics().height() + 16; // the unit, the "i", what is between
    const bool has_room = QFontMetrics(title_->font()).horizontalAdvance(spec_.title) + others <= width();
    title_->setText(has_room ? spec_.title : spec_.short_title);
}

void Chart::contextMenuEvent(QContextMenuEvent* event) { emit menuWanted(this, event->globalPos()); }

void Chart::keyPressEvent(QKeyEvent* event) {
    const double middle = view_.is_live() ? view_.end() : (view_.begin() + view_.end()) / 2;
    switch (event->key()) {
    case Qt::Key_Left:
        view_.pan(-view_.span() * 0.1);
        break;
    case Qt::Key_Right:
        view_.pan(view_.span() * 0.1);
        break;
    case Qt::Key_Up:
        view_.zoom(0.8, middle);
        break;
    case Qt::Key_Down:
        view_.zoom(1 / 0.8, middle);
        break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        emit enlargeWanted(this);
        break;
    case Qt::Key_Escape:
        emit shrinkWanted();
        break;
    default:
        Card::keyPressEvent(event);
    }
}

void Chart::focusInEvent(QFocusEvent* event) {
    Card::focusInEvent(event);
    update();
}

void Chart::focusOutEvent(QFocusEvent* event) {
    Card::focusOutEvent(event);
    update();
}

void Chart::resizeEvent(QResizeEvent* event) {
    Card::resizeEvent(event);
    fit_title();
    redraw();
}

} // namespace connscope::app
