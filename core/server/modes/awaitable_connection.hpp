// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/modes/frame.hpp"
#include "connscope/server/modes/loop.hpp"
#include "connscope/server/steps.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

// A connection as a stackless coroutine, for the modes that differ only in which threads resume it.
namespace connscope::server {

template <class Executor>
struct AwaitableConnection : Listed, std::enable_shared_from_this<AwaitableConnection<Executor>> {
    using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                    boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

    AwaitableConnection(Connection&& its_connection, Socket<Executor>&& its_socket)
        : connection(std::move(its_connection))
        , socket(std::move(its_socket)) {}

    // On the connection's executor.
    void ask_to_leave() {
        if (gone) return;
        release = true;
        boost::system::error_code ignored;
        socket.cancel(ignored);
        if (timer != nullptr) timer->cancel();
    }

    Connection connection;
    Socket<Executor> socket;
    Timer* timer = nullptr; // while pausing
    bool release = false;
    bool gone = false; // given away: whoever still knows it may do nothing with it
};

// Operations to be awaited where they stand: the result of each is its bytes, or what its handler has beside the error,
// which goes to `error`. use_awaitable would wrap each in a coroutine frame of its own, and as_tuple leaves two tuples in
// the frame that awaits.
template <class Handler>
concept TakesBytes = boost::asio::completion_token_for<Handler, void(std::size_t)>;
template <class Executor>
auto read_some(AwaitableConnection<Executor>& carried, boost::system::error_code& error) {
    return [&carried, &error]<TakesBytes Handler>(Handler&& handler) {
        return carried.socket.async_read_some(buffer_of(input_of(carried.connection)),
                                              boost::asio::redirect_error(std::forward<Handler>(handler), error));
    };
}
template <class Executor>
auto write_some(AwaitableConnection<Executor>& carried, boost::system::error_code& error) {
    return [&carried, &error]<TakesBytes Handler>(Handler&& handler) {
        return carried.socket.async_write_some(buffer_of(carried.connection.session->output()),
                                               boost::asio::redirect_error(std::forward<Handler>(handler), error));
    };
}

// What a connection waits for now and then. Each is a coroutine of its own, so that a connection that does not has none of
// it in its frame.

// Lets the time of a pause pass without using the CPU, less of it when the connection must leave.
template <class Executor>
boost::asio::awaitable<void, Executor> pause(AwaitableConnection<Executor>& carried) {
    const std::chrono::nanoseconds duration = carried.connection.session->next().duration;
    typename AwaitableConnection<Executor>::Timer timer(carried.socket.get_executor(), duration);
    carried.timer = &timer;
    const std::int64_t begin = telemetry::monotonic_ns();
    const auto [error] = co_await timer.async_wait(boost::asio::as_tuple(boost::asio::deferred));
    carried.timer = nullptr;
    carried.connection.probe.resume();
    const std::chrono::nanoseconds passed(telemetry::monotonic_ns() - begin);
    carried.connection.session->elapsed(error ? std::min(duration, passed) : duration);
}

// Lets the others run first.
template <class Executor>
boost::asio::awaitable<void, Executor> step_back(AwaitableConnection<Executor>& carried) {
    co_await boost::asio::post(carried.socket.get_executor(), boost::asio::deferred);
}

// Reads of a stamped connection: the stamps come with recvmsg(2) only, which Asio does not call.
template <class Executor>
boost::asio::awaitable<std::size_t, Executor> read_stamped(AwaitableConnection<Executor>& carried,
                                                           boost::system::error_code& error) {
    for (const auto input = input_of(carried.connection);;) {
        std::tie(error) = co_await carried.socket.async_wait(boost::asio::socket_base::wait_read,
                                                             boost::asio::as_tuple(boost::asio::deferred));
        if (error) co_return 0;
        if (const auto result = receive_ready(carried.connection, carried.socket.native_handle(), input)) {
            error = result->error;
            co_return result->bytes;
        }
    }
}

// The story of one connection. `crew` is told when it comes and goes: enter(AwaitableConnection&), and
// leave(AwaitableConnection&, why it is over or nothing when it must leave).
template <class Executor, class Crew>
boost::asio::awaitable<void, Executor> carry(std::shared_ptr<AwaitableConnection<Executor>> carried, Crew& crew) {
    using protocol::Action;
    using telemetry::ConnectionState;
    namespace asio = boost::asio;

    // What stands here is in the frame for as long as the connection lives.
    Connection& connection = carried->connection;
    bool peer_finished = false;
    std::optional<CloseReason> over;
    boost::system::error_code error;
    std::size_t bytes = 0; // of the last read or write

    crew.enter(*carried);
    connection.probe.resume();
    try {
        while (!over && !connection.leaves && !carried->release) {
            switch (next_action(connection).kind) {
            case Action::Kind::read:
                connection.probe.suspend(ConnectionState::waiting_read, true);
                bytes = connection.stamped ? co_await read_stamped(*carried, error) : co_await read_some(*carried, error);
                connection.probe.resume();
                if (error == asio::error::operation_aborted) break;
                if (!error || error == asio::error::eof) {
                    peer_finished = bytes == 0;
                    after_read(connection, bytes);
                } else
                    over = reason_of(error.value());
                break;
            case Action::Kind::write:
                connection.probe.suspend(ConnectionState::waiting_write, true);
                bytes = co_await write_some(*carried, error);
                connection.probe.resume();
                if (error == asio::error::operation_aborted) break;
                if (!error)
                    after_write(connection, bytes);
                else
                    over = reason_of(error.value());
                break;
            case Action::Kind::compute:
                compute(connection);
                break;
            case Action::Kind::pause:
                connection.probe.suspend(ConnectionState::paused, true);
                co_await pause(*carried);
                break;
            case Action::Kind::yield:
                connection.probe.suspend(ConnectionState::ready, true);
                co_await step_back(*carried);
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
    carried->gone = true;
    crew.leave(*carried, over);
}

// Gives the connection of a coroutine that ends to the host.
template <class Executor>
void hand_back(AwaitableConnection<Executor>& carried, std::optional<CloseReason> over, Host& host) {
    from_loop(carried.socket, carried.connection);
    if (over)
        host.closed(std::move(carried.connection), *over);
    else
        host.released(std::move(carried.connection));
}

// Makes the coroutine of a connection and lets the executor begin it. Nothing when it is carried.
template <class Executor, class Crew>
std::optional<Refusal> spawn_connection(const Executor& executor, Connection connection, std::uint8_t mode, Crew& crew) {
    auto socket = to_loop(executor, connection);
    if (!socket) return Refusal{std::move(connection), std::move(socket).error()};
    std::shared_ptr<AwaitableConnection<Executor>> carried;
    try {
        carried = std::make_shared<AwaitableConnection<Executor>>(std::move(connection), std::move(*socket));
        auto coroutine = carry(carried, crew);
        const Frame frame = frame_of(coroutine);
        carried->connection.probe.carried_by(telemetry::CarrierKind::coroutine, mode, frame.address,
                                             static_cast<std::uint32_t>(frame.bytes));
        boost::asio::co_spawn(executor, std::move(coroutine), boost::asio::detached);
        return std::nullopt;
    } catch (const std::bad_alloc&) { // before the coroutine has begun
        if (carried) {
            from_loop(carried->socket, carried->connection);
            return out_of_memory(std::move(carried->connection));
        }
        from_loop(*socket, connection);
        return out_of_memory(std::move(connection));
    }
}

} // namespace connscope::server
