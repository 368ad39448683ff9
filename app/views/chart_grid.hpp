// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/metrics.hpp"

#include <QWidget>

#include <vector>

class QGridLayout;

namespace connscope::app {

class Chart;
class History;
class TimeView;
struct ModeDescription;

// All charts of the catalog, in as many equal columns as suit the room; or one of them alone.
class ChartGrid : public QWidget {
    Q_OBJECT
public:
    ChartGrid(const History& history, TimeView& view, QWidget* parent = nullptr);

    const std::vector<Chart*>& charts() const noexcept { return charts_; }
    void refresh();
    void redraw(); // also where no data has changed
    void refresh_legends();
    // What the modes of the server are, by their numbers.
    void show_modes(const std::vector<ModeDescription>& modes);
    // Charts that would stay empty are not shown.
    void show_sources(const Sources& sources);
    // Shows one chart alone, or all again with nullptr.
    void enlarge(Chart* chart);
    Chart* enlarged() const noexcept { return enlarged_; }

    QSize minimumSizeHint() const override;
    QSize sizeHint() const override;

signals:
    void enlargeChanged(connscope::app::Chart* chart);
    // What became of something that the user wanted of a chart: saved, or why not.
    void told(const QString& text, bool is_bad);

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void arrange();
    bool has_source(const Chart& chart) const;
    void show_menu(Chart* chart, const QPoint& global);

    const History& history_;
    TimeView& view_;
    std::vector<Chart*> charts_;
    Chart* enlarged_ = nullptr;
    QGridLayout* grid_;
    int columns_ = 0;
    Sources sources_;
};

// How many columns make `count` cells of the given room nearest to the shape that suits a chart.
int columns_for(int count, const QSize& room);

} // namespace connscope::app
