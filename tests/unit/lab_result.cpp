// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/journal.hpp"
#include "connscope/lab/result.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace connscope::test {
namespace {

using namespace lab;
namespace fs = std::filesystem;

// A folder that goes with the test.
class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "connscope-lab-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { fs::remove_all(path_); }
    fs::path operator/(const char* name) const { return path_ / name; }

private:
    fs::path path_;
};

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

Plan plan_of(int rounds = 3) {
    Plan plan;
    plan.protocol = "http";
    plan.populations = {"active:1,rate=100"};
    plan.rounds = rounds;
    for (const char* mode : {"one", "two", "three"}) {
        CellSpec cell;
        cell.mode = mode;
        cell.carrier = "thread";
        cell.conditions.connections = 100;
        plan.cells.push_back(cell);
    }
    return plan;
}

RoundRecord round_of(int number, double value) {
    RoundRecord round;
    round.round = number;
    round.seconds = 1.5;
    round.values["requests_per_s"] = value;
    round.reasons["fairness"] = "not told, \"really\"";
    round.curves["latency_us"] = {{0.5, 100}, {0.99, 250.5}};
    round.notes = {"a note"};
    return round;
}

TEST(figures, a_value_is_told_with_three_digits_and_a_unit_of_its_size) {
    EXPECT_EQ(text_of(1229, Unit::bytes), "1.20 KiB");
    EXPECT_EQ(text_of(36 * 1024, Unit::bytes), "36 KiB");
    EXPECT_EQ(text_of(300'000, Unit::microseconds), "300 ms");
    EXPECT_EQ(text_of(8.3, Unit::microseconds), "8.30 µs");
    EXPECT_EQ(text_of(0.0017, Unit::microseconds), "1.70 ns");
    EXPECT_EQ(text_of(51'999, Unit::per_second), "52,000/s");
    EXPECT_EQ(text_of(1'234'567, Unit::per_second), "1,230,000/s");
    EXPECT_EQ(text_of(std::optional<double>(), Unit::bytes), "–");
    EXPECT_EQ(count_text(10'240), "10,240");
    EXPECT_EQ(count_text(999), "999");
}

TEST(figures, the_median_of_an_even_number_lies_between_the_two_in_the_middle) {
    EXPECT_EQ(spread_of({4, 1, 3, 2})->median, 2.5);
    EXPECT_EQ(spread_of({9, 1, 3})->median, 3);
    EXPECT_EQ(spread_of({9, 1, 3})->min, 1);
    EXPECT_EQ(spread_of({9, 1, 3})->max, 9);
    EXPECT_FALSE(spread_of({}).has_value());
}

TEST(plan, rounds_are_interleaved_and_none_always_comes_first) {
    const Plan plan = plan_of();
    EXPECT_EQ(plan.order_of(0), (std::vector<std::size_t>{0, 1, 2}));
    EXPECT_EQ(plan.order_of(1), (std::vector<std::size_t>{2, 0, 1}));
    EXPECT_EQ(plan.order_of(2), (std::vector<std::size_t>{1, 2, 0}));
}

TEST(result, survives_being_written_and_read) {
    Result result = begin_result(plan_of(), "connscope-compare --rounds 3");
    result.cells[0].add(round_of(0, 100));
    result.cells[0].add(round_of(1, 300));
    result.cells[1].spec.conditions.threads = 4;
    const auto again = result_of_json(boost::json::parse(boost::json::serialize(to_json(result))));
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_EQ(boost::json::serialize(to_json(*again)), boost::json::serialize(to_json(result)));
    EXPECT_EQ(again->cells[0].figure("requests_per_s").spread->median, 200);
    EXPECT_EQ(again->cells[0].rounds[1], round_of(1, 300));
    EXPECT_EQ(again->cells[0].figure("fairness").reason, "not told, \"really\"");
}

TEST(result, what_was_not_measured_is_null_with_a_reason_and_never_0) {
    Result result = begin_result(plan_of(), "");
    RoundRecord round;
    round.failed = "the server was ended by signal 9";
    result.cells[0].add(round);
    const auto json = to_json(result);
    const auto& figure = json.at("cells").at(0).at("figures").at("latency_p99_us");
    EXPECT_TRUE(figure.at("median").is_null());
    EXPECT_EQ(figure.at("reason").as_string(), "the server was ended by signal 9");
    EXPECT_EQ(figure.at("unit").as_string(), "us");
    EXPECT_EQ(json.at("cells").at(0).at("failed").as_string(), "the server was ended by signal 9");
}

TEST(result, a_newer_or_foreign_or_damaged_file_is_refused_with_a_sentence) {
    auto json = to_json(begin_result(plan_of(), ""));
    json["version"] = 99;
    EXPECT_NE(result_of_json(json).error().text.find("newer connscope"), std::string::npos);
    EXPECT_NE(result_of_json(boost::json::parse("[1]")).error().text.find("no result"), std::string::npos);
    json["version"] = 1;
    json["cells"] = 5;
    EXPECT_NE(result_of_json(json).error().text.find("damaged"), std::string::npos);
}

TEST(result, a_cell_of_which_one_round_failed_is_measured_and_notes_it) {
    Result result = begin_result(plan_of(), "");
    CellResult& cell = result.cells[0];
    cell.add(round_of(0, 100));
    RoundRecord failed = round_of(1, 50);
    failed.failed = "interrupted";
    cell.add(failed);
    EXPECT_FALSE(cell.failed.has_value());
    EXPECT_EQ(cell.notes.back(), "1 of 2 rounds failed: interrupted");
}

TEST(result, a_table_for_spreadsheets_quotes_what_needs_it) {
    Result result = begin_result(plan_of(), "");
    result.cells[0].add(round_of(0, 100));
    const std::string csv = to_csv(result);
    EXPECT_NE(csv.find("one,100,,,,,requests_per_s,1/s,100,100,100,1,\r\n"), std::string::npos);
    EXPECT_NE(csv.find("one,100,,,,,fairness,ratio,,,,0,\"not told, \"\"really\"\"\"\r\n"), std::string::npos);
}

TEST(journal, an_interrupted_experiment_finds_its_rounds_again) {
    const Folder folder;
    const Plan plan = plan_of();
    {
        auto journal = Journal::open(folder / "j", plan);
        ASSERT_TRUE(journal) << journal.error().text;
        ASSERT_TRUE(journal->add("one connections=100", round_of(0, 5)));
        ASSERT_TRUE(journal->add("two connections=100", round_of(0, 6)));
    }
    const auto again = Journal::open(folder / "j", plan);
    ASSERT_TRUE(again);
    ASSERT_EQ(again->entries().size(), 2u);
    EXPECT_EQ(again->entries()[1].cell, "two connections=100");
    EXPECT_EQ(again->entries()[1].round, round_of(0, 6));
}

TEST(journal, a_line_cut_short_by_a_crash_is_left_out_and_overwritten) {
    const Folder folder;
    const Plan plan = plan_of();
    static_cast<void>(Journal::open(folder / "j", plan)->add("one connections=100", round_of(0, 5)));
    const std::string whole = content_of(folder / "j");
    std::ofstream(folder / "j", std::ios::app) << whole.substr(whole.find("\n") + 1, 40);
    {
        auto again = Journal::open(folder / "j", plan);
        ASSERT_TRUE(again);
        EXPECT_EQ(again->entries().size(), 1u);
        ASSERT_TRUE(again->add("three connections=100", round_of(1, 7)));
    }
    const auto last = Journal::open(folder / "j", plan);
    ASSERT_TRUE(last);
    ASSERT_EQ(last->entries().size(), 2u);
    EXPECT_EQ(last->entries()[1].cell, "three connections=100");
}

TEST(journal, another_experiments_journal_and_other_files_are_not_touched) {
    const Folder folder;
    static_cast<void>(Journal::open(folder / "j", plan_of(3)));
    EXPECT_EQ(Journal::open(folder / "j", plan_of(4)).error().code, std::errc::file_exists);
    std::ofstream(folder / "letter") << "Dear Sir or Madam,\nno journal at all\n";
    EXPECT_FALSE(Journal::open(folder / "letter", plan_of()));
    EXPECT_EQ(content_of(folder / "letter"), "Dear Sir or Madam,\nno journal at all\n");
}

// While it lives no file of this process may grow beyond so many bytes: writing fails as on a full disk.
class FullDisk {
public:
    explicit FullDisk(rlim_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit small{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &small);
    }
    ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

private:
    rlimit before_{};
};

TEST(journal, a_full_disk_is_an_error_and_what_was_there_before_stays) {
    const Folder folder;
    const Plan plan = plan_of();
    auto journal = Journal::open(folder / "j", plan);
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->add("one connections=100", round_of(0, 5)));
    const std::string before = content_of(folder / "j");
    {
        const FullDisk full(before.size() + 20);
        const auto added = journal->add("two connections=100", round_of(0, 6));
        ASSERT_FALSE(added);
        EXPECT_NE(added.error().text.find("cannot write the journal"), std::string::npos);
    }
    EXPECT_EQ(content_of(folder / "j"), before);
    EXPECT_TRUE(journal->add("two connections=100", round_of(0, 6)));
    EXPECT_EQ(Journal::open(folder / "j", plan)->entries().size(), 2u);
}

TEST(journal, what_is_no_file_is_refused) {
    EXPECT_EQ(Journal::open("/dev/full", plan_of()).error().code, std::errc::invalid_argument);
}

TEST(write_whole, leaves_the_old_file_when_the_new_one_cannot_be_written) {
    const Folder folder;
    ASSERT_TRUE(write_whole(folder / "result", "old"));
    ASSERT_TRUE(write_whole(folder / "result", "new"));
    EXPECT_EQ(content_of(folder / "result"), "new");
    {
        const FullDisk full(2);
        EXPECT_FALSE(write_whole(folder / "result", "newest"));
    }
    EXPECT_EQ(content_of(folder / "result"), "new");
    const auto nowhere = write_whole(folder / "missing" / "result", "text");
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().code, std::errc::no_such_file_or_directory);
    EXPECT_EQ(std::distance(fs::directory_iterator((folder / "result").parent_path()), {}), 1);
}

} // namespace
} // namespace connscope::test
