// SPDX-License-Identifier: BSL-1.0
// Layers as JSON, for programs, and as a table, for people.
#include "connscope/lab/layers.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace connscope::lab {
namespace {

namespace json = boost::json;

json::value text_or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

template <class Value>
json::value or_null(const std::optional<Value>& value) {
    return value ? json::value(*value) : json::value(nullptr);
}

json::object to_json(const LayerFigure& figure) {
    return {{"value", or_null(figure.value)}, {"missing", text_or_null(figure.missing)}};
}

LayerFigure figure_of(const json::value& value) {
    LayerFigure figure;
    if (!value.at("value").is_null()) figure.value = value.at("value").to_number<double>();
    if (const auto* missing = value.at("missing").if_string()) figure.missing = std::string(*missing);
    return figure;
}

json::object to_json(const Layer& layer) {
    json::array parts;
    for (const LayerPart& part : layer.parts)
        parts.push_back(json::object{{"name", part.name}, {"count", part.count}, {"ns", to_json(part.ns)}});
    return {{"id", layer.id},
            {"crossed_by", text_or_null(layer.crossed_by)},
            {"crossings", to_json(layer.crossings)},
            {"ns", to_json(layer.ns)},
            {"within", layer.is_within},
            {"source", layer.source},
            {"parts", std::move(parts)}};
}

std::string text_of(const json::value& value) {
    const auto* text = value.if_string();
    return text == nullptr ? std::string() : std::string(*text);
}

Layer layer_of(const json::value& value) {
    Layer layer;
    layer.id = std::string(value.at("id").as_string());
    layer.crossed_by = text_of(value.at("crossed_by"));
    layer.crossings = figure_of(value.at("crossings"));
    layer.ns = figure_of(value.at("ns"));
    layer.is_within = value.at("within").as_bool();
    layer.source = std::string(value.at("source").as_string());
    for (const json::value& part : value.at("parts").as_array())
        layer.parts.push_back(
            {std::string(part.at("name").as_string()), part.at("count").to_number<double>(), figure_of(part.at("ns"))});
    return layer;
}

} // namespace

json::object to_json(const ModeLayers& mode) {
    json::array layers;
    for (const Layer& layer : mode.layers) layers.push_back(to_json(layer));
    json::value copies = nullptr;
    if (mode.copies)
        copies = {{"in", mode.copies->in},
                  {"out", mode.copies->out},
                  {"bytes_in", mode.copies->bytes_in},
                  {"bytes_out", mode.copies->bytes_out}};
    return {{"mode", mode.mode},
            {"title", mode.title},
            {"carrier", mode.carrier},
            {"connections", mode.connections},
            {"requests", mode.requests},
            {"request_bytes", mode.request_bytes},
            {"answer_bytes", mode.answer_bytes},
            {"layers", std::move(layers)},
            {"copies", std::move(copies)},
            {"copies_missing", text_or_null(mode.copies_missing)},
            {"cpu_ns", to_json(mode.cpu_ns)},
            {"kernel_switches", to_json(mode.kernel_switches)},
            {"trace_ns", or_null(mode.trace_ns)},
            {"failed", text_or_null(mode.failed)}};
}

std::optional<ModeLayers> mode_layers_of_json(const json::value& value) {
    try {
        ModeLayers mode;
        mode.mode = std::string(value.at("mode").as_string());
        mode.title = std::string(value.at("title").as_string());
        mode.carrier = std::string(value.at("carrier").as_string());
        mode.connections = value.at("connections").to_number<std::uint32_t>();
        mode.requests = value.at("requests").to_number<std::uint64_t>();
        mode.request_bytes = value.at("request_bytes").to_number<std::uint64_t>();
        mode.answer_bytes = value.at("answer_bytes").to_number<std::uint64_t>();
        for (const json::value& layer : value.at("layers").as_array()) mode.layers.push_back(layer_of(layer));
        if (const json::value& copies = value.at("copies"); !copies.is_null())
            mode.copies = Copies{copies.at("in").to_number<double>(), copies.at("out").to_number<double>(),
                                 copies.at("bytes_in").to_number<double>(), copies.at("bytes_out").to_number<double>()};
        mode.copies_missing = text_of(value.at("copies_missing"));
        mode.cpu_ns = figure_of(value.at("cpu_ns"));
        mode.kernel_switches = figure_of(value.at("kernel_switches"));
        if (!value.at("trace_ns").is_null()) mode.trace_ns = value.at("trace_ns").to_number<double>();
        mode.failed = text_of(value.at("failed"));
        return mode;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

std::string to_table(const ModeLayers& mode) {
    std::string text = fmt::format("{}, {} connections\n", mode.title, mode.connections);
    if (!mode.failed.empty()) return text + fmt::format("  failed: {}\n\n", mode.failed);
    const auto number = [](const LayerFigure& figure, int decimals) {
        return figure.value ? fmt::format("{:.{}f}", *figure.value, decimals) : std::string("-");
    };
    text += fmt::format("  {:<12} {:>10}  {:>9}  {}\n", "layer", "ns", "crossed", "by");
    std::string missing;
    for (const Layer& layer : mode.layers) {
        text += fmt::format("  {:<12} {:>10}  {:>9}  {}{}\n", layer.id, number(layer.ns, 0),
                            layer.crossed_by.empty() ? "" : number(layer.crossings, 2), layer.crossed_by,
                            layer.is_within ? " (its time is in the two above, too)" : "");
        for (const LayerPart& part : layer.parts)
            text += fmt::format("    {:<10} {:>10}  {:>9.2f}  {}\n", "", number(part.ns, 0), part.count, part.name);
        if (!layer.ns.value && missing.empty()) missing = layer.ns.missing;
    }
    if (mode.copies)
        text += fmt::format("  copies: {:.2f} into the program ({:.0f} bytes), {:.2f} out of it ({:.0f} bytes)\n",
                            mode.copies->in, mode.copies->bytes_in, mode.copies->out, mode.copies->bytes_out);
    text += fmt::format("  without a trace: {} ns of CPU time, {} kernel switches\n", number(mode.cpu_ns, 0),
                        number(mode.kernel_switches, 2));
    if (!missing.empty()) text += fmt::format("  not measured: {}\n", missing);
    return text + "\n";
}

} // namespace connscope::lab
