// SPDX-License-Identifier: BSL-1.0
#include "watch_screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace connscope::watch {
namespace {

constexpr std::size_t history = 60; // readings in a sparkline

// Select graphic rendition (ECMA-48, 8.3.117).
constexpr std::string_view plain = "\x1b[0m";
constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view reverse = "\x1b[7m";
constexpr std::string_view running_colour = "\x1b[32m"; // green
constexpr std::string_view ready_colour = "\x1b[33m";   // yellow
constexpr std::string_view ended_colour = "\x1b[31m";   // red

void remember(std::deque<double>& values, std::optional<double> value) {
    if (!value) return;
    values.push_back(*value);
    if (values.size() > history) values.pop_front();
}

std::optional<double> sum_of(std::initializer_list<std::optional<double>> parts) {
    std::optional<double> sum;
    for (const auto& part : parts)
        if (part) sum = sum.value_or(0) + *part;
    return sum;
}

// Keys that send more than one byte, and the one that stands for them here.
struct LongKey {
    std::string_view bytes;
    char key;
};
constexpr char up = 1, down = 2, page_up = 3, page_down = 4, to_begin = 5, to_end = 6, left = 14, right = 15, escape = 27;
constexpr std::array<LongKey, 14> long_keys{{
    {"\x1b[A", up},
    {"\x1bOA", up},
    {"\x1b[B", down},
    {"\x1bOB", down},
    {"\x1b[5~", page_up},
    {"\x1b[6~", page_down},
    {"\x1b[H", to_begin},
    {"\x1b[1~", to_begin},
    {"\x1b[F", to_end},
    {"\x1b[4~", to_end},
    {"\x1b[D", left},
    {"\x1bOD", left},
    {"\x1b[C", right},
    {"\x1bOC", right},
}};

// Takes the next key off the front of what was typed; 0 for one that means nothing here.
char take_key(std::string_view& bytes) {
    for (const LongKey& key : long_keys)
        if (bytes.starts_with(key.bytes)) {
            bytes.remove_prefix(key.bytes.size());
            return key.key;
        }
    if (bytes.starts_with("\x1b[") || bytes.starts_with("\x1bO")) { // another one: up to its last byte
        std::size_t at = 2;
        while (at < bytes.size() && (bytes[at] < 0x40 || bytes[at] > 0x7e)) ++at;
        bytes.remove_prefix(std::min(at + 1, bytes.size()));
        return 0;
    }
    const char key = bytes.front();
    bytes.remove_prefix(1);
    const bool taken = key == up || key == down || key == page_up || key == page_down || key == to_begin || key == to_end ||
                       key == left || key == right;
    return taken ? '\0' : key; // control characters that stand for long keys here are none
}

} // namespace

void Screen::resize(std::size_t columns, std::size_t rows) noexcept {
    columns_ = std::max<std::size_t>(columns, 20);
    rows_ = std::max<std::size_t>(rows, 8);
}

void Screen::show(View view, const Snapshot& snapshot) {
    view_ = view;
    view_chosen_ = true;
    order_ = default_order(snapshot, view);
    filter_.clear(); // it was of the other view's columns
    first_ = 0;
}

void Screen::take(const Snapshot& snapshot) {
    const bool only_threads = snapshot.kind == TargetKind::process && snapshot.connections.open.value_or(0) == 0;
    if (!view_chosen_) show(only_threads || snapshot.kind == TargetKind::load ? View::threads : View::connections, snapshot);
    remember(requests_, snapshot.requests_per_s);
    remember(cpu_, sum_of({snapshot.cpu.user, snapshot.cpu.system}));
    const auto& switches = snapshot.switches_per_s;
    remember(switches_, sum_of({switches.voluntary, switches.involuntary, switches.user_space}));
}

Screen::Wishes Screen::type(std::string_view bytes, const Snapshot& snapshot) {
    Wishes wishes;
    while (!bytes.empty()) {
        const char key = take_key(bytes);
        if (typing_filter_)
            type_filter(key);
        else if (help_)
            help_ = false; // any key
        else
            type_command(key, snapshot, wishes);
    }
    return wishes;
}

void Screen::type_filter(char key) {
    first_ = 0;
    if (key == '\r' || key == '\n') {
        typing_filter_ = false;
    } else if (key == escape) {
        typing_filter_ = false;
        filter_ = filter_before_;
    } else if (key == 0x7f || key == '\b') {
        while (!filter_.empty() && (filter_.back() & '\xc0') == '\x80') filter_.pop_back();
        if (!filter_.empty()) filter_.pop_back();
    } else if (static_cast<unsigned char>(key) >= 0x20 && filter_.size() < 200) {
        filter_ += key;
    }
}

void Screen::scroll(std::ptrdiff_t rows) {
    const auto last = static_cast<std::ptrdiff_t>(matching_ > page_ ? matching_ - page_ : 0);
    first_ = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(first_) + rows, 0, last));
}

