// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_model.hpp"
#include "models/map_colouring.hpp"
#include "views/palette.hpp"

#include <QImage>
#include <QWidget>

#include <memory>
#include <optional>

class QComboBox;

namespace connscope::app {

class Legend;

// A snapshot as the map shows it.
struct MapPicture {
    SnapshotPtr snapshot;
    MapAspect aspect = MapAspect::state;
    MapCells cells;
    MapGrid grid; // device pixels
    QImage image; //
};

// The cells themselves, drawn as large as there is room for. Pictures of many connections are made on a thread of the pool.
class MapCanvas : public QWidget {
    Q_OBJECT
public:
    explicit MapCanvas(QWidget* parent = nullptr);

    void show_snapshot(const SnapshotPtr& snapshot, MapAspect aspect);
    void select(std::optional<ConnectionKey> key);
    const MapCells& cells() const noexcept { return picture_->cells; }
    // Where a cell is drawn; empty when there is no such cell.
    QRectF place_of(std::size_t cell) const;
    MapAspect aspect() const noexcept { return picture_->aspect; }
    QColor colour_of(MapClass which, MapAspect aspect) const;

    QSize sizeHint() const override { return {260, 160}; }
    QSize minimumSizeHint() const override { return {80, 60}; }

signals:
    void clicked(connscope::app::ConnectionKey key);
    // Another picture is shown; its counts are cells().counts.
    void pictureChanged();

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    bool event(QEvent* event) override;

private:
    void make_picture();
    void take(std::shared_ptr<MapPicture> picture);
    const telemetry::ConnectionReading* connection_at(const QPointF& position) const;

    SnapshotPtr newest_;
    MapAspect aspect_ = MapAspect::state;
    std::shared_ptr<MapPicture> picture_;
    std::shared_ptr<MapPicture> spare_; // the one before, whose memory is used again
    bool is_making_ = false;            // on another thread
    bool is_outdated_ = false;          // something has changed since that began
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
