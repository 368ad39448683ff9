// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/fiber_read.hpp"
#include "connscope/server/modes/fiber_stack.hpp"
#include "connscope/server/modes/loop.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/server/steps.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <new>

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

// One thread runs an event loop; a connection is a function on a stack of its own, switched in user space when it must wait.
class Fibers final : public Mode {
public:
    Fibers(Host& host, std::uint8_t number, std::size_t stack_bytes)
        : host_(host)
        , number_(number)
        , stack_bytes_(stack_bytes)
        , loop_(host) {}

    std::optional<Refusal> adopt(Connection connection) override;
    void release(ConnectionId id) override;
    void release_all() override;

private:
    // What is known of a connection beside its stack.
    struct Carried : Listed {
        Carried(Connection&& its_connection, LoopSocket&& its_socket)
            : connection(std::move(its_connection))
            , socket(std::move(its_socket)) {}

        void ask_to_leave() {
            release = true;
            error_code ignored;
            socket.cancel(ignored);
            if (timer != nullptr) timer->cancel();
        }

        Connection connection;
        LoopSocket socket;
        Timer* timer = nullptr; // while pausing
        bool release = false;
    };

    void carry(Carried& carried, const Yield& yield);
    static std::chrono::nanoseconds pause(Carried& carried, std::chrono::nanoseconds duration, const Yield& yield);

    Host& host_;
    const std::uint8_t number_;
    const std::size_t stack_bytes_;
    List<Carried> carried_; // from the loop's thread only
    Loop loop_;             // last, so that its thread has ended before what it uses goes
};

// The story of one connection.
void Fibers::carry(Carried& carried, const Yield& yield) {
    Connection& connection = carried.connection;
    LoopSocket& socket = carried.socket;
    protocol::Session& session = *connection.session;
    bool peer_finished = false;
    std::optional<CloseReason> over;
    error_code error;

    carried_.push_back(carried);
    connection.probe.resume();
    try {
        while (!over && !connection.leaves && !carried.release) {
            const Action action = next_action(connection);
            switch (action.kind) {
            case Action::Kind::read: {
                const auto input = input_of(connection);
                connection.probe.suspend(ConnectionState::waiting_read, true);
                const std::size_t bytes =
                    connection.stamped ? read_stamped(connection, socket, input, yield, error)
                                       : socket.async_read_some(asio::buffer(input.data(), input.size()), yield[error]);
                connection.probe.resume();
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
                connection.probe.resume();
                if (error == asio::error::operation_aborted) break;
                if (!error)
                    after_write(connection, bytes);
                else
                    over = reason_of(error.value());
                break;
            }
            case Action::Kind::compute:
                compute(connection);
                break;
            case Action::Kind::pause:
                connection.probe.suspend(ConnectionState::paused, true);
                session.elapsed(pause(carried, action.duration, yield));
                connection.probe.resume();
                break;
            case Action::Kind::yield:
                connection.probe.suspend(ConnectionState::ready, true);
                asio::post(socket.get_executor(), yield);
                connection.probe.resume();
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
    carried.unlink();
    from_loop(socket, connection);
    if (over)
        host_.closed(std::move(connection), *over);
    else
        host_.released(std::move(connection));
}

// The time that has passed: less than asked when the connection must leave.
std::chrono::nanoseconds Fibers::pause(Carried& carried, std::chrono::nanoseconds duration, const Yield& yield) {
    Timer timer(carried.socket.get_executor(), duration);
    carried.timer = &timer;
    const std::int64_t begin = monotonic_ns();
    error_code error;
    timer.async_wait(yield[error]);
    carried.timer = nullptr;
    return error ? std::min(duration, std::chrono::nanoseconds(monotonic_ns() - begin)) : duration;
}

std::optional<Refusal> Fibers::adopt(Connection connection) {
    auto stack = FiberStack::allocate(stack_bytes_);
    if (!stack) return Refusal{std::move(connection), std::move(stack).error()};
    auto socket = to_loop(loop_.executor(), connection);
    if (!socket) return Refusal{std::move(connection), std::move(socket).error()};
    std::shared_ptr<Carried> carried;
    try {
        carried = std::make_shared<Carried>(std::move(connection), std::move(*socket));
        carried->connection.probe.carried_by(telemetry::CarrierKind::fiber, number_, stack->lowest(),
                                             static_cast<std::uint32_t>(stack->bytes()));
        asio::spawn(
            loop_.executor(), std::allocator_arg, std::move(*stack),
            [this, carried](const Yield& yield) { carry(*carried, yield); }, asio::detached);
        return std::nullopt;
    } catch (const std::bad_alloc&) { // before the fiber has begun
        if (carried) {
            from_loop(carried->socket, carried->connection);
            return out_of_memory(std::move(carried->connection));
        }
        from_loop(*socket, connection);
        return out_of_memory(std::move(connection));
    }
}

void Fibers::release(ConnectionId id) {
    asio::post(loop_.context(), [this, id] {
        for (Carried& carried : carried_)
            if (carried.connection.id() == id) return carried.ask_to_leave();
    });
}

void Fibers::release_all() {
    asio::post(loop_.context(), [this] {
        for (Carried& carried : carried_) carried.ask_to_leave();
    });
}

} // namespace

std::unique_ptr<Mode> make_fibers(Host& host, std::uint8_t number, const ModeOptions& options) {
    return std::make_unique<Fibers>(host, number, options.stack_bytes);
}

} // namespace connscope::server
