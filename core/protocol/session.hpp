// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/protocol/saved_state.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace connscope::protocol {

// What a session wants its carrier to do next.
struct Action {
    enum class Kind : std::uint8_t {
        read,    // receive some bytes into input(), then call received()
        write,   // send some of output(), then call sent()
        compute, // use the CPU for `duration`, then call elapsed()
        pause,   // let `duration` pass without using the CPU, then call elapsed()
        yield,   // let others run, then call elapsed(0)
        close,   // end the connection
    };
    Kind kind = Kind::close;
    std::chrono::nanoseconds duration{}; // of compute and pause
};

// The program that a connection runs: a state machine without I/O, threads or a clock of its own. It owns every byte that
// was read and not consumed, or produced and not sent, so a connection can change carriers between any two actions.
// Used by one thread at a time.
class Session {
public:
    virtual ~Session() = default;

    // The action wanted now. Asking again without having reported progress gives the same answer. Never blocks; bad input
    // from the peer leads to an error reply or close, never to an exception.
    virtual Action next() = 0;

    // Where a read's bytes go; not empty while next() says read.
    virtual std::span<std::byte> input() = 0;
    // `bytes` were placed at the front of input(); 0 means that the peer has finished sending.
    virtual void received(std::size_t bytes) = 0;

    // What a write sends; not empty while next() says write.
    virtual std::span<const std::byte> output() const = 0;
    // `bytes` from the front of output() were taken by the socket.
    virtual void sent(std::size_t bytes) = 0;

    // `time` of a compute or pause has gone by (less than asked when it was interrupted), or a yield is done.
    virtual void elapsed(std::chrono::nanoseconds time) = 0;

    // The carrier's owner has waited long enough: for the rest of a request (in_request()), for the next one, or for the
    // peer to take an answer. A protocol that has words for the first says them: next() then gives their write, and close
    // after it. In all other cases next() gives close. A protocol that has no words leaves everything as it is, and its
    // owner closes.
    virtual void timed_out() {}

    // Writes down all that it is between two actions, for a new session of the same protocol in another process of the same
    // program, which takes it up by restore(). False where sessions cannot leave their process.
    virtual bool save(StateWriter&) const { return false; }
    // False when it is no such state: the session is then good for nothing.
    virtual bool restore(StateReader&) { return false; }

    // Requests answered completely so far.
    virtual std::uint64_t requests() const noexcept = 0;
    // Bytes of memory that the session holds, its buffers included.
    virtual std::size_t memory_bytes() const noexcept = 0;
    // True while a request has begun to arrive and is not complete: decides which time-out applies to a silent peer.
    virtual bool in_request() const noexcept = 0;
};

} // namespace connscope::protocol
