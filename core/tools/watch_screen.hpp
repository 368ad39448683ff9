// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "watch_snapshot.hpp"
#include "watch_table.hpp"

#include <cstddef>
#include <deque>
#include <string>

namespace connscope::watch {

// The refreshed terminal view: what to draw for a snapshot and what keys do to it. No input or output of its own.
class Screen {
public:
    struct Look {
        bool colours = true;
        bool unicode = true;
    };
    explicit Screen(Look look)
        : look_(look) {}

    void resize(std::size_t columns, std::size_t rows) noexcept;
    void take(const Snapshot& snapshot); // remembers the rates for the sparklines
    View view() const noexcept { return view_; }

    // Does what the typed bytes say. `quit` and `refresh` (a reading is wanted now) tell the caller.
    struct Wishes {
        bool quit = false;
        bool refresh = false;
    };
    Wishes type(std::string_view bytes, const Snapshot& snapshot);

    // Everything to write to the terminal, from its top left corner on.
    std::string draw(const Snapshot& snapshot);

private:
    void type_filter(char key);
    void type_command(char key, const Snapshot& snapshot, Wishes& wishes);
    void scroll(std::ptrdiff_t rows);
    void show(View view, const Snapshot& snapshot);
    std::string sparkline(const std::deque<double>& values) const;
    std::vector<std::string> help_lines(const Snapshot& snapshot) const;

    Look look_;
    std::size_t columns_ = 80;
    std::size_t rows_ = 24;
    View view_ = View::connections;
    bool view_chosen_ = false; // by a key, or by the first snapshot
    Order order_;
    std::string filter_;
    std::string filter_before_; // what Escape brings back while typing
    bool typing_filter_ = false;
    bool help_ = false;
    std::size_t first_ = 0;    // row at the top of the table
    std::size_t page_ = 10;    // rows that fitted last
    std::size_t matching_ = 0; // rows there were last
    std::deque<double> requests_, cpu_, switches_;
};

} // namespace connscope::watch
