// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/findings.hpp"

#include "connscope/lab/result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

namespace connscope::lab {
namespace {

constexpr double least_ratio = 1.05;       // of medians that differ
constexpr double ratio_of_one_round = 1.5; // the same where no spread is known
constexpr double least_share = 0.95;       // of pairs of rounds that agree

using Cells = std::vector<const CellResult*>;

double median(const CellResult& cell, std::string_view figure) { return cell.figure(figure).spread->median; }

std::string value_text(const CellResult& cell, std::string_view figure) {
    return text_of(median(cell, figure), find_figure(figure)->unit);
}

// "a", "a and b", "a, b and c".
std::string list_text(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
    return text;
}

// How many of the pairs of a round of `a` and a round of `b` have the smaller value in `a`, of all (Mann and Whitney's U by
// its largest, doi:10.1214/aoms/1177730491): 1 and 0 when the rounds do not overlap.
double share_of_smaller(const std::vector<double>& a, const std::vector<double>& b) {
    double pairs = 0;
    for (const double x : a)
        for (const double y : b) pairs += x < y ? 1 : x == y ? 0.5 : 0;
    return pairs / static_cast<double>(a.size() * b.size());
}

double ratio_of(double a, double b) {
    const double low = std::min(std::abs(a), std::abs(b)), high = std::max(std::abs(a), std::abs(b));
    return low > 0 ? high / low : INFINITY;
}

// Cells that had the same work under the same conditions, and how sentences about them call them.
struct Group {
    Cells cells;
    std::string prefix; // "With 10,000 connections: "; empty where there is one group only

    std::string name_of(const CellResult& cell) const {
        const auto same = std::count_if(cells.begin(), cells.end(),
                                        [&](const CellResult* each) { return each->spec.mode == cell.spec.mode; });
        if (same < 2) return cell.spec.mode;
        std::string text = cell.spec.mode;
        if (cell.spec.conditions.threads) text += fmt::format(" with {} threads", *cell.spec.conditions.threads);
        if (cell.spec.conditions.slice_us)
            text += fmt::format(" with slices of {}", text_of(*cell.spec.conditions.slice_us, Unit::microseconds));
        return text;
    }
    Cells knowing(std::string_view figure) const {
        Cells known;
        std::copy_if(cells.begin(), cells.end(), std::back_inserter(known),
                     [&](const CellResult* cell) { return cell->figure(figure).known(); });
        return known;
    }
    std::string names_of(const Cells& some) const {
        std::vector<std::string> names;
        for (const CellResult* cell : some) names.push_back(name_of(*cell));
        return list_text(names);
    }
};

std::vector<std::string> keys_of(const Cells& cells) {
    std::vector<std::string> keys;
    for (const CellResult* cell : cells) keys.push_back(cell->spec.key());
    return keys;
}

// The best and the worst cell by a figure; those that chance alone may have put behind the best.
struct Ranking {
    Cells known;
    const CellResult* best = nullptr;
    const CellResult* worst = nullptr;
    Cells as_good; // within the noise of the best, without it
    bool differs = false;
    double ratio = 1;
};

std::optional<Ranking> rank(const Group& group, std::string_view id) {
    const FigureInfo& info = *find_figure(id);
    Ranking ranking;
    ranking.known = group.knowing(id);
    if (ranking.known.size() < 2) return std::nullopt;
    Cells sorted = ranking.known;
    std::stable_sort(sorted.begin(), sorted.end(), [&](const CellResult* a, const CellResult* b) {
        return info.better == Better::more ? median(*a, id) > median(*b, id) : median(*a, id) < median(*b, id);
    });
    ranking.best = sorted.front();
    ranking.worst = sorted.back();
    ranking.differs = differ(info, ranking.best->figure(id), ranking.worst->figure(id));
    ranking.ratio = ratio_of(median(*ranking.best, id), median(*ranking.worst, id));
    for (auto cell = sorted.begin() + 1; cell != sorted.end(); ++cell)
        if (!differ(info, ranking.best->figure(id), (*cell)->figure(id))) ranking.as_good.push_back(*cell);
    return ranking;
}

class Finder {
public:
    explicit Finder(const Result& result)
        : result_(result) {
        std::map<std::tuple<std::uint32_t, std::uint64_t, int>, Group> groups;
        for (const CellResult& cell : result.cells) {
            const Conditions& c = cell.spec.conditions;
            groups[{c.connections, c.payload.value_or(0), c.work_us.value_or(0)}].cells.push_back(&cell);
        }
        for (auto& [key, group] : groups) {
            Conditions shared = group.cells.front()->spec.conditions;
            shared.threads.reset();
            shared.slice_us.reset();
            if (groups.size() > 1) group.prefix = fmt::format("With {}: ", text_of(shared));
            groups_.push_back(std::move(group));
        }
    }

