// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/memory.hpp"
#include "connscope/observe/proc_file.hpp"
#include "connscope/observe/process.hpp"
#include "connscope/server/modes/interrupt.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/server/steps.hpp"
#include "connscope/server/zygote.hpp"

#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <new>
#include <unordered_map>

namespace connscope::server {
namespace {

using protocol::Action;
using telemetry::ConnectionState;
using telemetry::Error;

// Reports what this process, which carries one connection alone, has used of the machine. Asking costs system calls, so it
// is done four times a second at most, and about memory every two seconds.
class OwnUsage {
public:
    OwnUsage(telemetry::ConnectionProbe& probe, ProcessUsage& usage)
        : probe_(probe)
        , usage_(usage) {}

    void due() {
        const std::int64_t now = telemetry::monotonic_ns();
        if (now < next_) return;
        next_ = now + 250'000'000;
        rusage used{};
        ::getrusage(RUSAGE_SELF, &used);
        usage_.set(used);
        probe_.kernel_switches(static_cast<std::uint32_t>(used.ru_nvcsw), static_cast<std::uint32_t>(used.ru_nivcsw));
        if (now < next_memory_) return;
        next_memory_ = now + 2'000'000'000;
        probe_.carrier_bytes(memory());
    }

private:
    // What would be free if this process ended, the kernel's part included; 0 when the kernel does not tell.
    static std::size_t memory() {
        const auto rollup = observe::read_memory_rollup(static_cast<std::uint32_t>(::getpid()));
        const auto status = observe::read_whole(AT_FDCWD, "/proc/self/status");
        if (!rollup || !status) return 0;
        return rollup->private_dirty_bytes + observe::bytes_of(*status, "VmPTE:").value_or(0) +
               observe::kernel_stack_bytes_per_task().value_or(0);
    }

