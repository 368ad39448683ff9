// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/plan.hpp"

#include "connscope/control/client.hpp"
#include "connscope/lab/child.hpp"
#include "connscope/lab/figure.hpp"
#include "connscope/load/population.hpp"
#include "connscope/load/preset.hpp"
#include "connscope/load/request_form.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

namespace connscope::lab {
namespace {

namespace json = boost::json;
using telemetry::Error;
using telemetry::Outcome;
using namespace std::chrono_literals;

// One connection whose requests compute: 100 ms of CPU, four times a second.
constexpr std::string_view default_hog = "hog:1,rate=4,us=100000,name=hog";
constexpr std::uint32_t most_connections = 1'000'000;

Error wrong(std::string text) { return {std::make_error_code(std::errc::invalid_argument), std::move(text)}; }

std::vector<int> allowed_cpus() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    std::vector<int> cpus;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) cpus.push_back(cpu);
    return cpus;
}

// The server gets two thirds of the CPUs, the load the rest: a server that runs on one is not held up by its load.
telemetry::Status share_cpus(const PlanRequest& request, Plan& plan) {
    const std::vector<int> cpus = allowed_cpus();
    for (const auto* wanted : {&request.server_cpus, &request.load_cpus})
        for (const int cpu : *wanted)
            if (std::find(cpus.begin(), cpus.end(), cpu) == cpus.end())
                return wrong(fmt::format("CPU {}: this process may run on {}", cpu, fmt::join(cpus, ", ")));
    plan.server_cpus = request.server_cpus;
    plan.load_cpus = request.load_cpus;
    const auto free_of = [&](const std::vector<int>& taken) {
        std::vector<int> left;
        for (const int cpu : cpus)
            if (std::find(taken.begin(), taken.end(), cpu) == taken.end()) left.push_back(cpu);
        return left.empty() ? cpus : left;
    };
    if (plan.server_cpus.empty() && plan.load_cpus.empty()) {
        const std::size_t for_load = std::max<std::size_t>(1, cpus.size() / 3);
        plan.load_cpus.assign(cpus.end() - static_cast<std::ptrdiff_t>(for_load), cpus.end());
    }
    if (plan.server_cpus.empty()) plan.server_cpus = free_of(plan.load_cpus);
    if (plan.load_cpus.empty()) plan.load_cpus = free_of(plan.server_cpus);
    plan.cpus_shared = std::any_of(plan.server_cpus.begin(), plan.server_cpus.end(), [&](int cpu) {
        return std::find(plan.load_cpus.begin(), plan.load_cpus.end(), cpu) != plan.load_cpus.end();
    });
    return telemetry::success();
}

telemetry::Status check(const char* option, const std::vector<std::int64_t>& values, std::int64_t low, std::int64_t high) {
    std::set<std::int64_t> seen;
    for (const std::int64_t value : values) {
        if (value < low || value > high) return wrong(fmt::format("{} {}: {} to {}", option, value, low, high));
        if (!seen.insert(value).second) return wrong(fmt::format("{} {}: named twice", option, value));
    }
    return telemetry::success();
}