    std::vector<Finding> run() {
        for (const Group& group : groups_) {
            memory(group);
            hog(group);
            work(group);
            system_calls(group);
            between(group, "requests_per_s", "At saturation {best} answered {best_value} and {worst} {worst_value}{times}.",
                    1.5);
            between(group, "latency_p99_us",
                    "At the fixed rate one request in a hundred took longer than {best_value} in {best} and than "
                    "{worst_value} in {worst}{times}.",
                    0.8);
            between(group, "delay_p99_us",
                    "From the arrival of its bytes to its resume a connection waited at most {best_value} in {best} and "
                    "{worst_value} in {worst}, 99 times of a hundred{times}.",
                    0.6);
            between(group, "fairness",
                    "Equal connections shared best in {best} (Jain's index {best_value}) and worst in {worst} "
                    "({worst_value}).",
                    20);
            between(group, "accept_1000_ms",
                    "1,000 new connections were taken in after {best_value} in {best} and after {worst_value} in "
                    "{worst}{times}.",
                    0.5);
            between(group, "hand_off_in_ms",
                    "Handing all connections over took {best_value} into {best} and {worst_value} into {worst}{times}.",
                    0.4);
        }
        growth("requests_per_s", "requests at saturation");
        growth("latency_p99_us", "p99 at the fixed rate");
        growth("memory_bytes", "memory per connection");
        failures();
        std::stable_sort(found_.begin(), found_.end(),
                         [](const Finding& a, const Finding& b) { return a.weight > b.weight; });
        return std::move(found_);
    }

private:
    void add(const Group& group, std::string_view figure, const Cells& cells, double weight, std::string text) {
        found_.push_back({group.prefix + std::move(text), std::string(figure), keys_of(cells), weight});
    }
    void within_noise(const Group& group, std::string_view figure, const Ranking& ranking) {
        const FigureInfo& info = *find_figure(figure);
        add(group, figure, ranking.known, 0.05,
            fmt::format("{} is within noise in {}: medians from {} to {}.", info.title, group.names_of(ranking.known),
                        value_text(*ranking.best, figure), value_text(*ranking.worst, figure)));
    }
    static double weight_of(const Ranking& ranking, double importance) {
        return importance * std::log(std::min(ranking.ratio, 1e4));
    }
    static std::string as_good(const Group& group, const Ranking& ranking) {
        if (ranking.as_good.empty()) return {};
        return fmt::format(" Within noise of {}: {}.", group.name_of(*ranking.best), group.names_of(ranking.as_good));
    }

    // A sentence of the best and the worst, or that chance alone tells them apart.
    void between(const Group& group, const char* figure, const char* sentence, double importance) {
        const auto ranking = rank(group, figure);
        if (!ranking) return;
        if (!ranking->differs) return within_noise(group, figure, *ranking);
        const std::string times = std::isfinite(ranking->ratio) ? ": " + times_text(ranking->ratio) : "";
        std::string text = fmt::format(
            fmt::runtime(sentence), fmt::arg("best", group.name_of(*ranking->best)),
            fmt::arg("worst", group.name_of(*ranking->worst)), fmt::arg("best_value", value_text(*ranking->best, figure)),
            fmt::arg("worst_value", value_text(*ranking->worst, figure)), fmt::arg("times", times));
        Cells cells{ranking->best, ranking->worst};
        cells.insert(cells.end(), ranking->as_good.begin(), ranking->as_good.end());
        add(group, figure, cells, weight_of(*ranking, importance), text + as_good(group, *ranking));
    }

