// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/ready_line.hpp"

#include <QByteArray>
#include <QObject>
#include <QProcess>
#include <QStringList>

#include <chrono>

namespace connscope::app {

// What every process that the application starts needs: no input, and signals as a program expects them.
void prepare_companion(QProcess& process);

// One process that the session started and owns: connscope-serve or connscope-load. Lives on the watching thread. The
// process ends with this object.
class Companion : public QObject {
    Q_OBJECT
public:
    explicit Companion(QObject* parent = nullptr);
    ~Companion() override;

    // Starts `program`; ready() or ended() follows. Precondition: nothing runs.
    void start(const QString& program, const QStringList& arguments);

    // Asks the process to end and kills it when `patience` has passed. Neither ready() nor ended() follows.
    void end(std::chrono::milliseconds patience);
    // Asks the process to end without waiting; end() waits.
    void ask_to_end();

    bool is_running() const { return process_.state() != QProcess::NotRunning; }

signals:
    void ready(const connscope::app::ReadyLine& line);
    // The process could not start or ended by itself; `reason` is a sentence. `was_ready`: after it had been ready.
    void ended(const QString& reason, bool was_ready);

private:
    void read_output();
    void finish(const QString& reason);
    QString last_words() const; // of standard error

    QProcess process_;
    QByteArray errors_; // the end of standard error
    QString program_;
    bool was_ready_ = false;
    bool wanted_ = false; // false: its end is our wish
};

} // namespace connscope::app
