// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/charts.hpp"

#include "connscope/lab/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

namespace connscope::lab {
namespace {

struct Colour {
    std::string_view name;
    std::string_view light, dark; // Okabe-Ito's, and the same hues for dark backgrounds
};
constexpr std::array colours{
    Colour{"text", "#1b2127", "#e9eef2"},      Colour{"muted", "#5a6570", "#9aa6b1"},
    Colour{"grid", "#e1e6ea", "#2f3841"},      Colour{"card", "#ffffff", "#1c2228"},
    Colour{"thread", "#d55e00", "#fb7c22"},    Colour{"process", "#e69f00", "#ffb733"},
    Colour{"coroutine", "#0072b2", "#2e9be6"}, Colour{"closure", "#56b4e9", "#7cc8f4"},
    Colour{"fiber", "#cc79a7", "#ee9ccb"},     Colour{"server", "#8b949e", "#8b97a3"},
    Colour{"call", "#009e73", "#10c595"},
};

std::string colour(std::string_view name, Medium medium) {
    const auto* found =
        std::find_if(colours.begin(), colours.end(), [name](const Colour& each) { return each.name == name; });
    if (found == colours.end()) return colour("server", medium);
    if (medium == Medium::screen) return fmt::format("var(--c-{})", name);
    return std::string(medium == Medium::dark ? found->dark : found->light);
}

// An SVG that grows by elements. Styles are attributes, as Qt has no style sheets for SVG.
class Drawing {
public:
    Drawing(double height, std::string_view title, Frame frame)
        : medium_(frame.medium)
        , text_(fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
                            "height=\"{1:.0f}\" role=\"img\" font-family=\"Inter, 'DejaVu Sans', sans-serif\" "
                            "font-size=\"12\"><title>{2}</title>",
                            frame.width, height, escaped(title))) {}

    void rectangle(double x, double y, double width, double height, const std::string& fill, double opacity = 1) {
        text_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" style=\"fill:{}\" "
                             "fill-opacity=\"{:.2f}\"/>",
                             x, y, std::max(width, 0.0), height, fill, opacity);
    }
    void line(double x1, double y1, double x2, double y2, const std::string& stroke, double width = 1) {
        text_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" style=\"stroke:{}\" "
                             "stroke-width=\"{}\"/>",
                             x1, y1, x2, y2, stroke, width);
    }
    void path(const std::vector<std::pair<double, double>>& points, const std::string& stroke, std::string_view dash) {
        std::string at;
        for (const auto& [x, y] : points) at += fmt::format("{}{:.1f} {:.1f}", at.empty() ? "M" : " L", x, y);
        text_ += fmt::format("<path d=\"{}\" fill=\"none\" style=\"stroke:{}\" stroke-width=\"2\"{}/>", at, stroke,
                             dash.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", dash));
    }
    enum class Anchor { start, middle, end };
    void text(double x, double y, std::string_view content, Anchor anchor = Anchor::start, bool muted = false) {
        constexpr std::array names{"start", "middle", "end"};
        text_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" style=\"fill:{}\">{}</text>", x, y,
                             names[static_cast<std::size_t>(anchor)], colour(muted ? "muted" : "text", medium_),
                             escaped(content));
    }
    std::string finish() { return text_ + "</svg>"; }

private:
    Medium medium_;
    std::string text_;
};

