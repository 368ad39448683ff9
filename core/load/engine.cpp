// SPDX-License-Identifier: BSL-1.0
#include "connscope/load/engine.hpp"

#include "connscope/telemetry/clock.hpp"

#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <limits>

namespace connscope::load {
namespace {

using telemetry::monotonic_ns;

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t millisecond = 1'000'000;
constexpr std::int64_t measure_every = 100 * millisecond;
constexpr std::int64_t most_early = 150'000;             // ns that the engine wakes before a request is due
constexpr std::int64_t most_spinning = 20 * millisecond; // of every 100 ms
constexpr std::uint64_t mail_tag = ~std::uint64_t{0};
constexpr int arrivals_in_a_turn = 64;

std::int64_t thread_cpu_ns() noexcept {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * std::int64_t{1'000'000'000} + used.tv_nsec;
}

std::chrono::nanoseconds duration(const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

void pin_this_thread(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(cpu), &one);
    ::sched_setaffinity(0, sizeof one, &one); // a CPU that is not there was refused when the arguments were read
}

} // namespace

telemetry::Outcome<std::unique_ptr<Engine>> Engine::create(EngineOptions options, telemetry::LoadWriter& writer,
                                                           std::function<void()> changed) {
    std::unique_ptr<Engine> engine(new Engine(std::move(options), writer, std::move(changed)));
    engine->epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    engine->mail_event_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!engine->epoll_ || !engine->mail_event_) return telemetry::system_error(errno, "cannot begin to wait for events");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = mail_tag;
    if (::epoll_ctl(engine->epoll_.get(), EPOLL_CTL_ADD, engine->mail_event_.get(), &event) != 0)
        return telemetry::system_error(errno, "cannot begin to wait for events");
    return engine;
}

Engine::Engine(EngineOptions options, telemetry::LoadWriter& writer, std::function<void()> changed)
    : options_(std::move(options))
    , writer_(writer)
    , changed_(std::move(changed))
    , connector_(options_.target)
    , buffer_(buffer_bytes)
    , outgoing_(buffer_bytes) {}

Engine::~Engine() {
    for (std::uint32_t i = 0; i < clients_made_; ++i)
        if (client(i).fd >= 0) ::close(client(i).fd);
}

void Engine::run() {
    if (options_.cpu) pin_this_thread(*options_.cpu);
    ::prctl(PR_SET_TIMERSLACK, 1); // ns; the usual 50 µs would make every request late (prctl(2))
    next_measure_ns_ = next_sweep_ns_ = monotonic_ns();
    while (!ended_) {
        wait();
        const std::int64_t now = now_ns_ = monotonic_ns();
        run_timers(now);
        run_arrivals(now);
        begin_connections();
        if (now >= next_sweep_ns_) time_clients_out(now);
        if (now >= next_measure_ns_) measure_itself(now);
        if (state_stale_) report_changes();
    }
    for (std::uint32_t i = 0; i < clients_made_; ++i)
        if (client(i).stage != ClientStage::free) close_on_purpose(client(i));
    report_changes();
}

void Engine::set_groups(std::vector<GroupPlan> plans) {
    post([this, plans = std::move(plans)]() mutable { apply(std::move(plans)); });
}

void Engine::start() {
    post([this] {
        running_ = true;
        for (auto& group : groups_) start_if_settled(*group);
    });
}

void Engine::stop() {
    post([this] {
        running_ = false;
        for (auto& group : groups_) group->started = false;
    });
}

void Engine::finish() {
    post([this] {
        // What is overdue now stays so in the counters: it was asked for and never sent.
        for (auto& group : groups_) show_overdue(*group, monotonic_ns());
        running_ = false;
        finishing_ = true;
        for (auto& group : groups_) {
            group->started = false;
            group->to_open = 0;
            drop_unbegun(*group);
        }
    });
}

void Engine::end() {
    post([this] { ended_ = true; });
}

EngineState Engine::state() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

void Engine::post(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        mail_.push_back(std::move(work));
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(mail_event_.get(), &one, sizeof one); // full means that it is awake anyway
}

void Engine::take_mail() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(mail_event_.get(), &count, sizeof count);
    std::vector<std::function<void()>> mail;
    {
        const std::lock_guard lock(mutex_);
        mail.swap(mail_);
    }
    for (auto& work : mail) work();
    state_stale_ = true;
}

std::int64_t Engine::next_arrival_ns() const {
    std::int64_t next = never;
    if (!running_) return next;
    for (const auto& group : groups_) {
        if (!group->started || !group->open_loop()) continue;
        if (!group->homeless.empty() && !group->open.empty()) return 0;
        // Without a connection to give it to, a request waits in the schedule, and its time with it.
        const bool can_take = group->churns() ? group->live < group->population.connections : !group->open.empty();
        if (can_take) next = std::min(next, group->arrivals.next().count());
    }
    return next;
}

