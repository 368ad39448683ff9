// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/preset.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace connscope::load {
namespace {

namespace fs = std::filesystem;
using telemetry::Outcome;

constexpr std::size_t largest_file = 1 << 20;

std::string text_of(const boost::json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string(*text) : std::string();
}

} // namespace

fs::path presets_folder() {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (error) return {};
    // build/bin/connscope-load, build/tests/test_…; installed: bin/connscope-load
    for (const fs::path& candidate :
         {program.parent_path() / "../resources/workloads", program.parent_path() / "../../resources/workloads",
          program.parent_path() / "../share/connscope/workloads"})
        if (fs::is_directory(candidate, error)) return fs::weakly_canonical(candidate, error);
    return {};
}

Outcome<Preset> load_preset(const std::string& name_or_file) {
    const bool is_name = name_or_file.find_first_of("/.") == std::string::npos;
    const fs::path file = is_name ? presets_folder() / (name_or_file + ".json") : fs::path(name_or_file);
    const auto wrong = [&](const std::string& why) {
        return telemetry::Error{std::make_error_code(std::errc::invalid_argument),
                                fmt::format("preset {}: {}", file.string(), why)};
    };
    std::ifstream in(file, std::ios::binary);
    if (!in && is_name) {
        std::string known;
        for (const Preset& preset : presets()) known += (known.empty() ? "" : ", ") + preset.name;
        return telemetry::Error{std::make_error_code(std::errc::no_such_file_or_directory),
                                fmt::format("there is no preset called '{}'; there are: {}", name_or_file, known)};
    }
    if (!in) return wrong("cannot be opened");
    std::string content(largest_file + 1, '\0');
    in.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(in.gcount()));
    if (content.size() > largest_file) return wrong("is larger than 1 MiB");

    boost::json::error_code error;
    const boost::json::value value = boost::json::parse(content, error);
    if (error) return wrong("is not JSON: " + error.message());
    const auto* object = value.if_object();
    if (object == nullptr) return wrong("is not an object");

    Preset preset;
    preset.name = file.stem().string();
    preset.title = text_of(*object, "title");
    preset.explains = text_of(*object, "explains");
    if (preset.title.empty() || preset.explains.empty()) return wrong("needs a title and what it explains");
    auto protocol = parse_protocol(object->contains("protocol") ? text_of(*object, "protocol") : "echo");
    if (!protocol) return wrong(protocol.error().text);
    preset.protocol = *protocol;
    const auto* populations = object->if_contains("populations");
    if (populations == nullptr || !populations->is_array() || populations->get_array().empty())
        return wrong("needs populations");
    for (const auto& each : populations->get_array()) {
        auto population = population_of(each, {preset.protocol});
        if (!population) return wrong(population.error().text);
        preset.populations.push_back(std::move(*population));
    }
    if (auto named = name_apart(preset.populations); !named) return wrong(named.error().text);
    return preset;
}

std::vector<Preset> presets() {
    std::vector<Preset> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(presets_folder(), error)) {
        if (entry.path().extension() != ".json") continue;
        if (auto preset = load_preset(entry.path().string())) found.push_back(std::move(*preset));
    }
    std::sort(found.begin(), found.end(), [](const Preset& a, const Preset& b) { return a.name < b.name; });
    return found;
}

} // namespace connscope::load
