// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "session/talk_reading.hpp"

#include <QString>

#include <deque>
#include <vector>

namespace connscope::app {

// A stretch of time in which a speaker said something, or waited for its turn.
struct TalkStretch {
    enum class Kind {
        speaking,
        handed_over, // waits after it yielded
        interrupted, // stands in mid-word
    };
    Kind kind = Kind::speaking;
    double begin_s = 0;
    double end_s = 0;           // of the last stretch of a lane: how far it is known
    QString word;               // that is said, or in which it waits
    int from_letter = 0;        // of the word, at the begin
    int to_letter = 0;          // at the end
    std::uint64_t next_for = 0; // of interrupted: who spoke instead
    bool is_open = true;        // it goes on
    bool begins_word = false;
};

// A line of the transcript: what a speaker said from when it had the word until somebody else had it.
struct TalkRow {
    enum class Mark { none, yield, next, end, leaves, enters };
    double begin_s = 0;
    double end_s = 0;
    std::uint64_t speaker = 0;
    QString name;
    QString text;
    Mark mark = Mark::none;
    QString next_for;    // of next: who was given the turn
    double waited_s = 0; // before it had the word
};
// The mark as it stands in a transcript: "YIELD", "NEXT!", …
QString mark_text(const TalkRow& row);

// One speaker.
struct TalkLane {
    TalkSpeaker speaker;
    bool is_here = true;
    std::deque<TalkStretch> stretches; // the oldest first
    // Of the row that is being made.
    QString line;
    int line_words = 0;
    double line_begin_s = 0;
    double waited_s = 0;
    int turns = 0;             // that brought no letter, since the last row
    bool is_elsewhere = false; // another program has its CPU
};

// A conversation in a server's room, put together from its readings: who spoke when, who waits since when, and the
// transcript.
class Conversation {
public:
    void take(const TalkReading& reading);
    void clear();
    // Forgets what was said; what is said from now on is told.
    void begin_anew();

    double now_s() const noexcept { return now_s_; }
    double word_us() const noexcept { return word_us_; }
    std::uint64_t next() const noexcept { return next_; } // where the next reading begins
    std::uint64_t lost() const noexcept { return lost_; } // entries that were overwritten before they were read
    const std::vector<TalkLane>& lanes() const noexcept { return lanes_; } // in the order in which they came
    const std::deque<TalkRow>& rows() const noexcept { return rows_; }     // by their ends

    // The whole transcript that is kept, for people. `heading` stands above it.
    QString text(const QString& heading) const;

    static constexpr std::size_t most_rows = 4000;
    static constexpr std::size_t most_stretches = 1500; // of a lane
    static constexpr std::size_t most_lanes = 64;       // those that left go first

private:
    TalkLane* lane_of(std::uint64_t connection);
    QString name_of(std::uint64_t connection) const;
    void take(const TalkEvent& event);
    static void close(TalkLane& lane, double at_s, int letters);
    static void open(TalkLane& lane, TalkStretch stretch);
    static void say(TalkLane& lane, const TalkStretch& stretch);
    void end_row(TalkLane& lane, double at_s, TalkRow::Mark mark, std::uint64_t next_for = 0);

    std::vector<TalkLane> lanes_;
    std::deque<TalkRow> rows_;
    double now_s_ = 0;
    double word_us_ = 0;
    std::uint64_t next_ = 0;
    std::uint64_t lost_ = 0;
};

} // namespace connscope::app
