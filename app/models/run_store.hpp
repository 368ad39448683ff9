// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "connscope/lab/result.hpp"

#include <QSqlDatabase>
#include <QString>

#include <memory>
#include <optional>
#include <vector>

namespace connscope::app {

// A comparison as the history's list shows it.
struct StoredRun {
    qint64 id = 0;
    QString started;
    QString title;
    bool complete = false;
};

// The history of comparisons: an SQLite file in which each run is kept as it grows, so that it outlives a crash. One thread.
class RunStore {
public:
    // Opens or makes the file. Where that cannot be, problem() says why: a newer connscope's file is left alone and not
    // used; a damaged one is put aside under another name and a new one begun.
    explicit RunStore(const QString& file);
    ~RunStore();
    RunStore(const RunStore&) = delete;
    RunStore& operator=(const RunStore&) = delete;

    // The user's: comparisons.sqlite in the data folder.
    static QString usual_file();

    bool is_open() const { return open_; }
    const QString& problem() const noexcept { return problem_; } // a sentence; empty when all is well
    const QString& file() const noexcept { return file_; }

    std::vector<StoredRun> runs() const; // the newest first
    // The result of a run, or why it cannot be had.
    telemetry::Outcome<lab::Result> result(qint64 id) const;
    // Keeps a result as a new run, or in place of `id`'s; the id. None, with problem(), when it could not be written.
    std::optional<qint64> keep(const lab::Result& result, std::optional<qint64> id = std::nullopt);
    bool remove(qint64 id);

private:
    bool open();
    bool prepare();
    bool put_aside();
    bool run_statement(const QString& statement);

    QString file_;
    QString connection_; // Qt's name of it
    QSqlDatabase database_;
    bool open_ = false;
    QString problem_;
};

// What a result is called in lists: "8 modes, 1,000 connections, 4,000 requests a second".
QString title_of(const lab::Result& result);

// Reads a result from the JSON that connscope-compare writes.
telemetry::Outcome<lab::Result> read_result(const QString& file);

} // namespace connscope::app
