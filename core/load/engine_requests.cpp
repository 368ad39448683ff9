// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/engine.hpp"

#include "connscope/telemetry/clock.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

// What an engine does with requests: sends them when their connection is free, reads and checks what comes back.
namespace connscope::load {

using telemetry::monotonic_ns;

// Makes a request for this client; sent at once when the connection is free.
void Engine::give(Client& one, std::int64_t intended_ns) {
    const std::uint32_t number = requests_.make(intended_ns);
    if (one.newest == none)
        one.oldest = number;
    else
        requests_[one.newest].next = number;
    one.newest = number;
    if (one.unsent == none) one.unsent = number;
    ++one.group->queued;
    if (one.unsent_done == 0) send_requests(one);
}

// The next requests of a closed loop.
void Engine::give_next(Client& one, std::int64_t now) {
    const Group& group = *one.group;
    if (!group.started || !group.sends() || one.retiring) return;
    if (group.open_loop() && !group.churns()) return;
    const std::uint32_t generation = one.generation;
    const std::uint32_t wanted = group.population.pipeline;
    for (std::uint32_t n = one.in_flight; n < wanted && one.generation == generation && one.unsent == none; ++n)
        give(one, now);
}

// Sends what waits, as far as pipeline, pace and socket allow.
void Engine::send_requests(Client& one) {
    Group& group = *one.group;
    const bool paced = group.population.kind == PopulationKind::slow_sender;
    const std::uint64_t limit = paced ? group.population.piece : buffer_bytes;
    while (one.unsent != none) {
        Request& request = requests_[one.unsent];
        if (one.unsent_done == 0) {
            if (one.in_flight >= group.population.pipeline) return;
            request.form = group.form;
            forms_.use(request.form);
            ++one.in_flight;
            --group.queued;
            if (one.in_flight == 1) one.progress_ns = now_ns_;
            group.tally.add(LoadCounter::sent);
            group.tally.add(LoadCounter::in_flight);
            if (group.population.kind == PopulationKind::slow_reader)
                set_timer(one, now_ns_ + std::chrono::nanoseconds(group.population.interval).count());
        }
        const Sent sent = send_part(one, forms_[request.form], limit);
        if (sent == Sent::connection_lost) return;
        if (sent == Sent::whole_request) {
            one.unsent_done = 0;
            one.unsent = request.next;
            continue;
        }
        if (paced) {
            set_timer(one, now_ns_ + std::chrono::nanoseconds(group.population.interval).count());
            return;
        }
        if (sent == Sent::socket_full) return;
    }
}

Engine::Sent Engine::send_part(Client& one, const RequestForm& form, std::uint64_t limit) {
    const std::uint64_t head = form.head.size();
    const std::uint64_t done = one.unsent_done;
    const std::uint64_t size = std::min({form.bytes() - done, limit, std::uint64_t{buffer_bytes}});
    const std::uint64_t from_head = done < head ? std::min(head - done, size) : 0;
    const void* bytes = form.head.data() + done;
    if (from_head < size) {
        std::copy_n(reinterpret_cast<const std::byte*>(form.head.data()) + done, from_head, outgoing_.data());
        one.content.write(one.sent_position, std::span(outgoing_).subspan(from_head, size - from_head));
        bytes = outgoing_.data();
    }
    const ssize_t taken = ::send(one.fd, bytes, size, MSG_NOSIGNAL);
    if (taken < 0) {
        if (errno == EAGAIN || errno == EINTR) return Sent::socket_full;
        lost_with(one, errno);
        return Sent::connection_lost;
    }
    const auto count = static_cast<std::uint64_t>(taken);
    one.group->tally.add(LoadCounter::bytes_out, taken);
    one.unsent_done += count;
    one.sent_position += count - std::min(count, from_head);
    one.progress_ns = now_ns_;
    if (one.unsent_done == form.bytes()) return Sent::whole_request;
    return count < size ? Sent::socket_full : Sent::part;
}

// Reads what is there. The socket is registered edge-triggered: a read that fills less than the buffer has emptied it, and
// what comes later makes a new event (epoll(7)); only an end that was already announced has to be read for.
void Engine::receive(Client& one, bool until_end) {
    constexpr int most_rounds = 16; // then the others have their turn
    for (int round = 0; round < most_rounds; ++round) {
        const ssize_t count = ::recv(one.fd, buffer_.data(), buffer_.size(), 0);
        if (count > 0) {
            now_ns_ = one.progress_ns = monotonic_ns();
            one.group->tally.add(LoadCounter::bytes_in, count);
            const auto bytes = std::span<const std::byte>(buffer_).first(static_cast<std::size_t>(count));
            if (!take_answers(one, bytes, now_ns_)) return;
            if (bytes.size() < buffer_.size() && !until_end) return;
        } else if (count == 0) {
            peer_finished(one);
            return;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            lost_with(one, errno);
            return;
        }
    }
    if (!std::exchange(one.reads_again, true)) unread_.emplace_back(one.number, one.generation);
}

// Gives bytes to the answers they belong to. False: the connection has ended over them.
bool Engine::take_answers(Client& one, std::span<const std::byte> bytes, std::int64_t now) {
    while (!bytes.empty()) {
        if (one.in_flight == 0) {
            if (!one.group->sends()) return true;         // a server that greets
            one.group->tally.add(LoadCounter::corrupted); // more than was asked for
            lost(one, LoadCounter::closed, LoadCounter::failed_garbage);
            return false;
        }
        const RequestForm& form = forms_[requests_[one.oldest].form];
        const AnswerProgress progress = one.answer.read(bytes, form, one.content, one.answered_position);
        bytes = bytes.subspan(progress.consumed);
        if (progress.state == AnswerState::incomplete) continue;
        if (progress.state == AnswerState::garbage) {
            lost(one, LoadCounter::closed, LoadCounter::failed_garbage);
            return false;
        }
        if (!answered(one, progress.state, now)) return false;
    }
    return true;
}

// The oldest request has its answer: counts it and goes on with the next. False: the connection ended with it.
bool Engine::answered(Client& one, AnswerState state, std::int64_t now) {
    Group& group = *one.group;
    const std::uint32_t number = one.oldest;
    const Request request = requests_[number];
    const bool wholly_sent = number != one.unsent;
    one.oldest = request.next;
    if (one.oldest == none) one.newest = none;
    if (!wholly_sent) one.unsent = request.next;
    one.answered_position += forms_[request.form].payload;
    forms_.release(request.form);
    requests_.release(number);
    --one.in_flight;
    ++one.requests_made;
    one.failures = 0;
    group.tally.add(LoadCounter::in_flight, -1);
    switch (state) {
    case AnswerState::good:
        group.tally.add(LoadCounter::completed);
        group.tally.record(std::chrono::nanoseconds(now - request.intended_ns));
        break;
    case AnswerState::wrong:
        group.tally.add(LoadCounter::corrupted);
        break;
    case AnswerState::bad_status:
        group.tally.add(LoadCounter::failed);
        group.tally.add(LoadCounter::failed_status);
        break;
    case AnswerState::incomplete:
    case AnswerState::garbage:
        break;
    }

    const bool had_enough = group.churns() && one.requests_made >= group.population.requests;
    if (!wholly_sent || one.answer.last() || had_enough) { // an answer before the request's end: the rest would be misread
        renew(one);
        return false;
    }
    if (finishing_ && one.in_flight == 0) state_stale_ = true;
    if (one.retiring && one.in_flight == 0) {
        close_on_purpose(one);
        return false;
    }
    const std::uint32_t generation = one.generation;
    if (one.unsent != none)
        send_requests(one);
    else if (group.population.think.count() > 0 && !group.open_loop())
        set_timer(one, now + std::chrono::nanoseconds(group.population.think).count());
    else
        give_next(one, now);
    return one.generation == generation;
}

// Takes back the requests that the connection has not begun. They go to the others of the group, unless the end is near.
void Engine::take_back_unbegun(Client& one) {
    Group& group = *one.group;
    std::uint32_t last_begun = none;
    std::uint32_t number = one.oldest;
    for (std::uint32_t n = 0; n < one.in_flight; ++n) last_begun = std::exchange(number, requests_[number].next);
    if (one.unsent == number) one.unsent = none;
    if (last_begun == none)
        one.oldest = none;
    else
        requests_[last_begun].next = none;
    one.newest = last_begun;
    const bool kept = group.open_loop() && !group.churns() && !group.removed && !finishing_;
    while (number != none) {
        const std::uint32_t next = requests_[number].next;
        if (kept) group.homeless.push_back(requests_[number].intended_ns);
        requests_.release(number);
        --group.queued;
        number = next;
    }
}

// The connection is at its end: what was under way has failed for this reason, the rest is taken back.
void Engine::drop_requests(Client& one, LoadCounter why) {
    take_back_unbegun(one);
    for (std::uint32_t number = one.oldest; number != none;) {
        const Request request = requests_[number];
        one.group->tally.add(LoadCounter::in_flight, -1);
        one.group->tally.add(why);
        if (why != LoadCounter::abandoned) one.group->tally.add(LoadCounter::failed);
        forms_.release(request.form);
        requests_.release(number);
        number = request.next;
    }
    one.oldest = one.unsent = one.newest = none;
    one.in_flight = 0;
    one.unsent_done = 0;
}

// The next piece of a slow client.
void Engine::slow_step(Client& one) {
    Group& group = *one.group;
    if (group.population.kind == PopulationKind::slow_sender) {
        if (one.unsent != none && one.unsent_done > 0) send_requests(one);
        return;
    }
    const std::uint32_t generation = one.generation;
    const ssize_t count = ::recv(one.fd, buffer_.data(), std::min<std::size_t>(group.population.piece, buffer_.size()), 0);
    now_ns_ = monotonic_ns();
    if (count > 0) {
        one.progress_ns = now_ns_;
        group.tally.add(LoadCounter::bytes_in, count);
        if (!take_answers(one, std::span<const std::byte>(buffer_).first(static_cast<std::size_t>(count)), now_ns_)) return;
    } else if (count == 0) {
        peer_finished(one);
        return;
    } else if (errno != EAGAIN && errno != EINTR) {
        lost_with(one, errno);
        return;
    }
    if (one.generation == generation && one.in_flight > 0)
        set_timer(one, now_ns_ + std::chrono::nanoseconds(group.population.interval).count());
}

} // namespace connscope::load
