// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/engine.hpp"

#include "connscope/telemetry/clock.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

// What an engine does with connections: opens them a few at a time, notices their end, tries again where that is wanted.
namespace connscope::load {
namespace {

using telemetry::monotonic_ns;

constexpr std::uint32_t most_connecting = 256; // less than any server's backlog of unaccepted connections
constexpr std::uint32_t connects_in_a_turn = 64;
constexpr std::int64_t first_back_off = 10'000'000; // ns, doubled with each failure
constexpr unsigned most_doublings = 8;              // 2.56 s
constexpr std::int64_t settled_after = 1'000'000'000;

LoadCounter counter_of(int error) {
    switch (error) {
    case ECONNREFUSED:
        return LoadCounter::refused;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
        return LoadCounter::reset;
    case ETIMEDOUT:
        return LoadCounter::timed_out;
    default:
        return LoadCounter::unavailable;
    }
}

} // namespace

std::uint32_t Engine::new_client(Group& group) {
    std::uint32_t number = 0;
    if (free_clients_.empty()) {
        number = clients_made_++;
        if (number / chunk_clients == chunks_.size()) chunks_.push_back(std::make_unique<Client[]>(chunk_clients));
        client(number).number = number;
    } else {
        number = free_clients_.back();
        free_clients_.pop_back();
    }
    Client& one = client(number);
    one.group = &group;
    ++group.live;
    ++group.clients;
    return number;
}

void Engine::begin_connections() {
    std::uint32_t begun = 0;
    for (std::size_t i = 0; i < groups_.size() && begun < connects_in_a_turn; ++i) {
        // One group after the other begins the round, so that a small one needs not wait for a large one.
        Group& group = *groups_[(first_to_open_ + i) % groups_.size()];
        const std::uint32_t share =
            std::max<std::uint32_t>(connects_in_a_turn / static_cast<std::uint32_t>(groups_.size()), 1);
        for (std::uint32_t n = 0; n < share && group.to_open > 0 && connecting_ < most_connecting; ++n, ++begun) {
            --group.to_open;
            begin_connection(client(new_client(group)));
        }
        start_if_settled(group);
    }
    ++first_to_open_;
}

void Engine::begin_connection(Client& one) {
    Group& group = *one.group;
    auto begun = connector_.begin(group.population.kind == PopulationKind::slow_reader);
    one.content =
        Content(Content::mix(options_.seed ^ Content::mix((std::uint64_t{options_.number} << 40) + ++connections_begun_)));
    one.stage = ClientStage::connecting;
    one.progress_ns = monotonic_ns();
    ++group.connecting;
    ++connecting_;
    state_stale_ = true;
    if (begun.error == 0) {
        one.fd = begun.socket.release();
        // Edge-triggered, once for the connection's whole life.
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.u64 = std::uint64_t{one.generation} << 32 | one.number;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, one.fd, &event) != 0) begun.error = errno;
    }
    if (begun.error != 0) connection_failed(one, begun.error);
}

void Engine::connected(Client& one) {
    Group& group = *one.group;
    const std::int64_t now = monotonic_ns();
    --group.connecting;
    --connecting_;
    state_stale_ = true;
    one.stage = ClientStage::open;
    one.opened_ns = one.progress_ns = now;
    group.tally.add(LoadCounter::opened);
    group.tally.add(LoadCounter::open);
    if (one.retiring) {
        close_on_purpose(one);
        return;
    }
    one.position_in_open = static_cast<std::uint32_t>(group.open.size());
    group.open.push_back(one.number);
    if (!group.started) {
        start_if_settled(group);
        return;
    }
    if (group.churns()) {
        if (group.population.requests == 0)
            renew(one);
        else
            give(one, group.open_loop() ? one.due_ns : now);
        return;
    }
    give_next(one, now);
}

void Engine::connection_failed(Client& one, int error) {
    Group& group = *one.group;
    --group.connecting;
    --connecting_;
    state_stale_ = true;
    group.tally.add(counter_of(error));
    disconnect(one);
    back_off_or_free(one);
    start_if_settled(group);
}

void Engine::lost(Client& one, LoadCounter connection_counter, LoadCounter request_counter) {
    Group& group = *one.group;
    group.tally.add(connection_counter);
    group.tally.add(LoadCounter::open, -1);
    if (monotonic_ns() - one.opened_ns > settled_after) one.failures = 0;
    leave_open(one);
    drop_requests(one, request_counter);
    disconnect(one);
    back_off_or_free(one);
}

