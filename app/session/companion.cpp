// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/companion.hpp"

#include <QFileInfo>

#include <csignal>
#include <cstring>

namespace connscope::app {

namespace {
constexpr qsizetype errors_kept = 4096;
}

void prepare_companion(QProcess& process) {
    process.setStandardInputFile(QProcess::nullDevice());
    // The application takes SIGTERM as an event and blocks it for that; a companion must not inherit the block.
    process.setChildProcessModifier([] {
        sigset_t none;
        sigemptyset(&none);
        ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    });
}

Companion::Companion(QObject* parent)
    : QObject(parent)
    , process_(this) {
    prepare_companion(process_);
    connect(&process_, &QProcess::readyReadStandardOutput, this, &Companion::read_output);
    connect(&process_, &QProcess::readyReadStandardError, this, [this] {
        errors_ += process_.readAllStandardError();
        if (errors_.size() > errors_kept) errors_.remove(0, errors_.size() - errors_kept);
    });
    connect(&process_, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            finish(tr("%1 could not be started: %2.").arg(program_, process_.errorString()));
    });
    connect(&process_, &QProcess::finished, this, [this](int code, QProcess::ExitStatus status) {
        errors_ += process_.readAllStandardError();
        if (status == QProcess::CrashExit) {
            finish(
                tr("%1 was killed by signal %2 (%3).").arg(program_).arg(code).arg(QString::fromLocal8Bit(strsignal(code))));
        } else {
            const QString words = last_words();
            finish(words.isEmpty() ? tr("%1 ended with code %2.").arg(program_).arg(code)
                                   : tr("%1 ended with code %2: %3").arg(program_).arg(code).arg(words));
        }
    });
}

Companion::~Companion() {
    blockSignals(true); // whoever listens is about to be gone, and waiting reads what it tells
    end(std::chrono::milliseconds(500));
}

void Companion::start(const QString& program, const QStringList& arguments) {
    program_ = QFileInfo(program).fileName();
    errors_.clear();
    was_ready_ = false;
    wanted_ = true;
    process_.start(program, arguments, QIODevice::ReadOnly);
}

void Companion::ask_to_end() {
    wanted_ = false;
    if (!is_running()) return;
    process_.terminate();
    // A stopped process would see the request only when it is continued.
    ::kill(static_cast<pid_t>(process_.processId()), SIGCONT);
}

void Companion::end(std::chrono::milliseconds patience) {
    ask_to_end();
    if (!is_running()) return;
    if (process_.waitForFinished(static_cast<int>(patience.count()))) return;
    process_.kill();
    process_.waitForFinished(2000);
}

void Companion::read_output() {
    while (process_.canReadLine()) {
        const auto line = parse_ready_line(QString::fromUtf8(process_.readLine()));
        if (!line || was_ready_) continue;
        was_ready_ = true;
        if (wanted_) emit ready(*line);
    }
}

void Companion::finish(const QString& reason) {
    if (!wanted_) return;
    wanted_ = false;
    emit ended(reason, was_ready_);
}

QString Companion::last_words() const {
    const QStringList lines = QString::fromUtf8(errors_).split(QLatin1Char('\n'), Qt::SkipEmptyParts);
    return lines.isEmpty() ? QString() : lines.last().trimmed();
}

} // namespace connscope::app
