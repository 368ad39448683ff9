// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/lab_process.hpp"

#include "session/companion.hpp"

#include <boost/json.hpp>

namespace connscope::app {

namespace json = boost::json;

LabProcess::LabProcess(QObject* parent)
    : QObject(parent)
    , process_(this) {
    prepare_companion(process_);
    connect(&process_, &QProcess::readyReadStandardOutput, this, &LabProcess::read_output);
    connect(&process_, &QProcess::readyReadStandardError, this, [this] { errors_ += process_.readAllStandardError(); });
    connect(&process_, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart) finish();
    });
    connect(&process_, &QProcess::finished, this, &LabProcess::finish);
}

LabProcess::~LabProcess() {
    blockSignals(true); // whoever listens is about to be gone, and waiting reads what it tells
    over_ = true;
    if (!is_running()) return;
    process_.terminate();
    if (!process_.waitForFinished(3000)) process_.kill();
    process_.waitForFinished(1000);
}

void LabProcess::start(const QString& companions_folder, const QStringList& arguments) {
    errors_.clear();
    begun_ = stopped_ = over_ = false;
    process_.start(
        companions_folder + QStringLiteral("/connscope-compare"),
        arguments + QStringList{QStringLiteral("--lines"), QStringLiteral("--exit-with-parent"), QStringLiteral("--quiet")},
        QIODevice::ReadOnly);
}

void LabProcess::stop() {
    stopped_ = true;
    process_.terminate();
}

void LabProcess::read_output() {
    while (process_.canReadLine()) {
        const QByteArray line = process_.readLine();
        json::error_code error;
        const json::value value =
            json::parse(std::string_view(line.constData(), static_cast<std::size_t>(line.size())), error);
        const json::object* object = error ? nullptr : value.if_object();
        const json::value* event = object != nullptr ? object->if_contains("event") : nullptr;
        if (event == nullptr || !event->is_string()) continue;
        begun_ = begun_ || event->get_string() != "note";
        emit told(value);
    }
}

void LabProcess::finish() {
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