void Engine::lost_with(Client& one, int error) {
    const LoadCounter counter = counter_of(error);
    lost(one, counter == LoadCounter::unavailable ? LoadCounter::reset : counter, LoadCounter::failed_lost);
}

void Engine::peer_finished(Client& one) {
    if (one.in_flight > 0 && one.answer.begun()) {
        const AnswerState state = one.answer.finished(forms_[requests_[one.oldest].form]);
        if (state != AnswerState::incomplete) {
            answered(one, state, monotonic_ns()); // which renews the connection: such an answer is the last
            return;
        }
    }
    lost(one, LoadCounter::closed_by_peer, LoadCounter::failed_lost);
}

// Closes a connection in good order and opens the next one for its client: the server said that it would close, or churning
// asks for it.
void Engine::renew(Client& one) {
    Group& group = *one.group;
    group.tally.add(LoadCounter::open, -1);
    group.tally.add(group.churns() ? LoadCounter::closed : LoadCounter::renewed);
    leave_open(one);
    drop_requests(one, LoadCounter::abandoned);
    disconnect(one);
    one.failures = 0;
    const bool goes_on = !one.retiring && !finishing_ && (!group.churns() || (group.started && !group.open_loop()));
    if (goes_on) {
        // By way of the list of those to be opened, so that a server that always closes does not keep the loop from the
        // others.
        ++group.to_open;
    }
    free_client(one);
}

void Engine::close_on_purpose(Client& one) {
    Group& group = *one.group;
    if (one.stage == ClientStage::connecting) {
        --group.connecting;
        --connecting_;
    }
    if (one.stage == ClientStage::open) {
        group.tally.add(LoadCounter::open, -1);
        group.tally.add(LoadCounter::closed);
    }
    leave_open(one);
    drop_requests(one, LoadCounter::abandoned);
    disconnect(one);
    free_client(one);
}

// Takes a client out of its group: it is given no more requests and closes once what is under way is answered. Slow ones and
// hogs close at once: nobody wants to wait for them.
void Engine::retire(Client& one) {
    Group& group = *one.group;
    one.retiring = true;
    --group.live;
    leave_open(one);
    take_back_unbegun(one);
    const bool at_once = group.slow() || group.population.kind == PopulationKind::hog || one.in_flight == 0;
    if (one.stage == ClientStage::open && !at_once) return;
    close_on_purpose(one);
}

// Ends the connection's socket and everything that refers to it.
void Engine::disconnect(Client& one) {
    if (one.fd >= 0) ::close(one.fd); // which also takes it out of epoll
    one.fd = -1;
    ++one.generation;
    one.timer_ns = 0;
    one.reads_again = false;
    one.requests_made = 0;
    one.sent_position = one.answered_position = one.unsent_done = 0;
    one.answer = AnswerReader();
    state_stale_ = true;
}

void Engine::leave_open(Client& one) {
    if (one.position_in_open == none) return;
    auto& open = one.group->open;
    const std::uint32_t last = open.back();
    open[one.position_in_open] = last;
    client(last).position_in_open = one.position_in_open;
    open.pop_back();
    one.position_in_open = none;
}

void Engine::back_off_or_free(Client& one) {
    Group& group = *one.group;
    const bool again = options_.reconnect && !one.retiring && !finishing_ && !(group.churns() && group.open_loop());
    if (!again) {
        free_client(one);
        return;
    }
    one.stage = ClientStage::backing_off;
    const std::int64_t pause = first_back_off << std::min<unsigned>(one.failures, most_doublings);
    if (one.failures < 255) ++one.failures;
    // Up to a quarter more, each its own, so that thousands do not come back at the same moment.
    const auto jitter =
        static_cast<std::int64_t>(Content::mix(one.number + options_.seed + one.generation) % 1024) * pause / 4096;
    set_timer(one, monotonic_ns() + pause + jitter);
}

void Engine::free_client(Client& one) {
    Group& group = *one.group;
    if (!one.retiring) --group.live;
    --group.clients;
    ++one.generation;
    one.stage = ClientStage::free;
    one.group = nullptr;
    one.retiring = false;
    one.failures = 0;
    one.timer_ns = 0;
    free_clients_.push_back(one.number);
    state_stale_ = true;
}

void Engine::set_timer(Client& one, std::int64_t at_ns) {
    one.timer_ns = at_ns;
    timers_.push({at_ns, one.number, one.generation});
}

} // namespace connscope::load
