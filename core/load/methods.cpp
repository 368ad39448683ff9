// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/methods.hpp"

#include "connscope/load/summary.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace connscope::load {
namespace {

namespace json = boost::json;
using control::InvalidParams;
using control::Reply;
using control::RpcErrc;

json::object status_of(Controlled& controlled) {
    const Load::State state = controlled.load.state();
    const Figures figures = controlled.load.figures();
    json::object status = counters_json(figures.front(), controlled.achieved_per_s());
    json::array populations;
    for (std::size_t i = 1; i < figures.size(); ++i) {
        json::object one = counters_json(figures[i], 0);
        one.erase("rate"); // what each achieves is in the segment, with its time
        one["name"] = figures[i].name;
        one["text"] = figures[i].text;
        populations.push_back(std::move(one));
    }
    status["pid"] = ::getpid();
    status["protocol"] = name_of(controlled.defaults.protocol);
    status["running"] = controlled.load.running();
    status["settled"] = state.settled;
    status["busy"] = state.busy;
    if (state.bottleneck.empty())
        status["bottleneck"] = nullptr;
    else
        status["bottleneck"] = state.bottleneck;
    status["populations"] = std::move(populations);
    return status;
}

Population population_param(const json::value& value, const PopulationDefaults& defaults) {
    auto population = population_of(value, defaults);
    if (!population) throw InvalidParams(population.error().text);
    return std::move(*population);
}

// Names, fits and sets populations, and answers with the status; "note" says what could not be had.
void set(Controlled& controlled, std::vector<Population> populations, const Reply& reply) {
    if (auto named = name_apart(populations); !named) throw InvalidParams(named.error().text);
    // The connections that are open already take files that the new ones may have.
    FileLimit limit = raise_file_limit();
    limit.connections += controlled.load.figures().front()[LoadCounter::open];
    const auto note = fit(populations, limit);
    if (auto set = controlled.load.set_populations(std::move(populations)); !set) {
        reply.error(RpcErrc::refused, set.error().text);
        return;
    }
    json::object status = status_of(controlled);
    if (note) status["note"] = *note;
    reply.result(std::move(status));
}

} // namespace

control::Methods methods_of(Controlled given) {
    const auto controlled = std::make_shared<Controlled>(std::move(given)); // shared by the methods
    control::Methods methods;
    methods["status"] = [controlled](const json::object&, const Reply& reply) { reply.result(status_of(*controlled)); };
    methods["set_populations"] = [controlled](const json::object& params, const Reply& reply) {
        const auto* list = params.if_contains("populations");
        if (list == nullptr || !list->is_array()) throw InvalidParams("populations must be an array of texts or objects");
        std::vector<Population> populations;
        for (const auto& each : list->get_array()) populations.push_back(population_param(each, controlled->defaults));
        set(*controlled, std::move(populations), reply);
    };
    methods["set_population"] = [controlled](const json::object& params, const Reply& reply) {
        const auto* value = params.if_contains("population");
        if (value == nullptr) throw InvalidParams("population must be a text or an object");
        Population population = population_param(*value, controlled->defaults);
        if (population.name.empty()) population.name = name_of(population.kind);
        std::vector<Population> populations = controlled->load.populations();
        const auto same = std::find_if(populations.begin(), populations.end(),
                                       [&](const Population& each) { return each.name == population.name; });
        if (same == populations.end())
            populations.push_back(std::move(population));
        else
            *same = std::move(population);
        set(*controlled, std::move(populations), reply);
    };
    methods["remove_population"] = [controlled](const json::object& params, const Reply& reply) {
        const std::string name(control::string_param(params, "name"));
        std::vector<Population> populations = controlled->load.populations();
        if (std::erase_if(populations, [&](const Population& each) { return each.name == name; }) == 0)
            throw InvalidParams(fmt::format("there is no population called {}", name));
        set(*controlled, std::move(populations), reply);
    };
    methods["start"] = [controlled](const json::object&, const Reply& reply) {
        controlled->started();
        reply.result({{"running", true}});
    };
    methods["stop"] = [controlled](const json::object&, const Reply& reply) {
        controlled->stopped();
        reply.result({{"running", false}});
    };
    methods["shutdown"] = [controlled](const json::object&, const Reply& reply) {
        reply.result(json::object{});
        controlled->shut_down();
    };
    return methods;
}

} // namespace connscope::load
