// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/gate.hpp"
#include "connscope/server/mode.hpp"
#include "connscope/server/modes/interrupt.hpp"
#include "connscope/telemetry/clock.hpp"

#include <pthread.h>
#include <sys/resource.h>

#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

// The threads of the modes in which each connection has one: how they start, are asked to leave and end. What a thread does
// in between is the mode's own.
namespace connscope::server {

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

// A mode whose connections have a thread each. `Own` is what the mode keeps with each, beside the connection.
//
// The mode says what a thread does, in carry(), which ends with leave(); and how one that may wait for something is asked to
// leave, in interrupt(). It calls wait_until_empty() in its own destructor.
template <class Own>
class ConnectionThreads : public Mode {
public:
    std::optional<Refusal> adopt(Connection connection) final {
        const std::lock_guard lock(mutex_);
        try {
            carriers_.emplace_front(*this, std::move(connection));
        } catch (const std::bad_alloc&) {
            return out_of_memory(std::move(connection));
        }
        Carrier& carrier = carriers_.front();
        carrier.place = carriers_.begin();
        const int error = start(carrier);
        if (error == 0) return std::nullopt;
        Refusal refusal{std::move(carrier.connection),
                        telemetry::system_error(error, "cannot start a thread for a connection")};
        carriers_.pop_front();
        return refusal;
    }

    void release(ConnectionId id) final {
        const std::lock_guard lock(mutex_);
        for (Carrier& carrier : carriers_)
            if (carrier.connection.id() == id) ask(carrier);
    }

    void release_all() final {
        const std::lock_guard lock(mutex_);
        for (Carrier& carrier : carriers_) ask(carrier);
    }

protected:
    struct Carrier {
        Carrier(ConnectionThreads& its_mode, Connection&& its_connection)
            : mode(its_mode)
            , connection(std::move(its_connection)) {}

        ConnectionThreads& mode;
        Connection connection;
        std::atomic<bool> release{false}; // set under the mutex; read by the thread before each action
        pthread_t thread{};
        bool started = false; // `thread` is valid
        typename std::list<Carrier>::iterator place{};
        Own own{};
    };

    ConnectionThreads(Host& host, std::uint8_t number, std::size_t stack_bytes)
        : host_(host)
        , number_(number)
        , stack_bytes_(stack_bytes) {
        install_interrupt();
    }

    // The story of one connection, on its thread.
    virtual void carry(Carrier& carrier) = 0;
    // Makes a thread that waits look at Carrier::release. Called again and again until it has left, under the mutex.
    virtual void interrupt(Carrier& carrier) { ::pthread_kill(carrier.thread, interrupt_signal); }

    // Takes the connection out of its carrier and gives it away; the carrier is gone afterwards.
    void leave(Carrier& carrier, std::optional<CloseReason> over) {
        carrier.connection.probe.suspend(telemetry::ConnectionState::ready, false); // it does not run while it waits
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

    void wait_until_empty() {
        std::unique_lock lock(mutex_);
        empty_.wait(lock, [this] { return carriers_.empty() && leaving_ == 0; });
    }

    template <class Function>
    void for_each(Function function) {
        const std::lock_guard lock(mutex_);
        for (Carrier& carrier : carriers_)
            if (carrier.started) function(carrier);
    }

    Host& host_;
    const std::uint8_t number_;

private:
    int start(Carrier& carrier) {
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
                self.connection.probe.carried_by(telemetry::CarrierKind::thread, self.mode.number_,
                                                 __builtin_frame_address(0),
                                                 static_cast<std::uint32_t>(self.mode.stack_bytes_));
                self.mode.host_.gate().pass();
                self.mode.carry(self);
                return nullptr;
            },
            &carrier);
        ::pthread_attr_destroy(&attributes);
        carrier.started = error == 0;
        return error;
    }

    void ask(Carrier& carrier) {
        carrier.release.store(true, std::memory_order_relaxed); // the hand-over itself is ordered by the mutex
        if (carrier.started) interrupt(carrier);
    }

    const std::size_t stack_bytes_;

    std::mutex mutex_; // guards what follows
    std::condition_variable empty_;
    std::list<Carrier> carriers_;
    std::size_t leaving_ = 0; // threads that have taken their connection out and are giving it away
};

} // namespace connscope::server
