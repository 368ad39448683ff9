// SPDX-License-Identifier: BSL-1.0
#include "connscope/asio/tracker.hpp"

#include "connscope/telemetry/connected_socket.hpp"
#include "connscope/telemetry/probe.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace connscope::asio {
namespace {

using namespace telemetry;

constexpr std::uintmax_t most_descriptors = 1u << 20;

// Held for some ten nanoseconds at a time, and seldom wanted by two threads at once.
class BriefLock {
public:
    void lock() noexcept {
        // Acquire pairs with the release in unlock().
        for (unsigned tries = 0; locked_.exchange(true, std::memory_order_acquire); ++tries)
            if (tries > 100) std::this_thread::yield(); // who holds it may have lost its CPU
    }
    void unlock() noexcept { locked_.store(false, std::memory_order_release); }

private:
    std::atomic<bool> locked_{false};
};

// What is known of a descriptor. The lock makes the probe's calls one at a time.
struct Socket {
    BriefLock lock;
    ConnectionProbe probe;
    std::uint64_t inode = 0; // of the probe's socket
    std::uint32_t generation = 0;
    std::uint16_t reads = 0; // operations pending
    std::uint16_t writes = 0;
    std::uint16_t pauses = 0;
    bool running = false;
    bool outgoing = false; // opened here
    CarrierKind carrier = CarrierKind::none;
    std::atomic<Ticks> ready_since{0};
};

// Which descriptor stands behind the number by which a reactor tells of it. Read without a lock. The numbers are addresses
// from a pool, used again, so there are no more of them than there have been descriptors at once.
class Registrations {
public:
    // One thread at a time.
    void set(std::uintmax_t number, int descriptor) noexcept {
        if (entries_ == nullptr) return;
        for (std::size_t step = 0; step < most_steps; ++step) {
            Entry& entry = entries_[(first(number) + step) & (count - 1)];
            const std::uintmax_t known = entry.number.load(std::memory_order_relaxed); // only written here
            if (known != 0 && known != number) continue;
            entry.descriptor.store(descriptor, std::memory_order_relaxed); // before the number, by its release
            entry.number.store(number, std::memory_order_release);         // pairs with the acquire in find()
            return;
        }
    }
    int find(std::uintmax_t number) const noexcept {
        if (entries_ == nullptr) return -1;
        for (std::size_t step = 0; step < most_steps; ++step) {
            const Entry& entry = entries_[(first(number) + step) & (count - 1)];
            const std::uintmax_t known = entry.number.load(std::memory_order_acquire);
            if (known == number) return entry.descriptor.load(std::memory_order_relaxed);
            if (known == 0) return -1;
        }
        return -1;
    }

private:
    struct Entry {
        std::atomic<std::uintmax_t> number;
        std::atomic<int> descriptor;
    };
    static constexpr unsigned bits = 17;
    static constexpr std::size_t count = std::size_t{1} << bits;
    static constexpr std::size_t most_steps = 64;
    static std::size_t first(std::uintmax_t number) noexcept { // Knuth's multiplicative hash
        return static_cast<std::size_t>((number >> 4) * 0x9e3779b97f4a7c15u >> (64 - bits));
    }
    // From calloc, so that only the pages in use take memory.
    Entry* entries_ = static_cast<Entry*>(std::calloc(count, sizeof(Entry)));
};

// Everything of this process. Never destroyed: handlers may run until its last moment. A forked child begins anew and leaves
// its parent's alone.
struct Process {
    std::unique_ptr<ProbeServer> server;
    // By descriptor. From calloc, so that only the pages in use take memory.
    std::atomic<Socket*>* sockets =
        static_cast<std::atomic<Socket*>*>(std::calloc(most_descriptors, sizeof(std::atomic<Socket*>)));
    std::mutex making;
    std::atomic<int> highest{-1}; // descriptor that there is a socket of
    Registrations registrations;

