// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_model.hpp"
#include "session/snapshot.hpp"

#include <QString>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace connscope::app {

// By what the connection map colours its cells.
enum class MapAspect { state, carrier, delay, longest_slice, thread };
inline constexpr std::array map_aspects{MapAspect::state, MapAspect::carrier, MapAspect::delay, MapAspect::longest_slice,
                                        MapAspect::thread};
QString title_of(MapAspect aspect);

// A cell's class within an aspect: an index into classes_of(aspect). 0 is a free slot.
using MapClass = std::uint8_t;

// The names of an aspect's classes, class 0 ("free") included. Of `thread` there are eight, in turn for all threads in the
// order of their numbers: which of them it is, is known of cells only.
std::vector<QString> classes_of(MapAspect aspect);

// One cell per slot, in the order of slots, so that a connection keeps its place: first those of segment 0, then those of
// segment 1, and so on.
struct MapCells {
    std::vector<MapClass> classes;
    std::vector<std::uint32_t> connections; // cell → index in the snapshot's connections; no_connection where it is free
    std::vector<std::size_t> counts;        // by class
    std::optional<std::size_t> selected;    // the cell of the selected connection
    std::vector<std::uint32_t> threads;     // of aspect `thread`: those that ran a connection, in order

    static constexpr std::uint32_t no_connection = ~std::uint32_t{0};
};

// Overwrites `into`, whose memory is used again. Any thread; a million connections take 25 ms.
void fill_cells(MapCells& into, const Snapshot& snapshot, MapAspect aspect,
                const std::optional<ConnectionKey>& selected = {});

// Where the cells are in a rectangle of pixels: squares, as large as there is room for, row after row; or, where there are
// more cells than pixels, several in one pixel.
struct MapGrid {
    int width = 0; // of the rectangle
    int height = 0;
    std::size_t cells = 0;
    int side = 1;             // of a cell, pixels, the line between cells included
    std::size_t columns = 1;  // pixels or cells in a row
    std::size_t in_pixel = 1; // cells in one pixel, when `side` is 1

    std::size_t rows() const noexcept;
    // The first cell drawn at a pixel; none where there is no cell.
    std::optional<std::size_t> cell_at(int x, int y) const noexcept;
    // The left upper pixel of a cell.
    std::pair<int, int> place_of(std::size_t cell) const noexcept;
};
MapGrid grid_for(std::size_t cells, int width, int height, int largest_side);

// Paints the cells into rows of `stride` pixels, `colours` by class. Of several cells in one pixel, the one whose class is
// the rarest shows. Cells of `line_from` pixels and more leave a line of `behind` between them.
void paint_cells(std::span<std::uint32_t> pixels, std::size_t stride, const MapGrid& grid, const MapCells& cells,
                 std::span<const std::uint32_t> colours, std::uint32_t behind, int line_from);

} // namespace connscope::app
