// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/asio/tracker.hpp"
#include "connscope/telemetry/probe.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>

// What connscope::asio knows of a descriptor, and how threads take turns at it. Nothing for servers.

namespace connscope::asio {

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

struct Socket;

// A thread that reports. Never freed, and used again when the thread has ended.
struct alignas(64) Visitor {
    std::atomic<const Socket*> inside{nullptr}; // the socket that it holds as its owner
    Visitor* next_free = nullptr;
};

// One cache line; all zero is a socket of which nothing is known. But for the atomics, for who holds it (Held).
struct alignas(64) Socket {
    std::atomic<Visitor*> owner;               // see Held
    std::atomic<telemetry::Ticks> ready_since; // when the kernel told of its events, while somebody reads
    telemetry::ConnectionProbe probe;          // open for a connection
    std::array<std::uint16_t, 4> pending;      // operations, by Wait
    std::uint32_t generation;                  // counts the connections that the descriptor has had
    std::atomic<std::uint32_t> inode;          // of the connection's socket; 0: none
    BriefLock lock;
    telemetry::CarrierKind carrier;
    bool running;        // between begin and end of one of its handlers
    bool left_out;       // opened here, or not of TCP
    std::uint16_t slice; // counts its handlers that began: whose end is its slice's

    telemetry::ConnectionState state() const noexcept {
        using telemetry::ConnectionState;
        const auto any = [this](Wait wait) { return pending[static_cast<std::size_t>(wait)] > 0; };
        if (any(Wait::turn)) return ConnectionState::ready;
        if (any(Wait::room)) return ConnectionState::waiting_write;
        if (any(Wait::bytes)) return ConnectionState::waiting_read;
        return ConnectionState::paused; // for a time, or what Asio does not tell: another thread's work, an answer from
                                        // elsewhere
    }
    void count(Wait wait, int by) noexcept {
        auto& counted = pending[static_cast<std::size_t>(wait)];
        counted = static_cast<std::uint16_t>(counted + by);
    }
};
static_assert(sizeof(Socket) == 64);

// One thread at a time holds a socket. Most sockets are used by one thread all their life: it becomes the owner and holds
// the socket by saying so, without a locked instruction. The next thread that comes takes that from it for good, waits until
// it is outside, and from then on all use the lock. That an owner either sees that it no longer is, or is seen inside, is
// what membarrier(2) gives; where the system refuses that call, all use the lock from the beginning.
class Held {
public:
    // `may_own`: becomes the owner of a socket that has none.
    Held(Socket& socket, Visitor& me, bool may_own = true) noexcept
        : socket_(socket)
        , me_(me) {
        me.inside.store(&socket, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst); // in this order; for the CPU's order see take()
        owned_ = socket.owner.load(std::memory_order_acquire) == &me;
        if (owned_) [[likely]]
            return;
        me.inside.store(nullptr, std::memory_order_relaxed);
        take(may_own);
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() {
        if (owned_) [[likely]]
            me_.inside.store(nullptr, std::memory_order_release); // pairs with the acquire in take()
        else
            socket_.lock.unlock();
    }
    // The socket begins anew: whoever comes next may own it. Nobody is inside who could not be waited for.
    static void disown(Socket& socket, Visitor& me) noexcept;

private:
    void take(bool may_own) noexcept;
    Socket& socket_;
    Visitor& me_;
    bool owned_ = false;
};

} // namespace connscope::asio
