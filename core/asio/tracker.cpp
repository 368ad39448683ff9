// SPDX-License-Identifier: BSL-1.0
#include "connscope/asio/tracker.hpp"

#include "connscope/telemetry/probe.hpp"

#include <netinet/in.h>
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
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>

namespace connscope::asio {
namespace {

using namespace telemetry;

constexpr std::uintmax_t most_descriptors = 1u << 20;

// What is known of a descriptor. The mutex makes the probe's calls one at a time.
struct Socket {
    std::mutex mutex;
    ConnectionProbe probe;
    std::uint32_t generation = 0;
    std::uint16_t reads = 0; // operations pending
    std::uint16_t writes = 0;
    std::uint16_t pauses = 0;
    bool running = false;
    CarrierKind carrier = CarrierKind::none;
    std::atomic<Ticks> ready_since{0};
};

// Everything of this process. Never destroyed: handlers may run until its last moment. A forked child begins anew and leaves
// its parent's alone.
struct Process {
    std::unique_ptr<ProbeServer> server;
    // By descriptor. From calloc, so that only the pages in use take memory.
    std::atomic<Socket*>* sockets =
        static_cast<std::atomic<Socket*>*>(std::calloc(most_descriptors, sizeof(std::atomic<Socket*>)));
    std::mutex making;
    std::shared_mutex registrations_mutex;
    std::unordered_map<std::uintmax_t, int> registrations;

    Socket* find(int descriptor) const noexcept {
        if (sockets == nullptr || descriptor < 0 || static_cast<std::uintmax_t>(descriptor) >= most_descriptors)
            return nullptr;
        return sockets[descriptor].load(std::memory_order_acquire); // pairs with the release in make()
    }
    Socket* make(int descriptor) {
        if (Socket* known = find(descriptor)) return known;
        const std::lock_guard lock(making);
        if (Socket* known = find(descriptor)) return known;
        auto* socket = new Socket;
        sockets[descriptor].store(socket, std::memory_order_release); // pairs with the acquire in find()
        return socket;
    }
};

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
        std::thread([probe = made->server.get()] {
            for (;;) { // until the process ends: the clock's beat, with nothing else to wait for
                probe->beat();
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
thread_local bool in_coroutine = false;

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

// Opens a probe when the descriptor is a connected TCP socket. The socket's mutex is held.
void open(Process& all, Socket& socket, int descriptor) {
    int type = 0;
    socklen_t length = sizeof type;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM) return;
    sockaddr_storage from{};
    length = sizeof from;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&from), &length) != 0) return;
    PeerAddress peer;
    if (from.ss_family == AF_INET) {
        const auto& address = reinterpret_cast<const sockaddr_in&>(from);
        std::memcpy(peer.bytes.data(), &address.sin_addr, 4);
        peer.port = ntohs(address.sin_port);
        peer.family = 4;
    } else if (from.ss_family == AF_INET6) {
        const auto& address = reinterpret_cast<const sockaddr_in6&>(from);
        std::memcpy(peer.bytes.data(), &address.sin6_addr, 16);
        peer.port = ntohs(address.sin6_port);
        peer.family = 6;
    } else {
        return;
    }
    struct stat about {};
    ::fstat(descriptor, &about);
    socket.probe = all.server->open(peer, about.st_ino);
    if (!socket.probe) return;
    ++socket.generation;
    socket.reads = socket.writes = socket.pauses = 0;
    socket.running = false;
    socket.carrier = CarrierKind::none;
    all.server->add(Gauge::connections_accepted, 1);
    all.server->add(Gauge::connections_open, 1);
}

void count(Socket& socket, std::uint8_t waits_for, int by) {
    std::uint16_t* const counts[]{nullptr, &socket.reads, &socket.writes, &socket.pauses};
    if (auto* counted = counts[waits_for]) *counted = static_cast<std::uint16_t>(*counted + by);
}

} // namespace

Location::Location(const char* file, int, const char*) noexcept
    : outer_(in_coroutine) {
    // Boost's composed operations name their own files; a co_await names none, use_awaitable.hpp or its own line.
    thread_local const char* last = nullptr;
    thread_local bool last_is_await = false;
    if (file != nullptr && file != last) {
        last = file;
        last_is_await = std::strstr(file, "use_awaitable") != nullptr || std::strstr(file, "/boost/") == nullptr;
    }
    if (file == nullptr || last_is_await) in_coroutine = true;
}

