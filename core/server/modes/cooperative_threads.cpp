// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/baton.hpp"
#include "connscope/server/modes/connection_threads.hpp"
#include "connscope/server/modes/fifo_cpu.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/server/steps.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <thread>

namespace connscope::server {
namespace {

using protocol::Action;
using telemetry::ConnectionState;
using telemetry::Ticks;

// For how long a thread may keep the CPU under SCHED_FIFO before it goes on under the normal policy.
constexpr std::chrono::milliseconds fifo_limit{1000};

// What a thread needs to have its turn.
struct Turn {
    Baton::Waiter waiter;
    bool is_on = false;                   // it may run; known to the thread alone
    std::atomic<Ticks> since{0};          // of a turn under SCHED_FIFO that is on; a statistic
    std::atomic<bool> interrupted{false}; // the watchdog took the policy away; given back with the next turn
};

// An OS thread for each connection, of which one runs, until it blocks or yields. Either the kernel sees to that, by
// SCHED_FIFO on one CPU, or the threads do: a baton says who may run, and who has it hands it over.
class CooperativeThreads final : public ConnectionThreads<Turn> {
public:
    CooperativeThreads(Host& host, std::uint8_t number, const ModeOptions& options)
        : ConnectionThreads(host, number, options.stack_bytes)
        , fifo_(fifo_for(options.turns)) {
        if (fifo_) watchdog_ = std::thread([this] { watch(); });
    }

    ~CooperativeThreads() override {
        wait_until_empty();
        if (!watchdog_.joinable()) return;
        {
            const std::lock_guard lock(stop_mutex_);
            stop_ = true;
        }
        stopped_.notify_all();
        watchdog_.join();
    }

    // Throws when turns must be SCHED_FIFO's and cannot.
    static telemetry::Outcome<FifoCpu> fifo_for(Turns turns) {
        if (turns == Turns::baton)
            return telemetry::Error{std::make_error_code(std::errc::operation_canceled), "as was asked for"};
        auto fifo = FifoCpu::find();
        if (!fifo && turns == Turns::fifo) throw std::runtime_error(fifo.error().text);
        return fifo;
    }

private:
    void carry(Carrier& carrier) override;
    void interrupt(Carrier& carrier) override;

    ssize_t receive_when_ready(Carrier& carrier, std::span<std::byte> input);
    ssize_t send_when_ready(Carrier& carrier, std::span<const std::byte> output);
    void wait_until(Carrier& carrier, ConnectionState state, short event);
    template <class Wait>
    void let_others_run(Carrier& carrier, ConnectionState state, Wait wait);
    void begin_turn(Carrier& carrier);
    void end_turn(Carrier& carrier);
    void watch();

    const telemetry::Outcome<FifoCpu> fifo_; // or why there is none
    Baton baton_;                            // where there is none

