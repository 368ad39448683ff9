// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "connscope/lab/layers.hpp"

#include <QWidget>

#include <vector>

namespace connscope::app {

// The way of one request down through the layers, a column for each mode: a line that goes as deep as most requests do,
// beside what each layer takes and how often it is entered.
class LayersView : public QWidget {
    Q_OBJECT
public:
    explicit LayersView(QWidget* parent = nullptr);

    // `message` is shown while there is no mode.
    void show_modes(std::vector<lab::ModeLayers> modes, const QString& message);
    const std::vector<lab::ModeLayers>& modes() const noexcept { return modes_; }
    // Which column's details are wanted; the first until another is clicked.
    std::size_t chosen() const noexcept { return chosen_; }
    void choose(std::size_t column);
    // Where a layer of a mode is drawn.
    QRect place_of(std::size_t column, std::size_t row) const;
    // How deep the solid line goes in a column: the number of rows.
    std::size_t depth_of(std::size_t column) const;

    QSize sizeHint() const override { return minimumSizeHint(); }
    QSize minimumSizeHint() const override;

signals:
    void chosenChanged(std::size_t column);

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override; // tool tips

private:
    int names_width() const;
    int head_height() const;
    int kernel_gap() const;
    int row_height() const;
    double column_width() const;
    void paint_names(QPainter& painter) const;
    void paint_caption(QPainter& painter, const QRect& place, const QString& text) const;
    void paint_column(QPainter& painter, std::size_t column) const;
    void paint_way(QPainter& painter, std::size_t column) const;

    std::vector<lab::ModeLayers> modes_;
    QString message_;
    std::size_t chosen_ = 0;
    double most_ns_ = 1; // of a layer of any mode
};

} // namespace connscope::app