Location::~Location() { in_coroutine = outer_; }

void created(TrackedHandler& handler, const char* object, std::uintmax_t native, const char* name) noexcept {
    Process* all = process();
    if (!all->server) return;
    int descriptor = running_descriptor;
    const bool is_socket = std::strcmp(object, "socket") == 0 && std::strcmp(name, "async_accept") != 0;
    if (is_socket && native < most_descriptors) {
        descriptor = static_cast<int>(native);
        handler.waits_for = std::strncmp(name, "async_send", 10) == 0 || std::strcmp(name, "async_connect") == 0 ? 2 : 1;
    } else if (std::strcmp(object, "socket") == 0 || std::strcmp(object, "signal_set") == 0) {
        return; // an acceptor's, and nobody's
    } else if (std::strcmp(object, "deadline_timer") == 0) {
        handler.waits_for = 3;
    }
    if (descriptor < 0) return;
    enter(*all->server);
    Socket* socket = is_socket ? all->make(descriptor) : all->find(descriptor);
    if (socket == nullptr) return;
    const std::lock_guard lock(socket->mutex);
    if (is_socket && !socket->probe) open(*all, *socket, descriptor);
    if (!socket->probe || (!is_socket && socket->generation != running_generation)) return;
    handler.descriptor = descriptor;
    handler.generation = socket->generation;
    count(*socket, handler.waits_for, 1);
    const CarrierKind kind = in_coroutine                           ? CarrierKind::coroutine
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
    , waits_for_(handler.waits_for) {}

void Completion::start() noexcept {
    Process* all = current.load(std::memory_order_acquire); // pairs with process()
    if (all == nullptr || descriptor_ < 0) return;
    Socket* socket = all->find(descriptor_);
    if (socket == nullptr) return;
    enter(*all->server);
    const std::lock_guard lock(socket->mutex);
    if (!socket->probe || socket->generation != generation_) return;
    pending_ = false;
    count(*socket, waits_for_, -1);
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
    const std::lock_guard lock(socket->mutex);
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
    const std::lock_guard lock(socket->mutex); // destroyed without having run
    if (socket->probe && socket->generation == generation_) count(*socket, waits_for_, -1);
}

void operation(std::uintmax_t descriptor, const char* name) noexcept {
    if (std::strcmp(name, "close") != 0 && std::strcmp(name, "release") != 0) return;
    Process* all = current.load(std::memory_order_acquire); // pairs with process()
    Socket* socket = all == nullptr || descriptor >= most_descriptors ? nullptr : all->find(static_cast<int>(descriptor));
    if (socket == nullptr) return;
    enter(*all->server);
    const std::lock_guard lock(socket->mutex);
    if (!socket->probe) return;
    socket->probe.close();
    ++socket->generation;
    all->server->add(Gauge::connections_open, -1);
    all->server->add(Gauge::connections_closed, 1);
}

void registered(std::uintmax_t descriptor, std::uintmax_t registration) noexcept {
    if (descriptor >= most_descriptors) return;
    Process* all = process();
    const std::unique_lock lock(all->registrations_mutex);
    all->registrations[registration] = static_cast<int>(descriptor);
}

void ready(std::uintmax_t registration) noexcept {
    Process* all = current.load(std::memory_order_acquire); // pairs with process()
    if (all == nullptr) return;
    int descriptor = -1;
    {
        const std::shared_lock lock(all->registrations_mutex);
        const auto found = all->registrations.find(registration);
        if (found != all->registrations.end()) descriptor = found->second;
    }
    if (Socket* socket = all->find(descriptor)) socket->ready_since.store(ticks(), std::memory_order_relaxed); // a time
}

void performed(const TrackedHandler& handler, const char* name, std::size_t bytes) noexcept {
    Process* all = current.load(std::memory_order_acquire); // pairs with process()
    if (all == nullptr || handler.descriptor < 0 || bytes == 0) return;
    Socket* socket = all->find(handler.descriptor);
    if (socket == nullptr) return;
    enter(*all->server);
    const std::lock_guard lock(socket->mutex);
    if (!socket->probe || socket->generation != handler.generation) return;
    if (std::strstr(name, "recv") != nullptr) socket->probe.received(bytes);
    if (std::strstr(name, "send") != nullptr) socket->probe.sent(bytes);
}

} // namespace connscope::asio
