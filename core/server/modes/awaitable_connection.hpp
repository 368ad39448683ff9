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
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <tuple>

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

// Waits without using the CPU; the time that has passed, less than asked when the connection must leave. A coroutine of its
// own, so that a connection that does not pause has no timer in its frame.
template <class Executor>
boost::asio::awaitable<std::chrono::nanoseconds, Executor> pause(AwaitableConnection<Executor>& carried,
                                                                 std::chrono::nanoseconds duration) {
    typename AwaitableConnection<Executor>::Timer timer(carried.socket.get_executor(), duration);
    carried.timer = &timer;
    const std::int64_t begin = telemetry::monotonic_ns();
    const auto [error] = co_await timer.async_wait(boost::asio::as_tuple(boost::asio::deferred));
    carried.timer = nullptr;
    carried.connection.probe.resume();
    co_return error ? std::min(duration, std::chrono::nanoseconds(telemetry::monotonic_ns() - begin)) : duration;
}

// Lets the others run first. Apart for the same reason.
template <class Executor>
boost::asio::awaitable<void, Executor> step_back(AwaitableConnection<Executor>& carried) {
    co_await boost::asio::post(carried.socket.get_executor(), boost::asio::deferred);
}

// Reads of a stamped connection: the stamps come with recvmsg(2) only, which Asio does not call. Apart for the same reason.
template <class Executor>
boost::asio::awaitable<ReadResult, Executor> read_stamped(AwaitableConnection<Executor>& carried,
                                                          std::span<std::byte> into) {
    for (;;) {
        const auto [error] = co_await carried.socket.async_wait(boost::asio::socket_base::wait_read,
                                                                boost::asio::as_tuple(boost::asio::deferred));
        if (error) co_return ReadResult{error};
        const auto result = receive_ready(carried.connection, carried.socket.native_handle(), into);
        if (result) co_return *result;
    }
}

// The story of one connection. `crew` is told when it comes and goes: enter(AwaitableConnection&),
// leave(AwaitableConnection&).
template <class Executor, class Crew>
boost::asio::awaitable<void, Executor> carry(std::shared_ptr<AwaitableConnection<Executor>> carried, Crew& crew,
                                             Host& host) {
    using protocol::Action;
    using telemetry::ConnectionState;
    namespace asio = boost::asio;
    // Deferred operations are awaited where they stand; use_awaitable would wrap each in a coroutine frame of its own.
    constexpr asio::as_tuple_t<asio::deferred_t> as_result;

    Connection& connection = carried->connection;
    Socket<Executor>& socket = carried->socket;
    protocol::Session& session = *connection.session;
    bool peer_finished = false;
    std::optional<CloseReason> over;

    crew.enter(*carried);
    connection.probe.resume();
    try {
        while (!over && !carried->release) {
            const Action action = session.next();
            switch (action.kind) {
            case Action::Kind::read: {
                const auto input = session.input();
                connection.probe.suspend(ConnectionState::waiting_read, true);
                ReadResult result;
                if (connection.stamped)
                    result = co_await read_stamped(*carried, input);
                else
                    std::tie(result.error, result.bytes) =
                        co_await socket.async_read_some(asio::buffer(input.data(), input.size()), as_result);
                connection.probe.resume();
                if (result.error == asio::error::operation_aborted) break;
                if (!result.error || result.error == asio::error::eof) {
                    peer_finished = result.bytes == 0;
                    after_read(connection, result.bytes);
                } else
                    over = reason_of(result.error.value());
                break;
            }
            case Action::Kind::write: {
                const auto output = session.output();
                connection.probe.suspend(ConnectionState::waiting_write, true);
                const auto [error, bytes] =
                    co_await socket.async_write_some(asio::buffer(output.data(), output.size()), as_result);
                connection.probe.resume();
                if (error == asio::error::operation_aborted) break;
                if (!error)
                    after_write(connection, bytes);
                else
                    over = reason_of(error.value());
                break;
            }
            case Action::Kind::compute:
                burn(action.duration);
                session.elapsed(action.duration);
                break;
            case Action::Kind::pause:
                connection.probe.suspend(ConnectionState::paused, true);
                session.elapsed(co_await pause(*carried, action.duration));
                break;
            case Action::Kind::yield:
                connection.probe.suspend(ConnectionState::ready, true);
                co_await step_back(*carried);
                connection.probe.resume();
                session.elapsed({});
                break;
            case Action::Kind::close:
                over = peer_finished ? CloseReason::peer : CloseReason::protocol;
                break;
            }
        }
    } catch (const std::bad_alloc&) {
        over = CloseReason::error; // this connection ends, the others go on
    }
    crew.leave(*carried);
    carried->gone = true;
    from_loop(socket, connection);
    if (over)
        host.closed(std::move(connection), *over);
    else
        host.released(std::move(connection));
}

// Makes the coroutine of a connection and lets the executor begin it. Nothing when it is carried.
template <class Executor, class Crew>
std::optional<Refusal> spawn_connection(const Executor& executor, Connection connection, std::uint8_t mode, Crew& crew,
                                        Host& host) {
    auto socket = to_loop(executor, connection);
    if (!socket) return Refusal{std::move(connection), std::move(socket).error()};
    std::shared_ptr<AwaitableConnection<Executor>> carried;
    try {
        carried = std::make_shared<AwaitableConnection<Executor>>(std::move(connection), std::move(*socket));
        auto coroutine = carry(carried, crew, host);
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
