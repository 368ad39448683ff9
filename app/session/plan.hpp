// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>

#include <cstdint>
#include <vector>

namespace connscope::app {

// What the session starts: which server, and how it is loaded at first; or what it attaches to.
struct Plan {
    QStringList attach;        // pids, names and patterns of names of processes that run already; empty: a server is started
    QString companions_folder; // where connscope-serve and connscope-load are
    QString mode = QStringLiteral("coroutines");
    QString protocol = QStringLiteral("http"); // echo knows no requests that compute, so no hogs
    QStringList populations{QStringLiteral("active:200,rate=4000,payload=64")}; // in connscope-load's words
};

// A process of the session, as the window shows it.
struct ProcessStatus {
    enum class Phase {
        absent,   // not started
        starting, // started, has not said that it is ready
        running,
        awaited, // it has ended, and whoever comes back by its name will be watched
        stopped, // by SIGSTOP or a debugger: alive, does nothing
        gone,    // ended although nobody here asked it to
        failed,  // could not start, or refused its arguments
    };
    Phase phase = Phase::absent;
    std::uint32_t pid = 0;
    QString address; // ADDRESS:PORT
    QString control_path;
    QString segment_name;
    QString reason;                  // of stopped, gone and failed: a sentence
    QString name;                    // of the program, or of the server that reports
    bool is_attached = false;        // it was running already: nobody here starts or ends it
    QStringList names;               // of those that are watched together, each once
    std::vector<std::uint32_t> pids; // of those that are watched together
    QString uncontrolled;            // why it cannot be asked to change: a sentence; empty: it can
    QStringList missing;             // what cannot be seen of it, and the rights that are missing

    bool alive() const noexcept { return phase == Phase::running || phase == Phase::stopped; }
};

// One mode as the server describes it.
struct ModeDescription {
    enum class Scheduling { kernel, program, both };
    QString id;
    QString name;
    QString carrier;
    QString hint;
    Scheduling scheduling = Scheduling::program;
    // Which of ModeParameters mean something to it.
    bool has_threads = false;
    bool has_stack_size = false;
    bool has_slice = false;
    QString slices; // what the slice is: of a "timer", of the "scheduler", a "budget"; empty where it is not told
};

// What the server's modes are made with.
struct ModeParameters {
    int threads = 0; // workers or loops; 0: as many as the mode thinks right
    int stack_kib = 256;
    int slice_us = 1000;

    bool operator==(const ModeParameters&) const = default;
};

// A change of mode that the server has completed.
struct ModeChange {
    QString from;
    QString to;
    std::uint64_t moved = 0;
    double duration_ms = 0;
    ModeParameters parameters_before;
    ModeParameters parameters; // from now on
};

} // namespace connscope::app
