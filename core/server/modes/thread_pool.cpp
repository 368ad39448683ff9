// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/interrupt.hpp"
#include "connscope/server/modes/loop.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/server/steps.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

namespace connscope::server {
namespace {

using protocol::Action;
using telemetry::CarrierKind;
using telemetry::ConnectionState;

// What epoll is told of a connection: its id, and its slot in the lower bits.
constexpr std::uint64_t most_slots = 1 << 24;

// A few worker threads that block, and a queue. One more thread waits for all connections that have nothing to do; what
// becomes readable is queued, and the next free worker serves it until it wants to read again.
class ThreadPool final : public Mode {
public:
    ThreadPool(Host& host, std::uint8_t number, std::size_t workers);
    ~ThreadPool() override;

    std::optional<Refusal> adopt(Connection connection) override;
    void release(ConnectionId id) override;
    void release_all() override;

private:
    struct Worker {
        std::thread thread;
        ConnectionId serves = 0; // guarded by the mode's mutex
    };

    // A connection's entry. It belongs to one of three: the waiting (in epoll), the queue, or a worker. A worker tells epoll
    // before it lets go of the entry, so that no lock is held over the system call: what is reported meanwhile is noted.
    struct Entry : Listed { // in the queue
        explicit Entry(Connection its_connection)
            : connection(std::move(its_connection)) {}

        Connection connection;
        bool waits = false;      // in epoll, armed, and no worker's; guarded by the mutex
        bool reported = false;   // by epoll, since a worker took it; guarded by the mutex
        bool is_watched = false; // epoll knows the socket
        bool readable = false;   // there may be something to read
        bool peer_finished = false;
        std::atomic<bool> release{false}; // set under the mutex; read by the worker before each action
    };

    enum class Turn { over, waits, yields };

    void dispatch();
    void work(Worker& worker);
    static Turn serve(Entry& entry, std::optional<CloseReason>& over);
    static bool receive(Entry& entry, std::span<std::byte> input, std::optional<CloseReason>& over);
    bool watch(Entry& entry);
    void become_readable(Entry& entry);
    void leave(Entry& entry, std::optional<CloseReason> over);
    void ask(Entry& entry);
    void enqueue(Entry& entry);

    Host& host_;
    const std::uint8_t number_;
    telemetry::UniqueFd epoll_;
    telemetry::UniqueFd stop_event_;

    std::mutex mutex_; // guards what follows
    std::condition_variable work_;
    std::vector<std::unique_ptr<Entry>> entries_; // by the connection's slot
    List<Entry> queue_;                           // linked through the entries: queueing needs no memory
    bool stop_ = false;

    std::vector<std::unique_ptr<Worker>> workers_;
    std::thread dispatcher_;
};

// The story of one connection's turn: from readable, or from its first action, to where it must wait again.
ThreadPool::Turn ThreadPool::serve(Entry& entry, std::optional<CloseReason>& over) {
    Connection& connection = entry.connection;
    const int socket = connection.socket.get();
    protocol::Session& session = *connection.session;

    try {
        while (!over && !connection.leaves &&
               !entry.release.load(std::memory_order_relaxed)) { // the hand-over itself is ordered by the mutex
            const Action action = session.next();
            switch (action.kind) {
            case Action::Kind::read:
                if (const auto input = input_of(connection);
                    !std::exchange(entry.readable, false) || !receive(entry, input, over))
                    return Turn::waits;
                break;
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
                session.elapsed({});
                return Turn::yields;
            case Action::Kind::close:
                over = entry.peer_finished ? CloseReason::peer : CloseReason::protocol;
                break;
            }
        }
    } catch (const std::bad_alloc&) {
        over = CloseReason::error; // this connection ends, the others go on
    }
    return Turn::over;
}

// False when nothing was there after all.
bool ThreadPool::receive(Entry& entry, std::span<std::byte> input, std::optional<CloseReason>& over) {
    Connection& connection = entry.connection;
    const ssize_t bytes = server::receive(connection, connection.socket.get(), input, MSG_DONTWAIT);
    if (bytes >= 0) {
        entry.peer_finished = bytes == 0;
        after_read(connection, static_cast<std::size_t>(bytes));
        return true;
    }
    if (errno == EAGAIN || errno == EINTR) return false;
    over = reason_of(errno);
    return true;
}

void ThreadPool::work(Worker& worker) {
    const telemetry::EnteredThread stay(host_.probe(), true);
    never_cancel_this_thread();
    std::unique_lock lock(mutex_);
    for (;;) {
        work_.wait(lock, [this] { return stop_ || !queue_.empty(); });
        if (queue_.empty()) return;
        Entry& entry = queue_.front();
        queue_.pop_front();
        worker.serves = entry.connection.id();
        entry.reported = false;
        lock.unlock();

        entry.connection.probe.carried_by(CarrierKind::thread, number_, nullptr, 0);
        entry.connection.probe.resume();
        std::optional<CloseReason> over;
        const Turn turn = serve(entry, over);
        if (turn != Turn::over) {
            const bool waits = turn == Turn::waits;
            entry.connection.probe.carried_by(CarrierKind::none, number_, &entry, sizeof(Entry));
            entry.connection.probe.suspend(waits ? ConnectionState::waiting_read : ConnectionState::ready, false,
                                           reinterpret_cast<const void*>(&serve)); // where a worker goes on with it
            entry.readable = waits && !watch(entry); // unwatched, a worker reads when it comes by
        }

        lock.lock();
        worker.serves = 0;
        if (turn == Turn::waits && !entry.release.load(std::memory_order_relaxed)) {
            if (entry.reported || entry.readable)
                become_readable(entry);
            else
                entry.waits = true;
        } else if (turn == Turn::yields) {
            enqueue(entry);
        } else {
            const auto left = std::exchange(entries_[entry.connection.probe.slot_index()], nullptr);
            lock.unlock();
            leave(*left, over);
            lock.lock();
        }
    }
}

void ThreadPool::leave(Entry& entry, std::optional<CloseReason> over) {
    if (entry.is_watched) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.connection.socket.get(), nullptr);
    if (over)
        host_.closed(std::move(entry.connection), *over);
    else
        host_.released(std::move(entry.connection));
}

// Has epoll report the socket once when it is readable. False when the system watches no more sockets. By the worker who has
// the entry.
bool ThreadPool::watch(Entry& entry) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
    event.data.u64 = entry.connection.id() * most_slots + entry.connection.probe.slot_index();
    const int operation = entry.is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    const bool watched = ::epoll_ctl(epoll_.get(), operation, entry.connection.socket.get(), &event) == 0;
    entry.is_watched |= watched;
    return watched;
}