    Socket* find(int descriptor) const noexcept {
        if (sockets == nullptr || descriptor < 0 || static_cast<std::uintmax_t>(descriptor) >= most_descriptors)
            return nullptr;
        return sockets[descriptor].load(std::memory_order_acquire); // pairs with the release in make()
    }
    Socket* make(int descriptor) {
        if (Socket* known = find(descriptor)) return known;
        const std::lock_guard lock(making);
        if (Socket* known = find(descriptor)) return known;
        if (sockets == nullptr) return nullptr;
        auto* socket = new Socket;
        sockets[descriptor].store(socket, std::memory_order_release); // pairs with the acquire in find()
        highest.store(std::max(highest.load(std::memory_order_relaxed), descriptor), std::memory_order_relaxed);
        return socket;
    }
    // The socket's lock is held, and its probe is open.
    void close(Socket& socket) noexcept {
        socket.probe.close();
        ++socket.generation;
        server->add(Gauge::connections_open, -1);
        server->add(Gauge::connections_closed, 1);
    }
    // Looks at some of the sockets, from `next` on, whether they were closed without Asio; where to go on.
    int sweep(int next) noexcept;
};

int Process::sweep(int next) noexcept {
    constexpr int most_looked_at = 512; // half a millisecond
    const int last = highest.load(std::memory_order_relaxed);
    for (int looked_at = 0; looked_at < most_looked_at && next <= last; ++next) {
        Socket* socket = find(next);
        if (socket == nullptr) continue;
        const std::lock_guard lock(socket->lock);
        if (!socket->probe) continue;
        ++looked_at;
        struct stat about {};
        if (::fstat(next, &about) != 0 || about.st_ino != socket->inode) close(*socket);
    }
    return next <= last ? next : 0;
}

std::atomic<Process*> current{nullptr};
std::mutex starting;

Process* process() {
    // Acquire pairs with the release below: who sees the process sees its server.
    if (Process* known = current.load(std::memory_order_acquire)) return known;
    const std::lock_guard lock(starting);
    if (Process* known = current.load(std::memory_order_acquire)) return known;
    static std::once_flag once;
    std::call_once(once, [] {
        ::pthread_atfork([] { starting.lock(); }, [] { starting.unlock(); },
                         [] {
                             current.store(nullptr, std::memory_order_release);
                             starting.unlock();
                         });
    });
    auto* made = new Process;
    auto server = ProbeServer::create(
        {.name = "asio-" + std::to_string(::getpid()), .program = program_invocation_short_name, .modes = {"asio"}});
    if (server) {
        made->server = std::move(*server);
        made->server->describe("tcp", "", "");
        sigset_t every;
        sigset_t before;
        ::sigfillset(&every); // the server's signals are its own threads' business
        ::pthread_sigmask(SIG_SETMASK, &every, &before);
        std::thread([made, probe = made->server.get()] {
            probe->enter_thread(true);
            for (int next = 0;;) { // until the process ends: the clock's beat, with nothing else to wait for
                probe->beat();
                next = made->sweep(next);
                ::poll(nullptr, 0, 250);
            }
        }).detach();
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    } else {
        std::fprintf(stderr, "connscope::asio cannot report: %s\n", server.error().text.c_str());
    }
    current.store(made, std::memory_order_release);
    return made;
}

// The slice that this thread runs.
thread_local int running_descriptor = -1;
thread_local std::uint32_t running_generation = 0;
thread_local unsigned running_depth = 0;

// Gives the thread a ring of its own until it ends.
void enter(ProbeServer& server) {
    struct Stay {
        ProbeServer* server = nullptr;
        ~Stay() {
            if (server != nullptr) server->leave_thread();
        }
    };
    thread_local Stay stay;
    if (stay.server == &server) return;
    stay.server = &server;
    server.enter_thread(true);
}

ConnectionState state_of(const Socket& socket) {
    if (socket.writes > 0) return ConnectionState::waiting_write;
    if (socket.reads > 0) return ConnectionState::waiting_read;
    return socket.pauses > 0 ? ConnectionState::paused : ConnectionState::ready;
}

// Opens a probe when the descriptor is a connected TCP socket. The socket's lock is held.
void open(Process& all, Socket& socket, int descriptor) {
    const auto connected = connected_socket(descriptor);
    if (!connected) return;
    socket.inode = connected->inode;
    socket.probe = all.server->open(connected->peer, connected->inode);
    if (!socket.probe) return;
    ++socket.generation;
    socket.reads = socket.writes = socket.pauses = 0;
    socket.running = false;
    socket.carrier = CarrierKind::none;
    all.server->add(Gauge::connections_accepted, 1);
    all.server->add(Gauge::connections_open, 1);
}

// What an operation's literals say of it.
struct Operation {
    const char* object = nullptr;
    const char* name = nullptr;
    bool of_nobody = false; // an acceptor's, a signal set's
    bool is_socket = false;
    std::uint8_t waits_for = 0;
};

// Compares each pair of literals once, as long as a thread does not use many.
const Operation& operation_of(const char* object, const char* name) noexcept {
    thread_local std::array<Operation, 16> known{};
    Operation& operation = known[(reinterpret_cast<std::uintptr_t>(name) >> 3) % known.size()];
    if (operation.object == object && operation.name == name) return operation;
    operation = {object, name};
    const std::string_view kind = object;
    const std::string_view what = name;
    operation.of_nobody = kind == "signal_set" || (kind == "socket" && what == "async_accept");
    operation.is_socket = kind == "socket";
    if (kind == "socket") operation.waits_for = what.starts_with("async_send") || what == "async_connect" ? 2 : 1;
    if (kind == "deadline_timer") operation.waits_for = 3;
    return operation;
}

void count(Socket& socket, std::uint8_t waits_for, int by) {
    std::uint16_t* const counts[]{nullptr, &socket.reads, &socket.writes, &socket.pauses};
    if (auto* counted = counts[waits_for]) *counted = static_cast<std::uint16_t>(*counted + by);
}

} // namespace

