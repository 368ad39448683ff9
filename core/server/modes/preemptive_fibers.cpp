// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/fiber_read.hpp"
#include "connscope/server/modes/fiber_stack.hpp"
#include "connscope/server/modes/loop.hpp"
#include "connscope/server/modes/preemption.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/server/steps.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

namespace connscope::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using protocol::Action;
using telemetry::ConnectionState;
using telemetry::monotonic_ns;

using Yield = asio::basic_yield_context<LoopExecutor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>;

constexpr std::chrono::milliseconds usual_slice{1};

// What a fiber needs of its stack beside what an interruption takes.
constexpr std::size_t own_stack_bytes = 8192;

// As Fibers: a function on a stack of its own for each connection, switched in user space when it must wait. But whoever
// computes for longer than a slice is interrupted, and goes to the end of the loop's queue of those who are ready.
class PreemptiveFibers final : public Mode {
public:
    PreemptiveFibers(Host& host, std::uint8_t number, const ModeOptions& options)
        : host_(host)
        , number_(number)
        , stack_bytes_(options.stack_bytes)
        , preemption_(options.slice.value_or(usual_slice))
        , loop_(host) {}

    std::optional<Refusal> adopt(Connection connection) override;
    void release(ConnectionId id) override;
    void release_all() override;

private:
    // What is known of a connection beside its stack.
    struct Carried : Listed {
        Carried(Connection its_connection, LoopSocket its_socket)
            : connection(std::move(its_connection))
            , socket(std::move(its_socket)) {}

        void ask_to_leave() {
            release = true;
            error_code ignored;
            socket.cancel(ignored);
            if (timer != nullptr) timer->cancel();
        }

        // Its turn begins, in which it may compute for a slice, however many actions it does so by.
        void resume() {
            connection.probe.resume();
            turn_began = monotonic_ns();
        }

        Connection connection;
        LoopSocket socket;
        Timer* timer = nullptr;      // while pausing
        std::int64_t turn_began = 0; // on the monotonic clock, in ns
        bool release = false;
    };

    void carry(Carried& carried, const Yield& yield);
    std::chrono::nanoseconds compute(Carried& carried, std::chrono::nanoseconds duration, const Yield& yield);
    static std::chrono::nanoseconds pause(Carried& carried, std::chrono::nanoseconds duration, const Yield& yield);

    Host& host_;
    const std::uint8_t number_;
    const std::size_t stack_bytes_;
    Preemption preemption_; // from the loop's thread only
    List<Carried> carried_; // from the loop's thread only
    Loop loop_;             // last, so that its thread has ended before what it uses goes
};

// The story of one connection.
void PreemptiveFibers::carry(Carried& carried, const Yield& yield) {
    Connection& connection = carried.connection;
    LoopSocket& socket = carried.socket;
    protocol::Session& session = *connection.session;
    bool peer_finished = false;
    std::optional<CloseReason> over;
    error_code error;

    carried_.push_back(carried);
    carried.resume();
    while (!over && !connection.leaves && !carried.release) {
        const Action action = session.next();
        switch (action.kind) {
        case Action::Kind::read: {
            const auto input = input_of(connection);
            connection.probe.suspend(ConnectionState::waiting_read, true);
            const std::size_t bytes = connection.stamped
                                          ? read_stamped(connection, socket, input, yield, error)
                                          : socket.async_read_some(asio::buffer(input.data(), input.size()), yield[error]);
            carried.resume();
            if (error == asio::error::operation_aborted) break;
            if (!error || error == asio::error::eof) {
                peer_finished = bytes == 0;
                after_read(connection, bytes);
            } else
                over = reason_of(error.value());
            break;
        }
        case Action::Kind::write: {
            const auto output = session.output();
            connection.probe.suspend(ConnectionState::waiting_write, true);
            const std::size_t bytes = socket.async_write_some(asio::buffer(output.data(), output.size()), yield[error]);
            carried.resume();
            if (error == asio::error::operation_aborted) break;
            if (!error)
                after_write(connection, bytes);
            else
                over = reason_of(error.value());
            break;
        }
        case Action::Kind::compute:
            session.elapsed(compute(carried, action.duration, yield));
            break;
        case Action::Kind::pause:
            connection.probe.suspend(ConnectionState::paused, true);
            session.elapsed(pause(carried, action.duration, yield));
            carried.resume();
            break;
        case Action::Kind::yield:
            connection.probe.suspend(ConnectionState::ready, true);
            asio::post(socket.get_executor(), yield);
            carried.resume();
            session.elapsed({});
            break;
        case Action::Kind::close:
            over = peer_finished ? CloseReason::peer : CloseReason::protocol;
            break;
        }
    }
    carried.unlink();
    from_loop(socket, connection);
    if (over)
        host_.closed(std::move(connection), *over);
    else
        host_.released(std::move(connection));
}

