// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/experiment.hpp"

#include "session/companion.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace connscope::app {

namespace json = boost::json;

Experiment::Experiment(QObject* parent)
    : QObject(parent)
    , process_(this) {
    prepare_companion(process_);
    connect(&process_, &QProcess::readyReadStandardOutput, this, &Experiment::read_output);
    connect(&process_, &QProcess::readyReadStandardError, this, [this] { errors_ += process_.readAllStandardError(); });
    connect(&process_, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart) finish();
    });
    connect(&process_, &QProcess::finished, this, &Experiment::finish);
}

Experiment::~Experiment() {
    over_ = true;
    if (!is_running()) return;
    process_.terminate();
    if (!process_.waitForFinished(3000)) process_.kill();
    process_.waitForFinished(1000);
}

void Experiment::start(const QString& companions_folder, const QStringList& arguments) {
    result_ = {};
    errors_.clear();
    begun_ = stopped_ = over_ = false;
    process_.start(
        companions_folder + QStringLiteral("/connscope-compare"),
        arguments + QStringList{QStringLiteral("--lines"), QStringLiteral("--exit-with-parent"), QStringLiteral("--quiet")},
        QIODevice::ReadOnly);
}

void Experiment::stop() {
    stopped_ = true;
    process_.terminate();
}

void Experiment::read_output() {
    while (process_.canReadLine()) take(process_.readLine());
}

void Experiment::take(const QByteArray& line) {
    json::error_code error;
    const json::value value = json::parse(std::string_view(line.constData(), static_cast<std::size_t>(line.size())), error);
    if (error) return;
    try {
        const auto event = std::string_view(value.at("event").as_string());
        if (event == "plan") {
            auto planned = lab::result_of_json(value.at("result"));
            if (!planned) return;
            result_ = std::move(*planned);
            begun_ = true;
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
}

void Experiment::finish() {
    if (over_) return;
    over_ = true;
    read_output();
    errors_ += process_.readAllStandardError();
    const QString said = QString::fromUtf8(errors_).trimmed();
    QString problem;
    if (process_.error() == QProcess::FailedToStart)
        problem = tr("connscope-compare could not be started: %1.").arg(process_.errorString());
    else if (process_.exitStatus() == QProcess::CrashExit && !stopped_)
        problem =
            tr("connscope-compare was killed by signal %1. What was measured until then is kept.").arg(process_.exitCode());
    else if (!begun_ && !stopped_)
        problem = said.isEmpty() ? tr("connscope-compare ended with code %1.").arg(process_.exitCode()) : said;
    emit finished(problem);
}

} // namespace connscope::app
