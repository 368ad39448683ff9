// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/population.hpp"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>

namespace connscope::app {

namespace {
const QString name_key = QStringLiteral("name");
}

QString Population::option(const QString& key) const {
    for (const auto& [known, value] : options) {
        if (known == key) return value;
    }
    return {};
}

void Population::set_option(const QString& key, const QString& value) {
    for (auto& [known, old] : options) {
        if (known == key) {
            old = value;
            return;
        }
    }
    options.push_back({key, value});
}

std::optional<Population> parse_population(const QString& text) {
    const QStringList parts = text.split(QLatin1Char(','));
    const QStringList head = parts.front().split(QLatin1Char(':'));
    if (head.size() != 2 || head[0].isEmpty()) return std::nullopt;
    Population population;
    population.kind = head[0];
    bool is_number = false;
    population.connections = head[1].toInt(&is_number);
    if (!is_number || population.connections < 0) return std::nullopt;
    population.name = population.kind;
    for (qsizetype i = 1; i < parts.size(); ++i) {
        const qsizetype equals = parts[i].indexOf(QLatin1Char('='));
        if (equals < 1) return std::nullopt;
        const QString key = parts[i].left(equals);
        const QString value = parts[i].mid(equals + 1);
        if (key == name_key) {
            population.name = value;
        } else {
            population.options.push_back({key, value});
        }
    }
    return population;
}

QString to_text(const Population& population) {
    QString text = QStringLiteral("%1:%2").arg(population.kind).arg(population.connections);
    for (const auto& [key, value] : population.options) text += QStringLiteral(",%1=%2").arg(key, value);
    if (!population.name.isEmpty() && population.name != population.kind) text += QStringLiteral(",name=") + population.name;
    return text;
}

bool Workload::runs_as(const QStringList& running) const {
    if (running.size() != populations.size()) return false;
    for (qsizetype i = 0; i < running.size(); ++i) {
        const auto is = parse_population(running[i]);
        const auto wanted = parse_population(populations[i]);
        if (!is || !wanted || is->kind != wanted->kind || is->connections != wanted->connections ||
            is->rate() != wanted->rate())
            return false;
        for (const auto& [key, value] : wanted->options) {
            if (key == QLatin1String("us") || key == QLatin1String("ms")) { // told as the path that they stand for
                if (!is->option(QStringLiteral("path")).endsWith(key + QLatin1Char('=') + value)) return false;
            } else if (key != QLatin1String("rate") && is->option(key) != value) {
                return false;
            }
        }
    }
    return true;
}

std::optional<Workload> parse_workload(const QString& id, const QByteArray& json) {
    const QJsonObject object = QJsonDocument::fromJson(json).object();
    Workload workload;
    workload.id = id;
    workload.title = object.value(QStringLiteral("title")).toString();
    workload.explains = object.value(QStringLiteral("explains")).toString();
    workload.mode = object.value(QStringLiteral("mode")).toString();
    workload.protocol = object.value(QStringLiteral("protocol")).toString(QStringLiteral("echo"));
    for (const QJsonValue& population : object.value(QStringLiteral("populations")).toArray()) {
        if (population.isString()) workload.populations << population.toString();
    }
    if (workload.title.isEmpty() || workload.populations.isEmpty()) return std::nullopt;
    return workload;
}

std::vector<Workload> workloads_in(const QString& folder) {
    std::vector<Workload> workloads;
    for (const QFileInfo& info : QDir(folder).entryInfoList({QStringLiteral("*.json")}, QDir::Files)) {
        QFile file(info.filePath());
        if (!file.open(QIODevice::ReadOnly) || file.size() > 1 << 20) continue;
        if (auto workload = parse_workload(info.completeBaseName(), file.readAll()))
            workloads.push_back(std::move(*workload));
    }
    std::sort(workloads.begin(), workloads.end(), [](const Workload& a, const Workload& b) { return a.title < b.title; });
    return workloads;
}

QString workloads_folder(const QString& program_folder) {
    for (const char* candidate :
         {"/../../resources/workloads", "/../resources/workloads", "/../share/connscope/workloads"}) {
        const QDir folder(program_folder + QLatin1String(candidate));
        if (folder.exists()) return folder.canonicalPath();
    }
    return {};
}

QString hog_text(int count) { return QStringLiteral("hog:%1,rate=%2,us=100000").arg(count).arg(4 * count); }

QString slow_reader_text(int count) { return QStringLiteral("slow-reader:%1").arg(count); }

QString idle_text(int count) { return QStringLiteral("idle:%1").arg(count); }

} // namespace connscope::app