// Computes; interrupted, it stands in the middle of it while the others run. Returns how much of it was done.
std::chrono::nanoseconds PreemptiveFibers::compute(Carried& carried, std::chrono::nanoseconds duration, const Yield& yield) {
    struct Interrupted final : Preemption::Turn {
        Interrupted(Carried& whose, const Yield& its_yield)
            : carried(whose)
            , yield(its_yield) {}
        void hand_on() override {
            carried.connection.probe.suspend(ConnectionState::ready, true);
            asio::post(carried.socket.get_executor(), yield);
            carried.resume();
        }
        Carried& carried;
        const Yield& yield;
    } interrupted(carried, yield);
    const auto done = preemption_.burn(duration, carried.turn_began, interrupted, carried.connection.watch->leave);
    carried.connection.leaves = done < duration;
    if (preemption_.over(carried.turn_began)) interrupted.hand_on(); // the tick that came where it may not be taken
    return done;
}

// The time that has passed: less than asked when the connection must leave.
std::chrono::nanoseconds PreemptiveFibers::pause(Carried& carried, std::chrono::nanoseconds duration, const Yield& yield) {
    Timer timer(carried.socket.get_executor(), duration);
    carried.timer = &timer;
    const std::int64_t begin = monotonic_ns();
    error_code error;
    timer.async_wait(yield[error]);
    carried.timer = nullptr;
    return error ? std::min(duration, std::chrono::nanoseconds(monotonic_ns() - begin)) : duration;
}

std::optional<Refusal> PreemptiveFibers::adopt(Connection connection) {
    if (const std::size_t least = Preemption::stack_needed() + own_stack_bytes; stack_bytes_ < least)
        return Refusal{std::move(connection),
                       telemetry::Error{std::make_error_code(std::errc::invalid_argument),
                                        "a stack of " + std::to_string(stack_bytes_ / 1024) +
                                            " KiB is too small to be interrupted on: at least " +
                                            std::to_string((least + 1023) / 1024) + " KiB are needed"}};
    auto stack = FiberStack::allocate(stack_bytes_);
    if (!stack) return Refusal{std::move(connection), std::move(stack).error()};
    auto socket = to_loop(loop_.executor(), connection);
    if (!socket) return Refusal{std::move(connection), std::move(socket).error()};
    auto carried = std::make_unique<Carried>(std::move(connection), std::move(*socket));
    carried->connection.probe.carried_by(telemetry::CarrierKind::fiber, number_, stack->lowest(),
                                         static_cast<std::uint32_t>(stack->bytes()));
    asio::spawn(
        loop_.executor(), std::allocator_arg, std::move(*stack),
        [this, carried = std::move(carried)](const Yield& yield) { carry(*carried, yield); }, asio::detached);
    return std::nullopt;
}

void PreemptiveFibers::release(ConnectionId id) {
    asio::post(loop_.context(), [this, id] {
        for (Carried& carried : carried_)
            if (carried.connection.id() == id) return carried.ask_to_leave();
    });
}

void PreemptiveFibers::release_all() {
    asio::post(loop_.context(), [this] {
        for (Carried& carried : carried_) carried.ask_to_leave();
    });
}

} // namespace

std::unique_ptr<Mode> make_preemptive_fibers(Host& host, std::uint8_t number, const ModeOptions& options) {
    return std::make_unique<PreemptiveFibers>(host, number, options);
}

} // namespace connscope::server