// Waits for events until something is due, then sees to the events. The kernel wakes a thread some 50 µs late; so the engine
// asks to be woken by as much earlier as it has learned, and spends what then remains by looking for events without
// sleeping.
void Engine::wait() {
    const std::int64_t arrival = next_arrival_ns();
    const std::int64_t lazy = std::min({next_measure_ns_, next_sweep_ns_, timers_.empty() ? never : timers_.top().at_ns});
    const bool may_spin = spun_this_period_ns_ < most_spinning;
    const std::int64_t early = may_spin ? wake_early_ns_ : 0;
    const std::int64_t wake_at = std::min(arrival - early, lazy);
    const std::int64_t before = monotonic_ns();
    std::int64_t left = wake_at - before;
    const bool can_open =
        std::any_of(groups_.begin(), groups_.end(), [](const auto& group) { return group->to_open > 0; }) &&
        connecting_ < 256;
    if (left < 0 || can_open || !unread_.empty() || options_.busy_poll) left = 0;

    std::array<epoll_event, 256> events;
    const timespec time_out{left / 1'000'000'000, left % 1'000'000'000};
    const int count = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &time_out, nullptr);

    if (count > 0) now_ns_ = monotonic_ns();
    if (count == 0 && options_.busy_poll) {
        spun_ns_ += monotonic_ns() - before;
    } else if (count == 0 && arrival != never && wake_at == arrival - early) {
        const std::int64_t after = monotonic_ns();
        if (left == 0 && after < arrival) {
            spun_ns_ += after - before;
            spun_this_period_ns_ += after - before;
        } else if (left > 0) {
            // The lower quartile of the lateness, by stochastic approximation (Robbins and Monro, 1951): most wakes are
            // still late by a little, few are early and spin. Large steps first, to be near it within a second.
            const std::int64_t step = std::max<std::int64_t>(64'000 / ++wakes_learned_from_, 2'000);
            wake_early_ns_ += after - wake_at > wake_early_ns_ ? step / 4 : -step * 3 / 4;
            wake_early_ns_ = std::clamp<std::int64_t>(wake_early_ns_, 0, most_early);
        }
    }
    for (int i = 0; i < count; ++i) on_event(events[static_cast<std::size_t>(i)]);

    if (!unread_.empty()) {
        auto unread = std::exchange(unread_, {});
        for (const auto& [number, generation] : unread) {
            Client& one = client(number);
            if (one.generation != generation || one.stage != ClientStage::open) continue;
            one.reads_again = false;
            receive(one, true);
        }
    }
}

void Engine::on_event(const epoll_event& event) {
    if (event.data.u64 == mail_tag) {
        take_mail();
        return;
    }
    Client& one = client(static_cast<std::uint32_t>(event.data.u64));
    const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
    if (one.generation != generation) return; // the connection ended earlier in this batch

    if (one.stage == ClientStage::connecting) {
        int error = 0;
        if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) {
            socklen_t length = sizeof error;
            ::getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &length);
            if (error == 0 && (event.events & EPOLLERR) != 0) error = ECONNREFUSED;
        }
        if (error != 0) {
            connection_failed(one, error);
            return;
        }
        if ((event.events & EPOLLOUT) == 0) return;
        connected(one);
        if (one.generation != generation || one.stage != ClientStage::open) return;
    }
    if (one.stage != ClientStage::open) return;
    const bool ending = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    const bool reads_by_clock = one.group->population.kind == PopulationKind::slow_reader;
    if ((event.events & EPOLLIN) != 0 || ending) {
        if (!reads_by_clock) receive(one, ending);
        if (one.generation != generation || one.stage != ClientStage::open) return;
    }
    const bool sends_by_clock = one.group->population.kind == PopulationKind::slow_sender;
    if ((event.events & EPOLLOUT) != 0 && one.unsent_done > 0 && !sends_by_clock) send_requests(one);
}

void Engine::run_timers(std::int64_t now) {
    while (!timers_.empty() && timers_.top().at_ns <= now) {
        const Timer timer = timers_.top();
        timers_.pop();
        Client& one = client(timer.client);
        if (one.generation != timer.generation || one.timer_ns != timer.at_ns)
            continue; // another appointment took its place
        one.timer_ns = 0;
        if (one.stage == ClientStage::backing_off) {
            if (finishing_ || one.retiring)
                free_client(one);
            else
                begin_connection(one);
        } else if (one.stage == ClientStage::open) {
            if (one.in_flight > 0 && one.group->slow())
                slow_step(one);
            else
                give_next(one, now);
        }
    }
}

Client& Engine::next_in_turn(Group& group) {
    group.turn = group.turn + 1 < group.open.size() ? group.turn + 1 : 0;
    return client(group.open[group.turn]);
}

