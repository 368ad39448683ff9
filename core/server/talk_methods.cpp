// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/talk_methods.hpp"

#include "connscope/protocol/talk_room.hpp"
#include "connscope/server/server.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace connscope::server {
namespace {

namespace json = boost::json;
using control::Reply;
using control::RpcErrc;
using protocol::TalkKind;
using protocol::TalkState;

constexpr std::int64_t longest_page = 2000;
// A speaker in mid-word who was not heard for this long and some pieces of a word does not run.
constexpr std::int64_t shortest_silence_ns = 4'000'000;

double seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }

json::object to_json(const protocol::TalkEntry& entry) {
    json::object object{{"number", entry.number},
                        {"time_s", seconds(entry.at_ns)},
                        {"connection", entry.connection},
                        {"kind", protocol::name_of(entry.kind)}};
    if (!entry.word.empty()) {
        object["word"] = entry.word;
        object["letters"] = std::min<std::size_t>(entry.letters, entry.word.size());
    }
    if (entry.kind == TalkKind::turn || entry.kind == TalkKind::resumes)
        object["waited_s"] = seconds(static_cast<std::int64_t>(entry.other));
    if (entry.kind == TalkKind::next) object["for"] = entry.other == 0 ? json::value(nullptr) : json::value(entry.other);
    if (entry.kind == TalkKind::more) object["times"] = entry.other;
    return object;
}

json::object to_json(const protocol::TalkSpeaker& speaker, std::int64_t now_ns) {
    const bool stands = speaker.state == TalkState::speaking && now_ns - speaker.heard_ns > shortest_silence_ns;
    const std::string_view state = speaker.state == TalkState::listening     ? "listening"
                                   : speaker.state == TalkState::handed_over ? "handed over"
                                   : stands                                  ? "interrupted"
                                                                             : "speaking";
    return {{"connection", speaker.connection},
            {"name", speaker.name},
            {"state", state},
            {"since_s", seconds(stands ? speaker.heard_ns : speaker.since_ns)},
            {"words", speaker.words},
            {"yields", speaker.yields},
            {"interruptions", speaker.interruptions}};
}

// A page of the transcript, and who is in the room now. Times are the monotonic clock's.
json::object transcript(const protocol::TalkRoom& room, const protocol::TalkPage& page) {
    json::array entries;
    for (const protocol::TalkEntry& entry : page.entries) entries.push_back(to_json(entry));
    const std::int64_t now_ns = room.now_ns();
    json::array speakers;
    for (const protocol::TalkSpeaker& speaker : room.speakers()) speakers.push_back(to_json(speaker, now_ns));
    return {{"now_s", seconds(now_ns)},
            {"word_us", room.word_time().count()},
            {"entries", std::move(entries)},
            {"next", page.next},
            {"lost", page.lost},
            {"written", page.written},
            {"speakers", std::move(speakers)}};
}

void refuse(const Reply& reply) {
    reply.error(RpcErrc::refused, "nobody talks here: the server was not started with --protocol talk");
}

} // namespace

control::Methods talk_methods(Server& server) {
    return {
        {"talk_transcript",
         [&server](const json::object& params, const Reply& reply) {
             const auto after =
                 static_cast<std::uint64_t>(control::integer_param_or(params, "after", 0, std::int64_t{1} << 60, 0));
             const auto limit = static_cast<std::size_t>(control::integer_param_or(params, "limit", 1, longest_page, 500));
             const json::value* newest = params.if_contains("newest");
             if (newest != nullptr && !newest->is_bool()) throw control::InvalidParams("newest must be true or false");
             if (server.room() == nullptr) return refuse(reply);
             using Part = protocol::TalkRoom::Part;
             const Part part = newest != nullptr && newest->get_bool() ? Part::newest : Part::oldest;
             reply.result(transcript(*server.room(), server.room()->page(after, limit, part)));
         }},
        {"set_talk",
         [&server](const json::object& params, const Reply& reply) {
             using protocol::TalkRoom;
             const std::chrono::microseconds time(
                 control::integer_param(params, "word_us", TalkRoom::shortest_word.count(), TalkRoom::longest_word.count()));
             if (server.room() == nullptr) return refuse(reply);
             server.room()->set_word_time(time);
             reply.result(json::object{{"word_us", server.room()->word_time().count()}});
         }},
    };
}

} // namespace connscope::server