    std::thread watchdog_; // where there is one
    std::mutex stop_mutex_;
    std::condition_variable stopped_;
    bool stop_ = false; // guarded by stop_mutex_
};

// The story of one connection.
void CooperativeThreads::carry(Carrier& carrier) {
    const telemetry::EnteredThread stay(host_.probe(), false);
    never_cancel_this_thread();
    Connection& connection = carrier.connection;
    set_blocking(connection.socket.get(), true);
    protocol::Session& session = *connection.session;
    bool peer_finished = false;
    std::optional<CloseReason> over;
    SwitchReport switches;

    begin_turn(carrier);
    connection.probe.resume();
    try {
        while (!over && !connection.leaves &&
               !carrier.release.load(std::memory_order_relaxed)) { // the hand-over itself is ordered by the mutex
            const Action action = next_action(connection);
            switch (action.kind) {
            case Action::Kind::read: {
                const auto input = input_of(connection);
                switches.due(connection.probe);
                const ssize_t bytes = receive_when_ready(carrier, input);
                if (bytes >= 0) {
                    peer_finished = bytes == 0;
                    after_read(connection, static_cast<std::size_t>(bytes));
                } else if (errno != EINTR && errno != EAGAIN)
                    over = reason_of(errno);
                break;
            }
            case Action::Kind::write: {
                const ssize_t bytes = send_when_ready(carrier, session.output());
                if (bytes >= 0)
                    after_write(connection, static_cast<std::size_t>(bytes));
                else if (errno != EINTR && errno != EAGAIN)
                    over = reason_of(errno);
                break;
            }
            case Action::Kind::compute:
                compute(connection);
                break;
            case Action::Kind::pause: {
                std::chrono::nanoseconds passed{};
                let_others_run(carrier, ConnectionState::paused, [&] { passed = interruptible_sleep(action.duration); });
                session.elapsed(passed);
                break;
            }
            case Action::Kind::yield:
                let_others_run(carrier, ConnectionState::ready, [] { ::sched_yield(); });
                after_yield(connection);
                break;
            case Action::Kind::close:
                over = peer_finished ? CloseReason::peer : CloseReason::protocol;
                break;
            }
        }
    } catch (const std::bad_alloc&) {
        over = CloseReason::error; // this connection ends, the others go on
    }
    end_turn(carrier);
    if (fifo_) fifo_->leave(::pthread_self()); // before it starts another mode's carrier
    leave(carrier, over);
}

// Reads; when it must wait, others run meanwhile. -1 with EINTR or EAGAIN when there is nothing yet after all.
ssize_t CooperativeThreads::receive_when_ready(Carrier& carrier, std::span<std::byte> input) {
    Connection& connection = carrier.connection;
    const int socket = connection.socket.get();
    ssize_t bytes = 0;
    int error = 0;
    if (fifo_) { // the kernel hands over where a call blocks
        let_others_run(carrier, ConnectionState::waiting_read, [&] {
            bytes = receive(connection, socket, input, 0);
            error = errno;
        });
        errno = error;
        return bytes;
    }
    bytes = receive(connection, socket, input, MSG_DONTWAIT);
    if (bytes >= 0 || errno != EAGAIN) return bytes;
    wait_until(carrier, ConnectionState::waiting_read, POLLIN);
    return -1; // it is read in its turn, for until then it has waited
}

ssize_t CooperativeThreads::send_when_ready(Carrier& carrier, std::span<const std::byte> output) {
    const int socket = carrier.connection.socket.get();
    const ssize_t bytes = ::send(socket, output.data(), output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (bytes >= 0 || errno != EAGAIN) return bytes;
    wait_until(carrier, ConnectionState::waiting_write, POLLOUT);
    return -1;
}

void CooperativeThreads::wait_until(Carrier& carrier, ConnectionState state, short event) {
    let_others_run(carrier, state, [&] {
        pollfd entry{carrier.connection.socket.get(), event, 0};
        ::poll(&entry, 1, -1); // or a signal: the connection must leave
    });
    errno = EAGAIN;
}

template <class Wait>
void CooperativeThreads::let_others_run(Carrier& carrier, ConnectionState state, Wait wait) {
    telemetry::ConnectionProbe& probe = carrier.connection.probe;
    probe.suspend(state, false);
    end_turn(carrier);
    wait();
    if (!fifo_) probe.suspend(ConnectionState::ready, false); // under SCHED_FIFO, only the kernel knows
    begin_turn(carrier);
    probe.resume();
}

// Waits for this thread's turn. One that must leave does so without: it does nothing more than that.
void CooperativeThreads::begin_turn(Carrier& carrier) {
    Turn& turn = carrier.own;
    if (!fifo_) {
        turn.is_on = baton_.take(turn.waiter, carrier.release);
        return;
    }
    if (carrier.release.load(std::memory_order_relaxed)) return;
    if (!turn.is_on || turn.interrupted.exchange(false, std::memory_order_relaxed)) turn.is_on = fifo_->enter();
    turn.since.store(telemetry::ticks(), std::memory_order_relaxed);
}

void CooperativeThreads::end_turn(Carrier& carrier) {
    Turn& turn = carrier.own;
    if (fifo_)
        turn.since.store(0, std::memory_order_relaxed);
    else if (turn.is_on)
        baton_.pass();
}

void CooperativeThreads::interrupt(Carrier& carrier) {
    // A hog may keep the CPU and the baton: one that only leaves needs neither.
    if (fifo_)
        fifo_->leave(carrier.thread);
    else
        baton_.wake(carrier.own.waiter);
    ConnectionThreads::interrupt(carrier);
}

// Sees to it that none keeps a CPU from the rest of the machine for long.
void CooperativeThreads::watch() {
    fifo_->keep_off();
    std::unique_lock lock(stop_mutex_);
    while (!stopped_.wait_for(lock, fifo_limit / 10, [this] { return stop_; })) {
        const Ticks now = telemetry::ticks();
        // Where the other CPUs are busy too, the kernel lets it wait behind a hog, whom it is asked about.
        if (const std::int32_t main_thread = host_.main_thread(); main_thread != 0) fifo_->push_off(main_thread);
        bool is_held = false;
        for_each([&](Carrier& carrier) {
            const Ticks since = carrier.own.since.load(std::memory_order_relaxed);
            if (since == 0 || since >= now) return;
            const auto held = telemetry::process_clock().duration(now - since);
            is_held = is_held || held > fifo_limit / 10;
            if (held < fifo_limit) return;
            if (carrier.own.interrupted.exchange(true, std::memory_order_relaxed)) return;
            FifoCpu::demote(carrier.thread);
            spdlog::warn("connection {} had CPU {} for itself for {} ms: it goes on under the normal policy until it waits",
                         carrier.connection.id(), fifo_->number(), fifo_limit.count());
        });
        if (is_held) fifo_->push_off_all(); // loops that others were moved to, and who moves them
    }
}

} // namespace

std::unique_ptr<Mode> make_cooperative_threads(Host& host, std::uint8_t number, const ModeOptions& options) {
    return std::make_unique<CooperativeThreads>(host, number, options);
}

std::string cooperative_threads_here(const ModeOptions& options) {
    if (options.turns == Turns::baton) return "a baton is handed over";
    const auto fifo = FifoCpu::find();
    return fifo ? fmt::format("SCHED_FIFO on CPU {}", fifo->number())
                : fmt::format("a baton is handed over: {}", fifo.error().text);
}

} // namespace connscope::server
