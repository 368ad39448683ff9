// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QPair>
#include <QString>
#include <QStringList>

#include <optional>
#include <vector>

namespace connscope::app {

// Clients that behave alike, in connscope-load's words: "active:200,rate=4000,payload=64,name=active".
struct Population {
    QString kind; // "active", "idle", "slow-reader", "slow-sender", "churn", "hog"
    int connections = 0;
    QList<QPair<QString, QString>> options; // in the order in which they were named, "name" not among them
    QString name;                           // the kind when none was given

    QString option(const QString& key) const; // empty when not named
    void set_option(const QString& key, const QString& value);
    double rate() const { return option(QStringLiteral("rate")).toDouble(); }

    bool operator==(const Population&) const = default;
};

// None when the text has not the form KIND:COUNT[,KEY=VALUE]… . Which kinds and keys exist is connscope-load's to say.
std::optional<Population> parse_population(const QString& text);
QString to_text(const Population& population);

// A named mix of populations: a file of resources/workloads.
struct Workload {
    QString id; // the file's name without its extension
    QString title;
    QString explains; // a sentence
    QString protocol;
    QString mode;            // in which it shows best; empty: in any
    QStringList populations; // texts

    // Whether populations that run, as the load tells them, are these: the load names options that the workload leaves open.
    bool runs_as(const QStringList& running) const;
};

// Reads a workload's JSON. None when it has no title or no populations.
std::optional<Workload> parse_workload(const QString& id, const QByteArray& json);

// The workloads of a folder, by title. Those that cannot be read are left out.
std::vector<Workload> workloads_in(const QString& folder);

// Where the workloads are, seen from the program's folder: in the source tree or where they were installed. Empty when there
// are none.
QString workloads_folder(const QString& program_folder);

// Populations of connscope-load are kept in words; these are the ones that buttons add and remove.
QString hog_text(int count);
QString slow_reader_text(int count);
QString idle_text(int count);

} // namespace connscope::app
