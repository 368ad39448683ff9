// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/sweep_run.hpp"

#include <boost/json.hpp>

namespace connscope::app {

namespace json = boost::json;

SweepRun::SweepRun(QObject* parent)
    : QObject(parent)
    , process_(this) {
    connect(&process_, &LabProcess::told, this, &SweepRun::take);
    connect(&process_, &LabProcess::finished, this, &SweepRun::finished);
}

void SweepRun::start(const QString& companions_folder, const QString& mode, const QStringList& more) {
    sweep_ = {};
    sweep_.mode = mode.toStdString();
    process_.start(companions_folder, QStringList{QStringLiteral("--sweep"), mode} + more);
}

void SweepRun::take(const json::value& value) try {
    const auto event = std::string_view(value.at("event").as_string());
    if (event == "progress") {
        emit progressed(QString::fromStdString(std::string(value.at("part").as_string())), value.at("done").to_number<int>(),
                        value.at("all").to_number<int>());
    } else if (event == "point") {
        const auto point = lab::sweep_point_of_json(value.at("point"));
        if (!point) return;
        if (point->slice_us)
            sweep_.points.push_back(*point);
        else
            sweep_.without = *point;
        sweep_.crossing_us = lab::crossing_of(sweep_.points);
        emit pointAdded();
    } else if (event == "end") {
        if (auto sweep = lab::sweep_of_json(value.at("sweep"))) sweep_ = std::move(*sweep);
        emit pointAdded();
    }
} catch (const std::exception&) {
    // A line of another version: what is not understood is not shown.
}

} // namespace connscope::app
