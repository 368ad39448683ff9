// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/result.hpp"

#include "connscope/lab/findings.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <ctime>

namespace connscope::lab {
namespace {

namespace json = boost::json;
using telemetry::Error;
using telemetry::Outcome;

constexpr int format_version = 1;

json::value or_null(const std::optional<int>& value) { return value ? json::value(*value) : json::value(nullptr); }

json::object to_json(const FigureInfo& info, const FigureResult& figure) {
    json::object object;
    const auto number = [&](double Spread::*part) {
        return figure.spread ? json::value((*figure.spread).*part) : json::value(nullptr);
    };
    object["median"] = number(&Spread::median);
    object["min"] = number(&Spread::min);
    object["max"] = number(&Spread::max);
    object["unit"] = symbol_of(info.unit);
    object["better"] = name_of(info.better);
    json::array values;
    for (const double value : figure.values) values.push_back(value);
    object["values"] = std::move(values);
    object["source"] = info.source;
    object["reason"] = figure.reason.empty() ? json::value(nullptr) : json::value(figure.reason);
    return object;
}

json::object to_json(const CellResult& cell) {
    const Conditions& conditions = cell.spec.conditions;
    json::object figures_json;
    for (const FigureInfo& info : figures()) figures_json[info.id] = to_json(info, cell.figure(info.id));
    json::array rounds;
    for (const RoundRecord& round : cell.rounds) rounds.push_back(to_json(round));
    json::array notes;
    for (const std::string& note : cell.notes) notes.push_back(json::value(note));
    return {{"mode", cell.spec.mode},
            {"against", cell.spec.own() ? json::value(nullptr) : json::value(cell.spec.address)},
            {"carrier", cell.spec.carrier},
            {"connections", conditions.connections},
            {"threads", or_null(conditions.threads)},
            {"slice_us", or_null(conditions.slice_us)},
            {"payload", conditions.payload ? json::value(*conditions.payload) : json::value(nullptr)},
            {"work_us", or_null(conditions.work_us)},
            {"figures", std::move(figures_json)},
            {"failed", cell.failed ? json::value(*cell.failed) : json::value(nullptr)},
            {"notes", std::move(notes)},
            {"rounds", std::move(rounds)}};
}

std::optional<int> integer_or_none(const json::value& value) {
    if (value.is_null()) return std::nullopt;
    return value.to_number<int>();
}

CellResult cell_of_json(const json::value& value) {
    CellResult cell;
    cell.spec.mode = std::string(value.at("mode").as_string());
    if (const auto* address = value.at("against").if_string()) cell.spec.address = std::string(*address);
    cell.spec.carrier = std::string(value.at("carrier").as_string());
    cell.spec.conditions.connections = value.at("connections").to_number<std::uint32_t>();
    cell.spec.conditions.threads = integer_or_none(value.at("threads"));
    cell.spec.conditions.slice_us = integer_or_none(value.at("slice_us"));
    cell.spec.conditions.work_us = integer_or_none(value.at("work_us"));
    if (!value.at("payload").is_null()) cell.spec.conditions.payload = value.at("payload").to_number<std::uint64_t>();
    for (const json::value& each : value.at("rounds").as_array()) {
        auto round = round_of_json(each);
        if (!round) throw std::runtime_error("a round is not of its form");
        cell.add(std::move(*round));
    }
    return cell;
}

// A field of RFC 4180.
std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string field = "\"";
    for (const char c : text) field += c == '"' ? "\"\"" : std::string(1, c);
    return field + "\"";
}

std::string time_text(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       parts.tm_hour, parts.tm_min);
}

// Columns that a text takes: UTF-8 sequences count once.
std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t width, bool right) {
    const std::size_t columns = columns_of(text);
    const std::string blanks(columns < width ? width - columns : 0, ' ');
    return right ? blanks + text : text + blanks;
}

// "1.2 KiB ±3 %": the median and how far the rounds lie from it.
std::string cell_text(const FigureInfo& info, const FigureResult& figure) {
    if (!figure.spread) return "–";
    std::string text = text_of(figure.spread->median, info.unit);
    const double half = (figure.spread->max - figure.spread->min) / 2;
    if (figure.values.size() > 1 && text.find_first_of("123456789") != std::string::npos)
        text += fmt::format(" ±{:.0f}%", std::min(999.0, 100 * half / std::abs(figure.spread->median)));
    return text;
}

} // namespace

const FigureResult& CellResult::figure(std::string_view id) const {
    static const FigureResult none;
    const auto found = figures.find(id);
    return found == figures.end() ? none : found->second;
}

