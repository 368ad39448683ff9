// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/columns.hpp"
#include "views/card.hpp"
#include "views/chart_catalog.hpp"
#include "views/legend.hpp"

#include <QPoint>
#include <QSharedPointer>

#include <optional>
#include <vector>

class QCustomPlot;
class QMouseEvent;
class QPainter;
class QWheelEvent;

namespace connscope::app {

class History;
class Plot;
class TimeTicker;
class TimeView;

// One chart of the catalog: quantities over the shared stretch of time, a legend with their values now or at the instant the
// mouse points at. `history` and `view` outlive it.
class Chart : public Card {
    Q_OBJECT
public:
    Chart(ChartSpec spec, const History& history, TimeView& view, QWidget* parent = nullptr);
    ~Chart() override;

    const ChartSpec& spec() const noexcept { return spec_; }

    // What a series is called and looks like, where that was not known before.
    void describe(const SeriesSpec& series);

    // Draws the curves as the history is now, if anything of them has changed.
    void refresh();
    // The same where something else has changed: colours, marks, the size.
    void redraw();
    // Writes the legend anew; a few times a second, so that its digits can be read.
    void refresh_legend();

    QCustomPlot& plot() noexcept;
    // Draws title, legend and curves as they are now, at the chart's size.
    void draw_vectors(QPainter& painter);
    // What the legend says of a series, for tests and copying.
    QString legend_value(std::size_t series) const;

signals:
    // The chart was double-clicked: it wants the whole window, or to go back to its place.
    void enlargeWanted(connscope::app::Chart* chart);
    void shrinkWanted();
    void menuWanted(connscope::app::Chart* chart, const QPoint& global);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void changeEvent(QEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void make_plot();
    void apply_colours();
    void apply_margins();
    Columns::Change fill_columns();
    void scale_axis();
    void show_cursor();
    void fit_title();
    std::optional<double> time_at(const QPointF& position) const;
    double value_of(const SeriesSpec& series) const;

    ChartSpec spec_;
    const History& history_;
    TimeView& view_;
    QLabel* title_;
    QLabel* unit_;
    Legend* legend_;
    Plot* plot_;
    Columns columns_;
    std::vector<bool> was_used_; // the series has been more than 0
    bool has_changed_ = false;   // since it was drawn
    int not_drawn_ = 0;          // refreshs since it was drawn
    double top_ = 0;
    QSharedPointer<TimeTicker> time_ticker_; // the plot's axis shares it
    std::optional<QPoint> dragged_from_;
};

} // namespace connscope::app
