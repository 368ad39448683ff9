// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/connection_columns.hpp"
#include "session/snapshot.hpp"

#include <QString>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace connscope::app {

// By what the connection map colours its cells.
enum class MapAspect { state, carrier, delay, longest_slice, thread };
inline constexpr std::array map_aspects{MapAspect::state, MapAspect::carrier, MapAspect::delay, MapAspect::longest_slice,
                                        MapAspect::thread};
QString title_of(MapAspect aspect);

// A cell's class within an aspect: an index into classes_of(aspect). 0 is a free slot.
using MapClass = std::uint8_t;

// The names of an aspect's classes, class 0 ("free") included. Of `thread` there are eight, shared by all threads.
std::vector<QString> classes_of(MapAspect aspect);

// One cell per slot, in the order of slots, so that a connection keeps its place: first those of segment 0, then those of
// segment 1, and so on.
struct MapCells {
    std::vector<MapClass> classes;
    std::vector<std::uint32_t> connections; // cell → index in the snapshot's connections; no_connection where it is free
    std::vector<std::size_t> counts;        // by class

    static constexpr std::uint32_t no_connection = ~std::uint32_t{0};
};

// Overwrites `into`, whose memory is used again.
void fill_cells(MapCells& into, const Snapshot& snapshot, MapAspect aspect);

} // namespace connscope::app
