// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace connscope::lab {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// What a round of a cell takes before any was run: its stretches and what lies between them.
double expected_seconds(const Plan& plan) {
    const double stretch = std::chrono::duration<double>(plan.stretch + plan.warm_up).count();
    return 3 * stretch + 1.2;
}

class Experiment {
public:
    Experiment(const Plan& plan, Journal* journal, const Stop& stop, const ExperimentReports& reports, Result& result)
        : plan_(plan)
        , journal_(journal)
        , stop_(stop)
        , reports_(reports)
        , result_(result) {}

    void run() {
        take_journal();
        progress_.all = plan_.cells.size() * static_cast<std::size_t>(plan_.rounds);
        for (int round = 0; round < plan_.rounds; ++round)
            for (const std::size_t index : plan_.order_of(round)) {
                if (stop_.asked()) return;
                if (!has(index, round)) run_one(index, round);
            }
        result_.complete = progress_.done == progress_.all;
    }

private:
    bool has(std::size_t index, int round) const {
        const auto& rounds = result_.cells[index].rounds;
        return std::any_of(rounds.begin(), rounds.end(), [&](const RoundRecord& each) { return each.round == round; });
    }

    // What an earlier run has measured. Rounds that failed are tried again.
    void take_journal() {
        if (journal_ == nullptr) return;
        for (const Journal::Entry& entry : journal_->entries()) {
            const auto cell = std::find_if(result_.cells.begin(), result_.cells.end(),
                                           [&](const CellResult& each) { return each.spec.key() == entry.cell; });
            if (cell == result_.cells.end() || entry.round.failed) continue;
            if (has(static_cast<std::size_t>(cell - result_.cells.begin()), entry.round.round)) continue;
            result_.seconds += entry.round.seconds;
            cell->add(entry.round);
            ++progress_.done;
            taken_s_ += entry.round.seconds;
            ++taken_;
        }
        if (progress_.done > 0)
            reports_.note(
                fmt::format("going on where an earlier run ended: {} rounds of cells are there already", progress_.done));
    }

    // A cell that failed in the same way twice and never ran to its end will not in further rounds either.
    bool is_hopeless(const CellResult& cell) const {
        if (cell.rounds.size() < 2) return false;
        return std::all_of(cell.rounds.begin(), cell.rounds.end(), [](const RoundRecord& each) { return each.failed; });
    }

    void run_one(std::size_t index, int round) {
        CellResult& cell = result_.cells[index];
        if (is_hopeless(cell)) {
            ++progress_.done;
            return;
        }
        progress_.cell = &cell.spec;
        progress_.round = round + 1;
        const auto began = Clock::now();
        RoundRecord record = run_round(plan_, cell.spec, round, stop_, [&](std::string_view part) {
            progress_.part = part;
            tell(seconds_since(began));
        });
        if (stop_.asked()) return; // half a round says less than none
        ++progress_.done;
        taken_s_ += record.seconds;
        ++taken_;
        result_.seconds += record.seconds;
        if (journal_ != nullptr && !journal_has_failed_)
            if (auto kept = journal_->add(cell.spec.key(), record); !kept) {
                journal_has_failed_ = true;
                reports_.note(
                    fmt::format("{}. What is measured from here on is lost if this run is interrupted.", kept.error().text));
            }
        cell.add(std::move(record));
        tell(0);
        reports_.round(cell, cell.rounds.back());
    }

    void tell(double into_this_one) {
        const double each = taken_ > 0 ? taken_s_ / static_cast<double>(taken_) : expected_seconds(plan_);
        progress_.elapsed_s = seconds_since(begin_);
        progress_.left_s = std::max(0.0, each * static_cast<double>(progress_.all - progress_.done) - into_this_one);
        reports_.progress(progress_);
    }

    const Plan& plan_;
    Journal* journal_;
    const Stop& stop_;
    const ExperimentReports& reports_;
    Result& result_;
    Progress progress_;
    Clock::time_point begin_ = Clock::now();
    double taken_s_ = 0;
    std::size_t taken_ = 0;
    bool journal_has_failed_ = false;
};

} // namespace

Result run_experiment(const Plan& plan, const std::string& command, Journal* journal, const Stop& stop,
                      const ExperimentReports& reports) {
    Result result = begin_result(plan, command);
    Experiment(plan, journal, stop, reports, result).run();
    return result;
}

} // namespace connscope::lab
