// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/handler_memory.hpp"
#include "connscope/server/modes/loop.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/server/steps.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace connscope::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using protocol::Action;
using telemetry::ConnectionState;
using telemetry::monotonic_ns;

// A connection between its handlers, of which one is pending or runs for as long as it lives: it ends itself in leave() and
// close(), so that no handler has to count who else knows it.
class Carried final : public Listed {
public:
    Carried(Host& host, std::uint8_t mode, Connection&& connection, LoopSocket&& socket)
        : host_(host)
        , connection_(std::move(connection))
        , socket_(std::move(socket)) {
        connection_.probe.carried_by(telemetry::CarrierKind::closure, mode, this, sizeof(*this));
    }

    ConnectionId id() const noexcept { return connection_.id(); }

    void start(List<Carried>& carried) {
        carried.push_back(*this);
        connection_.probe.resume();
        step();
    }

    void release() {
        release_ = true;
        error_code ignored;
        socket_.cancel(ignored);
        if (timer_) timer_->cancel();
    }

    // Back to a connection that another carrier can have.
    Connection take() {
        from_loop(socket_, connection_);
        return std::move(connection_);
    }

private:
    // A handler whose operation lives in this object: one is pending at a time, so it needs no allocation.
    template <class Handler>
    auto remembered(Handler handler) {
        return asio::bind_allocator(HandlerAllocator<void>(memory_), std::move(handler));
    }

    // Runs actions until one must be waited for; its handler comes back here.
    void step() try {
        for (;;) {
            if (release_ || connection_.leaves) return leave();
            switch (next_action(connection_).kind) {
            case Action::Kind::read:
                return read();
            case Action::Kind::write:
                return write();
            case Action::Kind::compute:
                compute(connection_);
                break;
            case Action::Kind::pause:
                return pause();
            case Action::Kind::yield:
                return yield();
            case Action::Kind::close:
                return close(peer_finished_ ? CloseReason::peer : CloseReason::protocol);
            }
        }
    } catch (const std::bad_alloc&) {
        close(CloseReason::error); // this connection ends, the others go on
    }

    void read() {
        connection_.probe.suspend(ConnectionState::waiting_read, true);
        const auto input = input_of(connection_);
        if (connection_.stamped) return read_stamped(input);
        socket_.async_read_some(asio::buffer(input.data(), input.size()),
                                remembered([this](error_code error, std::size_t bytes) {
                                    connection_.probe.resume();
                                    if (error == asio::error::operation_aborted) return step();
                                    if (error && error != asio::error::eof) return close(reason_of(error.value()));
                                    peer_finished_ = bytes == 0;
                                    after_read(connection_, bytes);
                                    step();
                                }));
    }

    // The stamps come with recvmsg(2) only, which Asio does not call: it waits, and the read is made here.
    void read_stamped(std::span<std::byte> input) {
        socket_.async_wait(asio::socket_base::wait_read, remembered([this, input](error_code error) {
                               connection_.probe.resume();
                               if (error == asio::error::operation_aborted) return step();
                               if (error) return close(reason_of(error.value()));
                               const auto result = receive_ready(connection_, socket_.native_handle(), input);
                               if (!result) return step();
                               if (result->error && result->error != asio::error::eof)
                                   return close(reason_of(result->error.value()));
                               peer_finished_ = result->bytes == 0;
                               after_read(connection_, result->bytes);
                               step();
                           }));
    }

    void write() {
        connection_.probe.suspend(ConnectionState::waiting_write, true);
        const auto output = connection_.session->output();
        socket_.async_write_some(asio::buffer(output.data(), output.size()),
                                 remembered([this](error_code error, std::size_t bytes) {
                                     connection_.probe.resume();
                                     if (error == asio::error::operation_aborted) return step();
                                     if (error) return close(reason_of(error.value()));
                                     after_write(connection_, bytes);
                                     step();
                                 }));
    }

    void pause() {
        const std::chrono::nanoseconds duration = connection_.session->next().duration;
        connection_.probe.suspend(ConnectionState::paused, true);
        const std::int64_t begin = monotonic_ns();
        timer_ = std::make_unique<Timer>(socket_.get_executor(), duration);
        timer_->async_wait(remembered([this, begin, duration](error_code error) {
            connection_.probe.resume();
            timer_.reset();
            connection_.session->elapsed(error ? std::min(duration, std::chrono::nanoseconds(monotonic_ns() - begin))
                                               : duration);
            step();
        }));
    }

    void yield() {
        connection_.probe.suspend(ConnectionState::ready, true);
        asio::post(socket_.get_executor(), remembered([this] {
                       connection_.probe.resume();
                       after_yield(connection_);
                       step();
                   }));
    }

    void leave() {
        const std::unique_ptr<Carried> self(this);
        unlink();
        host_.released(take());
    }

    void close(CloseReason reason) {
        const std::unique_ptr<Carried> self(this);
        unlink();
        host_.closed(take(), reason);
    }

    using Timer =
        asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>;

    Host& host_;
    Connection connection_;
    LoopSocket socket_;
    std::unique_ptr<Timer> timer_; // while pausing
    bool release_ = false;
    bool peer_finished_ = false;
    HandlerMemory memory_;
};

// One thread runs an event loop; a connection is an object whose completion handlers run when something is ready.
class Callbacks final : public Mode {
public:
    Callbacks(Host& host, std::uint8_t number)
        : host_(host)
        , number_(number)
        , loop_(host) {}

    std::optional<Refusal> adopt(Connection connection) override;
    void release(ConnectionId id) override;
    void release_all() override;

private:
    Host& host_;
    const std::uint8_t number_;
    // Who is carried; from the loop's thread only.
    List<Carried> carried_;
    Loop loop_; // last, so that its thread has ended before what it uses goes
};

std::optional<Refusal> Callbacks::adopt(Connection connection) {
    auto socket = to_loop(loop_.executor(), connection);
    if (!socket) return Refusal{std::move(connection), std::move(socket).error()};
    std::unique_ptr<Carried> carried;
    try {
        carried = std::make_unique<Carried>(host_, number_, std::move(connection), std::move(*socket));
        asio::post(loop_.context(), [this, begun = carried.get()] { begun->start(carried_); });
        std::ignore = carried.release();
        return std::nullopt;
    } catch (const std::bad_alloc&) {
        if (carried) return out_of_memory(carried->take());
        from_loop(*socket, connection);
        return out_of_memory(std::move(connection));
    }
}

void Callbacks::release(ConnectionId id) {
    asio::post(loop_.context(), [this, id] {
        for (Carried& carried : carried_)
            if (carried.id() == id) return carried.release();
    });
}

void Callbacks::release_all() {
    asio::post(loop_.context(), [this] {
        for (Carried& carried : carried_) carried.release();
    });
}

} // namespace

std::unique_ptr<Mode> make_callbacks(Host& host, std::uint8_t number, const ModeOptions&) {
    return std::make_unique<Callbacks>(host, number);
}

} // namespace connscope::server