// About the width of a text of 12 pixels.
double width_of(std::string_view text) {
    return 6.5 * static_cast<double>(std::count_if(text.begin(), text.end(),
                                                   [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// What tells lines of one colour apart.
constexpr std::array<std::string_view, 4> dashes{"", "7 4", "2 3", "9 3 2 3"};

struct Line {
    std::string name;
    std::string stroke;
    std::string_view dash;
    std::vector<std::pair<double, double>> points;
};

struct Tick {
    double at;
    std::string label;
};

// The powers of ten within which all values lie, those between only where there are few.
std::vector<Tick> decades(double low, double high, Unit unit) {
    std::vector<Tick> ticks;
    for (double at = std::pow(10, std::floor(std::log10(low))); at <= high * 10; at *= 10) {
        ticks.push_back({at, text_of(at, unit)});
        if (at >= high) break;
    }
    return ticks;
}

// Lines over two axes of which the vertical one is logarithmic, with the legend below. `x` gives a place from 0 to 1.
std::string line_chart(std::string_view title, std::vector<Line> lines, const std::vector<Tick>& across, Unit unit,
                       Frame frame) {
    const Medium medium = frame.medium;
    double low = INFINITY, high = 0;
    for (const Line& line : lines)
        for (const auto& [x, y] : line.points)
            if (y > 0) {
                low = std::min(low, y);
                high = std::max(high, y);
            }
    if (!(high > 0)) return {};
    const std::vector<Tick> up = decades(low, high, unit);
    const double bottom_log = std::log10(up.front().at), top_log = std::log10(up.back().at);
    constexpr double top = 10, plot_height = 210;
    // Half of the last label reaches beyond the plot.
    const double right = across.empty() ? 16 : std::max(16.0, width_of(across.back().label) / 2 + 2);
    double left = 0;
    for (const Tick& tick : up) left = std::max(left, width_of(tick.label) + 10);
    const double plot_width = frame.width - left - right;

    // The legend's rows.
    constexpr double sample = 26, gap = 18, row = 20;
    double x = left, legend_rows = 1;
    for (const Line& line : lines) {
        if (line.name.empty()) continue; // one of several that look the same
        const double width = sample + width_of(line.name) + gap;
        if (x > left && x + width > frame.width) {
            x = left;
            ++legend_rows;
        }
        x += width;
    }
    const double legend_top = top + plot_height + 36;
    Drawing drawing(legend_top + legend_rows * row, title, frame);
    const auto place_x = [&](double share) { return left + share * plot_width; };
    const auto place_y = [&](double value) {
        const double share =
            (std::log10(std::max(value, up.front().at)) - bottom_log) / std::max(top_log - bottom_log, 1e-9);
        return top + plot_height * (1 - share);
    };
    for (const Tick& tick : up) {
        drawing.line(left, place_y(tick.at), frame.width - right, place_y(tick.at), colour("grid", medium));
        drawing.text(left - 6, place_y(tick.at) + 4, tick.label, Drawing::Anchor::end, true);
    }
    for (const Tick& tick : across) {
        drawing.line(place_x(tick.at), top, place_x(tick.at), top + plot_height, colour("grid", medium));
        const auto anchor = tick.at < 0.03 ? Drawing::Anchor::start : Drawing::Anchor::middle;
        drawing.text(place_x(tick.at), top + plot_height + 18, tick.label, anchor, true);
    }
    for (const Line& line : lines) {
        std::vector<std::pair<double, double>> points;
        for (const auto& [share, value] : line.points) points.emplace_back(place_x(share), place_y(value));
        drawing.path(points, line.stroke, line.dash);
    }
    x = left;
    double y = legend_top;
    for (const Line& line : lines) {
        if (line.name.empty()) continue;
        const double width = sample + width_of(line.name) + gap;
        if (x > left && x + width > frame.width) {
            x = left;
            y += row;
        }
        drawing.path({{x, y}, {x + 20, y}}, line.stroke, line.dash);
        drawing.text(x + sample, y + 4, line.name);
        x += width;
    }
    return drawing.finish();
}

// Gives lines of the same colour different dashes.
void tell_apart(std::vector<Line>& lines) {
    std::map<std::string, std::size_t> seen;
    for (Line& line : lines) line.dash = dashes[seen[line.stroke]++ % dashes.size()];
}

// A curve's value at each share that every round has: the median over the rounds.
Curve median_curve(const CellResult& cell, const std::string& name) {
    std::map<double, std::vector<double>> values;
    for (const RoundRecord& round : cell.rounds) {
        const auto curve = round.curves.find(name);
        if (curve == round.curves.end()) continue;
        for (const auto& [share, value] : curve->second) values[share].push_back(value);
    }
    Curve median;
    for (auto& [share, some] : values)
        if (share < 1) median.emplace_back(share, spread_of(std::move(some))->median);
    return median;
}

} // namespace

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else
            out += c;
    }
    return out;
}

std::string label_of(const CellResult& cell) {
    std::string label = cell.spec.mode;
    if (cell.spec.conditions.threads) label += fmt::format(" · {} threads", *cell.spec.conditions.threads);
    if (cell.spec.conditions.slice_us) label += fmt::format(" · {} µs", *cell.spec.conditions.slice_us);
    return label;
}

std::string colour_of(const CellResult& cell, Medium medium) { return colour(cell.spec.carrier, medium); }

std::string colour_variables(bool dark) {
    std::string text;
    for (const Colour& each : colours) text += fmt::format("--c-{}:{};", each.name, dark ? each.dark : each.light);
    return text;
}

std::string bar_chart(const Cells& cells, std::string_view figure, const std::vector<std::string_view>& parts, Frame frame) {
    const Medium medium = frame.medium;
    const FigureInfo& info = *find_figure(figure);
    double most = 0, label_width = 0, value_width = 0;
    const auto value_text = [&](const CellResult& cell, Standing standing) {
        std::string text = text_of(cell.figure(figure).spread->median, info.unit);
        return standing == Standing::as_good ? text + " ≈" : text;
    };
    const std::vector<Standing> standings = standings_of(cells, info);
    for (std::size_t i = 0; i < cells.size(); ++i) {
        label_width = std::max(label_width, width_of(label_of(*cells[i])));
        const FigureResult& result = cells[i]->figure(figure);
        if (!result.known()) continue;
        most = std::max(most, result.spread->max);
        value_width = std::max(value_width, width_of(value_text(*cells[i], standings[i])));
    }
    if (value_width == 0) return {};
    constexpr double row = 24, bar = 14, top = 4, legend = 24;
    const double left = label_width + 10, plot = frame.width - left - value_width - 14;
    const auto length = [&](double value) { return most > 0 ? std::max(0.0, value) / most * plot : 0; };
    Drawing drawing(top + row * static_cast<double>(cells.size()) + (parts.empty() ? 0 : legend), info.title, frame);
    drawing.line(left, top, left, top + row * static_cast<double>(cells.size()), colour("grid", medium));
    double y = top;
    for (std::size_t i = 0; i < cells.size(); ++i, y += row) {
        const CellResult& cell = *cells[i];
        const FigureResult& result = cell.figure(figure);
        drawing.text(left - 8, y + row / 2 + 4, label_of(cell), Drawing::Anchor::end);
        if (!result.known()) {
            drawing.text(left + 6, y + row / 2 + 4, "–", Drawing::Anchor::start, true);
            continue;
        }
        const double bar_y = y + (row - bar) / 2;
        double x = left;
        double opacity = 1;
        if (parts.empty()) drawing.rectangle(left, bar_y, length(result.spread->median), bar, colour_of(cell, medium));
        for (const std::string_view part : parts) {
            const FigureResult& piece = cell.figure(part);
            const double width = piece.known() ? length(piece.spread->median) : 0;
            drawing.rectangle(x, bar_y, width, bar, colour_of(cell, medium), opacity);
            x += width;
            opacity = 0.45;
        }
        if (result.values.size() > 1) {
            const double from = left + length(result.spread->min), to = left + length(result.spread->max);
            drawing.line(from, y + row / 2, to, y + row / 2, colour("text", medium));
            for (const double end : {from, to})
                drawing.line(end, y + row / 2 - 3, end, y + row / 2 + 3, colour("text", medium));
        }
        drawing.text(left + length(result.spread->max) + 8, y + row / 2 + 4, value_text(cell, standings[i]));
    }
    double x = left, opacity = 1;
    for (const std::string_view part : parts) {
        std::string name(find_figure(part)->title);
        if (name.starts_with("of it ")) name = name.substr(6);
        drawing.rectangle(x, y + 8, 12, 12, colour("muted", medium), opacity);
        drawing.text(x + 18, y + 18, name, Drawing::Anchor::start, true);
        x += 18 + width_of(name) + 18;
        opacity = 0.45;
    }
    return drawing.finish();
}

namespace {

// Lines of distributions whose points are shares: where a share is, is its distance to all, in powers of ten.
std::string distribution_chart(std::vector<Line> lines, Frame frame) {
    const auto distance = [](double share) { return -std::log10(1 - share); };
    double last = 0;
    for (const Line& line : lines) last = std::max(last, distance(line.points.back().first));
    if (lines.empty() || last <= 0) return {};
    for (Line& line : lines)
        for (auto& [share, value] : line.points) share = distance(share) / last;
    std::vector<Tick> ticks;
    for (const auto& [share, label] : {std::pair{0.5, "50 %"}, std::pair{0.9, "90 %"}, std::pair{0.99, "99 %"},
                                       std::pair{0.999, "99.9 %"}, std::pair{0.9999, "99.99 %"}})
        if (distance(share) <= last * 1.001) ticks.push_back({distance(share) / last, label});
    return line_chart("Distribution", std::move(lines), ticks, Unit::microseconds, frame);
}

} // namespace

std::string curve_chart(const Cells& cells, const std::string& curve, Frame frame) {
    const Medium medium = frame.medium;
    std::vector<Line> lines;
    for (const CellResult* cell : cells) {
        const Curve points = median_curve(*cell, curve);
        if (!points.empty()) lines.push_back({label_of(*cell), colour_of(*cell, medium), {}, points});
    }
    tell_apart(lines);
    return distribution_chart(std::move(lines), frame);
}

std::string cell_chart(const CellResult& cell, Frame frame) {
    const Medium medium = frame.medium;
    struct Kind {
        const char* curve;
        const char* name;
        const char* colour;
    };
    constexpr std::array kinds{Kind{"latency_us", "latency", "coroutine"},
                               Kind{"latency_beside_hog_us", "beside a hog", "thread"},
                               Kind{"delay_us", "scheduling delay", "call"}};
    std::vector<Line> lines;
    for (const Kind& kind : kinds) {
        bool named = false;
        for (const RoundRecord& round : cell.rounds) {
            const auto curve = round.curves.find(kind.curve);
            if (curve == round.curves.end()) continue;
            Line line{named ? "" : kind.name, colour(kind.colour, medium), {}, {}};
            for (const auto& point : curve->second)
                if (point.first < 1) line.points.push_back(point);
            if (line.points.empty()) continue;
            named = true;
            lines.push_back(std::move(line));
        }
    }
    return distribution_chart(std::move(lines), frame);
}

std::string growth_chart(const Cells& cells, std::string_view figure, Frame frame) {
    const Medium medium = frame.medium;
    std::set<std::uint32_t> counts;
    std::map<std::string, Line> by_label;
    std::vector<std::string> order;
    for (const CellResult* cell : cells) {
        if (!cell->figure(figure).known()) continue;
        counts.insert(cell->spec.conditions.connections);
        auto [line, is_new] = by_label.try_emplace(label_of(*cell));
        if (is_new) order.push_back(line->first);
        line->second.name = line->first;
        line->second.stroke = colour_of(*cell, medium);
        line->second.points.emplace_back(cell->spec.conditions.connections, cell->figure(figure).spread->median);
    }
    if (counts.size() < 2) return {};
    const double low = std::log10(*counts.begin()), high = std::log10(*counts.rbegin());
    std::vector<Line> lines;
    for (const std::string& name : order) {
        Line line = by_label[name];
        for (auto& [x, y] : line.points) x = (std::log10(x) - low) / (high - low);
        std::sort(line.points.begin(), line.points.end());
        lines.push_back(std::move(line));
    }
    tell_apart(lines);
    std::vector<Tick> ticks;
    for (const std::uint32_t count : counts) ticks.push_back({(std::log10(count) - low) / (high - low), count_text(count)});
    const FigureInfo& info = *find_figure(figure);
    return line_chart(info.title, std::move(lines), ticks, info.unit, frame);
}

std::string switch_chart(const std::vector<SwitchCost>& costs, std::string_view place, bool cold, Frame frame) {
    const Medium medium = frame.medium;
    std::vector<std::uint64_t> sets;
    for (const SwitchCost& cost : costs)
        if (cost.place == place && cost.cold == cold &&
            std::find(sets.begin(), sets.end(), cost.working_set_bytes) == sets.end())
            sets.push_back(cost.working_set_bytes);
    if (sets.size() < 2) return {};
    std::vector<Line> lines;
    for (const SwitchCost& cost : costs) {
        if (cost.place != place || cost.cold != cold || !cost.spread_ns) continue;
        if (lines.empty() || lines.back().name != cost.way)
            lines.push_back({cost.way, colour(cost.way.substr(0, cost.way.find(' ')), medium), {}, {}});
        // Nothing touched has no place on a scale of powers: the sets are as far from each other as they are named.
        const auto at = std::find(sets.begin(), sets.end(), cost.working_set_bytes) - sets.begin();
        lines.back().points.emplace_back(static_cast<double>(at) / static_cast<double>(sets.size() - 1),
                                         cost.spread_ns->median / 1e3);
    }
    std::vector<Tick> ticks;
    for (std::size_t i = 0; i < sets.size(); ++i)
        ticks.push_back({static_cast<double>(i) / static_cast<double>(sets.size() - 1),
                         sets[i] == 0 ? "nothing" : text_of(static_cast<double>(sets[i]), Unit::bytes)});
    return line_chart("One switch", std::move(lines), ticks, Unit::microseconds, frame);
}

} // namespace connscope::lab
