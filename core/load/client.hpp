// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/load/answer.hpp"
#include "connscope/load/arrivals.hpp"
#include "connscope/load/content.hpp"
#include "connscope/load/population.hpp"
#include "connscope/load/request_form.hpp"
#include "connscope/load/tally.hpp"

#include <cstdint>
#include <deque>
#include <queue>
#include <vector>

// What an engine keeps: clients, their requests, their groups. All of it belongs to the engine's thread.
namespace connscope::load {

inline constexpr std::uint32_t none = ~std::uint32_t{0};

// A request that was made: waiting for its connection, or under way. Linked in the order in which a connection sends.
struct Request {
    std::int64_t intended_ns = 0; // when it should have been sent; its latency counts from here
    std::uint32_t next = none;
    std::uint32_t form = none; // none: the group's form at the time of sending
};

// Requests by number; numbers of released ones are used again.
class Requests {
public:
    std::uint32_t make(std::int64_t intended_ns) {
        if (free_ == none) {
            all_.push_back({intended_ns, none, none});
            return static_cast<std::uint32_t>(all_.size() - 1);
        }
        const std::uint32_t number = free_;
        free_ = all_[number].next;
        all_[number] = {intended_ns, none, none};
        return number;
    }
    void release(std::uint32_t number) noexcept {
        all_[number].next = free_;
        free_ = number;
    }
    Request& operator[](std::uint32_t number) noexcept { return all_[number]; }

private:
    std::vector<Request> all_;
    std::uint32_t free_ = none;
};

// The forms in use, told apart by number, each kept while a request needs it.
class Forms {
public:
    // A number for a form, whose user the caller becomes.
    std::uint32_t use(const RequestForm& form);
    void use(std::uint32_t number) noexcept { ++all_[number].users; }
    void release(std::uint32_t number) noexcept { --all_[number].users; }
    const RequestForm& operator[](std::uint32_t number) const noexcept { return all_[number].form; }

private:
    struct Counted {
        RequestForm form;
        std::uint64_t users = 0;
    };
    std::deque<Counted> all_; // references stay valid
};

// The clients of one population that belong to one engine.
struct Group {
    Group(Population wanted, std::uint32_t segment_place, Tally counts)
        : population(std::move(wanted))
        , place(segment_place)
        , tally(counts) {}

    Population population; // with this engine's share of connections and rate
    std::uint32_t place;   // in the segment
    Tally tally;
    std::uint32_t form = none;
    std::vector<std::uint32_t> open; // clients that take requests
    std::uint32_t to_open = 0;       // connections still to be begun
    std::uint32_t connecting = 0;
    std::uint32_t live = 0;    // clients that count for the wanted number: connecting, open, backing off
    std::uint32_t clients = 0; // all, those on their way out included
    std::uint32_t turn = 0;    // which of `open` is given the next request
    std::uint64_t queued = 0;  // requests made and not begun
    std::int64_t overdue_shown = 0;
    std::deque<std::int64_t> homeless; // intended times of requests whose connection ended before it sent them
    Arrivals arrivals;
    double phase = 1.0;
    bool started = false; // its schedule runs
    bool removed = false;

    bool churns() const noexcept { return population.kind == PopulationKind::churn; }
    bool open_loop() const noexcept { return population.rate > 0; }
    bool slow() const noexcept { return population.piece > 0; }
    bool sends() const noexcept { return population.kind != PopulationKind::idle; }
};

enum class ClientStage : std::uint8_t { free, connecting, open, backing_off };

// One client: a connection, or the place of one that will be tried again. It holds no buffer: what it sends and expects
// follows from its Content, and what it reads goes through the engine's one buffer.
struct Client {
    Group* group = nullptr;
    int fd = -1;
    std::uint32_t number = 0;     // of this client in its engine
    std::uint32_t generation = 0; // tells events and timers of an earlier client in this place from its own
    std::uint32_t position_in_open = none;
    std::uint32_t oldest = none; // the request whose answer comes next
    std::uint32_t unsent = none; // the first request that is not wholly sent
    std::uint32_t newest = none;
    std::uint32_t in_flight = 0; // requests begun and not answered
    std::uint32_t requests_made = 0;
    ClientStage stage = ClientStage::free;
    std::uint8_t failures = 0;           // in a row, for the back-off
    bool retiring = false;               // closes once its answers are there
    bool reads_again = false;            // in Engine::unread_
    std::uint64_t unsent_done = 0;       // bytes of `unsent` that the socket took
    std::uint64_t sent_position = 0;     // of the content
    std::uint64_t answered_position = 0; // where the oldest request's content begins
    std::int64_t progress_ns = 0;        // when something last went on: connect begun, bytes sent or received
    std::int64_t opened_ns = 0;
    std::int64_t timer_ns = 0; // 0 = none
    std::int64_t due_ns = 0;   // churn: when the connection should have been begun
    Content content;
    AnswerReader answer;
};
static_assert(sizeof(Client) <= 256, "an idle connection costs this much beside its socket");

// A client's next appointment.
struct Timer {
    std::int64_t at_ns = 0;
    std::uint32_t client = 0;
    std::uint32_t generation = 0;
    bool operator>(const Timer& other) const noexcept { return at_ns > other.at_ns; }
};
using Timers = std::priority_queue<Timer, std::vector<Timer>, std::greater<>>;

} // namespace connscope::load
