// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/connection_threads.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/server/steps.hpp"
#include "connscope/server/thread_scheduling.hpp"

#include <sched.h>
#include <sys/socket.h>

#include <cerrno>

namespace connscope::server {
namespace {

using protocol::Action;
using telemetry::ConnectionState;

struct Nothing {};

// An OS thread for each connection: it blocks in read and write, and the kernel decides who runs.
class ThreadPerConnection final : public ConnectionThreads<Nothing> {
public:
    ThreadPerConnection(Host& host, std::uint8_t number, const ModeOptions& options)
        : ConnectionThreads(host, number, options.stack_bytes)
        , slice_(options.slice) {}
    ~ThreadPerConnection() override { wait_until_empty(); }

private:
    void carry(Carrier& carrier) override;

    const std::optional<std::chrono::nanoseconds> slice_; // none: the scheduler's own
};

// The story of one connection.
void ThreadPerConnection::carry(Carrier& carrier) {
    const telemetry::EnteredThread stay(host_.probe(), false);
    never_cancel_this_thread();
    Connection& connection = carrier.connection;
    const int socket = connection.socket.get();
    set_blocking(socket, true);
    protocol::Session& session = *connection.session;
    bool peer_finished = false;
    std::optional<CloseReason> over;
    SwitchReport switches;

    if (slice_) set_slice_of_this_thread(*slice_);
    connection.probe.resume();
    try {
        while (!over && !connection.leaves &&
               !carrier.release.load(std::memory_order_relaxed)) { // the hand-over itself is ordered by the mutex
            const Action action = session.next();
            switch (action.kind) {
            case Action::Kind::read: {
                const auto input = input_of(connection);
                switches.due(connection.probe);
                connection.probe.suspend(ConnectionState::waiting_read, false);
                const ssize_t bytes = receive(connection, socket, input, 0);
                const int error = errno;
                connection.probe.resume();
                if (bytes >= 0) {
                    peer_finished = bytes == 0;
                    after_read(connection, static_cast<std::size_t>(bytes));
                } else if (error != EINTR)
                    over = reason_of(error);
                break;
            }
            case Action::Kind::write: {
                if (write_at_once(connection, socket, over)) break;
                const auto output = session.output();
                connection.probe.suspend(ConnectionState::waiting_write, false);
                const ssize_t bytes = ::send(socket, output.data(), output.size(), MSG_NOSIGNAL);
                const int error = errno;
                connection.probe.resume();
                if (bytes >= 0)
                    after_write(connection, static_cast<std::size_t>(bytes));
                else if (error != EINTR)
                    over = reason_of(error);
                break;
            }
            case Action::Kind::compute:
                compute(connection);
                break;
            case Action::Kind::pause:
                connection.probe.suspend(ConnectionState::paused, false);
                session.elapsed(interruptible_sleep(action.duration));
                connection.probe.resume();
                break;
            case Action::Kind::yield:
                connection.probe.suspend(ConnectionState::ready, false);
                ::sched_yield();
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
    if (slice_) set_slice_of_this_thread({}); // before it starts another mode's carrier
    leave(carrier, over);
}

} // namespace

std::unique_ptr<Mode> make_thread_per_connection(Host& host, std::uint8_t number, const ModeOptions& options) {
    return std::make_unique<ThreadPerConnection>(host, number, options);
}

} // namespace connscope::server
