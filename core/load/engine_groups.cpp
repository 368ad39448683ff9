// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/engine.hpp"

#include "connscope/telemetry/clock.hpp"

#include <algorithm>
#include <utility>

// What an engine does with populations: takes new ones in, changes them while they work, starts and halts their schedules.
namespace connscope::load {

using telemetry::monotonic_ns;

void Engine::apply(std::vector<GroupPlan> plans) {
    for (auto& group : groups_) {
        const bool stays =
            std::any_of(plans.begin(), plans.end(), [&](const GroupPlan& plan) { return plan.place == group->place; });
        if (stays || group->removed) continue;
        group->removed = true;
        group->started = false;
        group->homeless.clear();
        want(*group, 0);
    }
    for (GroupPlan& plan : plans) {
        const auto known =
            std::find_if(groups_.begin(), groups_.end(), [&](const auto& group) { return group->place == plan.place; });
        if (known != groups_.end()) {
            change(**known, plan.population, plan.phase);
            continue;
        }
        auto group = std::make_unique<Group>(plan.population, plan.place, Tally(writer_, plan.place, options_.engines > 1));
        group->form = forms_.use(form_of(plan.population, options_.protocol, options_.target.shown));
        group->arrivals =
            Arrivals(plan.population.arrivals, Content::mix(options_.seed + plan.place * 1000 + options_.number));
        group->phase = plan.phase;
        groups_.push_back(std::move(group));
        want(*groups_.back(), plan.population.connections);
    }
    ++plans_taken_;
    for (auto& group : groups_) start_if_settled(*group);
}

void Engine::change(Group& group, const Population& wanted, double phase) {
    const std::int64_t now = monotonic_ns();
    const Population before = std::exchange(group.population, wanted);
    group.phase = phase;
    const std::uint32_t form = forms_.use(form_of(wanted, options_.protocol, options_.target.shown));
    forms_.release(std::exchange(group.form, form));
    if (before.arrivals != wanted.arrivals)
        group.arrivals = Arrivals(wanted.arrivals, Content::mix(options_.seed + group.place * 1000 + options_.number));
    want(group, wanted.connections);
    if (!group.started) return;

    if (wanted.rate > 0 && (before.rate <= 0 || before.arrivals != wanted.arrivals))
        group.arrivals.start(std::chrono::nanoseconds(now), wanted.rate, phase);
    else if (wanted.rate > 0 && before.rate != wanted.rate)
        group.arrivals.change_rate(std::chrono::nanoseconds(now), wanted.rate);
    if (wanted.rate > 0 || group.churns()) return;
    // A closed loop: those that have nothing to do begin, and so do those whose pause is longer than it shall be now.
    const std::vector<std::uint32_t> open = group.open; // requests may end connections
    for (const std::uint32_t number : open) {
        Client& one = client(number);
        if (one.stage != ClientStage::open || one.group != &group || one.newest != none) continue;
        if (one.timer_ns == 0 || wanted.think < before.think) give_next(one, now);
    }
}

void Engine::want(Group& group, std::uint32_t connections) {
    group.population.connections = connections;
    if (group.churns() && (group.open_loop() || !group.started)) {
        group.to_open = 0;
        if (group.live > connections) retire_surplus(group, group.live - connections);
        return; // its schedule opens its connections
    }
    const std::uint32_t have = group.live + group.to_open;
    if (connections >= have) {
        group.to_open += connections - have;
        return;
    }
    const std::uint32_t unopened = std::min(group.to_open, have - connections);
    group.to_open -= unopened;
    retire_surplus(group, have - connections - unopened);
}

void Engine::retire_surplus(Group& group, std::uint32_t surplus) {
    // Those first that nobody will miss: not there yet, then idle, then those with an answer under way.
    const auto retire_where = [&](auto&& suits) {
        for (std::uint32_t i = 0; i < clients_made_ && surplus > 0; ++i) {
            Client& one = client(i);
            if (one.stage == ClientStage::free || one.group != &group || one.retiring || !suits(one)) continue;
            retire(one);
            --surplus;
        }
    };
    retire_where([](const Client& one) { return one.stage == ClientStage::backing_off; });
    retire_where([](const Client& one) { return one.stage == ClientStage::connecting; });
    retire_where([](const Client& one) { return one.newest == none; });
    retire_where([](const Client&) { return true; });
}

void Engine::start_if_settled(Group& group) {
    if (running_ && !group.started && !group.removed && group.to_open == 0 && group.connecting == 0) start_group(group);
}

void Engine::start_group(Group& group) {
    const std::int64_t now = monotonic_ns();
    group.started = true;
    if (!group.sends()) return;
    if (group.open_loop()) {
        group.arrivals.start(std::chrono::nanoseconds(now), group.population.rate, group.phase);
        return;
    }
    if (group.churns()) {
        want(group, group.population.connections);
        return;
    }
    const std::int64_t think = std::chrono::nanoseconds(group.population.think).count();
    const std::vector<std::uint32_t> open = group.open; // requests may end connections
    for (std::size_t i = 0; i < open.size(); ++i) {
        Client& one = client(open[i]);
        if (one.stage != ClientStage::open || one.group != &group || one.newest != none) continue;
        if (think > 0) // not all at once: their pauses end one after the other
            set_timer(one, now + static_cast<std::int64_t>(static_cast<double>(think) * static_cast<double>(i) /
                                                           static_cast<double>(open.size())));
        else
            give_next(one, now);
    }
}

// At the end: what no connection has begun is not sent any more, and what waits to be tried again is not.
void Engine::drop_unbegun(Group& group) {
    for (std::uint32_t i = 0; i < clients_made_; ++i) {
        Client& one = client(i);
        if (one.stage == ClientStage::free || one.group != &group) continue;
        if (one.stage == ClientStage::backing_off)
            free_client(one);
        else
            take_back_unbegun(one);
    }
}

bool Engine::waited_for(const Group& group) const {
    if (group.slow() || group.removed) return false;
    return std::any_of(group.open.begin(), group.open.end(), [this](std::uint32_t number) {
        return chunks_[number / chunk_clients][number % chunk_clients].in_flight > 0;
    });
}

void Engine::drop_finished_groups() {
    std::erase_if(groups_, [this](const auto& group) {
        if (!group->removed || group->clients > 0) return false;
        group->tally.add(LoadCounter::overdue, -group->overdue_shown);
        forms_.release(group->form);
        return true;
    });
}

} // namespace connscope::load