// The populations that the user names, or the plain one.
telemetry::Status choose_workload(const PlanRequest& request, Plan& plan) {
    plan.protocol = request.protocol;
    std::vector<load::Population> populations;
    if (!request.preset.empty()) {
        auto preset = load::load_preset(request.preset);
        if (!preset) return wrong(preset.error().text);
        plan.protocol = load::name_of(preset->protocol);
        populations = preset->populations;
        plan.workload = preset->title;
    }
    const auto protocol = load::parse_protocol(plan.protocol);
    if (!protocol) return wrong(protocol.error().text);
    for (const std::string& text : request.populations) {
        auto population = load::parse_population(text, {*protocol});
        if (!population) return wrong(population.error().text);
        populations.push_back(std::move(*population));
    }
    const bool http = *protocol == load::Protocol::http;
    if (populations.empty()) {
        // A third of what one CPU can do with requests like these, so that every mode keeps up.
        const auto work = request.work_us.empty() ? 0 : *std::max_element(request.work_us.begin(), request.work_us.end());
        plan.rate = request.rate.value_or(std::clamp(std::round(0.3e6 / (static_cast<double>(work) + 75)), 1.0, 4000.0));
        if (!(plan.rate > 0) || plan.rate > load::max_rate)
            return wrong(fmt::format("--rate {}: a fixed rate is above 0 and at most {}", plan.rate, load::max_rate));
        auto plain = load::parse_population(fmt::format("active:1,rate={}", plan.rate), {*protocol});
        if (!plain) return wrong(plain.error().text);
        populations.push_back(std::move(*plain));
        plan.workload = fmt::format("{} requests a second, {}", digits_text(plan.rate), plan.protocol);
        if (http) plan.hog = default_hog;
    } else if (request.rate) {
        return wrong("--rate belongs to the plain workload: populations have rates of their own");
    }
    if (auto named = load::name_apart(populations); !named) return wrong(named.error().text);
    for (const load::Population& population : populations) {
        if (population.kind == load::PopulationKind::hog && plan.hog.empty())
            plan.hog = load::to_text(population);
        else
            plan.populations.push_back(load::to_text(population));
    }
    if (plan.populations.empty()) return wrong("a workload of hogs alone has nobody whom they could disturb");
    if (plan.hog.empty() && http) plan.hog = default_hog;
    if (plan.workload.empty()) plan.workload = fmt::format("{}, {}", fmt::join(plan.populations, " + "), plan.protocol);
    const bool active = std::any_of(populations.begin(), populations.end(),
                                    [](const auto& each) { return each.kind == load::PopulationKind::active; });
    if (!active) return wrong("a workload needs an active population, whose latency is measured");
    if (!http && !request.work_us.empty()) return wrong("--work-us belongs to --protocol http: an echo does not compute");
    return telemetry::success();
}

// The values of a sweep; one empty when it is not swept.
template <class Value>
std::vector<std::optional<Value>> values_of(const std::vector<std::int64_t>& sweep, bool applies = true) {
    std::vector<std::optional<Value>> values;
    if (applies)
        for (const std::int64_t value : sweep) values.push_back(static_cast<Value>(value));
    if (values.empty()) values.push_back(std::nullopt);
    return values;
}

void add_cells(const PlanRequest& request, const CellSpec& subject, bool has_threads, bool has_slice, Plan& plan) {
    for (const std::int64_t connections : request.connections)
        for (const auto payload : values_of<std::uint64_t>(request.payload))
            for (const auto work : values_of<int>(request.work_us, subject.own()))
                for (const auto threads : values_of<int>(request.threads, has_threads))
                    for (const auto slice : values_of<int>(request.slice_us, has_slice)) {
                        CellSpec cell = subject;
                        cell.conditions = {static_cast<std::uint32_t>(connections), threads, slice, payload, work};
                        plan.cells.push_back(std::move(cell));
                    }
}

Outcome<CellSpec> parse_against(const std::string& text) {
    const std::size_t equals = text.find('=');
    const std::size_t colon = text.rfind(':');
    if (equals == 0 || equals == std::string::npos || colon == std::string::npos || colon < equals)
        return wrong(fmt::format("--against {}: NAME=HOST:PORT, for example nginx=127.0.0.1:8080", text));
    CellSpec cell;
    cell.mode = text.substr(0, equals);
    cell.address = text.substr(equals + 1);
    cell.carrier = "server";
    return cell;
}

} // namespace

Outcome<std::vector<ModeTraits>> ask_modes(const std::string& bin_folder) {
    auto serve = Child::start({bin_folder + "/connscope-serve", "--listen", "127.0.0.1:0"}, {});
    if (!serve) return std::move(serve).error();
    const auto ready = serve->line(10s);
    if (!ready) {
        const auto ended = serve->ended();
        return Error{std::make_error_code(std::errc::no_such_process),
                     fmt::format("{}/connscope-serve {}", bin_folder, ended.value_or("does not say that it is ready"))};
    }
    auto control = control::Client::connect(value_in(*ready, "control"));
    if (!control) return std::move(control).error();
    auto answer = control->call("list_modes", {}, 10s);
    if (!answer) return std::move(answer).error();
    std::vector<ModeTraits> modes;
    try {
        for (const json::value& each : answer->as_array()) {
            const json::object& mode = each.as_object();
            const auto flag = [&](const char* name) { return mode.contains(name) && mode.at(name).as_bool(); };
            modes.push_back({std::string(mode.at("id").as_string()), std::string(mode.at("title").as_string()),
                             std::string(mode.at("carrier").as_string()), flag("has_threads"), flag("has_slice")});
        }
    } catch (const std::exception& error) {
        return Error{std::make_error_code(std::errc::bad_message),
                     fmt::format("connscope-serve lists its modes in a form that is not known here: {}", error.what())};
    }
    serve->end(5s);
    return modes;
}

