// SPDX-License-Identifier: BSL-1.0
#include "../sanitized.hpp"
#include "../support.hpp"
#include "connscope/protocol/talk_room.hpp"
#include "connscope/server/modes/table.hpp"

namespace connscope::test {
namespace {

namespace json = boost::json;

server::ServerOptions room_in(std::string_view mode, std::chrono::microseconds word_time) {
    server::ServerOptions options;
    options.mode = mode;
    options.protocol = "talk";
    options.word_time = word_time;
    return options;
}

// A client of the control socket.
class Observer {
public:
    explicit Observer(const RunningServer& server)
        : client_(std::move(*control::Client::connect(server.control_path()))) {}

    telemetry::Outcome<json::value> call(const std::string& method, json::object parameters = {}) {
        return client_.call(method, std::move(parameters), 10s);
    }
    json::object transcript(std::uint64_t after = 0) {
        auto answer = call("talk_transcript", {{"after", after}, {"limit", 2000}});
        EXPECT_TRUE(answer) << (answer ? "" : answer.error().text);
        return answer ? answer->as_object() : json::object{};
    }
    json::array entries() { return transcript().at("entries").as_array(); }
    json::array speakers() { return transcript().at("speakers").as_array(); }
    std::size_t count(std::string_view kind) {
        const json::array all = entries();
        return static_cast<std::size_t>(std::count_if(
            all.begin(), all.end(), [kind](const auto& entry) { return entry.at("kind").as_string() == kind; }));
    }
    std::string state_of(std::string_view name) {
        for (const json::array all = speakers(); const json::value& speaker : all)
            if (speaker.at("name").as_string() == name) return std::string(speaker.at("state").as_string());
        return {};
    }

private:
    control::Client client_;
};

TEST(talk, a_page_of_the_newest_leaves_out_what_is_older_and_says_how_much) {
    const RunningServer server(room_in("coroutines", 10us));
    const TestClient speaker(server.port());
    const std::string line = "a b c d e f g h i j\n";
    ASSERT_TRUE(speaker.send(line + line));
    EXPECT_EQ(speaker.receive(2 * line.size()), line + line);
    Observer observer(server);
    const auto all = observer.transcript();
    const auto newest = observer.call("talk_transcript", {{"after", 3}, {"limit", 5}, {"newest", true}});
    ASSERT_TRUE(newest) << newest.error().text;
    EXPECT_EQ(newest->at("entries").as_array().size(), 5u);
    EXPECT_EQ(newest->at("next"), all.at("written"));
    EXPECT_EQ(newest->at("lost").to_number<std::uint64_t>(), all.at("written").to_number<std::uint64_t>() - 5 - 3);
    EXPECT_FALSE(observer.call("talk_transcript", {{"newest", 1}})) << "true or false";
    EXPECT_FALSE(observer.call("talk_transcript", {{"limit", 0}}));
}

TEST(talk, speakers_cannot_leave_for_processes_of_their_own_and_are_told_so) {
    const RunningServer server(room_in("coroutines", 200us));
    const TestClient speaker(server.port());
    ASSERT_TRUE(speaker.send("one two\n"));
    ASSERT_EQ(speaker.receive(8), "one two\n");
    const auto refused = server.set_mode("process-per-connection");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("cannot leave the server's process"), std::string::npos) << refused.error().text;
    ASSERT_TRUE(speaker.send("three\n"));
    EXPECT_EQ(speaker.receive(6), "three\n");
}

class Talk : public testing::TestWithParam<std::string> {};

// Where speakers can be: not in processes of their own, which have no part in the room.
std::vector<std::string> all_modes() {
    std::vector<std::string> ids;
    for (const auto& mode : server::modes())
        if (mode.carrier != "process") ids.emplace_back(mode.id);
    return ids;
}

INSTANTIATE_TEST_SUITE_P(modes, Talk, testing::ValuesIn(all_modes()), [](const auto& mode) {
    std::string name = mode.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

TEST_P(Talk, speakers_say_their_lines_and_get_each_back) {
    const RunningServer server(room_in(GetParam(), 200us));
    std::vector<TestClient> speakers;
    for (int i = 0; i < 5; ++i) speakers.emplace_back(server.port());
    const std::string line = "one two three four five six\n";
    for (std::size_t i = 0; i < speakers.size(); ++i)
        ASSERT_TRUE(speakers[i].send("/name=S" + std::to_string(i) + " yield=" + std::to_string(i) + ": " + line + line));
    for (const TestClient& each : speakers) EXPECT_EQ(each.receive(2 * line.size()), line + line);
    Observer observer(server);
    EXPECT_EQ(observer.count("word"), 60u);
    EXPECT_EQ(observer.count("ends"), 10u);
    EXPECT_EQ(observer.count("yields"), observer.count("turn"));
    EXPECT_GE(observer.count("yields"), 10u + 4 + 2 + 2) << "after each word, each second, third and fourth";
    EXPECT_EQ(observer.state_of("S3"), "listening");
}

TEST_P(Talk, one_who_disconnects_in_mid_word_leaves_the_others_alone) {
    const RunningServer server(room_in(GetParam(), 20ms));
    TestClient leaver(server.port());
    const TestClient stays(server.port());
    Observer observer(server);
    ASSERT_TRUE(leaver.send("/name=leaver: alpha beta gamma\n"));
    ASSERT_TRUE(eventually([&] { return observer.count("word") > 0; }));
    leaver.reset();
    ASSERT_TRUE(stays.send("/name=stays: and now me\n"));
    EXPECT_EQ(stays.receive(11), "and now me\n");
    EXPECT_TRUE(eventually([&] { return server.status().open == 1; }));
    EXPECT_EQ(observer.count("leaves"), 1u);
    EXPECT_EQ(observer.state_of("leaver"), "");
    ASSERT_TRUE(stays.send("still here\n"));
    EXPECT_EQ(stays.receive(11), "still here\n");
}

TEST_P(Talk, a_speaker_is_moved_in_mid_word_and_says_the_rest_elsewhere) {
    const RunningServer server(room_in(GetParam(), 1s));
    const TestClient speaker(server.port());
    Observer observer(server);
    ASSERT_TRUE(speaker.send("/name=mover turn_us=10000: a few words more\n"));
    ASSERT_TRUE(eventually([&] { return observer.count("word") > 0; }));
    const std::string target = GetParam() == "coroutines" ? "fibers" : "coroutines";
    const auto moved = server.set_mode(target);
    ASSERT_TRUE(moved) << moved.error().text;
    EXPECT_EQ(moved->moved, 1u);
    EXPECT_EQ(observer.count("ends"), 0u) << "it need not say its line first";
    ASSERT_TRUE(observer.call("set_talk", {{"word_us", 1000}}));
    EXPECT_EQ(speaker.receive(17), "a few words more\n");
    EXPECT_EQ(observer.count("word"), 4u) << "no word was begun twice";
}

// Where a line of twenty words was being said by one who never yields, how often somebody else began a word in it.
std::size_t words_in_a_monologue(const std::string& mode) {
    const RunningServer server(room_in(mode, 5ms));
    const TestClient polite(server.port()), eve(server.port());
    Observer observer(server);
    const std::string line = "a b c d e f g h i j k l m n o p q r s t\n";
    EXPECT_TRUE(polite.send("/name=Ada: " + line + line + line + line + line + line));
    EXPECT_TRUE(eventually([&] { return observer.count("word") > 1; }));
    EXPECT_TRUE(eve.send("/name=Eve yield=0: " + line));
    EXPECT_EQ(eve.receive(line.size()), line);
    std::uint64_t eves = 0;
    for (const json::array all = observer.speakers(); const json::value& speaker : all)
        if (speaker.at("name").as_string() == "Eve") eves = speaker.at("connection").to_number<std::uint64_t>();
    double begin = 0, end = 0;
    std::vector<double> others;
    for (const json::array all = observer.entries(); const json::value& entry : all) {
        const double at = entry.at("time_s").as_double();
        if (entry.at("connection").to_number<std::uint64_t>() != eves) {
            if (entry.at("kind").as_string() == "word") others.push_back(at);
            continue;
        }
        if (entry.at("kind").as_string() == "word" && begin == 0) begin = at;
        if (entry.at("kind").as_string() == "ends") end = at;
    }
    return static_cast<std::size_t>(
        std::count_if(others.begin(), others.end(), [&](double at) { return at > begin && at < end; }));
}

TEST(talk, one_who_never_yields_silences_the_others_in_coroutines_and_not_where_she_is_interrupted) {
    EXPECT_EQ(words_in_a_monologue("coroutines"), 0u);
    EXPECT_EQ(words_in_a_monologue("fibers"), 0u);
    EXPECT_GT(words_in_a_monologue("preemptive-fibers"), 2u);
    EXPECT_GT(words_in_a_monologue("thread-per-connection"), 2u);
}

TEST(talk, preemptive_fibers_interrupt_in_mid_word_and_the_transcript_says_for_whom) {
    const RunningServer server(room_in("preemptive-fibers", 100ms));
    const TestClient ada(server.port()), eve(server.port());
    const std::string line = "first second third\n";
    ASSERT_TRUE(ada.send("/name=Ada yield=0: " + line));
    ASSERT_TRUE(eve.send("/name=Eve yield=0: " + line));
    EXPECT_EQ(ada.receive(line.size()), line);
    EXPECT_EQ(eve.receive(line.size()), line);
    Observer observer(server);
    std::uint64_t last = 0;
    std::size_t for_the_other = 0;
    for (const json::array all = observer.entries(); const json::value& entry : all) {
        if (entry.at("kind").as_string() != "next" || entry.at("for").is_null()) continue;
        EXPECT_NE(entry.at("for").to_number<std::uint64_t>(), entry.at("connection").to_number<std::uint64_t>());
        last = entry.at("connection").to_number<std::uint64_t>();
        ++for_the_other;
    }
    EXPECT_GT(for_the_other, 10u);
    EXPECT_NE(last, 0u);
    EXPECT_GT(observer.speakers().at(0).at("interruptions").to_number<std::uint64_t>(), 5u);
}

TEST(talk, the_speed_is_changed_while_they_speak) {
    const RunningServer server(room_in("coroutines", 1s));
    const TestClient speaker(server.port());
    Observer observer(server);
    ASSERT_TRUE(speaker.send("a b c d e f g h i j k l m n o p\n"));
    ASSERT_TRUE(eventually([&] { return observer.count("word") > 0; }));
    const auto begin = std::chrono::steady_clock::now();
    const auto set = observer.call("set_talk", {{"word_us", 1000}});
    ASSERT_TRUE(set) << set.error().text;
    EXPECT_EQ(set->at("word_us").to_number<int>(), 1000);
    EXPECT_EQ(speaker.receive(32).size(), 32u);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s) << "and not sixteen seconds";
    EXPECT_FALSE(observer.call("set_talk", {{"word_us", 0}}));
    EXPECT_FALSE(observer.call("set_talk", {{"word_us", 1'000'001}}));
    EXPECT_FALSE(observer.call("set_talk"));
    EXPECT_EQ(observer.transcript().at("word_us").to_number<int>(), 1000);
}

TEST(talk, a_server_with_another_protocol_says_that_nobody_talks_there) {
    const RunningServer server;
    Observer observer(server);
    for (const auto& [method, parameters] :
         {std::pair{"talk_transcript", json::object{}}, std::pair{"set_talk", json::object{{"word_us", 1000}}}}) {
        const auto answer = observer.call(method, parameters);
        ASSERT_FALSE(answer);
        EXPECT_NE(answer.error().text.find("--protocol talk"), std::string::npos) << answer.error().text;
    }
}

} // namespace
} // namespace connscope::test
