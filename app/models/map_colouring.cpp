// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/map_colouring.hpp"

#include <QCoreApplication>

#include <algorithm>
#include <utility>

namespace connscope::app {

namespace {

using telemetry::CarrierKind;
using telemetry::ConnectionState;

constexpr std::size_t thread_classes = 8;

QString tr(const char* text) { return QCoreApplication::translate("ConnectionMap", text); }

// The classes of a time: up to 10 µs, 100 µs, 1 ms, 10 ms, 100 ms, more.
MapClass class_of(std::chrono::nanoseconds time) {
    MapClass found = 1;
    for (std::int64_t limit = 10'000; found < 6 && time.count() > limit; limit *= 10) ++found;
    return found;
}

// The classes of threads take turns in the order of the threads' numbers, so that neighbours differ.
MapClass class_of_thread(std::uint32_t thread, const std::vector<std::uint32_t>& threads) {
    if (thread == 0) return 0;
    const auto place = std::lower_bound(threads.begin(), threads.end(), thread) - threads.begin();
    return static_cast<MapClass>(1 + static_cast<std::size_t>(place) % thread_classes);
}

void find_threads(std::vector<std::uint32_t>& into, const std::vector<telemetry::ConnectionReading>& connections) {
    into.clear();
    for (const auto& connection : connections) {
        if (connection.thread != 0 && (into.empty() || into.back() != connection.thread)) into.push_back(connection.thread);
    }
    std::sort(into.begin(), into.end());
    into.erase(std::unique(into.begin(), into.end()), into.end());
}

MapClass class_of(const telemetry::ConnectionReading& connection, MapAspect aspect,
                  const std::vector<std::uint32_t>& threads) {
    switch (aspect) {
    case MapAspect::state:
        return static_cast<MapClass>(connection.state);
    case MapAspect::carrier:
        return static_cast<MapClass>(static_cast<int>(connection.carrier) + 1);
    case MapAspect::delay:
        return class_of(connection.longest_ready);
    case MapAspect::longest_slice:
        return class_of(connection.longest_slice);
    case MapAspect::thread:
        return class_of_thread(connection.thread, threads);
    }
    return 0;
}

} // namespace

QString title_of(MapAspect aspect) {
    switch (aspect) {
    case MapAspect::state:
        return tr("State");
    case MapAspect::carrier:
        return tr("Carrier");
    case MapAspect::delay:
        return tr("Longest delay");
    case MapAspect::longest_slice:
        return tr("Longest slice");
    case MapAspect::thread:
        return tr("Thread");
    }
    return {};
}

std::vector<QString> classes_of(MapAspect aspect) {
    switch (aspect) {
    case MapAspect::state:
        return {tr("free"),
                state_text(ConnectionState::running),
                state_text(ConnectionState::ready),
                state_text(ConnectionState::waiting_read),
                state_text(ConnectionState::waiting_write),
                state_text(ConnectionState::paused)};
    case MapAspect::carrier:
        return {tr("free"),
                tr("none"),
                carrier_text(CarrierKind::thread),
                carrier_text(CarrierKind::coroutine),
                carrier_text(CarrierKind::fiber),
                carrier_text(CarrierKind::closure),
                carrier_text(CarrierKind::process)};
    case MapAspect::delay:
    case MapAspect::longest_slice:
        return {tr("free"), tr("≤ 10 µs"), tr("≤ 100 µs"), tr("≤ 1 ms"), tr("≤ 10 ms"), tr("≤ 100 ms"), tr("> 100 ms")};
    case MapAspect::thread: {
        std::vector<QString> names{tr("free")};
        for (std::size_t i = 0; i < thread_classes; ++i) names.push_back({});
        return names;
    }
    }
    return {};
}

void fill_cells(MapCells& into, const Snapshot& snapshot, MapAspect aspect, const std::optional<ConnectionKey>& selected) {
    const auto& connections = snapshot.server.connections;
    std::vector<std::size_t> first_of_segment; // the first cell of each segment
    for (const auto& connection : connections) {
        if (connection.segment >= first_of_segment.size()) first_of_segment.resize(connection.segment + 1, 0);
        std::size_t& slots_used = first_of_segment[connection.segment];
        slots_used = std::max<std::size_t>(slots_used, connection.slot + std::size_t{1});
    }
    std::size_t cells = 0;
    for (std::size_t& entry : first_of_segment) cells += std::exchange(entry, cells);

    into.classes.assign(cells, 0);
    into.connections.assign(cells, MapCells::no_connection);
    into.counts.assign(classes_of(aspect).size(), 0);
    into.selected.reset();
    into.threads.clear();
    if (aspect == MapAspect::thread) find_threads(into.threads, connections);
    for (std::uint32_t index = 0; index < connections.size(); ++index) {
        const auto& connection = connections[index];
        const std::size_t cell = first_of_segment[connection.segment] + connection.slot;
        const MapClass found = class_of(connection, aspect, into.threads);
        into.classes[cell] = found;
        into.connections[cell] = index;
        ++into.counts[found];
        if (selected && key_of(connection) == *selected) into.selected = cell;
    }
    into.counts[0] = cells - std::min(cells, connections.size());
}

std::size_t MapGrid::rows() const noexcept {
    const std::size_t in_row = columns * in_pixel;
    return (cells + in_row - 1) / in_row;
}

std::optional<std::size_t> MapGrid::cell_at(int x, int y) const noexcept {
    if (x < 0 || y < 0) return std::nullopt;
    const auto column = static_cast<std::size_t>(x / side);
    if (column >= columns) return std::nullopt;
    const std::size_t cell = (static_cast<std::size_t>(y / side) * columns + column) * in_pixel;
    if (cell >= cells) return std::nullopt;
    return cell;
}

std::pair<int, int> MapGrid::place_of(std::size_t cell) const noexcept {
    const std::size_t place = cell / in_pixel;
    return {static_cast<int>(place % columns) * side, static_cast<int>(place / columns) * side};
}

MapGrid grid_for(std::size_t cells, int width, int height, int largest_side) {
    MapGrid grid;
    grid.width = std::max(width, 1);
    grid.height = std::max(height, 1);
    grid.cells = cells;
    grid.columns = static_cast<std::size_t>(grid.width);
    const std::size_t pixels = grid.columns * static_cast<std::size_t>(grid.height);
    if (cells > pixels) {
        grid.in_pixel = (cells + pixels - 1) / pixels;
        return grid;
    }
    for (int side = largest_side; side > 1; --side) {
        const auto columns = static_cast<std::size_t>(grid.width / side);
        if (columns * static_cast<std::size_t>(grid.height / side) < cells || columns == 0) continue;
        grid.side = side;
        grid.columns = columns;
        break;
    }
    return grid;
}

void paint_cells(std::span<std::uint32_t> pixels, std::size_t stride, const MapGrid& grid, const MapCells& cells,
                 std::span<const std::uint32_t> colours, std::uint32_t behind, int line_from) {
    std::fill(pixels.begin(), pixels.end(), behind);
    if (grid.side == 1) {
        std::array<std::size_t, 256> rank{};
        for (std::size_t each = 0; each < rank.size(); ++each) {
            rank[each] =
                each < cells.counts.size() && each > 0 ? cells.counts[each] : ~std::size_t{0}; // free ones come last
        }
        for (std::size_t place = 0; place * grid.in_pixel < cells.classes.size(); ++place) {
            const std::size_t begin = place * grid.in_pixel;
            MapClass shown = cells.classes[begin];
            for (std::size_t cell = begin + 1; cell < std::min(begin + grid.in_pixel, cells.classes.size()); ++cell) {
                if (rank[cells.classes[cell]] < rank[shown]) shown = cells.classes[cell];
            }
            pixels[place / grid.columns * stride + place % grid.columns] = colours[shown];
        }
        return;
    }
    const int filled = grid.side >= line_from ? grid.side - std::max(grid.side / 12, 1) : grid.side;
    for (std::size_t cell = 0; cell < cells.classes.size(); ++cell) {
        const auto [x, y] = grid.place_of(cell);
        const std::uint32_t colour = colours[cells.classes[cell]];
        for (int row = y; row < y + filled; ++row) {
            std::uint32_t* line = pixels.data() + static_cast<std::size_t>(row) * stride + x;
            std::fill(line, line + filled, colour);
        }
    }
}

} // namespace connscope::app