void CellResult::add(RoundRecord round) {
    rounds.push_back(std::move(round));
    figures.clear();
    notes.clear();
    failed.reset();
    for (const RoundRecord& each : rounds) {
        for (const auto& [id, value] : each.values) figures[id].values.push_back(value);
        for (const std::string& note : each.notes)
            if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
        // A cell that one round brought to its end has been measured.
        if (each.failed) failed = each.failed;
    }
    const auto whole = std::count_if(rounds.begin(), rounds.end(), [](const RoundRecord& each) { return !each.failed; });
    if (whole > 0 && failed) {
        notes.push_back(fmt::format("{} of {} rounds failed: {}", rounds.size() - static_cast<std::size_t>(whole),
                                    rounds.size(), *failed));
        failed.reset();
    }
    for (const RoundRecord& each : rounds)
        for (const auto& [id, why] : each.reasons)
            if (figures[id].values.empty()) figures[id].reason = why;
    for (const FigureInfo& info : lab::figures()) {
        FigureResult& figure = figures[std::string(info.id)];
        figure.spread = spread_of(figure.values);
        if (!figure.spread && figure.reason.empty()) figure.reason = failed.value_or("not measured");
    }
}

json::object to_json(const Result& result) {
    json::array cells, words;
    for (const CellResult& cell : result.cells) cells.push_back(to_json(cell));
    for (const Finding& finding : find(result)) {
        json::array from;
        for (const std::string& cell : finding.cells) from.push_back(json::value(cell));
        words.push_back(json::object{{"text", finding.text}, {"figure", finding.figure}, {"cells", std::move(from)}});
    }
    return {{"format", "connscope-compare"},
            {"version", format_version},
            {"machine", to_json(result.machine)},
            {"versions", to_json(result.versions)},
            {"command", result.command},
            {"started", result.started},
            {"workload", result.workload},
            {"protocol", result.protocol},
            {"method", result.method},
            {"rounds", result.rounds},
            {"seconds", result.seconds},
            {"complete", result.complete},
            {"cells", std::move(cells)},
            {"findings", std::move(words)},
            {"switches", result.switches.empty() ? json::value(nullptr) : json::value(to_json(result.switches))}};
}

Outcome<Result> result_of_json(const json::value& value) {
    const auto wrong = [](std::string text) { return Error{std::make_error_code(std::errc::bad_message), std::move(text)}; };
    try {
        const auto* object = value.if_object();
        if (object == nullptr || !object->contains("format") || object->at("format").as_string() != "connscope-compare")
            return wrong("this is no result of connscope-compare");
        if (const int version = value.at("version").to_number<int>(); version > format_version)
            return wrong(fmt::format("this result was written by a newer connscope (format {}, known here: {})", version,
                                     format_version));
        Result result;
        result.machine = description_of_json(value.at("machine"));
        result.versions = description_of_json(value.at("versions"));
        const auto text = [&](const char* key) { return std::string(value.at(key).as_string()); };
        result.command = text("command");
        result.started = text("started");
        result.workload = text("workload");
        result.protocol = text("protocol");
        result.method = text("method");
        result.rounds = value.at("rounds").to_number<int>();
        result.seconds = value.at("seconds").to_number<double>();
        result.complete = value.at("complete").as_bool();
        for (const json::value& cell : value.at("cells").as_array()) result.cells.push_back(cell_of_json(cell));
        result.switches = switches_of_json(value.at("switches"));
        return result;
    } catch (const std::exception& error) {
        return wrong(fmt::format("this result of connscope-compare is damaged: {}", error.what()));
    }
}

std::string to_csv(const Result& result) {
    std::string text = "mode,connections,threads,slice_us,payload,work_us,figure,unit,median,min,max,rounds,reason\r\n";
    const auto number = [](const auto& value) { return value ? fmt::format("{}", *value) : std::string(); };
    for (const CellResult& cell : result.cells)
        for (const FigureInfo& info : figures()) {
            const FigureResult& figure = cell.figure(info.id);
            const Conditions& conditions = cell.spec.conditions;
            text += fmt::format("{},{},{},{},{},{},{},{},", quoted(cell.spec.mode), conditions.connections,
                                number(conditions.threads), number(conditions.slice_us), number(conditions.payload),
                                number(conditions.work_us), info.id, symbol_of(info.unit));
            if (figure.spread)
                text += fmt::format("{},{},{},{},\r\n", figure.spread->median, figure.spread->min, figure.spread->max,
                                    figure.values.size());
            else
                text += fmt::format(",,,0,{}\r\n", quoted(figure.reason));
        }
    return text;
}