std::string text_of(const Conditions& conditions) {
    std::string text = count_text(conditions.connections) + " connections";
    if (conditions.threads) text += fmt::format(", {} threads", *conditions.threads);
    if (conditions.slice_us) text += fmt::format(", slices of {}", text_of(*conditions.slice_us, Unit::microseconds));
    if (conditions.payload)
        text += fmt::format(", {} a request", text_of(static_cast<double>(*conditions.payload), Unit::bytes));
    if (conditions.work_us) text += fmt::format(", {} of work", text_of(*conditions.work_us, Unit::microseconds));
    return text;
}

std::string CellSpec::key() const {
    std::string text = fmt::format("{} connections={}", mode, conditions.connections);
    if (conditions.threads) text += fmt::format(" threads={}", *conditions.threads);
    if (conditions.slice_us) text += fmt::format(" slice_us={}", *conditions.slice_us);
    if (conditions.payload) text += fmt::format(" payload={}", *conditions.payload);
    if (conditions.work_us) text += fmt::format(" work_us={}", *conditions.work_us);
    return text;
}

std::vector<std::size_t> Plan::order_of(int round) const {
    // A B C, C A B, B C A: each cell comes after another one in time, and none is always the first.
    std::vector<std::size_t> order;
    const std::size_t count = cells.size();
    const std::size_t first = count == 0 ? 0 : (count - static_cast<std::size_t>(round) % count) % count;
    for (std::size_t i = 0; i < count; ++i) order.push_back((first + i) % count);
    return order;
}

std::string Plan::fingerprint() const {
    std::string text = fmt::format("3|{}|{}|{}|{}|{}|{}|{}|{}|{}", protocol, fmt::join(populations, " "), hog, rate, rounds,
                                   stretch.count(), warm_up.count(), fmt::join(server_cpus, ","), fmt::join(load_cpus, ","));
    for (const CellSpec& cell : cells) text += "|" + cell.key() + "@" + cell.address;
    return text;
}