    telemetry::ConnectionProbe& probe_;
    ProcessUsage& usage_;
    std::int64_t next_ = 0;
    std::int64_t next_memory_ = 0;
};

} // namespace

// The story of one connection.
std::optional<CloseReason> carry_in_own_process(Connection& connection, telemetry::ProbeServer&,
                                                const std::atomic<bool>& leave, ProcessUsage& usage) {
    never_cancel_this_thread();
    const int socket = connection.socket.get();
    protocol::Session& session = *connection.session;
    bool peer_finished = false;
    std::optional<CloseReason> over;
    OwnUsage used(connection.probe, usage);

    connection.probe.resume();
    try {
        while (!over && !leave.load(std::memory_order_relaxed)) { // a flag alone: what belongs to it goes by the socket
            const Action action = session.next();
            switch (action.kind) {
            case Action::Kind::read: {
                const auto input = input_of(connection);
                used.due();
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
        over = CloseReason::error;
    }
    connection.probe.suspend(ConnectionState::ready, false);
    return over;
}

namespace {

// A process for each connection. It has the connection's socket, its session and its slot in the segment; the server keeps
// the socket too, to close it from outside, and hears what becomes of the connection.
class ProcessPerConnection final : public Mode, private Zygote::Passengers {
public:
    ProcessPerConnection(Host& host, std::uint8_t number)
        : host_(host)
        , zygote_(zygote_of(host))
        , number_(number) {}

    ~ProcessPerConnection() override {
        std::unique_lock lock(mutex_);
        empty_.wait(lock, [this] { return carried_.empty() && leaving_ == 0; });
    }

    std::optional<Refusal> adopt(Connection connection) override;
    void release(ConnectionId id) override;
    void release_all() override;

private:
    static Zygote& zygote_of(Host& host) {
        if (host.zygote() == nullptr) throw std::runtime_error("there is no process to fork those of connections from");
        return *host.zygote();
    }

    void returned(const Notice& notice, int state) override;
    void lost(std::uint64_t ride, int status) override;
    std::optional<Connection> take(std::uint64_t ride);
    void give_away(Connection connection, std::optional<CloseReason> over);

    Host& host_;
    Zygote& zygote_;
    const std::uint8_t number_;

    std::mutex mutex_; // guards what follows
    std::condition_variable empty_;
    std::unordered_map<std::uint64_t, Connection> carried_; // by ride; without a session, which is in the process
    std::size_t leaving_ = 0;                               // connections that are taken out and being given away
};

std::optional<Refusal> ProcessPerConnection::adopt(Connection connection) {
    protocol::StateWriter state;
    if (!connection.session->save(state))
        return Refusal{std::move(connection), Error{std::make_error_code(std::errc::not_supported),
                                                    "the connections of this protocol cannot leave the server's process"}};
    const auto file = to_memory_file(state.bytes());
    if (!file) return Refusal{std::move(connection), file.error()};
    const int socket = connection.socket.get();
    set_blocking(socket, true);
    connection.probe.carried_by(telemetry::CarrierKind::process, number_, nullptr, 0);
    const Order order{.stamped = connection.stamped,
                      .in_request = connection.in_request,
                      .slot = connection.probe.slot_index(),
                      .id = connection.id(),
                      .ride = zygote_.next_ride()};
    {
        const std::lock_guard lock(mutex_);
        carried_.emplace(order.ride, std::move(connection));
    }
    if (auto begun = zygote_.carry(order, socket, file->get(), *this); !begun) {
        auto refused = take(order.ride);
        const std::lock_guard lock(mutex_);
        --leaving_;
        empty_.notify_all();
        return Refusal{std::move(*refused), std::move(begun).error()};
    }
    const std::lock_guard lock(mutex_);
    if (const auto still = carried_.find(order.ride); still != carried_.end()) still->second.session.reset();
    return std::nullopt;
}

std::optional<Connection> ProcessPerConnection::take(std::uint64_t ride) {
    const std::lock_guard lock(mutex_);
    auto node = carried_.extract(ride);
    if (!node) return std::nullopt;
    ++leaving_;
    return std::move(node.mapped());
}

void ProcessPerConnection::give_away(Connection connection, std::optional<CloseReason> over) {
    if (over)
        host_.closed(std::move(connection), *over);
    else
        host_.released(std::move(connection));
    const std::lock_guard lock(mutex_);
    --leaving_;
    empty_.notify_all();
}

void ProcessPerConnection::returned(const Notice& notice, int state) {
    auto connection = take(notice.ride);
    if (!connection) return;
    if (notice.kind == Notice::Kind::closed) return give_away(std::move(*connection), notice.reason);
    std::optional<CloseReason> over = CloseReason::error;
    if (const auto saved = from_memory_file(state)) {
        protocol::StateReader reader(*saved);
        connection->session = zygote_.sessions().make(connection->id());
        if (connection->session->restore(reader)) over.reset();
    }
    if (over) spdlog::warn("connection {} is closed: its process gave back no state of its session", connection->id());
    connection->in_request = notice.in_request;
    give_away(std::move(*connection), over);
}

void ProcessPerConnection::lost(std::uint64_t ride, int status) {
    auto connection = take(ride);
    if (!connection) return;
    spdlog::warn("connection {} is closed: its process ended with status {}", connection->id(), status);
    give_away(std::move(*connection), CloseReason::error);
}

void ProcessPerConnection::release(ConnectionId id) {
    std::optional<std::uint64_t> ride;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [number, connection] : carried_) {
            if (connection.id() != id) continue;
            ride = number;
        }
    }
    if (ride) zygote_.interrupt(*ride);
}

void ProcessPerConnection::release_all() {
    {
        const std::lock_guard lock(mutex_);
        if (carried_.empty()) return;
    }
    zygote_.interrupt_all();
}

} // namespace

std::unique_ptr<Mode> make_process_per_connection(Host& host, std::uint8_t number, const ModeOptions&) {
    return std::make_unique<ProcessPerConnection>(host, number);
}

} // namespace connscope::server
