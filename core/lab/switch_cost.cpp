// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/switch_cost.hpp"

#include "connscope/lab/switch_ways.hpp"
#include "connscope/telemetry/clock.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <sched.h>

#include <algorithm>
#include <new>
#include <thread>

namespace connscope::lab {
namespace {

namespace json = boost::json;

constexpr std::size_t evicting_bytes = 8 << 20; // more than most cores have to themselves
constexpr std::int64_t long_enough_ns = 15'000'000;
constexpr std::uint32_t cold_samples = 60;
constexpr std::string_view creation = "create and destroy";

// One point of the curves, measured once: ns of a switch with what is touched after it.
telemetry::Outcome<double> measure_one(const SwitchCost& what, int cpu) {
    const auto set_bytes = static_cast<std::size_t>(what.working_set_bytes);
    const Memory first(set_bytes), second(set_bytes);
    const Memory first_others(what.cold ? evicting_bytes : 0), second_others(what.cold ? evicting_bytes : 0);
    const Memory board_memory(sizeof(Board), true);
    Board* const board = new (board_memory.begin()) Board;
    auto way = make_way(what.way,
                        {Side{&first, what.cold ? &first_others : nullptr, board, 0},
                         Side{&second, what.cold ? &second_others : nullptr, board, 1}},
                        cpu);
    if (!way) return std::move(way).error();
    const auto gone = [] {
        return telemetry::Error{std::make_error_code(std::errc::no_such_process), "the other side has ended"};
    };
    if (!(*way)->round_trips(2)) return gone();
    if (what.cold) {
        board->samples = 0;
        if (!(*way)->round_trips(cold_samples / 2)) return gone();
        std::vector<double> values;
        for (std::uint32_t i = 0; i < board->samples; ++i) values.push_back(static_cast<double>(board->sample_ns[i]));
        const auto spread = spread_of(std::move(values));
        // Reading the clock is part of each sample: what two readings in a row show.
        const std::int64_t clock = telemetry::monotonic_ns();
        const auto clock_ns = static_cast<double>(telemetry::monotonic_ns() - clock);
        return spread ? std::max(0.0, spread->median - clock_ns) : 0.0;
    }
    std::int64_t took = 0;
    std::size_t count = 8;
    for (;;) {
        const std::int64_t begin = telemetry::monotonic_ns();
        if (!(*way)->round_trips(count)) return gone();
        took = telemetry::monotonic_ns() - begin;
        if (took >= long_enough_ns / 2) break;
        count *= 2;
        if (took > long_enough_ns / 100)
            count = std::max(count, static_cast<std::size_t>(static_cast<double>(count) / 2 * long_enough_ns /
                                                             static_cast<double>(took)));
    }
    return static_cast<double>(took) / static_cast<double>(2 * count);
}

telemetry::Outcome<double> measure_creation(const SwitchCost& what) {
    const std::size_t count = may_be_apart(what.way) ? 200 : 20'000;
    const auto ns = creation_ns(what.way, count);
    if (!ns) return ns.error();
    return **ns;
}

std::vector<SwitchCost> points_of(const SwitchOptions& options) {
    std::vector<SwitchCost> points;
    for (const std::string_view way : way_names)
        for (const bool apart : {false, true}) {
            if (apart && (!may_be_apart(way) || !options.other_cpu)) continue;
            for (const bool cold : {false, true})
                for (const std::uint64_t bytes : options.working_sets)
                    points.push_back(
                        {std::string(way), apart ? "across cores" : "same core", bytes, cold, {}, std::nullopt, {}});
        }
    for (const std::string_view way : way_names)
        if (way != "call") points.push_back({std::string(way), std::string(creation), 0, false, {}, std::nullopt, {}});
    return points;
}

} // namespace

std::vector<SwitchCost> measure_switches(const SwitchOptions& options, const Stop& stop,
                                         const std::function<void(std::string_view)>& tell) {
    std::vector<SwitchCost> points = points_of(options);
    // On a thread of its own: it is pinned, the caller's is not.
    std::jthread measuring([&] {
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(static_cast<std::size_t>(options.cpu), &only);
        ::sched_setaffinity(0, sizeof only, &only);
        for (int round = 0; round < options.rounds; ++round) {
            std::string_view told;
            for (SwitchCost& point : points) {
                if (stop.asked()) return;
                if (point.way != told) {
                    told = point.way;
                    tell(fmt::format("round {} of {}: {}", round + 1, options.rounds, point.way));
                }
                const bool apart = point.place == "across cores";
                telemetry::Outcome<double> ns = telemetry::Error{};
                try {
                    ns = point.place == creation ? measure_creation(point)
                                                 : measure_one(point, apart ? *options.other_cpu : options.cpu);
                } catch (const std::bad_alloc&) {
                    ns = telemetry::Error{std::make_error_code(std::errc::not_enough_memory), "no memory for it"};
                }
                if (ns)
                    point.values_ns.push_back(*ns);
                else
                    point.reason = ns.error().text;
            }
        }
    });
    measuring.join();
    for (SwitchCost& point : points) {
        point.spread_ns = spread_of(point.values_ns);
        if (!point.spread_ns && point.reason.empty()) point.reason = "interrupted";
    }
    return points;
}

json::array to_json(const std::vector<SwitchCost>& costs) {
    json::array list;
    for (const SwitchCost& cost : costs) {
        json::array values;
        for (const double value : cost.values_ns) values.push_back(value);
        const auto number = [&](double Spread::*part) {
            return cost.spread_ns ? json::value((*cost.spread_ns).*part) : json::value(nullptr);
        };
        list.push_back(json::object{{"way", cost.way},
                                    {"place", cost.place},
                                    {"working_set_bytes", cost.working_set_bytes},
                                    {"cold", cost.cold},
                                    {"median", number(&Spread::median)},
                                    {"min", number(&Spread::min)},
                                    {"max", number(&Spread::max)},
                                    {"unit", "ns"},
                                    {"values", std::move(values)},
                                    {"reason", cost.reason.empty() ? json::value(nullptr) : json::value(cost.reason)}});
    }
    return list;
}

std::vector<SwitchCost> switches_of_json(const json::value& value) {
    std::vector<SwitchCost> costs;
    if (value.is_null()) return costs;
    for (const json::value& each : value.as_array()) {
        SwitchCost cost;
        cost.way = std::string(each.at("way").as_string());
        cost.place = std::string(each.at("place").as_string());
        cost.working_set_bytes = each.at("working_set_bytes").to_number<std::uint64_t>();
        cost.cold = each.at("cold").as_bool();
        for (const json::value& number : each.at("values").as_array()) cost.values_ns.push_back(number.to_number<double>());
        cost.spread_ns = spread_of(cost.values_ns);
        if (const auto* reason = each.at("reason").if_string()) cost.reason = std::string(*reason);
        costs.push_back(std::move(cost));
    }
    return costs;
}

std::string to_table(const std::vector<SwitchCost>& costs) {
    const auto text = [](const SwitchCost& cost) {
        return cost.spread_ns ? text_of(cost.spread_ns->median / 1e3, Unit::microseconds) : std::string("–");
    };
    // µ takes two bytes and one column.
    const auto cell = [](const std::string& content) {
        const auto wide = static_cast<std::size_t>(std::count(content.begin(), content.end(), '\xC2')) +
                          2 * static_cast<std::size_t>(std::count(content.begin(), content.end(), '\xE2'));
        return std::string(18 + wide > content.size() ? 18 + wide - content.size() : 1, ' ') + content;
    };
    std::string table;
    for (const char* place : {"same core", "across cores"})
        for (const bool cold : {false, true}) {
            std::vector<std::uint64_t> sets;
            std::vector<std::string> ways;
            const auto note = [](auto& list, const auto& value) {
                if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
            };
            for (const SwitchCost& cost : costs)
                if (cost.place == place && cost.cold == cold) {
                    note(sets, cost.working_set_bytes);
                    note(ways, cost.way);
                }
            if (ways.empty()) continue;
            table += fmt::format("{}one switch, {}, caches {}\n{:<14}", table.empty() ? "" : "\n", place,
                                 cold ? "cold" : "warm", "touched");
            for (const std::string& way : ways) table += cell(way);
            table += "\n";
            for (const std::uint64_t set : sets) {
                table += fmt::format("{:<14}", text_of(static_cast<double>(set), Unit::bytes));
                for (const std::string& way : ways)
                    for (const SwitchCost& cost : costs)
                        if (cost.place == place && cost.cold == cold && cost.way == way && cost.working_set_bytes == set)
                            table += cell(text(cost));
                table += "\n";
            }
        }
    table += "\n" + fmt::format("{:<14}\n", creation);
    for (const SwitchCost& cost : costs)
        if (cost.place == creation) table += fmt::format("  {:<18}", cost.way) + cell(text(cost)) + "\n";
    return table;
}

} // namespace connscope::lab
