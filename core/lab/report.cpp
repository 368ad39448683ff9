// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/report.hpp"

#include "connscope/lab/charts.hpp"
#include "connscope/lab/findings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace connscope::lab {
namespace {

// What is told in charts first, and what each bar is made of.
struct Shown {
    std::string_view figure;
    std::vector<std::string_view> parts;
};
const std::vector<Shown>& shown_in_charts() {
    static const std::vector<Shown> shown{
        {"memory_bytes", {"memory_user_bytes", "memory_kernel_bytes"}},
        {"hog_p99_us", {}},
        {"requests_per_s", {}},
        {"cpu_us_per_request", {"cpu_user_us_per_request", "cpu_system_us_per_request"}},
        {"voluntary_per_request", {}},
        {"system_calls_per_request", {}},
        {"latency_p99_us", {}},
        {"delay_p99_us", {}},
        {"accept_1000_ms", {}},
        {"hand_off_in_ms", {}},
    };
    return shown;
}

constexpr std::string_view screen_style = R"(
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--c-text);font:15px/1.5 Inter,'DejaVu Sans',system-ui,sans-serif}
body{font-feature-settings:'calt' 0}
main{max-width:1240px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:28px;line-height:1.2;margin:0 0 4px}
h2{font-size:19px;margin:40px 0 12px}
h3{font-size:14px;margin:0 0 2px;font-weight:600}
p{margin:0 0 10px;max-width:85ch}
.muted,.source{color:var(--c-muted)}
.source{font-size:12px;line-height:1.4;margin:0 0 10px}
ul.findings{padding-left:20px;margin:0;max-width:95ch}
ul.findings li{margin:0 0 8px}
ul.findings li.strong{font-size:17px;font-weight:500}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(480px,100%),1fr));gap:16px}
.card{background:var(--c-card);border:1px solid var(--c-grid);border-radius:10px;padding:16px 18px;break-inside:avoid}
.card svg{display:block;width:100%;height:auto}
.wide{overflow-x:auto;background:var(--c-card);border:1px solid var(--c-grid);border-radius:10px;padding:4px 14px 10px}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:5px 10px;text-align:right;border-bottom:1px solid var(--c-grid);vertical-align:top}
th{font-weight:600}
th:first-child,td:first-child{text-align:left;padding-left:0;white-space:nowrap}
td small{display:block;color:var(--c-muted);font-size:11px;white-space:nowrap}
tr.topic td{font-weight:600;padding-top:14px}
td.best{color:var(--good);font-weight:600}
td.worst{color:var(--bad)}
table.facts td{text-align:left;border:0;padding:2px 16px 2px 0}
table.facts td:first-child{color:var(--c-muted)}
code{font:13px 'DejaVu Sans Mono',monospace;background:var(--c-grid);padding:2px 6px;border-radius:4px;overflow-wrap:anywhere}
@media print{:root{--page:#fff}@page{size:A4;margin:14mm}
body{font-size:11px}main{max-width:none;padding:0}h1{font-size:22px}h2{font-size:15px;margin-top:22px;break-after:avoid}
ul.findings li.strong{font-size:12px}.charts{grid-template-columns:1fr 1fr;gap:10px}.card{padding:10px 12px}
.wide{overflow:visible;padding:0;border:0}table{font-size:8.5px}th,td{padding:3px 5px}td small{font-size:7.5px}
tr{break-inside:avoid}.source{font-size:8.5px}code{font-size:9px}}
)";

