// SPDX-License-Identifier: BSL-1.0
#include "connscope/asio/tracker.hpp"

#include "connscope/asio/socket.hpp"
#include "connscope/telemetry/connected_socket.hpp"
#include "connscope/telemetry/probe.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace connscope::asio {

constinit thread_local const TrackedHandler* newest = nullptr;

namespace {

using namespace telemetry;

constexpr std::uint32_t most_descriptors = 1u << 17;

// Everything of this process. Never destroyed: handlers may run until its last moment. A forked child begins anew and leaves
// its parent's alone.
struct Process {
    std::unique_ptr<ProbeServer> server; // none: nothing can be reported
    // By descriptor, as are the segment's slots. Only the pages in use take memory.
    Socket* sockets = nullptr;
    const layout::Slot* slots = nullptr;
    std::atomic<int> highest{-1};       // descriptor that has had a connection
    std::atomic<bool> is_watched{true}; // somebody reads the segment: slices are timed
    std::atomic<Ticks> looked{0};       // around last; the time of what is not timed

    std::mutex mutex; // guards what follows
    Visitor* free_visitors = nullptr;

    std::mutex looking; // guards the clock's beat and what follows
    int swept = 0;      // descriptors up to here

    Process();
    Visitor* visitor();
    void leave(Visitor* visitor) noexcept;