std::string to_table(const Result& result, std::size_t width) {
    constexpr std::size_t title_width = 33, column_width = 16;
    const std::size_t columns = std::max<std::size_t>(1, (std::max<std::size_t>(width, 60) - title_width) / column_width);
    std::string text;
    bool varied = false;
    for (const CellResult& cell : result.cells)
        varied = varied || cell.spec.conditions != result.cells.front().spec.conditions;
    // As many cells beside each other as there is room for.
    for (std::size_t first = 0; first < result.cells.size(); first += columns) {
        const std::size_t end = std::min(result.cells.size(), first + columns);
        const auto line = [&](const std::string& title, auto&& of_cell) {
            text += padded(title, title_width, false);
            for (std::size_t i = first; i < end; ++i) text += padded(of_cell(result.cells[i]), column_width, true);
            text += "\n";
        };
        if (first > 0) text += "\n";
        // Long names go on in a second line, at a hyphen.
        const auto break_at = [](const std::string& name) {
            if (name.size() < column_width) return name.size();
            const std::size_t hyphen = name.rfind('-', column_width - 2);
            return hyphen == std::string::npos ? name.size() : hyphen + 1;
        };
        line("", [&](const CellResult& cell) { return cell.spec.mode.substr(0, break_at(cell.spec.mode)); });
        line("", [&](const CellResult& cell) { return cell.spec.mode.substr(break_at(cell.spec.mode)); });
        if (varied) {
            line("connections", [](const CellResult& cell) { return count_text(cell.spec.conditions.connections); });
            const auto vary = [&](const char* title, auto member) {
                const bool any = std::any_of(result.cells.begin(), result.cells.end(), [&](const CellResult& cell) {
                    return (cell.spec.conditions.*member).has_value();
                });
                if (!any) return;
                line(title, [&](const CellResult& cell) {
                    const auto& value = cell.spec.conditions.*member;
                    return value ? fmt::format("{}", *value) : std::string("–");
                });
            };
            vary("threads", &Conditions::threads);
            vary("slice, µs", &Conditions::slice_us);
            vary("payload, bytes", &Conditions::payload);
            vary("work, µs", &Conditions::work_us);
        }
        std::optional<Topic> topic;
        for (const FigureInfo& info : figures()) {
            const bool any = std::any_of(result.cells.begin(), result.cells.end(),
                                         [&](const CellResult& cell) { return cell.figure(info.id).known(); });
            if (!any) continue;
            if (topic != info.topic) text += fmt::format("{}\n", title_of(info.topic));
            topic = info.topic;
            line("  " + std::string(info.title),
                 [&](const CellResult& cell) { return cell_text(info, cell.figure(info.id)); });
        }
    }
    return text;
}

Result begin_result(const Plan& plan, const std::string& command) {
    Result result;
    result.machine = describe_machine();
    result.versions = describe_versions();
    result.command = command;
    result.started = time_text(std::chrono::system_clock::now());
    result.workload = plan.workload;
    result.protocol = plan.protocol;
    result.rounds = plan.rounds;
    const double stretch = std::chrono::duration<double>(plan.stretch).count();
    result.method = fmt::format(
        "Each cell ran {} time{} in a fresh server on CPU {} and a fresh load on CPU {}{}; rounds were interleaved, each "
        "beginning with another cell, so that what the machine did meanwhile hit all alike. A round: idle connections, "
        "answered once each, for memory; then {} s at the fixed rate, {} s beside a hog ({}), {} s at saturation, each "
        "after "
        "{} ms of warm-up; then the hand-off. Before a round the experiment waits a "
        "moment for others to leave these CPUs alone, and notes when they do not. Figures are medians over the rounds with "
        "the "
        "smallest and "
        "the largest.",
        plan.rounds, plan.rounds == 1 ? "" : "s", fmt::join(plan.server_cpus, ", "), fmt::join(plan.load_cpus, ", "),
        plan.cpus_shared ? " (they share them: the load's work is in the latencies)" : "", stretch,
        std::chrono::duration<double>(plan.hog_stretch()).count(),
        plan.hog.empty() ? "none: the protocol has no request that computes" : plan.hog, stretch, plan.warm_up.count());
    for (const CellSpec& spec : plan.cells) {
        CellResult cell;
        cell.spec = spec;
        result.cells.push_back(std::move(cell));
    }
    return result;
}

} // namespace connscope::lab