// Qt's rich text knows this much.
constexpr std::string_view paper_style = R"(
body{font-family:Inter,'DejaVu Sans';font-size:9pt;color:#1b2127}
h1{font-size:18pt}h2{font-size:13pt}h3{font-size:10pt}
.muted,.source{color:#5a6570}.source{font-size:7pt}
td,th{padding:2px 6px;font-size:7pt}
td.best{color:#007a59;font-weight:bold}td.worst{color:#b84c00}
)";

std::string page_colours(bool dark) {
    return colour_variables(dark) +
           (dark ? "--page:#14191e;--good:#10c595;--bad:#fb8b3c;" : "--page:#edf1f4;--good:#007a59;--bad:#b84c00;");
}

class Writer {
public:
    Writer(const Result& result, Medium medium)
        : result_(result)
        , medium_(medium) {}

    void write() {
        head();
        findings();
        const auto groups = groups_of();
        for (const auto& [conditions, cells] : groups) charts(cells, groups.size() > 1 ? "Charts: " + conditions : "Charts");
        growth();
        switches();
        for (const auto& [conditions, cells] : groups)
            table(cells, groups.size() > 1 ? "All figures: " + conditions : "All figures");
        lacking();
        about();
        if (medium_ == Medium::screen)
            html_ += "</main></body></html>\n";
        else
            html_ += "</body></html>\n";
    }

    std::string html_;
    std::vector<std::string> charts_;

private:
    void tag(std::string_view name, std::string_view text) { html_ += fmt::format("<{0}>{1}</{0}>\n", name, escaped(text)); }

    void head() {
        const std::string title =
            result_.cells.empty() ? "What one switch costs" : "What each way of scheduling connections costs";
        html_ = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>connscope: " + title + "</title>";
        if (medium_ == Medium::screen)
            html_ +=
                fmt::format("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                            "<meta name=\"color-scheme\" content=\"light dark\"><style>:root{{{}}}"
                            "@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}{}</style></head><body><main>\n",
                            page_colours(false), page_colours(true), screen_style);
        else
            html_ += fmt::format("<style>{}</style></head><body>\n", paper_style);
        tag("h1", title);
        std::string where;
        for (const auto& [name, text] : result_.machine)
            if (name == "processor" || name == "CPUs" || name == "kernel")
                where += (where.empty() ? "" : " · ") + (name == "CPUs" ? text + " CPUs" : text);
        html_ += fmt::format("<p class=\"muted\">connscope · {} · {}</p>\n", escaped(result_.started), escaped(where));
        if (!result_.cells.empty())
            html_ +=
                fmt::format("<p>{}: {} cell{}, {} round{} each.{}</p>\n", escaped(result_.workload), result_.cells.size(),
                            result_.cells.size() == 1 ? "" : "s", result_.rounds, result_.rounds == 1 ? "" : "s",
                            result_.complete ? "" : " <b>Interrupted: not all rounds were run.</b>");
    }

    void findings() {
        const auto found = find(result_);
        if (found.empty()) return;
        tag("h2", "Findings");
        html_ += "<ul class=\"findings\">";
        for (std::size_t i = 0; i < found.size(); ++i)
            html_ += fmt::format("<li{}>{}</li>\n", i < 3 ? " class=\"strong\"" : "", escaped(found[i].text));
        html_ +=
            "</ul>\n<p class=\"source\">Each sentence is made of the figures below and of nothing else. Within noise: the "
            "rounds do not agree on which is larger, or lie closer together than a difference of that kind must to mean "
            "anything.</p>\n";
    }

    std::vector<std::pair<std::string, Cells>> groups_of() const {
        std::map<std::tuple<std::uint32_t, std::uint64_t, int>, Cells> groups;
        for (const CellResult& cell : result_.cells) {
            const Conditions& c = cell.spec.conditions;
            groups[{c.connections, c.payload.value_or(0), c.work_us.value_or(0)}].push_back(&cell);
        }
        std::vector<std::pair<std::string, Cells>> named;
        for (auto& [key, cells] : groups) {
            Conditions shared = cells.front()->spec.conditions;
            shared.threads.reset();
            shared.slice_us.reset();
            named.emplace_back(text_of(shared), std::move(cells));
        }
        return named;
    }

    void card(std::string_view title, std::string_view source, std::string svg) {
        if (svg.empty()) return;
        if (medium_ == Medium::screen) {
            html_ +=
                fmt::format("<figure class=\"card\" style=\"margin:0\"><h3>{}</h3><p class=\"source\">{}</p>{}</figure>\n",
                            escaped(title), escaped(source), svg);
            return;
        }
        html_ += fmt::format("<h3>{}</h3><p class=\"source\">{}</p><p><img src=\"chart:{}\"></p>\n", escaped(title),
                             escaped(source), charts_.size());
        charts_.push_back(std::move(svg));
    }
    void open_charts(std::string_view title) {
        tag("h2", title);
        if (medium_ == Medium::screen) html_ += "<div class=\"charts\">\n";
    }
    void close_charts() {
        if (medium_ == Medium::screen) html_ += "</div>\n";
    }

    void charts(const Cells& cells, const std::string& title) {
        open_charts(title);
        for (const Shown& shown : shown_in_charts()) {
            const FigureInfo& info = *find_figure(shown.figure);
            card(info.title, sentence(info.source), bar_chart(cells, shown.figure, shown.parts, medium_));
        }
        card("Latency at the fixed rate", "The share of requests answered within a time.",
             curve_chart(cells, "latency_us", medium_));
        card("Latency beside a hog", "The same while one connection computes again and again without a yield.",
             curve_chart(cells, "latency_beside_hog_us", medium_));
        close_charts();
        html_ += "<p class=\"source\">Bars are medians over the rounds, lines reach from the smallest to the largest; ≈ is "
                 "within "
                 "noise of the best. Colours tell what carries a connection: a thread, a process, a coroutine's frame, a "
                 "callback's closure, a fiber's stack, or (grey) a server of another kind.</p>\n";
    }

    void growth() {
        Cells all;
        for (const CellResult& cell : result_.cells) all.push_back(&cell);
        bool any = false;
        for (const char* figure :
             {"memory_bytes", "requests_per_s", "cpu_us_per_request", "latency_p99_us", "hand_off_in_ms"}) {
            std::string svg = growth_chart(all, figure, medium_);
            if (svg.empty()) continue;
            if (!any) open_charts("With more connections");
            any = true;
            const FigureInfo& info = *find_figure(figure);
            card(info.title, "Against the number of connections; both scales in powers of ten.", std::move(svg));
        }
        if (any) close_charts();
    }

    void switches() {
        if (result_.switches.empty()) return;
        open_charts("One switch, by what is touched in between");
        for (const char* place : {"same core", "across cores"})
            for (const bool cold : {false, true})
                card(
                    fmt::format("{}, caches {}", place, cold ? "cold" : "warm"),
                    cold
                        ? "Each switch with the touching, timed alone; before it the caches were filled with something else."
                        : "Each switch with the touching; nothing else runs in between.",
                    switch_chart(result_.switches, place, cold, medium_));
        close_charts();
        html_ += table_tag("switches") +
                 "<tr><th>touched</th><th>where</th><th>what</th><th>caches</th><th>median</th><th>smallest"
                 "</th><th>largest</th></tr>\n";
        for (const SwitchCost& cost : result_.switches) {
            const auto ns = [&](double Spread::*part) {
                return cost.spread_ns ? text_of((*cost.spread_ns).*part / 1e3, Unit::microseconds) : std::string("–");
            };
            html_ += fmt::format(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                cost.working_set_bytes == 0 ? "nothing" : text_of(static_cast<double>(cost.working_set_bytes), Unit::bytes),
                cost.place, cost.way, cost.cold ? "cold" : "warm", ns(&Spread::median), ns(&Spread::min), ns(&Spread::max));
        }
        html_ += close_table();
    }

    std::string table_tag(std::string_view kind) const {
        return medium_ == Medium::screen ? fmt::format("<div class=\"wide\"><table class=\"{}\">\n", kind)
                                         : std::string("<table cellspacing=\"0\" cellpadding=\"2\">\n");
    }
    std::string close_table() const { return medium_ == Medium::screen ? "</table></div>\n" : "</table>\n"; }

    void table(const Cells& cells, const std::string& title) {
        tag("h2", title);
        // Paper is as wide as it is: the cells go on below.
        const std::size_t columns = medium_ == Medium::paper ? 5 : cells.size();
        for (std::size_t first = 0; first < cells.size(); first += columns)
            table_part({cells.begin() + static_cast<std::ptrdiff_t>(first),
                        cells.begin() + static_cast<std::ptrdiff_t>(std::min(cells.size(), first + columns))},
                       cells);
    }

    void table_part(const Cells& part, const Cells& all) {
        html_ += table_tag("figures") + "<tr><th></th>";
        for (const CellResult* cell : part) html_ += fmt::format("<th>{}</th>", escaped(label_of(*cell)));
        html_ += "</tr>\n";
        std::optional<Topic> topic;
        for (const FigureInfo& info : figures()) {
            if (topic != info.topic)
                html_ += fmt::format("<tr class=\"topic\"><td colspan=\"{}\"><b>{}</b></td></tr>\n", part.size() + 1,
                                     title_of(info.topic));
            topic = info.topic;
            html_ += fmt::format("<tr><td title=\"{}\">{}</td>", escaped(info.source), escaped(info.title));
            const auto standings = standings_of(all, info);
            for (const CellResult* cell : part) {
                const auto at = static_cast<std::size_t>(std::find(all.begin(), all.end(), cell) - all.begin());
                html_ += cell_of(info, cell->figure(info.id), standings[at]);
            }
            html_ += "</tr>\n";
        }
        html_ += close_table();
    }

    std::string cell_of(const FigureInfo& info, const FigureResult& figure, Standing standing) const {
        if (!figure.known()) return fmt::format("<td title=\"{}\">–</td>", escaped(figure.reason));
        const char* kind = standing == Standing::best || standing == Standing::as_good ? " class=\"best\""
                           : standing == Standing::worst                               ? " class=\"worst\""
                                                                                       : "";
        std::string range;
        if (figure.values.size() > 1)
            range = fmt::format("{} to {}", text_of(figure.spread->min, info.unit), text_of(figure.spread->max, info.unit));
        if (medium_ == Medium::paper)
            return fmt::format("<td align=\"right\"{}>{}{}</td>", kind, text_of(figure.spread->median, info.unit),
                               range.empty() ? "" : "<br><small>" + range + "</small>");
        return fmt::format("<td{}>{}{}</td>", kind, text_of(figure.spread->median, info.unit),
                           range.empty() ? "" : "<small>" + range + "</small>");
    }

    // What could not be measured, and notes: each once, with the cells that it holds for.
    void lacking() {
        std::map<std::string, std::map<std::string, std::vector<std::string>>> reasons; // by reason and figure
        std::map<std::string, std::vector<std::string>> notes;
        for (const CellResult& cell : result_.cells) {
            if (cell.failed) notes["could not be measured to its end: " + *cell.failed].push_back(cell.spec.key());
            for (const std::string& note : cell.notes) notes[note].push_back(cell.spec.key());
            for (const FigureInfo& info : figures())
                if (const FigureResult& figure = cell.figure(info.id); !figure.known() && figure.reason != cell.failed)
                    reasons[figure.reason][std::string(info.title)].push_back(cell.spec.key());
        }
        for (const SwitchCost& cost : result_.switches)
            if (!cost.spread_ns) notes[cost.reason].push_back(fmt::format("{}, {}", cost.way, cost.place));
        if (reasons.empty() && notes.empty()) return;
        const auto where = [&](const std::vector<std::string>& cells) {
            return cells.size() == result_.cells.size() ? std::string("all cells")
                                                        : fmt::format("{}", fmt::join(cells, ", "));
        };
        tag("h2", "What could not be measured, and notes");
        html_ += "<ul>";
        for (const auto& [reason, titles] : reasons) {
            std::string what;
            for (const auto& [title, cells] : titles)
                what += fmt::format("{}{} ({})", what.empty() ? "" : "; ", title, where(cells));
            html_ += fmt::format("<li>{}: {}.</li>\n", escaped(what), escaped(reason));
        }
        for (const auto& [note, cells] : notes)
            html_ += fmt::format("<li>{}: {}.</li>\n", escaped(where(cells)), escaped(note));
        html_ += "</ul>\n";
    }

    void about() {
        tag("h2", "Method");
        tag("p", result_.method);
        if (!result_.cells.empty()) {
            html_ += table_tag("facts");
            for (const FigureInfo& info : figures())
                html_ +=
                    fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", escaped(info.title), escaped(sentence(info.source)));
            html_ += close_table();
        }
        tag("h2", "To repeat it");
        html_ += fmt::format("<p><code>{}</code></p>\n", escaped(result_.command));
        html_ += table_tag("facts");
        html_ +=
            fmt::format("<tr><td>began</td><td>{}, took {:.0f} s</td></tr>\n", escaped(result_.started), result_.seconds);
        for (const auto* description : {&result_.machine, &result_.versions})
            for (const auto& [name, text] : *description)
                html_ += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", escaped(name), escaped(text));
        html_ += close_table();
    }

    static std::string sentence(std::string_view text) {
        std::string whole(text);
        if (!whole.empty()) whole[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(whole[0])));
        return whole + ".";
    }

    const Result& result_;
    Medium medium_;
};

} // namespace

std::string to_html(const Result& result) {
    Writer writer(result, Medium::screen);
    writer.write();
    return std::move(writer.html_);
}

Paper to_paper(const Result& result) {
    Writer writer(result, Medium::paper);
    writer.write();
    return {std::move(writer.html_), std::move(writer.charts_)};
}

} // namespace connscope::lab
