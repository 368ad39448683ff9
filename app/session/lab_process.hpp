// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QProcess>
#include <QString>
#include <QStringList>

#include <boost/json/value.hpp>

namespace connscope::app {

// A connscope-compare of our own, told what to measure: what it tells, line by line, as it tells it. GUI thread; nothing
// here waits but the destructor, which ends it.
class LabProcess : public QObject {
    Q_OBJECT
public:
    explicit LabProcess(QObject* parent = nullptr);
    ~LabProcess() override;

    // Precondition: nothing runs. `arguments` are connscope-compare's.
    void start(const QString& companions_folder, const QStringList& arguments);
    // Asks it to end; finished() follows.
    void stop();
    bool is_running() const { return process_.state() != QProcess::NotRunning; }

signals:
    // One event of its output, an object with a text "event". Listeners throw nothing: what they do not understand is of
    // another version, and is not shown.
    void told(const boost::json::value& event);
    // It ended; `problem` is a sentence where it ended otherwise than by being done or stopped.
    void finished(const QString& problem);

private:
    void read_output();
    void finish();

    QProcess process_;
    QByteArray errors_;
    bool begun_ = false; // it told of what it measures
    bool stopped_ = false;
    bool over_ = true;
};

} // namespace connscope::app
