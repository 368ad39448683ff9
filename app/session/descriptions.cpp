// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/descriptions.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace connscope::app {

namespace {

QString text(const boost::json::object& object, std::string_view key) {
    const boost::json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) return {};
    const boost::json::string& found = value->get_string();
    return QString::fromUtf8(found.data(), static_cast<qsizetype>(found.size()));
}

double number(const boost::json::object& object, std::string_view key) {
    const boost::json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_number()) return 0;
    boost::json::error_code failed;
    const double found = value->to_number<double>(failed);
    return failed ? 0 : found;
}

bool flag(const boost::json::object& object, std::string_view key) {
    const boost::json::value* value = object.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
}

const boost::json::array* list_in(const boost::json::value& answer, std::string_view key) {
    if (answer.is_array()) return &answer.get_array();
    if (!answer.is_object()) return nullptr;
    const boost::json::value* value = answer.get_object().if_contains(key);
    return value != nullptr ? value->if_array() : nullptr;
}

} // namespace

std::vector<ModeDescription> mode_descriptions_of(const boost::json::value& answer) {
    std::vector<ModeDescription> modes;
    const boost::json::array* list = list_in(answer, "modes");
    if (list == nullptr) return modes;
    for (const boost::json::value& entry : *list) {
        const boost::json::object* object = entry.if_object();
        if (object == nullptr) continue;
        ModeDescription mode;
        mode.id = text(*object, "id");
        if (mode.id.isEmpty()) continue;
        mode.name = text(*object, "title");
        if (mode.name.isEmpty()) mode.name = mode.id;
        mode.carrier = text(*object, "carrier");
        mode.hint = text(*object, "hint");
        if (const QString here = text(*object, "here"); !here.isEmpty())
            mode.hint += QStringLiteral(" (") + here + QLatin1Char(')');
        const QString scheduling = text(*object, "scheduling");
        if (scheduling == QLatin1String("kernel")) mode.scheduling = ModeDescription::Scheduling::kernel;
        if (scheduling == QLatin1String("both")) mode.scheduling = ModeDescription::Scheduling::both;
        mode.has_threads = flag(*object, "has_threads");
        mode.has_stack_size = flag(*object, "has_stack_size");
        mode.has_slice = flag(*object, "has_slice");
        mode.slices = text(*object, "slices");
        modes.push_back(std::move(mode));
    }
    return modes;
}

ModeChange mode_change_of(const boost::json::value& answer) {
    ModeChange change;
    const boost::json::object* object = answer.if_object();
    if (object == nullptr) return change;
    change.to = text(*object, "mode");
    change.moved = static_cast<std::uint64_t>(std::max(number(*object, "moved"), 0.0));
    change.duration_ms = number(*object, "duration_ms");
    change.parameters = mode_parameters_of(answer);
    return change;
}

ModeParameters mode_parameters_of(const boost::json::value& answer) {
    ModeParameters parameters;
    const boost::json::object* object = answer.if_object();
    if (object == nullptr) return parameters;
    if (const auto* inner = object->if_contains("parameters"); inner != nullptr && inner->is_object())
        object = &inner->get_object();
    const auto take = [&](std::string_view key, int& into) {
        if (const double found = number(*object, key); object->contains(key) && found >= 0 && found <= 1e9)
            into = static_cast<int>(found);
    };
    take("threads", parameters.threads);
    take("stack_kib", parameters.stack_kib);
    take("slice_us", parameters.slice_us);
    return parameters;
}

QString note_of(const boost::json::value& answer) {
    const boost::json::object* object = answer.if_object();
    return object == nullptr ? QString() : text(*object, "note");
}

} // namespace connscope::app
