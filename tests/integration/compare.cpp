// SPDX-License-Identifier: BSL-1.0
// connscope-compare as its users run it: whole experiments, small ones.
#include "../sanitized.hpp"
#include "../support.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace connscope::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// An experiment in a folder of its own, which goes with the test.
class Compare : public testing::Test {
protected:
    Compare() {
        std::string name = (fs::temp_directory_path() / "connscope-compare-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~Compare() override { fs::remove_all(folder_); }

    std::string path(const char* name) const { return (folder_ / name).string(); }
    std::string text(const char* name) const {
        std::ifstream file(folder_ / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    json::value result() const { return json::parse(text("result.json")); }

    // The arguments with what is the same for all: short stretches, files in the folder.
    std::vector<std::string> command(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), "connscope-compare");
        arguments.insert(arguments.end(), {"--stretch", "0.2", "--journal", path("journal"), "--quick", "--quiet"});
        return arguments;
    }
    // Runs it to its end with its standard error in a file; the exit code.
    int run(const std::vector<std::string>& arguments, const std::string& limits = {}) {
        std::string line = limits + "exec '" + std::string(CONNSCOPE_BIN_FOLDER) + "/";
        for (const std::string& word : command(arguments))
            line += word == "connscope-compare" ? word + "'" : " '" + word + "'";
        Child child({"/bin/sh", "-c", line + " 2>'" + path("errors") + "'"});
        output_ = child.rest();
        return child.wait(120s);
    }
    static double median(const json::value& cell, const char* figure) {
        return cell.at("figures").at(figure).at("median").to_number<double>();
    }
    static std::string reason(const json::value& cell, const char* figure) {
        const auto& why = cell.at("figures").at(figure).at("reason");
        return why.is_null() ? "" : std::string(why.as_string());
    }

    // What it complained of, and why cells failed: for the message of a test that expected otherwise.
    std::string complaints() const {
        std::string all = text("errors");
        if (!fs::exists(path("result.json"))) return all;
        const json::value whole = result();
        for (const json::value& cell : whole.at("cells").as_array())
            if (const auto* failed = cell.at("failed").if_string())
                all += std::string(cell.at("mode").as_string()) + ": " + failed->c_str() + "\n";
        return all;
    }

    std::string output_;

private:
    fs::path folder_;
};

// The companion of that name that a process has started; 0 when there is none.
pid_t child_of(pid_t parent, const std::string& name) {
    std::ifstream list("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children");
    for (pid_t pid = 0; list >> pid;) {
        std::string comm;
        std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/comm"), comm);
        if (comm == name.substr(0, 15)) return pid;
    }
    return 0;
}

TEST_F(Compare, measures_every_figure_of_two_modes_and_writes_them_in_every_form) {
    ASSERT_EQ(run({"--modes", "coroutines,thread-per-connection", "--connections", "200", "--rounds", "2", "--json",
                   path("result.json"), "--csv", path("result.csv"), "--html", path("report.html")}),
              0)
        << complaints();
    const json::value whole = result();
    EXPECT_TRUE(whole.at("complete").as_bool());
    ASSERT_EQ(whole.at("cells").as_array().size(), 2u);
    for (const json::value& cell : whole.at("cells").as_array()) {
        EXPECT_TRUE(cell.at("failed").is_null());
        for (const auto& [id, figure] : cell.at("figures").as_object()) {
            EXPECT_FALSE(figure.at("unit").as_string().empty()) << std::string_view(id);
            EXPECT_FALSE(figure.at("source").as_string().empty()) << std::string_view(id);
            // A figure is measured in every round, or says why not.
            if (figure.at("median").is_null()) {
                EXPECT_FALSE(figure.at("reason").is_null()) << std::string_view(id);
                continue;
            }
            EXPECT_LE(figure.at("min").to_number<double>(), figure.at("median").to_number<double>());
            EXPECT_LE(figure.at("median").to_number<double>(), figure.at("max").to_number<double>());
        }
        EXPECT_GT(median(cell, "requests_per_s"), 1000);
        EXPECT_GT(median(cell, "cpu_us_per_request"), 0);
        EXPECT_GT(median(cell, "hand_off_in_ms"), 0);
        EXPECT_GT(median(cell, "accept_1000_ms"), 0);
        EXPECT_GT(median(cell, "fairness"), 0.3);
    }
    const json::value& coroutines = whole.at("cells").at(0);
    const json::value& threads = whole.at("cells").at(1);
    EXPECT_EQ(coroutines.at("mode").as_string(), "coroutines");
    // The kernel's part is the whole machine's, and others may be at work on it.
    EXPECT_GT(median(threads, "memory_user_bytes"), 3 * median(coroutines, "memory_user_bytes"));
    EXPECT_EQ(median(threads, "kernel_stack_bytes"), 16384);
    EXPECT_GE(median(threads, "threads"), 200);
    EXPECT_LE(median(coroutines, "threads"), 4);
    EXPECT_GT(median(coroutines, "hog_damage_us"), 50'000); // it froze all for 100 ms at a time
    EXPECT_GT(median(coroutines, "user_space_per_request"), 0.5);
    EXPECT_GT(median(threads, "voluntary_per_request"), 0.1);
    EXPECT_FALSE(whole.at("findings").as_array().empty());

    EXPECT_NE(output_.find("Memory per connection"), std::string::npos) << output_;
    EXPECT_NE(text("result.csv").find("coroutines,200,,,,,memory_bytes,B,"), std::string::npos);
    EXPECT_FALSE(fs::exists(path("journal"))) << "a complete experiment needs no journal";
}

TEST_F(Compare, a_mode_that_does_not_exist_is_wrong_use_and_names_those_that_do) {
    EXPECT_EQ(run({"--modes", "coroutines,green-threads"}), 2);
    EXPECT_NE(text("errors").find("green-threads"), std::string::npos) << text("errors");
    EXPECT_NE(text("errors").find("thread-per-connection"), std::string::npos) << text("errors");
    EXPECT_EQ(run({"--connections", "2"}), 2);
    EXPECT_EQ(run({"--against", "nonsense"}), 2);
    EXPECT_EQ(run({"--rounds", "0"}), 2);
    EXPECT_EQ(run({"--protocol", "echo", "--work-us", "5"}), 2);
}

TEST_F(Compare, nobody_behind_against_is_said_of_that_cell_and_the_others_go_on) {
    EXPECT_EQ(run({"--modes", "callbacks", "--against", "mine=127.0.0.1:1", "--connections", "50", "--rounds", "1", "--json",
                   path("result.json")}),
              1)
        << complaints();
    const json::value whole = result();
    EXPECT_TRUE(whole.at("cells").at(0).at("failed").is_null());
    EXPECT_GT(median(whole.at("cells").at(0), "requests_per_s"), 0);
    EXPECT_EQ(whole.at("cells").at(1).at("failed").as_string(), "nobody on this machine listens at 127.0.0.1:1");
    EXPECT_EQ(whole.at("cells").at(1).at("against").as_string(), "127.0.0.1:1");
}

TEST_F(Compare, a_server_of_the_users_is_measured_and_what_it_cannot_tell_is_said) {
    server::ServerOptions options;
    options.protocol = "http";
    options.mode = "callbacks";
    const RunningServer server(options);
    ASSERT_EQ(run({"--modes", "callbacks", "--against", "mine=127.0.0.1:" + std::to_string(server.port()), "--connections",
                   "50", "--rounds", "1", "--json", path("result.json")}),
              0)
        << complaints();
    const json::value mine = result().at("cells").at(1);
    EXPECT_EQ(mine.at("mode").as_string(), "mine");
    EXPECT_GT(median(mine, "requests_per_s"), 1000);
    EXPECT_GT(median(mine, "cpu_us_per_request"), 0);
    EXPECT_GT(median(mine, "latency_p50_us"), 0);
    EXPECT_NE(reason(mine, "hand_off_in_ms"), "");
    EXPECT_NE(reason(mine, "user_space_per_request"), "");
    EXPECT_TRUE(mine.at("figures").at("hand_off_in_ms").at("median").is_null());
}

TEST_F(Compare, limits_too_low_for_a_sweep_are_said_of_the_cells_they_stop) {
    EXPECT_EQ(run({"--modes", "coroutines", "--connections", "50,2000", "--rounds", "1", "--json", path("result.json")},
                  "ulimit -n 400; "),
              1)
        << complaints();
    const json::value whole = result();
    EXPECT_TRUE(whole.at("cells").at(0).at("failed").is_null());
    EXPECT_NE(whole.at("cells").at(1).at("failed").as_string().find("2,000 connections need more open files"),
              std::string_view::npos);
    EXPECT_NE(reason(whole.at("cells").at(0), "accept_1000_ms").find("open files"), std::string::npos);
}

TEST_F(Compare, a_server_that_dies_in_mid_cell_is_said_and_what_was_measured_is_kept) {
    auto arguments = command(
        {"--modes", "fibers,callbacks", "--connections", "50", "--rounds", "1", "--lines", "--json", path("result.json")});
    Child compare(arguments);
    std::string line;
    do line = compare.line();
    while (!line.empty() && line.find("\"part\":\"saturated\"") == std::string::npos);
    const pid_t serve = child_of(compare.pid(), "connscope-serve");
    ASSERT_GT(serve, 0) << line;
    ::kill(serve, SIGKILL);
    compare.rest();
    EXPECT_EQ(compare.wait(), 1);
    const json::value whole = result();
    const json::value& fibers = whole.at("cells").at(0);
    EXPECT_EQ(std::string(fibers.at("failed").as_string()), "connscope-serve was ended by signal 9 (saturated)");
    EXPECT_GT(median(fibers, "memory_bytes"), 0);
    EXPECT_GT(median(fibers, "latency_p50_us"), 0);
    EXPECT_TRUE(fibers.at("figures").at("requests_per_s").at("median").is_null());
    EXPECT_TRUE(whole.at("cells").at(1).at("failed").is_null());
}

TEST_F(Compare, interrupted_and_started_again_it_goes_on_where_it_was) {
    auto arguments = command(
        {"--modes", "fibers,callbacks", "--connections", "50", "--rounds", "1", "--lines", "--json", path("result.json")});
    {
        Child first(arguments);
        std::string line;
        do line = first.line();
        while (!line.empty() && line.find("\"event\":\"round\"") == std::string::npos);
        ASSERT_FALSE(line.empty());
        first.signal(SIGINT);
        first.rest();
        EXPECT_EQ(first.wait(), 1);
    }
    const json::value half = result();
    EXPECT_FALSE(half.at("complete").as_bool());
    const double measured = median(half.at("cells").at(0), "requests_per_s");
    EXPECT_TRUE(half.at("cells").at(1).at("rounds").as_array().empty());

    Child second(arguments);
    const std::string told = second.rest();
    EXPECT_EQ(second.wait(), 0) << told;
    EXPECT_NE(told.find("going on where an earlier run ended: 1 rounds"), std::string::npos);
    EXPECT_TRUE(result().at("complete").as_bool());
    EXPECT_EQ(median(result().at("cells").at(0), "requests_per_s"), measured);
    EXPECT_FALSE(result().at("cells").at(1).at("rounds").as_array().empty());
}

TEST_F(Compare, a_result_that_cannot_be_written_is_said_and_the_rounds_are_kept) {
    EXPECT_EQ(
        run({"--modes", "callbacks", "--connections", "50", "--rounds", "1", "--json", path("missing") + "/result.json"}),
        3);
    EXPECT_NE(text("errors").find("cannot write"), std::string::npos) << text("errors");
    EXPECT_NE(output_.find("Requests at saturation"), std::string::npos) << "the table is printed all the same";
    ASSERT_EQ(run({"--modes", "callbacks", "--connections", "50", "--rounds", "1", "--json", path("result.json")}), 0);
    EXPECT_TRUE(result().at("complete").as_bool());
}

TEST_F(Compare, measures_what_a_switch_costs_in_every_way) {
    if (sanitized) GTEST_SKIP() << "a sanitizer makes some of them dearer than others";
    std::vector<std::string> arguments{"connscope-compare", "--switches", "--rounds",         "1",
                                       "--quiet",           "--json",     path("result.json")};
    Child child(arguments);
    const std::string table = child.rest();
    ASSERT_EQ(child.wait(120s), 0);
    const json::value whole = result();
    const auto cost = [&](std::string_view way, std::string_view place, std::int64_t bytes, bool cold) {
        for (const json::value& each : whole.at("switches").as_array())
            if (each.at("way").as_string() == way && each.at("place").as_string() == place &&
                each.at("cold").as_bool() == cold && each.at("working_set_bytes").as_int64() == bytes)
                return each.at("median").to_number<double>();
        ADD_FAILURE() << way << " " << place << " is missing";
        return 0.0;
    };
    EXPECT_LT(cost("call", "same core", 0, false), cost("fiber", "same core", 0, false));
    EXPECT_LT(cost("fiber", "same core", 0, false), cost("thread (futex)", "same core", 0, false));
    EXPECT_LT(cost("coroutine", "create and destroy", 0, false), cost("thread (futex)", "create and destroy", 0, false));
    // With eight megabytes touched the way of switching is drowned by the cache.
    EXPECT_LT(cost("process (pipe)", "same core", 8 << 20, false), 3 * cost("call", "same core", 8 << 20, false));
    EXPECT_GT(cost("call", "same core", 1 << 20, true), 10 * cost("call", "same core", 0, true));
    EXPECT_NE(table.find("process (pipe)"), std::string::npos) << table;
}

TEST_F(Compare, a_sweep_tells_what_each_slice_costs_and_how_soon_others_are_answered) {
    ASSERT_EQ(run({"--sweep", "preemptive-fibers", "--slice-us", "1000,10000", "--json", path("result.json")}), 0)
        << text("errors");
    const json::value sweep = result();
    EXPECT_EQ(sweep.at("baseline").as_string(), "fibers");
    EXPECT_TRUE(sweep.at("complete").as_bool());
    const auto& points = sweep.at("points").as_array();
    ASSERT_EQ(points.size(), 2u);
    for (const json::value& point : points) {
        EXPECT_LT(std::abs(point.at("overhead").to_number<double>()), 1.0);
        EXPECT_TRUE(point.at("failed").is_null());
    }
    const auto p99 = [](const json::value& point) { return point.at("latency_p99_us").to_number<double>(); };
    if (!sanitized) {
        EXPECT_LT(p99(points[0]), p99(points[1]));
    }
    EXPECT_EQ(run({"--sweep", "thread-pool"}), 2);
    EXPECT_NE(text("errors").find("there is no slice to sweep in 'thread-pool'"), std::string::npos) << text("errors");
}

} // namespace
} // namespace connscope::test
