// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/session.hpp"

#include <QTimer>

#include <cstdint>
#include <vector>

namespace connscope::app {

// A connection that keeps others, who could run, waiting: as the server tells of it, from outside of the loop that it keeps.
struct HogReading {
    std::uint64_t connection = 0;
    QString mode; // id
    double held_s = 0;
    std::uint64_t waiting = 0;
    double longest_wait_s = 0; // at least
    QString function;          // in which it was when it was asked; empty: not known, see `missing`
    QString at;                // "steps.cpp:137"
    QString missing;

    bool operator==(const HogReading&) const = default;
};

// The answer of the method `hogs`; what is not of its form is left out.
std::vector<HogReading> hog_readings_of(const boost::json::value& answer);

enum class HogAction { let_go_on, close, own_thread };

// Asks the server for its hogs while one of its connections runs for long, and acts on them. GUI thread.
class HogWatch : public QObject {
    Q_OBJECT
public:
    explicit HogWatch(Session& session, QObject* parent = nullptr);

    // Those of the newest answer, the longest first.
    const std::vector<HogReading>& hogs() const noexcept { return hogs_; }
    // False where the server cannot be asked: who looks at its segment has to guess.
    bool is_told() const noexcept { return told_; }

    void act(std::uint64_t connection, HogAction action);

signals:
    void hogsTold(); // others, or with other figures
    // What an action led to, as a sentence.
    void acted(quint64 connection, const QString& text, bool failed);

private:
    void look(const Snapshot& snapshot);
    void ask();
    void take(std::vector<HogReading> hogs);

    Session& session_;
    std::vector<HogReading> hogs_;
    QTimer again_; // asks sooner than the next snapshot while there may be one
    bool asking_ = false;
    bool told_ = true;
    std::uint32_t server_pid_ = 0;
};

} // namespace connscope::app
