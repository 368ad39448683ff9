// SPDX-License-Identifier: BSL-1.0
#include "session_driver.hpp"

#include "connscope/protocol/talk.hpp"
#include "connscope/protocol/talk_lines.hpp"
#include "connscope/protocol/talk_room.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace connscope::tests {
namespace {

using namespace std::chrono_literals;
using protocol::TalkKind;
using protocol::TalkManner;
using protocol::TalkRoom;

// The test's own time and place.
std::int64_t clock_ns = 1'000'000'000;
protocol::TalkPlace here{1, 100};
constexpr protocol::RoomSenses senses{[] { return clock_ns; }, [] { return here; }};

std::unique_ptr<Session> speaker(TalkRoom& room, std::uint64_t connection) {
    return protocol::make_talk_session({connection, &room});
}

void say(Session& session, std::string_view text) {
    while (!text.empty()) {
        ASSERT_EQ(session.next().kind, Action::Kind::read);
        const auto room = session.input();
        const std::size_t bytes = std::min(room.size(), text.size());
        std::memcpy(room.data(), text.data(), bytes);
        session.received(bytes);
        text.remove_prefix(bytes);
    }
}

// Computes until the session wants something else; time goes by meanwhile.
Action::Kind speak(Session& session) {
    for (int pieces = 0; pieces < 100'000; ++pieces) {
        const Action action = session.next();
        if (action.kind != Action::Kind::compute) return action.kind;
        clock_ns += action.duration.count();
        session.elapsed(action.duration);
    }
    return Action::Kind::compute;
}

std::string transcript(const TalkRoom& room) {
    std::string text;
    for (const auto& entry : room.page(0, 10'000).entries) {
        if (!text.empty()) text += ' ';
        text += std::to_string(entry.connection) + ':' + std::string(name_of(entry.kind));
        if (entry.kind == TalkKind::word) text += '=' + entry.word;
    }
    return text;
}

TEST(talk_session, a_line_is_said_word_by_word_and_comes_back) {
    TalkRoom room(senses, 2ms);
    SessionDriver driver(speaker(room, 7));
    ASSERT_TRUE(driver.run("good morning  everybody\r\n"));
    EXPECT_EQ(driver.output, "good morning everybody\n");
    EXPECT_EQ(driver.yields, 2u) << "after each word but the last, behind which there is nothing more to say";
    EXPECT_NEAR(std::chrono::duration<double>(driver.computed).count(), 0.006, 1e-5) << "2 ms a word";
    EXPECT_EQ(driver.session().requests(), 1u);
    EXPECT_EQ(transcript(room),
              "7:enters 7:word=good 7:yields 7:turn 7:word=morning 7:yields 7:turn 7:word=everybody 7:ends");
    EXPECT_TRUE(driver.finish());
    EXPECT_TRUE(driver.closed);
}

TEST(talk_session, how_the_bytes_were_cut_changes_nothing) {
    const std::string input = "/name=Ada yield=2\none two three four five\n\n/yield=0: six seven\nnot ended";
    std::string expected;
    for (unsigned seed = 0; seed < 20; ++seed) {
        TalkRoom room(senses, 100us);
        SessionDriver driver(speaker(room, 1));
        ASSERT_TRUE(driver.run(input, seed == 0 ? whole() : random_pieces(seed, 9), seed == 0 ? whole() : one_by_one()));
        ASSERT_TRUE(driver.finish());
        if (seed == 0) expected = driver.output;
        EXPECT_EQ(driver.output, expected);
        EXPECT_EQ(driver.yields, 2u);
    }
    EXPECT_EQ(expected, "* you, Ada, hand over after 2 words\none two three four five\nsix seven\nnot ended\n");
}

TEST(talk_session, one_who_never_yields_says_all_its_words_without_a_yield) {
    TalkRoom room(senses, 1ms);
    SessionDriver driver(speaker(room, 1));
    ASSERT_TRUE(driver.run("/yield=0: a b c d e f g h\n/: i j k\n"));
    EXPECT_EQ(driver.yields, 0u);
    EXPECT_EQ(driver.output, "a b c d e f g h\ni j k\n");
}

TEST(talk_session, a_turn_shorter_than_a_word_ends_in_the_middle_of_it) {
    TalkRoom room(senses, 10ms);
    const auto session = speaker(room, 1);
    say(*session, "/yield=0 turn_us=2500: interrupted\n");
    unsigned yields = 0;
    while (speak(*session) == Action::Kind::yield) {
        ++yields;
        session->elapsed({});
    }
    EXPECT_EQ(yields, 3u) << "the fourth turn has the end of the word";
    std::vector<unsigned> letters;
    for (const auto& entry : room.page(0, 100).entries)
        if (entry.kind == TalkKind::yields) letters.push_back(entry.letters);
    EXPECT_EQ(letters, (std::vector<unsigned>{2, 5, 8})) << "of the eleven";
}

TEST(talk_session, an_interruption_in_mid_word_is_noted_with_who_spoke_instead) {
    TalkRoom room(senses, 16ms);
    const auto eve = speaker(room, 1), ada = speaker(room, 2);
    say(*eve, "/yield=0: abcdefgh\n");
    for (int piece = 0; piece < 8; ++piece) {
        const Action action = eve->next();
        ASSERT_EQ(action.kind, Action::Kind::compute);
        if (piece == 4) { // the scheduler gives Eve's thread to Ada in the middle of this piece
            say(*ada, "short\n");
            const Action hers = ada->next();
            clock_ns += hers.duration.count();
            ada->elapsed(hers.duration);
        }
        clock_ns += action.duration.count();
        eve->elapsed(action.duration);
    }
    const auto page = room.page(0, 100);
    const auto next = std::find_if(page.entries.begin(), page.entries.end(),
                                   [](const auto& entry) { return entry.kind == TalkKind::next; });
    ASSERT_NE(next, page.entries.end());
    EXPECT_EQ(next->connection, 1u);
    EXPECT_EQ(next->other, 2u) << "for Ada";
    EXPECT_EQ(next->letters, 2u) << "after a quarter of eight letters";
    const auto resumes = next + 1;
    ASSERT_EQ(resumes->kind, TalkKind::resumes);
    EXPECT_EQ(resumes->other, 1'000'000u) << "ns for which she stood";
    const auto speakers = room.speakers();
    ASSERT_EQ(speakers.size(), 2u);
    EXPECT_EQ(speakers[0].interruptions, 1u);
    EXPECT_EQ(speakers[1].interruptions, 0u);
}

TEST(talk_session, somebody_who_speaks_on_another_cpu_interrupts_nobody) {
    TalkRoom room(senses, 16ms);
    const auto eve = speaker(room, 1), ada = speaker(room, 2);
    say(*eve, "/yield=0: abcdefgh\n");
    here = {2, 200};
    say(*ada, "short\n");
    const Action hers = ada->next();
    clock_ns += hers.duration.count();
    ada->elapsed(hers.duration);
    here = {1, 100};
    const Action action = eve->next();
    clock_ns += action.duration.count() + 500'000; // something took her CPU for half a millisecond
    here = {2, 200};
    const Action more = ada->next();
    clock_ns += more.duration.count();
    ada->elapsed(more.duration);
    here = {1, 100};
    eve->elapsed(action.duration);
    for (const auto& entry : room.page(0, 100).entries) {
        EXPECT_TRUE(entry.kind != TalkKind::next || entry.other == 0) << "another program, and not Ada";
    }
    EXPECT_EQ(room.speakers()[0].interruptions, 0u);
}

TEST(talk_session, of_many_interruptions_in_a_word_the_first_are_told_and_the_others_counted) {
    TalkRoom room(senses, 1s);
    const auto session = speaker(room, 1);
    say(*session, "/yield=0 turn_us=500: long\n");
    unsigned yields = 0;
    while (speak(*session) == Action::Kind::yield) {
        ++yields;
        session->elapsed({});
    }
    unsigned told = 0;
    std::uint64_t counted = 0;
    for (const auto& entry : room.page(0, 5000).entries) {
        told += entry.kind == TalkKind::yields ? 1 : 0;
        if (entry.kind == TalkKind::more) counted += entry.other;
    }
    EXPECT_GT(yields, 1500u);
    EXPECT_EQ(told, 1024u);
    EXPECT_EQ(told + counted, yields);
    EXPECT_EQ(room.speakers().front().yields, yields);
}

TEST(talk_session, the_speed_changes_in_the_middle_of_a_word) {
    TalkRoom room(senses, 1s);
    const auto session = speaker(room, 1);
    say(*session, "slowly\n");
    const Action first = session->next();
    clock_ns += first.duration.count();
    session->elapsed(first.duration);
    room.set_word_time(100us);
    const std::int64_t before = clock_ns;
    EXPECT_EQ(speak(*session), Action::Kind::write);
    EXPECT_LE(clock_ns - before, 1'100'000) << "the piece that was begun, and no more";
}

TEST(talk_session, one_who_leaves_in_mid_word_gives_its_seat_back) {
    TalkRoom room(senses, 10ms);
    auto session = speaker(room, 1);
    say(*session, "unfinished words\n");
    for (int piece = 0; piece < 5; ++piece) {
        const Action action = session->next();
        clock_ns += action.duration.count();
        session->elapsed(action.duration);
    }
    session.reset();
    EXPECT_TRUE(room.speakers().empty());
    const auto last = room.page(0, 100).entries.back();
    EXPECT_EQ(last.kind, TalkKind::leaves);
    EXPECT_EQ(last.word, "unfinished");
    EXPECT_EQ(last.letters, 3u) << "of ten, five sixteenths";
}

TEST(talk_session, more_speakers_than_seats_speak_and_are_not_written_down) {
    TalkRoom room(senses, 100us);
    std::vector<std::unique_ptr<Session>> sessions;
    for (std::uint64_t id = 1; id <= TalkRoom::seats; ++id) sessions.push_back(speaker(room, id));
    SessionDriver driver(speaker(room, 1000));
    ASSERT_TRUE(driver.run("I am here too\n"));
    EXPECT_EQ(driver.output, "I am here too\n");
    EXPECT_EQ(room.speakers().size(), TalkRoom::seats);
    sessions.erase(sessions.begin());
    EXPECT_EQ(room.speakers().size(), TalkRoom::seats - 1);
    sessions.push_back(speaker(room, 2000));
    EXPECT_EQ(room.speakers().back().connection, 2000u) << "the seat has somebody again";
}

TEST(talk_session, a_transcript_that_was_read_too_slowly_says_what_is_lost) {
    TalkRoom room(senses, 10us);
    SessionDriver driver(speaker(room, 1));
    for (int line = 0; line < 3000; ++line) ASSERT_TRUE(driver.run("a\nb\n"));
    const auto page = room.page(10, 100);
    EXPECT_EQ(page.entries.size(), 100u);
    EXPECT_EQ(page.lost, page.written - TalkRoom::entries - 10);
    EXPECT_EQ(page.entries.front().number, page.written - TalkRoom::entries + 1);
    EXPECT_EQ(room.page(page.written, 100).entries.size(), 0u);
    EXPECT_EQ(room.page(~std::uint64_t{0}, 100).next, page.written) << "nothing is behind the end";
}

TEST(talk_session, what_cannot_be_is_answered_by_a_sentence_and_the_next_line_is_said) {
    struct Case {
        std::string line;
        std::string answered;
    };
    for (const auto& [line, answered] : {
             Case{"/yield=-1: x", "! yield is 0 to 1000 words\n"},
             Case{"/yield=1001", "! yield is 0 to 1000 words\n"},
             Case{"/turn_us=10000001", "! turn_us is 0 to 10000000\n"},
             Case{"/name=", "! a name is 1 to 20 letters without a blank\n"},
             Case{"/shout", "! there is no 'shout' here; /help says what there is\n"},
             Case{std::string(1001, 'x'), "! a line has at most 1000 bytes\n"},
             Case{std::string(100'000, 'x'), "! a line has at most 1000 bytes\n"},
             Case{"/: " + std::string(130, 'a') + " ", std::string(130, 'a') + "\n"},
         }) {
        TalkRoom room(senses, 10us);
        SessionDriver driver(speaker(room, 1));
        ASSERT_TRUE(driver.run(line + "\nstill here\n", random_pieces(3, 700)));
        EXPECT_EQ(driver.output, answered + "still here\n") << line.substr(0, 40);
        EXPECT_LT(driver.largest_memory, 10'000u);
    }
    std::string many;
    for (int word = 0; word < 65; ++word) many += "w ";
    TalkManner manner;
    EXPECT_EQ(protocol::understand_talk(many, manner).answer, "! a line has at most 64 words, this one has 65\n");
    EXPECT_EQ(protocol::understand_talk("/yield=7: " + many, manner).words, "");
    EXPECT_EQ(manner, TalkManner{}) << "a line that cannot be changes nothing";
}

TEST(talk_session, what_is_no_text_is_shown_as_question_marks) {
    TalkManner manner;
    EXPECT_EQ(protocol::understand_talk("gr\xc3\xbc\xc3\x9f\x65 \xff\xfe\x01 \xc3", manner).words,
              "gr\xc3\xbc\xc3\x9f\x65 ??? ?");
    EXPECT_EQ(protocol::understand_talk("\xe2\x82\xac \xf0\x9f\x98\x80 \xed\xa0\x80", manner).words,
              "\xe2\x82\xac \xf0\x9f\x98\x80 ???");
    EXPECT_EQ(protocol::understand_talk(" \t ", manner).words, "");
}

} // namespace
} // namespace connscope::tests
