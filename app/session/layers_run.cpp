// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/layers_run.hpp"

#include <boost/json.hpp>

namespace connscope::app {

namespace json = boost::json;

LayersRun::LayersRun(QObject* parent)
    : QObject(parent)
    , process_(this) {
    connect(&process_, &LabProcess::told, this, &LayersRun::take);
    connect(&process_, &LabProcess::finished, this, &LayersRun::finished);
}

void LayersRun::start(const QString& companions_folder, const QStringList& arguments) {
    result_ = {};
    process_.start(companions_folder, QStringList{QStringLiteral("--layers")} + arguments);
}

void LayersRun::take(const json::value& value) try {
    const auto event = std::string_view(value.at("event").as_string());
    if (event == "progress") {
        emit progressed(QString::fromStdString(std::string(value.at("part").as_string())), value.at("done").to_number<int>(),
                        value.at("all").to_number<int>());
    } else if (event == "layers") {
        auto mode = lab::mode_layers_of_json(value.at("layers"));
        if (!mode) return;
        result_.modes.push_back(std::move(*mode));
        emit modeMeasured();
    } else if (event == "end") {
        result_.method = std::string(value.at("method").as_string());
        result_.seconds = value.at("seconds").to_number<double>();
        result_.complete = value.at("complete").as_bool();
    }
} catch (const std::exception&) {
    // A line of another version: what is not understood is not shown.
}

} // namespace connscope::app
