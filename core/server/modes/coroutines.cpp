// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/frame.hpp"
#include "connscope/server/modes/loop.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/server/steps.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace connscope::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using protocol::Action;
using telemetry::ConnectionState;
using telemetry::monotonic_ns;

template <class T>
using Awaitable = asio::awaitable<T, LoopExecutor>;
constexpr asio::as_tuple_t<asio::use_awaitable_t<LoopExecutor>> as_result;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>;

// One thread runs an event loop; a connection is a stackless coroutine that is resumed when something is ready.
class Coroutines final : public Mode {
public:
    Coroutines(Host& host, std::uint8_t number)
        : host_(host)
        , number_(number)
        , loop_(host) {}

    std::optional<Refusal> adopt(Connection connection) override;
    void release(ConnectionId id) override;
    void release_all() override;

private:
    // What is known of a connection beside its coroutine.
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

        Connection connection;
        LoopSocket socket;
        Timer* timer = nullptr; // while pausing
        bool release = false;
    };

    Awaitable<void> carry(std::unique_ptr<Carried> carried);
    static Awaitable<std::chrono::nanoseconds> pause(Carried& carried, std::chrono::nanoseconds duration);

    Host& host_;
    const std::uint8_t number_;
    // Who is carried; from the loop's thread only.
    List<Carried> carried_;
    Loop loop_; // last, so that its thread has ended before what it uses goes
};

// The story of one connection.
Awaitable<void> Coroutines::carry(std::unique_ptr<Carried> carried) {
    Connection& connection = carried->connection;
    LoopSocket& socket = carried->socket;
    protocol::Session& session = *connection.session;
    bool peer_finished = false;
    std::optional<CloseReason> over;

    carried_.push_back(*carried);
    connection.probe.resume();
    while (!over && !carried->release) {
        const Action action = session.next();
        switch (action.kind) {
        case Action::Kind::read: {
            const auto input = session.input();
            connection.probe.suspend(ConnectionState::waiting_read, true);
            const auto [error, bytes] = co_await socket.async_read_some(asio::buffer(input.data(), input.size()), as_result);
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
            co_await asio::post(socket.get_executor(), asio::use_awaitable_t<LoopExecutor>{});
            connection.probe.resume();
            session.elapsed({});
            break;
        case Action::Kind::close:
            over = peer_finished ? CloseReason::peer : CloseReason::protocol;
            break;
        }
    }
    carried->unlink();
    from_loop(socket, connection);
    if (over)
        host_.closed(std::move(connection), *over);
    else
        host_.released(std::move(connection));
}

// The time that has passed: less than asked when the connection must leave. A coroutine of its own, so that a connection
// that does not pause has no timer in its frame.
Awaitable<std::chrono::nanoseconds> Coroutines::pause(Carried& carried, std::chrono::nanoseconds duration) {
    Timer timer(carried.socket.get_executor(), duration);
    carried.timer = &timer;
    const std::int64_t begin = monotonic_ns();
    const auto [error] = co_await timer.async_wait(as_result);
    carried.timer = nullptr;
    carried.connection.probe.resume();
    co_return error ? std::min(duration, std::chrono::nanoseconds(monotonic_ns() - begin)) : duration;
}

std::optional<Refusal> Coroutines::adopt(Connection connection) {
    auto socket = to_loop(loop_.executor(), connection);
    if (!socket) return Refusal{std::move(connection), std::move(socket).error()};
    auto carried = std::make_unique<Carried>(std::move(connection), std::move(*socket));
    Carried& known = *carried;
    Awaitable<void> coroutine = carry(std::move(carried));
    const Frame frame = frame_of(coroutine);
    known.connection.probe.carried_by(telemetry::CarrierKind::coroutine, number_, frame.address,
                                      static_cast<std::uint32_t>(frame.bytes));
    asio::co_spawn(loop_.executor(), std::move(coroutine), asio::detached);
    return std::nullopt;
}

void Coroutines::release(ConnectionId id) {
    asio::post(loop_.context(), [this, id] {
        for (Carried& carried : carried_)
            if (carried.connection.id() == id) return carried.ask_to_leave();
    });
}

void Coroutines::release_all() {
    asio::post(loop_.context(), [this] {
        for (Carried& carried : carried_) carried.ask_to_leave();
    });
}

} // namespace

std::unique_ptr<Mode> make_coroutines(Host& host, std::uint8_t number, const ModeOptions&) {
    return std::make_unique<Coroutines>(host, number);
}

} // namespace connscope::server
