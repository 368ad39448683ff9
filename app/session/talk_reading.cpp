// SPDX-License-Identifier: GPL-3.0-or-later
#include "session/talk_reading.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <array>
#include <string_view>

namespace connscope::app {

namespace {

// A member of an object, or nullptr.
const boost::json::value* member(const boost::json::value& of, std::string_view key) {
    const boost::json::object* object = of.if_object();
    return object == nullptr ? nullptr : object->if_contains(key);
}

QString text(const boost::json::value& of, std::string_view key) {
    const boost::json::value* value = member(of, key);
    if (value == nullptr || !value->is_string()) return {};
    const boost::json::string& found = value->get_string();
    return QString::fromUtf8(found.data(), static_cast<qsizetype>(found.size()));
}

double number(const boost::json::value& of, std::string_view key) {
    const boost::json::value* value = member(of, key);
    if (value == nullptr || !value->is_number()) return 0;
    boost::json::error_code failed;
    const double found = value->to_number<double>(failed);
    return failed ? 0 : found;
}

std::uint64_t count(const boost::json::value& of, std::string_view key) {
    const boost::json::value* value = member(of, key);
    if (value == nullptr || !value->is_number()) return 0;
    boost::json::error_code failed;
    const auto found = value->to_number<std::uint64_t>(failed);
    return failed ? 0 : found;
}

template <class Value, std::size_t Size>
std::optional<Value> named(const std::array<std::pair<const char*, Value>, Size>& names, const QString& name) {
    for (const auto& [known, value] : names) {
        if (name == QLatin1String(known)) return value;
    }
    return std::nullopt;
}

using Kind = TalkEvent::Kind;
constexpr std::array kinds{
    std::pair{"enters", Kind::enters}, std::pair{"leaves", Kind::leaves},   std::pair{"word", Kind::word},
    std::pair{"yields", Kind::yields}, std::pair{"turn", Kind::turn},       std::pair{"next", Kind::next},
    std::pair{"ends", Kind::ends},     std::pair{"resumes", Kind::resumes}, std::pair{"more", Kind::more},
};
using State = TalkSpeaker::State;
constexpr std::array states{
    std::pair{"listening", State::listening},
    std::pair{"speaking", State::speaking},
    std::pair{"handed over", State::handed_over},
    std::pair{"interrupted", State::interrupted},
};

} // namespace

std::optional<TalkReading> talk_reading_of(const boost::json::value& answer) {
    const boost::json::value* events = member(answer, "entries");
    const boost::json::value* speakers = member(answer, "speakers");
    if (events == nullptr || !events->is_array() || speakers == nullptr || !speakers->is_array()) return std::nullopt;
    TalkReading reading;
    reading.now_s = number(answer, "now_s");
    reading.word_us = number(answer, "word_us");
    reading.next = count(answer, "next");
    reading.lost = count(answer, "lost");
    for (const boost::json::value& each : events->get_array()) {
        const auto kind = named(kinds, text(each, "kind"));
        if (!kind) continue; // of a newer server
        TalkEvent event;
        event.number = count(each, "number");
        event.at_s = number(each, "time_s");
        event.speaker = count(each, "connection");
        event.kind = *kind;
        event.word = text(each, "word");
        // Letters are counted in bytes there, and shown in characters.
        event.letters = static_cast<int>(
            QString::fromUtf8(event.word.toUtf8().left(static_cast<qsizetype>(count(each, "letters")))).size());
        event.waited_s = number(each, "waited_s");
        event.next_for = count(each, "for");
        event.times = count(each, "times");
        reading.events.push_back(std::move(event));
    }
    for (const boost::json::value& each : speakers->get_array()) {
        TalkSpeaker speaker;
        speaker.connection = count(each, "connection");
        speaker.name = text(each, "name");
        speaker.state = named(states, text(each, "state")).value_or(State::listening);
        speaker.since_s = number(each, "since_s");
        speaker.words = count(each, "words");
        speaker.yields = count(each, "yields");
        speaker.interruptions = count(each, "interruptions");
        reading.speakers.push_back(std::move(speaker));
    }
    return reading;
}

} // namespace connscope::app