void created(TrackedHandler& handler, Idiom idiom, const char* object, std::uintmax_t native, const char* name) noexcept {
    Process* all = process();
    if (!all->server) return;
    const Operation& operation = operation_of(object, name);
    int descriptor = running_descriptor;
    if (operation.of_nobody) return;
    const bool is_socket = operation.is_socket && native < most_descriptors;
    if (is_socket) descriptor = static_cast<int>(native);
    handler.waits_for = operation.waits_for;
    if (descriptor < 0) return;
    enter(*all->server);
    Socket* socket = is_socket ? all->make(descriptor) : all->find(descriptor);
    if (socket == nullptr) return;
    const std::lock_guard lock(socket->lock);
    if (is_socket && !socket->probe && !socket->outgoing) open(*all, *socket, descriptor);
    if (!socket->probe || (!is_socket && socket->generation != running_generation)) return;
    handler.descriptor = descriptor;
    handler.generation = socket->generation;
    count(*socket, handler.waits_for, 1);
    // What a callback posts may be a part of what a coroutine or a stack waits for.
    const CarrierKind kind = idiom == Idiom::awaitable              ? CarrierKind::coroutine
                             : idiom == Idiom::spawned              ? CarrierKind::fiber
                             : socket->carrier == CarrierKind::none ? CarrierKind::closure
                                                                    : socket->carrier;
    if (kind != socket->carrier) {
        socket->carrier = kind;
        socket->probe.carried_by(kind, 0, nullptr, 0);
    }
    if (!socket->running) socket->probe.suspend(state_of(*socket), true);
}

Completion::Completion(const TrackedHandler& handler) noexcept
    : descriptor_(handler.descriptor)
    , generation_(handler.generation)
    , waits_for_(handler.waits_for)
    , bytes_(handler.bytes) {}

void Completion::start() noexcept {
    Process* all = current.load(std::memory_order_acquire); // pairs with process()
    if (all == nullptr || descriptor_ < 0) return;
    Socket* socket = all->find(descriptor_);
    if (socket == nullptr) return;
    enter(*all->server);
    const std::lock_guard lock(socket->lock);
    if (!socket->probe || socket->generation != generation_) return;
    pending_ = false;
    count(*socket, waits_for_, -1);
    if (bytes_ > 0 && waits_for_ == 1) socket->probe.received(bytes_);
    if (bytes_ > 0 && waits_for_ == 2) socket->probe.sent(bytes_);
    const Ticks since = socket->ready_since.exchange(0, std::memory_order_relaxed); // a time, nothing hangs on it
    if (running_depth != 0 || socket->running) return;
    socket->running = true;
    socket->probe.resume(since);
    running_ = true;
    running_depth = 1;
    running_descriptor = descriptor_;
    running_generation = generation_;
}

void Completion::end() noexcept {
    if (!running_) return;
    running_ = false;
    running_depth = 0;
    running_descriptor = -1;
    Process* all = current.load(std::memory_order_acquire); // pairs with process()
    Socket* socket = all == nullptr ? nullptr : all->find(descriptor_);
    if (socket == nullptr) return;
    const std::lock_guard lock(socket->lock);
    if (!socket->probe || socket->generation != generation_) return;
    socket->running = false;
    socket->probe.suspend(state_of(*socket), true);
}

Completion::~Completion() {
    end(); // a handler that threw
    if (!pending_ || descriptor_ < 0) return;
    Process* all = current.load(std::memory_order_acquire); // pairs with process()
    Socket* socket = all == nullptr ? nullptr : all->find(descriptor_);
    if (socket == nullptr) return;
    const std::lock_guard lock(socket->lock); // destroyed without having run
    if (socket->probe && socket->generation == generation_) count(*socket, waits_for_, -1);
}

void operation(std::uintmax_t descriptor, const char* name) noexcept {
    if (std::strcmp(name, "close") != 0 && std::strcmp(name, "release") != 0) return;
    Process* all = current.load(std::memory_order_acquire); // pairs with process()
    Socket* socket = all == nullptr || descriptor >= most_descriptors ? nullptr : all->find(static_cast<int>(descriptor));
    if (socket == nullptr) return;
    enter(*all->server);
    const std::lock_guard lock(socket->lock);
    if (socket->probe) all->close(*socket);
}

void registered(std::uintmax_t descriptor, std::uintmax_t registration) noexcept {
    if (descriptor >= most_descriptors) return;
    Process* all = process();
    if (!all->server) return;
    {
        const std::lock_guard lock(all->making);
        all->registrations.set(registration, static_cast<int>(descriptor));
    }
    Socket* socket = all->make(static_cast<int>(descriptor));
    if (socket == nullptr) return;
    enter(*all->server);
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const bool is_connected = ::getpeername(static_cast<int>(descriptor), reinterpret_cast<sockaddr*>(&peer), &length) == 0;
    const std::lock_guard lock(socket->lock);
    if (socket->probe) all->close(*socket); // Asio was not told
    socket->outgoing = !is_connected;
}

void ready(std::uintmax_t registration) noexcept {
    Process* all = current.load(std::memory_order_acquire); // pairs with process()
    if (all == nullptr) return;
    if (Socket* socket = all->find(all->registrations.find(registration)))
        socket->ready_since.store(ticks(), std::memory_order_relaxed); // a time
}

} // namespace connscope::asio
