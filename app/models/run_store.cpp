// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/run_store.hpp"

#include <boost/json.hpp>

#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSqlError>
#include <QSqlQuery>
#include <QStandardPaths>
#include <QUuid>
#include <QVariant>

#include <algorithm>
#include <set>

namespace connscope::app {

namespace {

constexpr int format_version = 1; // of the file: PRAGMA user_version

QString translated(const char* text) { return QCoreApplication::translate("RunStore", text); }

telemetry::Error damaged(const QString& text) { return {std::make_error_code(std::errc::bad_message), text.toStdString()}; }

telemetry::Outcome<lab::Result> parse_result(const QByteArray& text) {
    boost::json::error_code error;
    const auto value = boost::json::parse(std::string_view(text.constData(), static_cast<std::size_t>(text.size())), error);
    if (error) return damaged(translated("it is not JSON: %1").arg(QString::fromStdString(error.message())));
    return lab::result_of_json(value);
}

} // namespace

RunStore::RunStore(const QString& file)
    : file_(file)
    , connection_(QUuid::createUuid().toString()) {
    QDir().mkpath(QFileInfo(file).absolutePath());
    open_ = open();
}

RunStore::~RunStore() {
    database_.close();
    database_ = QSqlDatabase();
    QSqlDatabase::removeDatabase(connection_);
}

QString RunStore::usual_file() {
    return QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) + QStringLiteral("/comparisons.sqlite");
}

bool RunStore::run_statement(const QString& statement) {
    QSqlQuery query(database_);
    if (query.exec(statement)) return true;
    problem_ = query.lastError().text();
    return false;
}

bool RunStore::open() {
    if (!QSqlDatabase::isDriverAvailable(QStringLiteral("QSQLITE"))) {
        problem_ = translated("Comparisons cannot be kept: Qt's SQLite driver (libqt6sql6-sqlite) is not installed.");
        return false;
    }
    if (!database_.isValid()) database_ = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), connection_);
    database_.setDatabaseName(file_);
    if (!database_.open()) {
        problem_ = translated("Comparisons cannot be kept in %1: %2.").arg(file_, database_.lastError().text());
        return false;
    }
    return prepare();
}

bool RunStore::prepare() {
    QSqlQuery query(database_);
    const bool readable = query.exec(QStringLiteral("PRAGMA quick_check")) && query.next() &&
                          query.value(0).toString() == QStringLiteral("ok");
    if (!readable) return put_aside();
    if (!query.exec(QStringLiteral("PRAGMA user_version")) || !query.next()) return put_aside();
    const int version = query.value(0).toInt();
    query.finish();
    if (version > format_version) {
        problem_ =
            translated("%1 was written by a newer connscope. It is left as it is, and comparisons are not kept.").arg(file_);
        database_.close();
        return false;
    }
    // A run that is being written when the machine stops is there as it was before, or whole.
    const bool made =
        run_statement(QStringLiteral("PRAGMA journal_mode=WAL")) &&
        run_statement(QStringLiteral("CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY AUTOINCREMENT, started "
                                     "TEXT NOT NULL, title TEXT NOT NULL, complete INTEGER NOT NULL, result TEXT NOT "
                                     "NULL)")) &&
        run_statement(QStringLiteral("PRAGMA user_version=%1").arg(format_version));
    if (!made) {
        problem_ = translated("Comparisons cannot be kept in %1: %2.").arg(file_, problem_);
        database_.close();
        return false;
    }
    return true;
}

bool RunStore::put_aside() {
    database_.close();
    const QString aside = QStringLiteral("%1.damaged-%2")
                              .arg(file_, QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss")));
    if (!QFile::rename(file_, aside)) {
        problem_ = translated("%1 is damaged and cannot be put aside; comparisons are not kept.").arg(file_);
        return false;
    }
    for (const char* companion : {"-wal", "-shm"}) QFile::remove(file_ + QLatin1String(companion));
    const bool opened = open();
    if (opened) problem_ = translated("The history was damaged. It is now in %1, and a new one was begun.").arg(aside);
    return opened;
}

std::vector<StoredRun> RunStore::runs() const {
    std::vector<StoredRun> found;
    if (!open_) return found;
    QSqlQuery query(database_);
    query.exec(QStringLiteral("SELECT id, started, title, complete FROM runs ORDER BY id DESC"));
    while (query.next())
        found.push_back(
            {query.value(0).toLongLong(), query.value(1).toString(), query.value(2).toString(), query.value(3).toBool()});
    return found;
}

telemetry::Outcome<lab::Result> RunStore::result(qint64 id) const {
    QSqlQuery query(database_);
    query.prepare(QStringLiteral("SELECT result FROM runs WHERE id = ?"));
    query.addBindValue(id);
    if (!query.exec() || !query.next()) return damaged(translated("The history has no run %1.").arg(id));
    return parse_result(query.value(0).toByteArray());
}

std::optional<qint64> RunStore::keep(const lab::Result& result, std::optional<qint64> id) {
    if (!open_) return std::nullopt;
    QSqlQuery query(database_);
    query.prepare(id ? QStringLiteral("UPDATE runs SET started = ?, title = ?, complete = ?, result = ? WHERE id = ?")
                     : QStringLiteral("INSERT INTO runs (started, title, complete, result) VALUES (?, ?, ?, ?)"));
    query.addBindValue(QString::fromStdString(result.started));
    query.addBindValue(title_of(result));
    query.addBindValue(result.complete ? 1 : 0);
    query.addBindValue(QString::fromStdString(boost::json::serialize(lab::to_json(result))));
    if (id) query.addBindValue(*id);
    if (!query.exec()) {
        problem_ = translated("The comparison could not be kept in %1: %2.").arg(file_, query.lastError().text());
        return std::nullopt;
    }
    return id ? *id : query.lastInsertId().toLongLong();
}

bool RunStore::remove(qint64 id) {
    QSqlQuery query(database_);
    query.prepare(QStringLiteral("DELETE FROM runs WHERE id = ?"));
    query.addBindValue(id);
    return query.exec() && query.numRowsAffected() == 1;
}

QString title_of(const lab::Result& result) {
    std::set<std::string> modes;
    std::set<std::uint32_t> connections;
    for (const lab::CellResult& cell : result.cells) {
        modes.insert(cell.spec.mode);
        connections.insert(cell.spec.conditions.connections);
    }
    QString counts;
    for (const std::uint32_t count : connections)
        counts += (counts.isEmpty() ? QString() : QStringLiteral(" / ")) + QString::fromStdString(lab::count_text(count));
    const QString who =
        modes.size() == 1 ? QString::fromStdString(*modes.begin()) : translated("%1 modes").arg(modes.size());
    return translated("%1, %2 connections, %3").arg(who, counts, QString::fromStdString(result.workload));
}

telemetry::Outcome<lab::Result> read_result(const QString& file) {
    constexpr qint64 largest = 256 << 20;
    QFile in(file);
    if (!in.open(QIODevice::ReadOnly)) return damaged(translated("%1 cannot be read: %2").arg(file, in.errorString()));
    if (in.size() > largest) return damaged(translated("%1 is too large to be a result").arg(file));
    return parse_result(in.readAll());
}

} // namespace connscope::app
