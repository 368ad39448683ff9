// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "watch_snapshot.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::watch {

// Text for people, without colours or control characters of a terminal.

std::string number_text(std::optional<std::uint64_t> value); // "12,345"; "-" for none
std::string rate_text(std::optional<double> value);          // "12,345", "3.2"; "-"
std::string bytes_text(std::optional<std::uint64_t> value);  // "1.1 KiB"; "-"
std::string share_text(std::optional<double> value);         // "12.3 %"; "-"
std::string duration_text(std::chrono::nanoseconds time);    // "12 µs", "3.4 ms"

// What may stand in a terminal, whatever a process calls itself: control characters and broken UTF-8 become '?'.
std::string printable(std::string_view text);

// Columns on the screen that a text takes, one for each character: none of ours is wide.
std::size_t width_of(std::string_view text) noexcept;
// Cut or filled with blanks to exactly that width.
std::string fit(std::string_view text, std::size_t width, bool right = false);

// The lines above the table: name, connections, rates, switches, memory, notes. Figures stand three blanks apart.
std::vector<std::string> summary_lines(const Snapshot& snapshot);

// A line as several that are at most so wide, broken where figures stand apart, the further ones indented.
std::vector<std::string> wrapped(std::string_view line, std::size_t width);

// Which rows a table shows.
enum class View { connections, threads };

// How a table is ordered and what of it is shown.
struct Order {
    std::size_t column = 0;
    bool descending = true;
};

struct Table {
    std::string head;
    std::vector<std::string> rows; // from `first` on, at most as many as asked for
    std::vector<char> states;      // of each row, for its colour: 'r' running, 'w' could run, ' ' waits
    std::size_t matching = 0;      // rows that the filter lets through
    std::size_t total = 0;
};

// The titles of a view's columns and the key of each that sorts by it, as top has them where top has the same.
struct ColumnTitle {
    std::string_view title;
    char key;
};
std::vector<ColumnTitle> columns_of(const Snapshot& snapshot, View view);
Order default_order(const Snapshot& snapshot, View view);

// The rows whose text holds `filter` (letters' case aside), sorted, from the `first` on.
Table make_table(const Snapshot& snapshot, View view, const Order& order, const std::string& filter, std::size_t first,
                 std::size_t rows);

} // namespace connscope::watch
