// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_model.hpp"
#include "models/map_colouring.hpp"
#include "views/palette.hpp"

#include <QImage>
#include <QWidget>

#include <optional>

class QComboBox;

namespace connscope::app {

class Legend;

// The cells themselves: a picture of one pixel per connection, drawn as large as there is room for.
class MapCanvas : public QWidget {
    Q_OBJECT
public:
    explicit MapCanvas(QWidget* parent = nullptr);

    void show_snapshot(const SnapshotPtr& snapshot, MapAspect aspect);
    void select(std::optional<ConnectionKey> key);
    const MapCells& cells() const noexcept { return cells_; }
    // Where a cell is drawn; empty when there is no such cell.
    QRectF place_of(std::size_t cell) const;
    QColor colour_of(MapClass which) const;

    QSize sizeHint() const override { return {260, 160}; }
    QSize minimumSizeHint() const override { return {80, 60}; }

signals:
    void clicked(connscope::app::ConnectionKey key);

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    bool event(QEvent* event) override;

private:
    void arrange();
    std::optional<std::size_t> cell_at(const QPointF& position) const;
    const telemetry::ConnectionReading* connection_at(const QPointF& position) const;

    SnapshotPtr snapshot_;
    MapAspect aspect_ = MapAspect::state;
    MapCells cells_;
    QImage image_;
    int columns_ = 1;
    double cell_size_ = 1; // logical pixels
    std::optional<ConnectionKey> selected_;
};

// The connection map with its legend and the choice of what colours mean.
class ConnectionMap : public QWidget {
    Q_OBJECT
public:
    explicit ConnectionMap(QWidget* parent = nullptr);

    void show_snapshot(const SnapshotPtr& snapshot);
    void select(std::optional<ConnectionKey> key) { canvas_->select(key); }
    MapCanvas& canvas() noexcept { return *canvas_; }
    // Stands in the panel's head.
    QComboBox* chooser() const noexcept { return chooser_; }

signals:
    void clicked(connscope::app::ConnectionKey key);

private:
    void refresh_legend();

    QComboBox* chooser_;
    MapCanvas* canvas_;
    Legend* legend_;
    SnapshotPtr snapshot_;
};

} // namespace connscope::app