Outcome<Plan> make_plan(const PlanRequest& request) {
    Plan plan;
    plan.bin_folder = request.bin_folder;
    plan.quick = request.quick;
    if (request.connections.empty()) return wrong("--connections: at least one number");
    for (auto checked :
         {check("--connections", request.connections, 5, most_connections), check("--threads", request.threads, 1, 1024),
          check("--slice-us", request.slice_us, 200, 100'000), check("--payload", request.payload, 0, 1 << 30),
          check("--work-us", request.work_us, 0, 10'000'000)})
        if (!checked) return checked.error();
    if (auto chosen = choose_workload(request, plan); !chosen) return chosen.error();
    if (auto shared = share_cpus(request, plan); !shared) return shared.error();

    const auto modes = ask_modes(request.bin_folder);
    if (!modes) return modes.error();
    const auto traits_of = [&](const std::string& id) {
        return std::find_if(modes->begin(), modes->end(), [&](const ModeTraits& mode) { return mode.id == id; });
    };
    std::vector<std::string> wanted = request.modes;
    if (wanted.empty())
        for (const ModeTraits& mode : *modes) wanted.push_back(mode.id);
    std::set<std::string> names;
    for (const std::string& id : wanted) {
        const auto traits = traits_of(id);
        if (traits == modes->end()) {
            std::vector<std::string> known;
            for (const ModeTraits& mode : *modes) known.push_back(mode.id);
            return wrong(fmt::format("--modes {}: there is no such mode; there are {}", id, fmt::join(known, ", ")));
        }
        if (!names.insert(id).second) return wrong(fmt::format("--modes {}: named twice", id));
        add_cells(request, {id, {}, traits->carrier, {}}, traits->has_threads, traits->has_slice, plan);
    }
    for (const std::string& text : request.against) {
        auto subject = parse_against(text);
        if (!subject) return std::move(subject).error();
        if (!names.insert(subject->mode).second)
            return wrong(fmt::format("--against {}: the name {} is taken", text, subject->mode));
        add_cells(request, *subject, false, false, plan);
    }

    plan.rounds = request.rounds.value_or(request.quick ? 2 : 5);
    if (plan.rounds < 1 || plan.rounds > 1000) return wrong(fmt::format("--rounds {}: 1 to 1000", plan.rounds));
    double stretch = request.stretch_s.value_or(2.6); // 10,400 requests at 4,000/s: p99.99 needs as many
    if (request.quick && !request.stretch_s) {
        // What starting, filling and ending a cell takes, and three stretches, within 48 s for all.
        constexpr double whole = 48, beside = 1.4, hog = 0.6;
        const double room = whole / static_cast<double>(plan.cells.size()) / plan.rounds - beside;
        stretch = std::clamp(room > 3 * hog ? room / 3 : (room - hog) / 2, 0.2, 1.0);
    }
    if (!(stretch >= 0.1) || stretch > 3600) return wrong(fmt::format("--stretch {}: 0.1 to 3600 seconds", stretch));
    plan.stretch = std::chrono::milliseconds(static_cast<std::int64_t>(stretch * 1000));
    plan.warm_up = request.quick ? 100ms : 500ms;
    return plan;
}

Workload workload_of(const Plan& plan, const CellSpec& cell) {
    Workload workload;
    const load::Protocol protocol = *load::parse_protocol(plan.protocol);
    const load::PopulationDefaults defaults{protocol, cell.conditions.payload.value_or(64)};
    std::vector<load::Population> populations;
    std::uint64_t named = 0;
    for (const std::string& text : plan.populations)
        if (auto population = load::parse_population(text, defaults)) {
            named += population->connections;
            populations.push_back(std::move(*population));
        }
    static_cast<void>(load::name_apart(populations)); // the plan's have names already, or are called by their kind
    std::uint32_t given = 0;
    for (load::Population& population : populations) {
        const double share =
            static_cast<double>(population.connections) / static_cast<double>(std::max<std::uint64_t>(named, 1));
        const bool last = &population == &populations.back();
        population.connections = last ? cell.conditions.connections - std::min(given, cell.conditions.connections - 1)
                                      : std::max(1u, static_cast<std::uint32_t>(share * cell.conditions.connections));
        given += population.connections;
        if (population.kind == load::PopulationKind::active || population.kind == load::PopulationKind::churn) {
            if (cell.conditions.payload) {
                population.payload = *cell.conditions.payload;
                if (protocol == load::Protocol::http) population.path = population.payload > 0 ? "/echo" : "/";
            }
            if (cell.conditions.work_us && *cell.conditions.work_us > 0 && population.payload == 0)
                population.path = fmt::format("/work?us={}", *cell.conditions.work_us);
        }
        workload.fixed.push_back(load::to_text(population));
        const bool active = population.kind == load::PopulationKind::active;
        if (active) workload.names.push_back(population.name);
        load::Population greedy = population;
        if (active) {
            greedy.rate = 0;
            greedy.think = {};
        }
        workload.saturated.push_back(load::to_text(greedy));
        if (active && workload.first_request.empty()) {
            const load::RequestForm form = load::form_of(population, protocol, cell.own() ? "connscope" : cell.address);
            workload.first_request = form.head + std::string(static_cast<std::size_t>(population.payload), 'x');
            // A first answer costs a memory measurement nothing but its bytes: no work.
            if (population.path.starts_with("/work") || population.path.starts_with("/pause"))
                workload.first_request = "GET / HTTP/1.1\r\nHost: connscope\r\n\r\n";
        }
    }
    workload.connections = cell.conditions.connections;
    if (!plan.hog.empty()) {
        workload.beside_hog = workload.fixed;
        workload.beside_hog.push_back(plan.hog);
        if (auto hog = load::parse_population(plan.hog, defaults)) workload.hogs.push_back(hog->name);
    }
    return workload;
}

void give_one_cpu(Plan& plan, std::vector<int> server_cpus, std::vector<int> load_cpus) {
    const std::vector<int> cpus = allowed_cpus();
    plan.server_cpus = server_cpus.empty() ? std::vector<int>{cpus.back()} : std::move(server_cpus);
    plan.load_cpus = std::move(load_cpus);
    if (!plan.load_cpus.empty()) return;
    for (const int cpu : cpus)
        if (std::find(plan.server_cpus.begin(), plan.server_cpus.end(), cpu) == plan.server_cpus.end())
            plan.load_cpus.push_back(cpu);
    if (plan.load_cpus.empty()) plan.load_cpus = cpus;
}

} // namespace connscope::lab
