// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/interrupt.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/server/steps.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <list>
#include <mutex>
#include <new>

namespace connscope::server {
namespace {

using protocol::Action;
using telemetry::ConnectionState;

// Reports how often the kernel has taken the CPU from this thread, which carries one connection alone. Asking costs a system
// call, so it is done four times a second at most.
class SwitchReport {
public:
    void due(telemetry::ConnectionProbe& probe) {
        const telemetry::Ticks now = telemetry::ticks();
        if (now < next_) return;
        next_ = now + quarter_second();
        rusage usage{};
        if (::getrusage(RUSAGE_THREAD, &usage) == 0)
            probe.kernel_switches(static_cast<std::uint32_t>(usage.ru_nvcsw), static_cast<std::uint32_t>(usage.ru_nivcsw));
    }

private:
    static telemetry::Ticks quarter_second() {
        return static_cast<telemetry::Ticks>(250e6 / telemetry::process_clock().ns_per_tick);
    }
    telemetry::Ticks next_ = 0;
};

// An OS thread for each connection: it blocks in read and write, and the kernel decides who runs.
class ThreadPerConnection final : public Mode {
public:
    ThreadPerConnection(Host& host, std::uint8_t number, const ModeOptions& options)
        : host_(host)
        , number_(number)
        , stack_bytes_(options.stack_bytes) {
        install_interrupt();
    }

    ~ThreadPerConnection() override {
        std::unique_lock lock(mutex_);
        empty_.wait(lock, [this] { return carriers_.empty() && leaving_ == 0; });
    }

    std::optional<Refusal> adopt(Connection connection) override;
    void release(ConnectionId id) override;
    void release_all() override;

private:
    struct Carrier {
        Carrier(ThreadPerConnection& its_mode, Connection&& its_connection)
            : mode(its_mode)
            , connection(std::move(its_connection)) {}

        ThreadPerConnection& mode;
        Connection connection;
        std::atomic<bool> release{false}; // set under the mutex; read by the thread before each action
        pthread_t thread{};
        bool started = false; // `thread` is valid
        std::list<Carrier>::iterator place{};
    };

    void carry(Carrier& carrier);
    void leave(Carrier& carrier, std::optional<CloseReason> over);
    void ask(Carrier& carrier);

    Host& host_;
    const std::uint8_t number_;
    const std::size_t stack_bytes_;

    std::mutex mutex_; // guards what follows
    std::condition_variable empty_;
    std::list<Carrier> carriers_;
    std::size_t leaving_ = 0; // threads that have taken their connection out and are giving it away
};

// The story of one connection.
void ThreadPerConnection::carry(Carrier& carrier) {
    const telemetry::EnteredThread stay(host_.probe(), false);
    never_cancel_this_thread();
    Connection& connection = carrier.connection;
    const int socket = connection.socket.get();
    protocol::Session& session = *connection.session;
    bool peer_finished = false;
    std::optional<CloseReason> over;
    SwitchReport switches;

    connection.probe.resume();
    try {
        while (!over && !carrier.release.load(std::memory_order_relaxed)) { // the hand-over itself is ordered by the mutex
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
    leave(carrier, over);
}

// Takes the connection out of its carrier and gives it away; the carrier is gone afterwards.
void ThreadPerConnection::leave(Carrier& carrier, std::optional<CloseReason> over) {
    carrier.connection.probe.suspend(ConnectionState::ready, false); // it does not run while it waits for the lock
    std::unique_lock lock(mutex_);
    Connection connection = std::move(carrier.connection);
    carriers_.erase(carrier.place); // from here on nobody signals this thread
    ++leaving_;
    lock.unlock();
    if (over)
        host_.closed(std::move(connection), *over);
    else
        host_.released(std::move(connection));
    lock.lock();
    --leaving_;
    empty_.notify_all();
}

std::optional<Refusal> ThreadPerConnection::adopt(Connection connection) {
    set_blocking(connection.socket.get(), true);
    const std::lock_guard lock(mutex_);
    try {
        carriers_.emplace_front(*this, std::move(connection));
    } catch (const std::bad_alloc&) {
        return out_of_memory(std::move(connection));
    }
    Carrier& carrier = carriers_.front();
    carrier.place = carriers_.begin();

    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    ::pthread_attr_setstacksize(&attributes, stack_bytes_);
    carrier.connection.probe.carried_by(telemetry::CarrierKind::thread, number_, nullptr,
                                        static_cast<std::uint32_t>(stack_bytes_));
    const int error = ::pthread_create(
        &carrier.thread, &attributes,
        [](void* argument) -> void* {
            auto& self = *static_cast<Carrier*>(argument);
            // Where its stack is: an observer knows the thread by it, whose number may be another's one day.
            self.connection.probe.carried_by(telemetry::CarrierKind::thread, self.mode.number_, __builtin_frame_address(0),
                                             static_cast<std::uint32_t>(self.mode.stack_bytes_));
            self.mode.carry(self);
            return nullptr;
        },
        &carrier);
    ::pthread_attr_destroy(&attributes);
    if (error == 0) {
        carrier.started = true;
        return std::nullopt;
    }
    Refusal refusal{std::move(carrier.connection), telemetry::system_error(error, "cannot start a thread for a connection")};
    carriers_.pop_front();
    return refusal;
}

void ThreadPerConnection::ask(Carrier& carrier) {
    carrier.release.store(true, std::memory_order_relaxed);
    if (carrier.started) ::pthread_kill(carrier.thread, interrupt_signal);
}

void ThreadPerConnection::release(ConnectionId id) {
    const std::lock_guard lock(mutex_);
    for (Carrier& carrier : carriers_)
        if (carrier.connection.id() == id) ask(carrier);
}

void ThreadPerConnection::release_all() {
    const std::lock_guard lock(mutex_);
    for (Carrier& carrier : carriers_) ask(carrier);
}

} // namespace

std::unique_ptr<Mode> make_thread_per_connection(Host& host, std::uint8_t number, const ModeOptions& options) {
    return std::make_unique<ThreadPerConnection>(host, number, options);
}

} // namespace connscope::server
