// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/experiment.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace connscope::app {

namespace json = boost::json;

Experiment::Experiment(QObject* parent)
    : QObject(parent)
    , process_(this) {
    connect(&process_, &LabProcess::told, this, &Experiment::take);
    connect(&process_, &LabProcess::finished, this, &Experiment::finished);
}

void Experiment::start(const QString& companions_folder, const QStringList& arguments) {
    result_ = {};
    process_.start(companions_folder, arguments);
}

void Experiment::take(const json::value& value) try {
    const auto event = std::string_view(value.at("event").as_string());
    if (event == "plan") {
        auto planned = lab::result_of_json(value.at("result"));
        if (!planned) return;
        result_ = std::move(*planned);
        emit begun();
    } else if (event == "round") {
        auto round = lab::round_of_json(value.at("round"));
        const auto key = std::string(value.at("cell").as_string());
        const auto cell = std::find_if(result_.cells.begin(), result_.cells.end(),
                                       [&](const lab::CellResult& each) { return each.spec.key() == key; });
        if (!round || cell == result_.cells.end()) return;
        result_.seconds += round->seconds;
        cell->add(std::move(*round));
        emit roundEnded(QString::fromStdString(key));
    } else if (event == "progress") {
        emit progressed({value.at("done").to_number<int>(), value.at("all").to_number<int>(),
                         QString::fromStdString(std::string(value.at("cell").as_string())),
                         QString::fromStdString(std::string(value.at("part").as_string())),
                         value.at("left_s").to_number<double>()});
    } else if (event == "note") {
        emit noted(QString::fromStdString(std::string(value.at("text").as_string())));
    } else if (event == "end") {
        result_.complete = value.at("complete").as_bool();
    }
} catch (const std::exception&) {
    // A line of another version: what is not understood is not shown.
}

} // namespace connscope::app
