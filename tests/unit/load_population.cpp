// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/population.hpp"
#include "connscope/load/preset.hpp"
#include "connscope/load/request_form.hpp"
#include "connscope/load/target.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace connscope::load {
namespace {

using namespace std::chrono_literals;

constexpr PopulationDefaults echo{Protocol::echo, 64};
constexpr PopulationDefaults http{Protocol::http, 0};
constexpr PopulationDefaults talk{Protocol::talk, 0};

Population good(std::string_view text, const PopulationDefaults& defaults = echo) {
    auto population = parse_population(text, defaults);
    EXPECT_TRUE(population) << (population ? "" : population.error().text);
    return population ? *population : Population{};
}

std::string fault(std::string_view text, const PopulationDefaults& defaults = echo) {
    const auto population = parse_population(text, defaults);
    EXPECT_FALSE(population) << text;
    return population ? "" : population.error().text;
}

TEST(LoadPopulation, text_names_kind_count_and_options) {
    const Population active = good("active:900,rate=5000,arrivals=poisson,payload=128,name=busy,pipeline=2");
    EXPECT_EQ(active.kind, PopulationKind::active);
    EXPECT_EQ(active.connections, 900u);
    EXPECT_EQ(active.rate, 5000);
    EXPECT_EQ(active.arrivals, ArrivalProcess::poisson);
    EXPECT_EQ(active.payload, 128u);
    EXPECT_EQ(active.name, "busy");
    EXPECT_EQ(active.pipeline, 2u);
    EXPECT_EQ(good("hog:1,us=200000", http).path, "/work?us=200000");
    EXPECT_EQ(good("active:1,ms=10", http).path, "/pause?ms=10");
    EXPECT_EQ(good("slow-reader:5").interval, 100ms);
    EXPECT_EQ(good("active:1,think_us=1500").think, 1500us);
}

TEST(LoadPopulation, its_own_text_gives_the_same_population_again) {
    for (const auto* text : {"active:900,rate=5000.5", "idle:10", "slow-reader:3,piece=5", "slow-sender:3,interval_ms=7",
                             "churn:5,rate=10,requests=3", "active:2,think_us=5,name=x", "churn:1,requests=0"}) {
        const Population first = good(text);
        EXPECT_EQ(good(to_text(first)), first) << to_text(first);
    }
    const Population hog = good("hog:1,us=5", http);
    EXPECT_EQ(good(to_text(hog), http), hog);
}

TEST(LoadPopulation, speakers_say_how_many_words_and_when_they_hand_over) {
    const Population eve = good("speaker:1,name=Eve,words=3,yield=0,turn_us=200", talk);
    EXPECT_EQ(eve.words, 3u);
    EXPECT_EQ(eve.yield_words, 0u);
    EXPECT_EQ(eve.turn, 200us);
    EXPECT_EQ(eve.pipeline, 2u) << "the next line is there when one is said";
    EXPECT_EQ(good(to_text(eve), talk), eve);
    EXPECT_EQ(good("speaker:4", talk).yield_words, 1u);
    const RequestForm form = form_of(eve, Protocol::talk, "host");
    EXPECT_TRUE(form.head.starts_with("/name=Eve yield=0 turn_us=200: ")) << form.head;
    EXPECT_TRUE(form.head.ends_with(": " + form.said)) << "what it says is what must come back";
    EXPECT_EQ(std::count(form.said.begin(), form.said.end(), ' '), 2);
    EXPECT_EQ(good("idle:3", talk).connections, 3u);
    EXPECT_NE(fault("speaker:1").find("--protocol talk"), std::string::npos);
    EXPECT_NE(fault("active:1", talk).find("there are speakers"), std::string::npos);
    EXPECT_NE(fault("speaker:1,payload=4", talk).find("words"), std::string::npos);
    EXPECT_NE(fault("speaker:1,words=65", talk).find("1 to 64"), std::string::npos);
    EXPECT_NE(fault("active:1,yield=2").find("speakers"), std::string::npos);
}

TEST(LoadPopulation, an_object_says_the_same_as_a_text) {
    const auto value = boost::json::parse(R"({"kind":"active","connections":900,"rate":5000,"arrivals":"poisson"})");
    const auto population = population_of(value, echo);
    ASSERT_TRUE(population) << population.error().text;
    EXPECT_EQ(*population, good("active:900,rate=5000,arrivals=poisson"));
    EXPECT_FALSE(population_of(boost::json::parse("[1]"), echo));
    EXPECT_FALSE(population_of(boost::json::parse(R"({"kind":"active"})"), echo));
    EXPECT_FALSE(population_of(boost::json::parse(R"({"kind":"active","connections":[1]})"), echo));
    EXPECT_FALSE(population_of(boost::json::parse(R"({"kind":"active","connections":-1})"), echo));
}

TEST(LoadPopulation, what_cannot_be_is_refused_with_the_value_at_fault) {
    EXPECT_NE(fault("busy:5").find("'busy'"), std::string::npos);
    EXPECT_NE(fault("active").find("KIND:COUNT"), std::string::npos);
    EXPECT_NE(fault("active:-5").find("-5"), std::string::npos);
    EXPECT_NE(fault("active:ten").find("ten"), std::string::npos);
    EXPECT_NE(fault("active:99999999999").find("99999999999"), std::string::npos);
    EXPECT_NE(fault("active:1,rate=-1").find("rate=-1"), std::string::npos);
    EXPECT_NE(fault("active:1,rate=1e300").find("rate=1e300"), std::string::npos);
    EXPECT_NE(fault("active:1,rate=nan").find("rate=nan"), std::string::npos);
    EXPECT_NE(fault("active:1,speed=3").find("'speed'"), std::string::npos);
    EXPECT_NE(fault("active:1,rate").find("OPTION=VALUE"), std::string::npos);
    EXPECT_NE(fault("active:1,payload=0").find("payload=0"), std::string::npos);
    EXPECT_NE(fault("hog:1,us=5").find("http"), std::string::npos);
    EXPECT_NE(fault("active:1,path=/").find("http"), std::string::npos);
    EXPECT_NE(fault("active:1,protocol=http").find("one protocol"), std::string::npos);
    EXPECT_NE(fault("idle:1,rate=5").find("idle"), std::string::npos);
    EXPECT_NE(fault("active:1,rate=5,think_us=5").find("think_us"), std::string::npos);
    EXPECT_NE(fault("active:1,name=all").find("name=all"), std::string::npos);
    fault("active:1,path=nowhere", http);
    fault("active:1,us=5,ms=5", http);
    fault("active:1,path=/a\r\nb", http);
}

TEST(LoadPopulation, each_gets_a_name_of_its_own) {
    std::vector<Population> populations{good("active:1"), good("active:2"), good("idle:3,name=active-2")};
    ASSERT_TRUE(name_apart(populations));
    EXPECT_EQ(populations[0].name, "active");
    EXPECT_EQ(populations[1].name, "active-3");
    std::vector<Population> same{good("active:1,name=x"), good("idle:2,name=x")};
    EXPECT_FALSE(name_apart(same));
}

TEST(LoadPopulation, too_many_connections_are_scaled_down_and_none_is_left_out) {
    std::vector<Population> populations{good("idle:900000"), good("active:100000"), good("active:1")};
    const auto note = fit(populations, {20'000, 19'000});
    ASSERT_TRUE(note);
    EXPECT_NE(note->find("1000001"), std::string::npos) << *note;
    EXPECT_LE(populations[0].connections + populations[1].connections + populations[2].connections, 19'000u);
    EXPECT_NEAR(populations[0].connections, 17'100, 100);
    EXPECT_EQ(populations[2].connections, 1u);
    std::vector<Population> few{good("active:10")};
    EXPECT_FALSE(fit(few, {20'000, 19'000}));
}

TEST(LoadTarget, an_address_is_a_host_and_a_port) {
    const auto loopback = resolve("127.0.0.1:7777");
    ASSERT_TRUE(loopback);
    EXPECT_EQ(loopback->shown, "127.0.0.1:7777");
    const auto six = resolve("[::1]:80");
    ASSERT_TRUE(six);
    EXPECT_EQ(six->shown, "[::1]:80");
    for (const auto* wrong : {"", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:http"})
        EXPECT_FALSE(resolve(wrong)) << wrong;
}

TEST(LoadForm, an_http_request_names_path_and_host_and_knows_what_can_be_checked) {
    const auto get = form_of(good("active:1,path=/bytes?n=500", http), Protocol::http, "127.0.0.1:80");
    EXPECT_EQ(get.head, "GET /bytes?n=500 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n");
    EXPECT_EQ(get.check, Check::bytes);
    EXPECT_EQ(get.expected_length, 500u);
    const auto post = form_of(good("active:1,payload=10", http), Protocol::http, "h:1");
    EXPECT_TRUE(post.head.starts_with("POST /echo HTTP/1.1\r\n")) << post.head;
    EXPECT_NE(post.head.find("Content-Length: 10\r\n"), std::string::npos);
    EXPECT_EQ(post.check, Check::echoed);
    EXPECT_EQ(form_of(good("active:1", http), Protocol::http, "h:1").check, Check::nothing);
}

TEST(LoadPreset, a_dozen_are_there_and_each_explains_itself) {
    const auto all = presets();
    EXPECT_GE(all.size(), 12u);
    std::size_t files = 0;
    for (const auto& file : std::filesystem::directory_iterator(CONNSCOPE_SOURCE_FOLDER "/resources/workloads")) {
        ++files;
        const auto preset = load_preset(file.path().string());
        EXPECT_TRUE(preset) << (preset ? "" : preset.error().text);
    }
    EXPECT_EQ(files, all.size());
    for (const Preset& preset : all) {
        EXPECT_FALSE(preset.populations.empty()) << preset.name;
        EXPECT_TRUE(preset.explains.ends_with('.')) << preset.name;
        const auto by_name = load_preset(preset.name);
        ASSERT_TRUE(by_name);
        EXPECT_EQ(by_name->title, preset.title);
    }
}

TEST(LoadPreset, an_unknown_or_broken_one_is_refused_with_its_name) {
    const auto unknown = load_preset("no-such-workload");
    ASSERT_FALSE(unknown);
    EXPECT_NE(unknown.error().text.find("idle-10000"), std::string::npos)
        << "the known ones are named: " << unknown.error().text;

    const std::string file = testing::TempDir() + "connscope-preset-" + std::to_string(::getpid()) + ".json";
    for (const auto* content :
         {"", "{", "[]", R"({"title":"a","explains":"b"})", R"({"title":"a","explains":"b","populations":["busy:1"]})",
          R"({"title":"a","explains":"b","populations":[]})", R"({"explains":"b","populations":["active:1"]})",
          R"({"title":"a","explains":"b","protocol":"smtp","populations":["active:1"]})"}) {
        std::ofstream(file) << content;
        const auto broken = load_preset(file);
        ASSERT_FALSE(broken) << content;
        EXPECT_NE(broken.error().text.find(file), std::string::npos);
    }
    std::filesystem::remove(file);
}

} // namespace
} // namespace connscope::load