    void memory(const Group& group) {
        const auto ranking = rank(group, "memory_bytes");
        if (!ranking) return;
        if (!ranking->differs) return within_noise(group, "memory_bytes", *ranking);
        const CellResult& worst = *ranking->worst;
        std::string text =
            fmt::format("A connection takes {} in {} and {} in {}", value_text(*ranking->best, "memory_bytes"),
                        group.name_of(*ranking->best), value_text(worst, "memory_bytes"), group.name_of(worst));
        if (median(*ranking->best, "memory_bytes") > 0) text += ": " + times_text(ranking->ratio);
        if (worst.figure("memory_kernel_bytes").known()) {
            text += fmt::format("; {} of those are the kernel's", value_text(worst, "memory_kernel_bytes"));
            std::vector<std::string> parts;
            for (const auto& [figure, words] :
                 {std::pair{"kernel_stack_bytes", "stacks"}, std::pair{"slab_bytes", "tasks and mappings"},
                  std::pair{"page_table_bytes", "page tables"}})
                if (worst.figure(figure).known() && median(worst, figure) >= 100)
                    parts.push_back(fmt::format("{} {}", words, value_text(worst, figure)));
            if (!parts.empty()) text += fmt::format(" ({})", list_text(parts));
        }
        Cells cells{ranking->best, ranking->worst};
        cells.insert(cells.end(), ranking->as_good.begin(), ranking->as_good.end());
        add(group, "memory_bytes", cells, weight_of(*ranking, 2), text + "." + as_good(group, *ranking));
    }

    void hog(const Group& group) {
        const auto ranking = rank(group, "hog_damage_us");
        if (!ranking) return;
        if (!ranking->differs) return within_noise(group, "hog_damage_us", *ranking);
        const auto rise = [&](const CellResult& cell) {
            // Its own two p99: with the hog and without.
            const FigureInfo& p99 = *find_figure("latency_p99_us");
            const bool hurt = !cell.figure("hog_p99_us").known() || !cell.figure("latency_p99_us").known() ||
                              differ(p99, cell.figure("hog_p99_us"), cell.figure("latency_p99_us"));
            return value_text(cell, "hog_damage_us") + (hurt ? "" : " (within noise)");
        };
        std::string text = fmt::format(
            "One connection that computes without a yield raised the others' p99 by {} in {} and by {} in {}",
            rise(*ranking->worst), group.name_of(*ranking->worst), rise(*ranking->best), group.name_of(*ranking->best));
        if (ranking->worst->figure("hog_max_us").known())
            text += fmt::format("; in {} somebody waited {} for it", group.name_of(*ranking->worst),
                                value_text(*ranking->worst, "hog_max_us"));
        Cells cells{ranking->worst, ranking->best};
        cells.insert(cells.end(), ranking->as_good.begin(), ranking->as_good.end());
        add(group, "hog_damage_us", cells, weight_of(*ranking, 2), text + "." + as_good(group, *ranking));
    }

    void work(const Group& group) {
        constexpr const char* figure = "cpu_us_per_request";
        const auto ranking = rank(group, figure);
        if (!ranking) return;
        if (!ranking->differs) return within_noise(group, figure, *ranking);
        const CellResult& best = *ranking->best;
        const CellResult& worst = *ranking->worst;
        std::string text =
            fmt::format("A request costs {} of CPU in {} and {} in {}: {}", value_text(best, figure), group.name_of(best),
                        value_text(worst, figure), group.name_of(worst), times_text(ranking->ratio));
        const auto switches = [](const CellResult& cell) -> std::optional<double> {
            if (!cell.figure("voluntary_per_request").known() || !cell.figure("involuntary_per_request").known())
                return std::nullopt;
            return median(cell, "voluntary_per_request") + median(cell, "involuntary_per_request");
        };
        const auto of_best = switches(best), of_worst = switches(worst);
        if (of_best && of_worst)
            text += fmt::format("; of switches by the kernel each takes {:.2f} in {} and {:.2f} in {}", *of_best,
                                group.name_of(best), *of_worst, group.name_of(worst));
        Cells cells{ranking->best, ranking->worst};
        cells.insert(cells.end(), ranking->as_good.begin(), ranking->as_good.end());
        add(group, figure, cells, weight_of(*ranking, 1.5), text + "." + as_good(group, *ranking));
    }

    void system_calls(const Group& group) {
        constexpr const char* figure = "system_calls_per_request";
        const auto ranking = rank(group, figure);
        if (!ranking) return;
        const std::string best = value_text(*ranking->best, figure), worst = value_text(*ranking->worst, figure);
        if (ranking->ratio < 1.1)
            return add(group, figure, ranking->known, 0.3,
                       fmt::format("A request takes about as many system calls in {}: {} to {}. What differs between them "
                                   "is not the calls.",
                                   group.names_of(ranking->known), best, worst));
        if (!ranking->differs) return within_noise(group, figure, *ranking);
        add(group, figure, {ranking->best, ranking->worst}, weight_of(*ranking, 0.7),
            fmt::format("A request takes {} system calls in {} and {} in {}.{}", best, group.name_of(*ranking->best), worst,
                        group.name_of(*ranking->worst), as_good(group, *ranking)));
    }