void Engine::run_arrivals(std::int64_t now) {
    if (!running_) return;
    for (auto& each : groups_) {
        Group& group = *each;
        if (!group.started || !group.open_loop()) continue;
        for (int turn = 0; turn < arrivals_in_a_turn && !group.homeless.empty() && !group.open.empty(); ++turn) {
            const std::int64_t due = group.homeless.front();
            group.homeless.pop_front();
            give(next_in_turn(group), due);
        }
        for (int turn = 0; turn < arrivals_in_a_turn && group.arrivals.next().count() <= now; ++turn) {
            const std::int64_t due = group.arrivals.next().count();
            if (group.churns()) {
                if (group.live >= group.population.connections) break;
                Client& fresh = client(new_client(group));
                fresh.due_ns = due;
                begin_connection(fresh);
            } else {
                constexpr std::uint64_t most_queued = 1 << 18; // beyond, requests wait in the schedule
                if (group.open.empty() || group.queued >= most_queued) break;
                late_sum_ns_ += now - due;
                ++late_count_;
                give(next_in_turn(group), due);
            }
            group.arrivals.advance();
        }
    }
}

void Engine::time_clients_out(std::int64_t now) {
    const std::int64_t limit = options_.time_out.count();
    next_sweep_ns_ = now + std::clamp(limit / 20, 5 * millisecond, 250 * millisecond);
    for (std::uint32_t i = 0; i < clients_made_; ++i) {
        Client& one = client(i);
        const bool waits = one.stage == ClientStage::connecting || (one.stage == ClientStage::open && one.in_flight > 0);
        if (!waits || now - one.progress_ns <= limit) continue;
        if (one.stage == ClientStage::connecting)
            connection_failed(one, ETIMEDOUT);
        else
            lost(one, LoadCounter::timed_out, LoadCounter::failed_timeout);
    }
}

void Engine::measure_itself(std::int64_t now) {
    next_measure_ns_ = now + measure_every;
    const std::int64_t cpu = thread_cpu_ns() - spun_ns_;
    const Measured& oldest = measured_[measured_next_];
    double busy = 0;
    if (oldest.at_ns != 0) busy = static_cast<double>(cpu - oldest.cpu_ns) / static_cast<double>(now - oldest.at_ns);
    measured_[measured_next_] = {now, cpu, late_sum_ns_, late_count_};
    measured_next_ = (measured_next_ + 1) % measured_.size();
    late_sum_ns_ = 0;
    late_count_ = 0;
    spun_this_period_ns_ = 0;
    std::int64_t late_sum = 0;
    std::uint64_t late_count = 0;
    for (const Measured& tenth : measured_) {
        late_sum += tenth.late_sum_ns;
        late_count += tenth.late_count;
    }
    for (auto& group : groups_) show_overdue(*group, now);
    if (options_.number == 0) {
        rusage usage{};
        ::getrusage(RUSAGE_SELF, &usage);
        writer_.set_cpu(duration(usage.ru_utime), duration(usage.ru_stime));
        writer_.beat();
    }
    const std::lock_guard lock(mutex_);
    state_.busy = busy;
    state_.late = std::chrono::nanoseconds(late_count == 0 ? 0 : late_sum / static_cast<std::int64_t>(late_count));
}

void Engine::show_overdue(Group& group, std::int64_t now) {
    if (finishing_) return;
    std::uint64_t overdue = group.queued + group.homeless.size();
    if (running_ && group.started && group.open_loop()) overdue += group.arrivals.due(std::chrono::nanoseconds(now));
    group.tally.add(LoadCounter::overdue, static_cast<std::int64_t>(overdue) - group.overdue_shown);
    group.overdue_shown = static_cast<std::int64_t>(overdue);
}

void Engine::report_changes() {
    state_stale_ = false;
    drop_finished_groups();
    EngineState now;
    now.plans_taken = plans_taken_;
    bool wanted = false;
    bool any = false;
    now.settled = connecting_ == 0;
    now.drained = finishing_;
    for (const auto& group : groups_) {
        if (group->to_open > 0) now.settled = false;
        wanted = wanted || group->population.connections > 0;
        any = any || group->to_open > 0 || group->live > 0 || (group->churns() && (group->open_loop() || !group->started));
        if (waited_for(*group)) now.drained = false;
        now.places.push_back(group->place);
    }
    now.hopeless = wanted && !any && plans_taken_ > 0;
    {
        const std::lock_guard lock(mutex_);
        const bool same = state_.plans_taken == now.plans_taken && state_.settled == now.settled &&
                          state_.hopeless == now.hopeless && state_.drained == now.drained && state_.places == now.places;
        if (same) return;
        now.busy = state_.busy;
        now.late = state_.late;
        state_ = std::move(now);
    }
    changed_();
}

std::uint32_t Forms::use(const RequestForm& form) {
    std::size_t unused = all_.size();
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if (all_[i].users == 0) {
            unused = i;
        } else if (all_[i].form == form) {
            ++all_[i].users;
            return static_cast<std::uint32_t>(i);
        }
    }
    if (unused == all_.size()) all_.emplace_back();
    all_[unused] = {form, 1};
    return static_cast<std::uint32_t>(unused);
}

} // namespace connscope::load
