// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace connscope::app {

// What a server told of its room: see core/protocol/talk_room.hpp. Times are seconds of the monotonic clock.

struct TalkEvent {
    enum class Kind { enters, leaves, word, yields, turn, next, resumes, ends, more };
    std::uint64_t number = 0;
    double at_s = 0;
    std::uint64_t speaker = 0; // its connection
    Kind kind = Kind::enters;
    QString word;
    int letters = 0;            // of the word, that were said
    double waited_s = 0;        // of turn and resumes
    std::uint64_t next_for = 0; // of next: who was given the turn; 0: another program
    std::uint64_t times = 0;    // of more
};

struct TalkSpeaker {
    enum class State { listening, speaking, handed_over, interrupted };
    std::uint64_t connection = 0;
    QString name;
    State state = State::listening;
    double since_s = 0;
    std::uint64_t words = 0;
    std::uint64_t yields = 0;
    std::uint64_t interruptions = 0;
};

struct TalkReading {
    double now_s = 0;
    double word_us = 0;
    std::uint64_t next = 0; // where the next reading begins
    std::uint64_t lost = 0; // entries between the last reading and this one that are gone
    std::vector<TalkEvent> events;
    std::vector<TalkSpeaker> speakers;
};

// The answer of talk_transcript; none when it is not of its form.
std::optional<TalkReading> talk_reading_of(const boost::json::value& answer);

} // namespace connscope::app
