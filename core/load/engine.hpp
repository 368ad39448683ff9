// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/load/client.hpp"
#include "connscope/load/target.hpp"
#include "connscope/telemetry/load_writer.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace connscope::load {

struct EngineOptions {
    Protocol protocol = Protocol::echo;
    Target target;
    std::uint64_t seed = 1;
    std::chrono::nanoseconds time_out{std::chrono::seconds(10)}; // for a connection to be there, and for an answer to go on
    bool busy_poll = false;    // never sleep: no wake-up adds to a latency, but a CPU is taken for each engine
    bool reconnect = false;    // try again after a refused or lost connection, backing off from 10 ms to 2 s
    std::optional<int> cpu;    // pin the thread to this CPU
    std::uint32_t number = 0;  // of this engine
    std::uint32_t engines = 1; // that share the populations
};

// One engine's share of a population.
struct GroupPlan {
    Population population;   // connections and rate are the share
    std::uint32_t place = 0; // in the segment
    double phase = 1.0;      // where in a gap the first of constant arrivals lies
};

// What others may know of an engine.
struct EngineState {
    std::uint64_t plans_taken = 0;     // how many set_groups() calls have been carried out
    bool settled = false;              // every connection wanted is there, or was tried in vain
    bool hopeless = false;             // no connection is there, on its way or to be tried again, though some are wanted
    bool drained = false;              // after finish(): nothing that will be waited for is under way
    std::vector<std::uint32_t> places; // that this engine still writes to
    double busy = 0;                   // share of a CPU that the thread used in the last second, waiting apart
    std::chrono::nanoseconds
        late{}; // how long after their intended time requests were taken up, on average in the last second
};

// Real clients on one thread: opens connections, sends requests when they are due, reads and checks answers, with epoll
// alone. One system call to send and one to read for each request; no memory for a connection beside its Client.
class Engine {
public:
    // `changed` is called on the engine's thread when settled, hopeless, drained, plans_taken or places change.
    // Errors: no descriptors.
    static telemetry::Outcome<std::unique_ptr<Engine>> create(EngineOptions options, telemetry::LoadWriter& writer,
                                                              std::function<void()> changed);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // The thread's whole work, until end().
    void run();

    // Any thread; each returns at once and is carried out by the engine's thread, in order.

    // Has exactly these populations from now on. A group goes on under its place: what did not change is not touched, what
    // changed keeps its connections.
    void set_groups(std::vector<GroupPlan> plans);
    void start();  // send requests: schedules begin now
    void stop();   // make no more requests; connections stay
    void finish(); // stop, drop what has not been sent, and say `drained` once what was sent is answered
    void end();    // close everything and return from run()
    EngineState state() const;

private:
    Engine(EngineOptions options, telemetry::LoadWriter& writer, std::function<void()> changed);

    // engine.cpp: the loop
    void post(std::function<void()> work);
    void take_mail();
    void wait();
    std::int64_t next_arrival_ns() const;
    void on_event(const epoll_event& event);
    void run_timers(std::int64_t now);
    Client& next_in_turn(Group& group);
    void run_arrivals(std::int64_t now);
    void time_clients_out(std::int64_t now);
    void measure_itself(std::int64_t now);
    void show_overdue(Group& group, std::int64_t now);
    void report_changes();

    // engine_groups.cpp: populations
    void apply(std::vector<GroupPlan> plans);
    void change(Group& group, const Population& wanted, double phase);
    void want(Group& group, std::uint32_t connections);
    void retire_surplus(Group& group, std::uint32_t surplus);
    void start_if_settled(Group& group);
    void start_group(Group& group);
    void drop_unbegun(Group& group);
    void drop_finished_groups();
    bool waited_for(const Group& group) const;

    // engine_connections.cpp: connections
    std::uint32_t new_client(Group& group);
    void begin_connections();
    void begin_connection(Client& client);
    void connected(Client& client);
    void connection_failed(Client& client, int error);
    void lost(Client& client, LoadCounter connection_counter, LoadCounter request_counter);
    void lost_with(Client& client, int error);
    void peer_finished(Client& client);
    void renew(Client& client);
    void close_on_purpose(Client& client);
    void retire(Client& client);
    void disconnect(Client& client);
    void leave_open(Client& client);
    void back_off_or_free(Client& client);
    void free_client(Client& client);
    void set_timer(Client& client, std::int64_t at_ns);

    // engine_requests.cpp: requests and answers
    void give(Client& client, std::int64_t intended_ns);
    void give_next(Client& client, std::int64_t now);
    void send_requests(Client& client);
    enum class Sent : std::uint8_t { whole_request, part, socket_full, connection_lost };
    Sent send_part(Client& client, const RequestForm& form, std::uint64_t limit);
    void receive(Client& client, bool until_end);
    bool take_answers(Client& client, std::span<const std::byte> bytes, std::int64_t now);
    bool answered(Client& client, AnswerState state, std::int64_t now);
    void drop_requests(Client& client, LoadCounter why);
    void take_back_unbegun(Client& client);
    void slow_step(Client& client);

    Client& client(std::uint32_t number) noexcept { return chunks_[number / chunk_clients][number % chunk_clients]; }

    static constexpr std::size_t chunk_clients = 256;
    static constexpr std::size_t buffer_bytes = 64 * 1024;

    EngineOptions options_;
    telemetry::LoadWriter& writer_;
    std::function<void()> changed_;
    Connector connector_;
    telemetry::UniqueFd epoll_;
    telemetry::UniqueFd mail_event_;

    std::vector<std::unique_ptr<Group>> groups_;
    std::vector<std::unique_ptr<Client[]>> chunks_;
    std::vector<std::uint32_t> free_clients_;
    std::uint32_t clients_made_ = 0;
    std::uint64_t connections_begun_ = 0;
    std::uint32_t connecting_ = 0;
    Requests requests_;
    Forms forms_;
    Timers timers_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>>
        unread_;                      // clients (and generations) with more to read than one turn takes
    std::vector<std::byte> buffer_;   // what was read
    std::vector<std::byte> outgoing_; // what is sent

    bool running_ = false;
    bool finishing_ = false;
    bool ended_ = false;
    bool state_stale_ = false; // something that EngineState tells may have changed
    std::uint64_t plans_taken_ = 0;
    std::size_t first_to_open_ = 0;

    std::int64_t now_ns_ = 0; // CLOCK_MONOTONIC at the latest event
    std::int64_t next_measure_ns_ = 0;
    std::int64_t next_sweep_ns_ = 0;
    std::int64_t wake_early_ns_ = 0; // how much too late the kernel usually wakes: learned
    std::int64_t wakes_learned_from_ = 0;
    std::int64_t spun_ns_ = 0; // CPU time spent waiting for the exact moment, in all
    std::int64_t spun_this_period_ns_ = 0;
    std::int64_t late_sum_ns_ = 0; // in this period
    std::uint64_t late_count_ = 0;
    struct Measured {
        std::int64_t at_ns = 0;
        std::int64_t cpu_ns = 0; // of the thread, without spinning
        std::int64_t late_sum_ns = 0;
        std::uint64_t late_count = 0;
    };
    std::array<Measured, 10> measured_{}; // the last second, a tenth each
    std::size_t measured_next_ = 0;

    mutable std::mutex mutex_; // guards mail_ and state_
    std::vector<std::function<void()>> mail_;
    EngineState state_;
};

} // namespace connscope::load