    // How a figure changes from the fewest to the most connections.
    void growth(const char* figure, const char* words) {
        const FigureInfo& info = *find_figure(figure);
        struct Change {
            const CellResult* from;
            const CellResult* to;
            double ratio;
        };
        std::map<std::string, std::vector<const CellResult*>> modes;
        for (const CellResult& cell : result_.cells) {
            Conditions others = cell.spec.conditions;
            others.connections = 0;
            if (cell.figure(figure).known()) modes[cell.spec.mode + text_of(others)].push_back(&cell);
        }
        std::optional<Change> largest;
        std::vector<std::string> steady;
        Cells cells;
        for (auto& [name, some] : modes) {
            const auto by_connections = [](const CellResult* a, const CellResult* b) {
                return a->spec.conditions.connections < b->spec.conditions.connections;
            };
            const auto [fewest, most] = std::minmax_element(some.begin(), some.end(), by_connections);
            if ((*fewest)->spec.conditions.connections == (*most)->spec.conditions.connections) continue;
            if (!differ(info, (*fewest)->figure(figure), (*most)->figure(figure))) {
                steady.push_back((*fewest)->spec.mode);
                cells.insert(cells.end(), {*fewest, *most});
                continue;
            }
            const double ratio = ratio_of(median(**fewest, figure), median(**most, figure));
            if (!largest || ratio > largest->ratio) largest = Change{*fewest, *most, ratio};
        }
        if (!largest) return;
        cells.insert(cells.begin(), {largest->from, largest->to});
        std::string text = fmt::format(
            "From {} to {} connections, {} went from {} to {} in {}", count_text(largest->from->spec.conditions.connections),
            count_text(largest->to->spec.conditions.connections), words, value_text(*largest->from, figure),
            value_text(*largest->to, figure), largest->from->spec.mode);
        if (!steady.empty()) text += fmt::format(" and stayed within noise in {}", list_text(steady));
        found_.push_back({text + ".", figure, keys_of(cells), std::log(std::min(largest->ratio, 1e4))});
    }

    void failures() {
        for (const CellResult& cell : result_.cells)
            if (cell.failed)
                found_.push_back({fmt::format("{} could not be measured to its end with {}: {}.", cell.spec.mode,
                                              text_of(cell.spec.conditions), *cell.failed),
                                  "",
                                  {cell.spec.key()},
                                  0.2});
    }

    const Result& result_;
    std::vector<Group> groups_;
    std::vector<Finding> found_;
};

} // namespace

bool differ(const FigureInfo& info, const FigureResult& a, const FigureResult& b) {
    if (!a.spread || !b.spread) return false;
    const double apart = std::abs(a.spread->median - b.spread->median);
    if (apart <= info.least) return false;
    // A share that cannot exceed one: what is missing to it is what counts.
    const double ratio = ratio_of(a.spread->median, b.spread->median);
    if (info.unit != Unit::ratio && ratio < least_ratio) return false;
    if (a.values.size() < 2 || b.values.size() < 2) return ratio >= ratio_of_one_round;
    const double share = share_of_smaller(a.values, b.values);
    return std::max(share, 1 - share) >= least_share;
}

std::vector<Standing> standings_of(const std::vector<const CellResult*>& cells, const FigureInfo& info) {
    std::vector<Standing> standings(cells.size(), Standing::unknown);
    if (info.better == Better::neither) return standings;
    const CellResult* best = nullptr;
    const CellResult* worst = nullptr;
    const auto is_better = [&](const CellResult& a, const CellResult& b) {
        return info.better == Better::more ? median(a, info.id) > median(b, info.id)
                                           : median(a, info.id) < median(b, info.id);
    };
    for (const CellResult* cell : cells) {
        if (!cell->figure(info.id).known()) continue;
        if (best == nullptr || is_better(*cell, *best)) best = cell;
        if (worst == nullptr || is_better(*worst, *cell)) worst = cell;
    }
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (!cells[i]->figure(info.id).known()) continue;
        if (cells[i] == best)
            standings[i] = Standing::best;
        else if (!differ(info, best->figure(info.id), cells[i]->figure(info.id)))
            standings[i] = Standing::as_good;
        else
            standings[i] = cells[i] == worst ? Standing::worst : Standing::between;
    }
    return standings;
}

std::vector<Finding> find(const Result& result) { return Finder(result).run(); }

} // namespace connscope::lab