    bool reports() const noexcept { return server != nullptr; }
    // The socket is held.
    void open(Socket& socket, int descriptor) noexcept;
    void close(Socket& socket) noexcept;
    void report(Socket& socket, ConnectionState state, bool slice_ends) noexcept;
    // Looks at some of the sockets, from `next` on, whether they were closed without Asio; where to go on.
    void sweep(Visitor& me) noexcept;
    // Called often enough, there is no thread needed for this: one more makes each of a single thread's calls dearer.
    void look_around(Visitor& me, Ticks now) noexcept;
};

Process::Process() {
    void* memory = ::mmap(nullptr, most_descriptors * sizeof(Socket), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    auto made = ProbeServer::create({.name = "asio-" + std::to_string(::getpid()),
                                     .program = program_invocation_short_name,
                                     .modes = {"asio"},
                                     .connections = most_descriptors,
                                     .own_slots = true});
    if (memory == MAP_FAILED || !made) {
        std::fprintf(stderr, "connscope::asio cannot report: %s\n", made ? "no memory" : made.error().text.c_str());
        return;
    }
    sockets = static_cast<Socket*>(memory);
    server = std::move(*made);
    slots = &server->slot(0);
    server->describe("tcp", "", "");
}

// Whether somebody reads, what the process has used, the clock's beat, and sockets that are gone; ten times a second as long
// as anything happens.
void Process::look_around(Visitor& me, Ticks now) noexcept {
    static const auto pause = static_cast<Ticks>(1e8 / process_clock().ns_per_tick); // 0.1 s
    if (now - looked.load(std::memory_order_relaxed) < pause) [[likely]]             // a time
        return;
    const std::unique_lock lock(looking, std::try_to_lock);
    if (!lock) return; // another thread does
    looked.store(now, std::memory_order_relaxed);
    is_watched.store(server->watched(), std::memory_order_relaxed); // from the next slice on
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto ns = [](const timeval& time) {
        return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_usec) * 1000;
    };
    server->set(Gauge::user_cpu_ns, ns(used.ru_utime));
    server->set(Gauge::system_cpu_ns, ns(used.ru_stime));
    server->set(Gauge::voluntary_switches, static_cast<std::uint64_t>(used.ru_nvcsw));
    server->set(Gauge::involuntary_switches, static_cast<std::uint64_t>(used.ru_nivcsw));
    server->beat();
    sweep(me);
}

Visitor* Process::visitor() {
    const std::lock_guard lock(mutex);
    Visitor* known = free_visitors;
    if (known == nullptr) return new Visitor;
    free_visitors = known->next_free;
    return known;
}

void Process::leave(Visitor* visitor) noexcept {
    const std::lock_guard lock(mutex);
    visitor->next_free = free_visitors;
    free_visitors = visitor;
}

// Opens a probe when the descriptor is a connected TCP socket.
void Process::open(Socket& socket, int descriptor) noexcept {
    const auto connected = connected_socket(descriptor);
    if (connected) socket.probe = server->open_at(static_cast<std::uint32_t>(descriptor), connected->peer, connected->inode);
    socket.left_out = !socket.probe; // until its descriptor is used again
    if (socket.left_out) return;
    // What a request is, Asio does not know.
    server->slot(static_cast<std::uint32_t>(descriptor)).requests.store(layout::not_available, std::memory_order_relaxed);
    ++socket.generation;
    socket.pending = {};
    socket.running = false;
    socket.carrier = CarrierKind::none;
    socket.ready_since.store(0, std::memory_order_relaxed);                                      // a time
    socket.inode.store(static_cast<std::uint32_t>(connected->inode), std::memory_order_relaxed); // sweep() asks again
    int before = highest.load(std::memory_order_relaxed);
    while (before < descriptor && !highest.compare_exchange_weak(before, descriptor, std::memory_order_relaxed)) {
    }
    server->add(Gauge::connections_accepted, 1);
    server->add(Gauge::connections_open, 1);
}

// Its probe is open.
void Process::close(Socket& socket) noexcept {
    socket.probe.close();
    socket.inode.store(0, std::memory_order_relaxed); // sweep() asks again
    ++socket.generation;
    server->add(Gauge::connections_open, -1);
    server->add(Gauge::connections_closed, 1);
}

void Process::report(Socket& socket, ConnectionState state, bool slice_ends) noexcept {
    if (is_watched.load(std::memory_order_relaxed))
        socket.probe.suspend_at(ticks(), state, slice_ends);
    else
        socket.probe.untimed(state, looked.load(std::memory_order_relaxed));
}

void Process::sweep(Visitor& me) noexcept {
    constexpr int most_looked_at = 32; // some ten microseconds
    const int last = highest.load(std::memory_order_relaxed);
    if (swept > last) swept = 0;
    for (int looked_at = 0; looked_at < most_looked_at && swept <= last; ++swept) {
        Socket& socket = sockets[swept];
        const auto inode_of = [&] { return socket.inode.load(std::memory_order_relaxed); };
        const auto is_gone = [&](std::uint32_t inode) {
            struct stat about {};
            return ::fstat(swept, &about) != 0 || static_cast<std::uint32_t>(about.st_ino) != inode;
        };
        const std::uint32_t inode = inode_of();
        if (inode == 0) continue;
        ++looked_at;
        if (!is_gone(inode)) continue;
        const Held held(socket, me, false);
        if (socket.probe && inode_of() == inode && is_gone(inode)) close(socket);
    }
}

std::atomic<Process*> current{nullptr};
std::mutex starting;

// Null before the first operation, and when nothing can be reported.
Process* known_process() noexcept {
    Process* all = current.load(std::memory_order_acquire); // pairs with process()
    return all != nullptr && all->reports() ? all : nullptr;
}

Process* process() {
    // Acquire pairs with the release below: who sees the process sees its server.
    if (Process* known = current.load(std::memory_order_acquire)) [[likely]]
        return known->reports() ? known : nullptr;
    const std::lock_guard lock(starting);
    if (current.load(std::memory_order_acquire) == nullptr) {
        static std::once_flag once;
        std::call_once(once, [] {
            ::pthread_atfork([] { starting.lock(); }, [] { starting.unlock(); },
                             [] {
                                 current.store(nullptr, std::memory_order_release);
                                 starting.unlock();
                             });
        });
        current.store(new Process, std::memory_order_release);
    }
    return known_process();
}

// The calling thread.
struct Thread {
    Process* process = nullptr; // that it has entered
    Visitor* visitor = nullptr;
    int running_descriptor = -1; // whose slice it runs
    std::uint32_t running_generation = 0;
    std::uint32_t starts = 0; // of handlers
    bool runs = false;
    bool ended = false; // its last handlers run while it is taken apart
    int last_place = 0; // of the events that were told last, which came at
    Ticks came_at = 0;
};
constinit thread_local Thread self;

// At the thread's end. In a forked child the parent's are left alone.
struct Leave {
    ~Leave() {
        self.ended = true;
        Process* const all = self.process;
        if (all == nullptr || all != current.load(std::memory_order_acquire)) return; // pairs with process()
        all->server->leave_thread();
        all->leave(self.visitor);
        self.process = nullptr;
    }
};

void enter_anew(Process& all) noexcept {
    if (!self.ended) {
        thread_local Leave leave;
        static_cast<void>(leave);
    }
    self.process = &all;
    self.visitor = all.visitor();
    all.server->enter_thread(!self.ended); // a ring of its own until it ends
}
Visitor& enter(Process& all) noexcept {
    if (self.process != &all) [[unlikely]]
        enter_anew(all);
    return *self.visitor;
}

} // namespace