// Precondition: the mutex is held, and no worker has the entry.
void ThreadPool::become_readable(Entry& entry) {
    entry.waits = false;
    entry.readable = true;
    entry.connection.probe.suspend(ConnectionState::ready, false);
    enqueue(entry);
}

// Precondition: the mutex is held.
void ThreadPool::enqueue(Entry& entry) {
    queue_.push_back(entry);
    work_.notify_one();
}

// Turns what the kernel reports as readable into work.
void ThreadPool::dispatch() {
    const telemetry::EnteredThread stay(host_.probe(), true);
    never_cancel_this_thread();
    std::array<epoll_event, 64> events{};
    for (;;) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        const std::lock_guard lock(mutex_);
        if (stop_) return;
        for (int i = 0; i < count; ++i) {
            const std::uint64_t which = events[static_cast<std::size_t>(i)].data.u64;
            Entry* const entry = entries_[which & (most_slots - 1)].get();
            if (entry == nullptr || entry->connection.id() != which / most_slots)
                continue; // it has left since the kernel reported it
            entry->reported = true;
            if (entry->waits) become_readable(*entry);
        }
    }
}

ThreadPool::ThreadPool(Host& host, std::uint8_t number, std::size_t workers)
    : host_(host)
    , number_(number)
    , epoll_(::epoll_create1(EPOLL_CLOEXEC))
    , stop_event_(::eventfd(0, EFD_CLOEXEC)) {
    if (!epoll_ || !stop_event_)
        throw std::system_error(errno, std::system_category(), "a thread pool needs two descriptors");
    install_interrupt();
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = 0; // says nothing of a connection, ids count from 1
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stop_event_.get(), &event);
    for (std::size_t i = 0; i < workers; ++i) {
        workers_.push_back(std::make_unique<Worker>());
        Worker& worker = *workers_.back();
        worker.thread = std::thread([this, &worker] { work(worker); });
    }
    dispatcher_ = std::thread([this] { dispatch(); });
}

ThreadPool::~ThreadPool() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    work_.notify_all();
    const std::uint64_t one = 1;
    std::ignore = ::write(stop_event_.get(), &one, sizeof(one));
    for (const auto& worker : workers_) worker->thread.join();
    dispatcher_.join();
}

std::optional<Refusal> ThreadPool::adopt(Connection connection) {
    set_blocking(connection.socket.get(), true);
    const std::size_t slot = connection.probe.slot_index();
    assert(slot < most_slots);
    const std::lock_guard lock(mutex_);
    try {
        if (entries_.size() <= slot) entries_.resize(slot + 1);
        entries_[slot] = std::make_unique<Entry>(std::move(connection));
    } catch (const std::bad_alloc&) { // before the connection has moved
        return out_of_memory(std::move(connection));
    }
    Entry& entry = *entries_[slot];
    entry.connection.probe.carried_by(CarrierKind::none, number_, &entry, sizeof(Entry));
    enqueue(entry);
    return std::nullopt;
}

// Precondition: the mutex is held.
void ThreadPool::ask(Entry& entry) {
    entry.release.store(true, std::memory_order_relaxed);
    if (entry.waits) { // a worker gives it away
        entry.waits = false;
        entry.connection.probe.suspend(ConnectionState::ready, false);
        enqueue(entry);
        return;
    }
    for (const auto& worker : workers_)
        if (worker->serves == entry.connection.id()) ::pthread_kill(worker->thread.native_handle(), interrupt_signal);
}

void ThreadPool::release(ConnectionId id) {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : entries_)
        if (entry && entry->connection.id() == id) return ask(*entry);
}

void ThreadPool::release_all() {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : entries_)
        if (entry) ask(*entry);
}

} // namespace

std::unique_ptr<Mode> make_thread_pool(Host& host, std::uint8_t number, const ModeOptions& options) {
    return std::make_unique<ThreadPool>(host, number, options.threads > 0 ? options.threads : 2 * hardware_threads());
}

} // namespace connscope::server
