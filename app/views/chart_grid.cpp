// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/chart_grid.hpp"

#include "models/history.hpp"
#include "session/plan.hpp"
#include "views/chart.hpp"
#include "views/chart_menu.hpp"

#include "connscope/telemetry/reading.hpp"

#include <QGridLayout>

#include <algorithm>
#include <cmath>
#include <map>

namespace connscope::app {

namespace {
constexpr double best_shape = 1.9; // width by height
constexpr int spacing = 8;
} // namespace

namespace {
// Of a mode, by the name that its server gives to what carries its connections.
Meaning meaning_of_carrier(const QString& carrier) {
    for (std::size_t kind = 0; kind < telemetry::carrier_kind_count; ++kind) {
        const auto name = telemetry::name_of(static_cast<telemetry::CarrierKind>(kind));
        if (carrier == QLatin1String(name.data(), static_cast<qsizetype>(name.size())))
            return meaning_of(static_cast<telemetry::CarrierKind>(kind));
    }
    return Meaning::amount;
}

// A mode's name where there is little room.
QString short_name_of(const ModeDescription& mode) {
    static const std::map<QString, QString> names{{QStringLiteral("thread-per-connection"), ChartGrid::tr("own")},
                                                  {QStringLiteral("callbacks"), ChartGrid::tr("callbacks")},
                                                  {QStringLiteral("fibers"), ChartGrid::tr("fibers")},
                                                  {QStringLiteral("thread-pool"), ChartGrid::tr("pool")},
                                                  {QStringLiteral("coroutines"), ChartGrid::tr("corout.")},
                                                  {QStringLiteral("coroutines-pool"), ChartGrid::tr("× threads")},
                                                  {QStringLiteral("loop-per-core"), ChartGrid::tr("per core")},
                                                  {QStringLiteral("preemptive-fibers"), ChartGrid::tr("preempt.")},
                                                  {QStringLiteral("cooperative-threads"), ChartGrid::tr("in turn")},
                                                  {QStringLiteral("process-per-connection"), ChartGrid::tr("proc.")}};
    const auto known = names.find(mode.id);
    constexpr qsizetype longest = 9;
    if (known != names.end()) return known->second;
    return mode.name.size() <= longest ? mode.name : mode.name.left(longest - 1) + QLatin1Char('.');
}
} // namespace

int columns_for(int count, const QSize& room) {
    int best = 1;
    double least_cost = HUGE_VAL;
    for (int columns = 1; columns <= count; ++columns) {
        const int rows = (count + columns - 1) / columns;
        const double width = static_cast<double>(room.width()) / columns;
        const double height = static_cast<double>(room.height()) / rows;
        if (width < 1 || height < 1) continue;
        const int empty = rows * columns - count;
        const double cost = std::abs(std::log(width / height / best_shape)) + 1.0 * empty;
        if (cost < least_cost) {
            least_cost = cost;
            best = columns;
        }
    }
    return best;
}

ChartGrid::ChartGrid(const History& history, TimeView& view, QWidget* parent)
    : QWidget(parent)
    , history_(history)
    , view_(view)
    , grid_(new QGridLayout(this)) {
    setObjectName(QStringLiteral("charts"));
    grid_->setContentsMargins(0, 0, 0, 0);
    grid_->setSpacing(spacing);
    for (ChartSpec& spec : chart_catalog()) {
        auto* chart = new Chart(std::move(spec), history, view, this);
        connect(chart, &Chart::enlargeWanted, this,
                [this](Chart* wanted) { enlarge(enlarged_ == nullptr ? wanted : nullptr); });
        connect(chart, &Chart::shrinkWanted, this, [this] { enlarge(nullptr); });
        connect(chart, &Chart::menuWanted, this, &ChartGrid::show_menu);
        charts_.push_back(chart);
    }
    arrange();
    connect(&history, &History::marked, this, &ChartGrid::redraw);
}

void ChartGrid::show_menu(Chart* chart, const QPoint& global) {
    make_chart_menu(*this, *chart, history_, view_, [this](const QString& text, bool is_bad) {
        emit told(text, is_bad);
    })->popup(global);
}

void ChartGrid::redraw() {
    for (Chart* chart : charts_) chart->redraw();
}

void ChartGrid::refresh() {
    for (Chart* chart : charts_) chart->refresh();
}

void ChartGrid::refresh_legends() {
    for (Chart* chart : charts_) chart->refresh_legend();
}

void ChartGrid::show_modes(const std::vector<ModeDescription>& modes) {
    std::map<QString, int> used{
        {QStringLiteral("thread"), 1}}; // modes with each carrier, so far; whole is the threads' curve
    for (std::size_t i = 0; i < std::min(modes.size(), most_modes); ++i) {
        const ModeDescription& mode = modes[i];
        const int dashes = used[mode.carrier]++;
        for (Chart* chart : charts_)
            chart->describe({in_mode(i), mode.name, short_name_of(mode), meaning_of_carrier(mode.carrier), true, dashes});
    }
    redraw();
    refresh_legends();
}

void ChartGrid::enlarge(Chart* chart) {
    if (chart == enlarged_) return;
    enlarged_ = chart;
    columns_ = 0;
    arrange();
    if (enlarged_ != nullptr) enlarged_->setFocus();
    redraw();
    emit enlargeChanged(enlarged_);
}

QSize ChartGrid::minimumSizeHint() const { return {fontMetrics().averageCharWidth() * 60, fontMetrics().height() * 17}; }

QSize ChartGrid::sizeHint() const { return {1200, 440}; }

void ChartGrid::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    arrange();
}

void ChartGrid::show_sources(const Sources& sources) {
    if (sources == sources_) return;
    sources_ = sources;
    columns_ = 0;
    arrange();
    redraw();
}

bool ChartGrid::has_source(const Chart& chart) const {
    switch (chart.spec().shown) {
    case Shown::always:
        return true;
    case Shown::with_probe:
        return sources_.probe;
    case Shown::with_requests:
        return sources_.requests;
    case Shown::with_idle_memory:
        return sources_.idle_memory;
    case Shown::with_load:
        return sources_.load;
    case Shown::without_load:
        return !sources_.load;
    }
    return true;
}

void ChartGrid::arrange() {
    const int all = static_cast<int>(charts_.size());
    const auto count =
        static_cast<int>(std::ranges::count_if(charts_, [this](const Chart* chart) { return has_source(*chart); }));
    const int columns = enlarged_ != nullptr ? 1 : columns_for(count, size());
    if (columns == columns_) return;
    for (int i = 0; i < all; ++i) {
        grid_->setColumnStretch(i, 0);
        grid_->setRowStretch(i, 0);
    }
    columns_ = columns;
    int cell = 0;
    for (Chart* chart : charts_) {
        grid_->removeWidget(chart);
        const bool is_shown = enlarged_ == nullptr ? has_source(*chart) : enlarged_ == chart;
        chart->setVisible(is_shown);
        if (!is_shown) continue;
        grid_->addWidget(chart, cell / columns, cell % columns);
        grid_->setColumnStretch(cell % columns, 1);
        grid_->setRowStretch(cell / columns, 1);
        ++cell;
    }
}

} // namespace connscope::app