void created(TrackedHandler& handler, Idiom idiom, Subject subject, std::uintmax_t native) noexcept {
    newest = &handler;
    handler.waits_for = subject.waits_for;
    Process* const all = process();
    if (all == nullptr) return;
    const bool is_socket = subject.is_socket && native < most_descriptors;
    const int descriptor = is_socket ? static_cast<int>(native) : self.running_descriptor;
    if (descriptor < 0) return;
    Socket& socket = all->sockets[descriptor];
    const Held held(socket, enter(*all));
    if (is_socket && !socket.probe && !socket.left_out) all->open(socket, descriptor);
    if (!socket.probe || (!is_socket && socket.generation != self.running_generation)) return;
    handler.descriptor = descriptor;
    handler.generation = socket.generation;
    // Events that came before were of no operation.
    if (is_socket && socket.pending[static_cast<std::size_t>(Wait::bytes)] == 0 &&
        socket.pending[static_cast<std::size_t>(Wait::room)] == 0)
        socket.ready_since.store(0, std::memory_order_relaxed); // a time
    socket.count(subject.waits_for, 1);
    // What a callback posts may be a part of what a coroutine or a stack waits for.
    const CarrierKind kind = idiom == Idiom::awaitable             ? CarrierKind::coroutine
                             : idiom == Idiom::spawned             ? CarrierKind::fiber
                             : socket.carrier == CarrierKind::none ? CarrierKind::closure
                                                                   : socket.carrier;
    if (kind != socket.carrier) {
        socket.carrier = kind;
        socket.probe.carried_by(kind, 0, nullptr, 0);
    }
    if (!socket.running) all->report(socket, socket.state(), false);
}

void done_at_once(const TrackedHandler& handler) noexcept {
    Process* const all = known_process();
    if (all == nullptr || handler.descriptor < 0) return;
    Socket& socket = all->sockets[handler.descriptor];
    const Held held(socket, enter(*all));
    if (!socket.probe || socket.generation != handler.generation) return;
    handler.done = true;
    socket.count(handler.waits_for, -1);
    socket.count(Wait::turn, 1);
    if (!socket.running) all->report(socket, socket.state(), false);
}