void Screen::type_command(char key, const Snapshot& snapshot, Wishes& wishes) {
    const auto columns = columns_of(snapshot, view_);
    const auto page = static_cast<std::ptrdiff_t>(page_);
    const auto all = static_cast<std::ptrdiff_t>(matching_);
    switch (key) {
    case 'q':
        wishes.quit = true;
        return;
    case ' ':
        wishes.refresh = true;
        return;
    case 'c':
        show(View::connections, snapshot);
        wishes.refresh = true;
        return;
    case 't':
        show(View::threads, snapshot);
        wishes.refresh = true;
        return;
    case 'h':
    case '?':
        help_ = true;
        return;
    case '/':
        typing_filter_ = true;
        filter_before_ = filter_;
        return;
    case escape:
    case '=':
        filter_.clear();
        first_ = 0;
        return;
    case 'R':
        order_.descending = !order_.descending;
        return;
    case '<':
    case left:
        order_.column = order_.column == 0 ? columns.size() - 1 : order_.column - 1;
        return;
    case '>':
    case right:
        order_.column = order_.column + 1 >= columns.size() ? 0 : order_.column + 1;
        return;
    case up:
    case 'k':
        scroll(-1);
        return;
    case down:
    case 'j':
        scroll(1);
        return;
    case page_up:
        scroll(-page);
        return;
    case page_down:
        scroll(page);
        return;
    case to_begin:
    case 'g':
        scroll(-all);
        return;
    case to_end:
    case 'G':
        scroll(all);
        return;
    default:
        break;
    }
    const auto at = std::ranges::find(columns, key, &ColumnTitle::key);
    if (at == columns.end()) return;
    const auto column = static_cast<std::size_t>(at - columns.begin());
    order_.descending = order_.column == column ? !order_.descending : true;
    order_.column = column;
    first_ = 0;
}

std::string Screen::sparkline(const std::deque<double>& values) const {
    static constexpr std::array<std::string_view, 8> blocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static constexpr std::array<std::string_view, 8> letters{"_", "_", ".", ".", "-", "-", "=", "#"};
    if (values.empty()) return {};
    const double most = *std::ranges::max_element(values);
    std::string line;
    for (const double value : values) {
        const double share = most > 0 ? value / most : 0;
        const auto step = std::min<std::size_t>(static_cast<std::size_t>(share * 8), 7);
        line += (look_.unicode ? blocks : letters)[step];
    }
    return line;
}

std::vector<std::string> Screen::help_lines(const Snapshot& snapshot) const {
    std::vector<std::string> lines{
        "",
        "q quit    space read now    c connections    t threads    / filter    Esc or = no filter",
        "up, down, PgUp, PgDn, Home, End (k j g G)    scroll",
        "< >       sort by the column to the left or right    R turn the order round",
        "",
        "Sort by:",
    };
    for (const ColumnTitle& column : columns_of(snapshot, view_))
        lines.push_back(fmt::format("  {}  {}", column.key, column.title));
    lines.push_back("");
    lines.push_back("any key goes back");
    return lines;
}

std::string Screen::draw(const Snapshot& snapshot) {
    std::string out = "\x1b[H"; // cursor home
    std::size_t line_count = 0;
    const auto colour = [&](std::string_view code) { return look_.colours ? code : std::string_view{}; };
    const auto line = [&](std::string_view text, std::string_view code = {}) {
        if (line_count + 1 >= rows_) return; // the last line is for the keys
        ++line_count;
        if (!code.empty()) out += colour(code);
        out += fit(text, columns_);
        if (!code.empty()) out += colour(plain);
        out += "\x1b[K\r\n"; // erase what was there, next line
    };
    // Without colours the head still stands out: reversed, as every terminal can.
    const auto head_line = [&](std::string_view text) {
        if (line_count + 1 >= rows_) return;
        ++line_count;
        out += std::string(reverse) + fit(text, columns_) + std::string(plain) + "\x1b[K\r\n";
    };

    auto summary = summary_lines(snapshot);
    const std::array<const std::deque<double>*, 5> sparks{nullptr, nullptr, requests_.empty() ? &cpu_ : &requests_,
                                                          &switches_, nullptr};
    for (std::size_t i = 0; i < summary.size(); ++i) {
        if (i < sparks.size() && sparks[i] != nullptr) summary[i] += "   " + sparkline(*sparks[i]);
        for (const std::string& part : wrapped(summary[i], columns_))
            line(part, i == 0 ? (snapshot.ended ? ended_colour : bold) : std::string_view{});
    }

    if (help_) {
        for (const std::string& text : help_lines(snapshot)) line(text);
    } else {
        page_ = rows_ > line_count + 2 ? rows_ - line_count - 2 : 1;
        const Table table = make_table(snapshot, view_, order_, filter_, first_, page_);
        matching_ = table.matching;
        scroll(0); // rows may have gone
        head_line(table.head);
        for (std::size_t i = 0; i < table.rows.size(); ++i)
            line(table.rows[i], table.states[i] == 'r'   ? running_colour
                                : table.states[i] == 'w' ? ready_colour
                                                         : std::string_view{});
    }
    while (line_count + 1 < rows_) line("");

    const auto columns = columns_of(snapshot, view_);
    std::string keys;
    if (typing_filter_)
        keys = "filter: " + printable(filter_) + "_";
    else
        keys =
            fmt::format("{} {} of {}   by {} {}{}   q quit  h help  / filter  c connections  t threads",
                        view_ == View::threads ? "threads" : "connections", number_text(first_ + 1), number_text(matching_),
                        columns[std::min(order_.column, columns.size() - 1)].title, order_.descending ? "down" : "up",
                        filter_.empty() ? "" : "   filter '" + printable(filter_) + "'");
    out += std::string(reverse) + fit(keys, columns_) + std::string(plain) + "\x1b[K";
    return out;
}

} // namespace connscope::watch