void Completion::start() noexcept {
    pending_ = false;
    Process* const all = known_process();
    if (all == nullptr) return;
    Visitor& me = enter(*all);
    // What waited for its socket comes after events, which look around; if it did not have to wait, there may be none for
    // long.
    if (waits_for_ == Wait::turn || waits_for_ == Wait::time || ++self.starts % 64 == 0) all->look_around(me, ticks());
    Socket& socket = all->sockets[descriptor_];
    const Held held(socket, me);
    if (!socket.probe || socket.generation != generation_) return;
    socket.count(done_ ? Wait::turn : waits_for_, -1);
    if (bytes_ > 0 && waits_for_ == Wait::bytes) socket.probe.received(bytes_);
    if (bytes_ > 0 && waits_for_ == Wait::room) socket.probe.sent(bytes_);
    if (self.runs) return;
    // A handler that has passed its work on to a strand may still be ending on another thread.
    if (socket.running) all->report(socket, ConnectionState::ready, true);
    const bool is_watched = all->is_watched.load(std::memory_order_relaxed);
    if (is_watched) {
        Ticks since = 0;
        if (!done_ && (waits_for_ == Wait::bytes || waits_for_ == Wait::room)) {
            since = socket.ready_since.load(std::memory_order_relaxed); // a time, nothing hangs on it
            socket.ready_since.store(0, std::memory_order_relaxed);
        }
        socket.probe.resume_at(ticks(), since);
    } else {
        socket.probe.untimed(ConnectionState::running, all->looked.load(std::memory_order_relaxed));
    }
    socket.running = true;
    slice_ = ++socket.slice;
    running_ = true;
    self.runs = true;
    self.running_descriptor = descriptor_;
    self.running_generation = generation_;
}

void Completion::stop() noexcept {
    running_ = false;
    self.runs = false;
    self.running_descriptor = -1;
    Process* const all = known_process();
    if (all == nullptr) return;
    Socket& socket = all->sockets[descriptor_];
    const Held held(socket, enter(*all));
    if (!socket.probe || socket.generation != generation_ || socket.slice != slice_) return;
    socket.running = false;
    all->report(socket, socket.state(), true);
}

void Completion::forget() noexcept {
    Process* const all = known_process();
    if (all == nullptr) return;
    Socket& socket = all->sockets[descriptor_];
    const Held held(socket, enter(*all));
    if (socket.probe && socket.generation == generation_) socket.count(done_ ? Wait::turn : waits_for_, -1);
}

void operation(std::uintmax_t descriptor, const char* name) noexcept {
    if (std::strcmp(name, "close") != 0 && std::strcmp(name, "release") != 0) return;
    Process* const all = known_process();
    if (all == nullptr || descriptor >= most_descriptors) return;
    Socket& socket = all->sockets[descriptor];
    const Held held(socket, enter(*all));
    if (socket.probe) all->close(socket);
}

void registered(std::uintmax_t descriptor) noexcept {
    if (descriptor >= most_descriptors) return;
    Process* const all = process();
    if (all == nullptr) return;
    Visitor& me = enter(*all);
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const bool is_connected = ::getpeername(static_cast<int>(descriptor), reinterpret_cast<sockaddr*>(&peer), &length) == 0;
    Socket& socket = all->sockets[descriptor];
    {
        const Held held(socket, me, false);
        if (socket.probe) all->close(socket); // Asio was not told
        socket.left_out = !is_connected;
    }
    // The next thread to come will be the one that serves it.
    Held::disown(socket, me);
}

void ready(int descriptor, int place) noexcept {
    Process* const all = known_process();
    if (all == nullptr || static_cast<unsigned>(descriptor) >= most_descriptors) return;
    Socket& socket = all->sockets[descriptor];
    // What its handler will write to.
    __builtin_prefetch(&socket, 1);
    __builtin_prefetch(&all->slots[descriptor], 1);
    __builtin_prefetch(reinterpret_cast<const std::byte*>(&all->slots[descriptor]) + 64, 1);
    // The clock is read once for events that came at once. Their places go up; at most the reactor's own two are not told.
    if (place <= self.last_place || place < 3) {
        self.came_at = ticks();
        all->look_around(enter(*all), self.came_at);
    }
    self.last_place = place;
    if (all->is_watched.load(std::memory_order_relaxed))
        socket.ready_since.store(self.came_at, std::memory_order_relaxed); // a time
}

} // namespace connscope::asio
