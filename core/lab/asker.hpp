// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/stop.hpp"
#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace connscope::lab {

// Clients of the experiment's own that ask in step: each sends a request, and when all are answered, each sends the next. So
// what a server does for a number of requests is the same every time. One thread at a time; it blocks.
class Asker {
public:
    // HTTP, `connections` of them to HOST:PORT. Errors: nobody listens there.
    static telemetry::Outcome<Asker> connect(const std::string& address, std::uint32_t connections);

    // Asks for so long; how many requests were answered meanwhile. `between` is called after some rounds. Errors: a
    // connection ended, or an answer did not come within 10 s.
    template <class Between>
    telemetry::Outcome<std::uint64_t> ask_for(std::chrono::nanoseconds time, const Stop& stop, Between between) {
        const auto end = std::chrono::steady_clock::now() + time;
        std::uint64_t answered = 0;
        do {
            for (int round = 0; round < rounds_between; ++round) {
                if (auto done = ask_once(); !done) return done.error();
                answered += sockets_.size();
            }
            between();
        } while (std::chrono::steady_clock::now() < end && !stop.asked());
        return answered;
    }
    // All of them once.
    telemetry::Status ask_once();

    std::uint64_t request_bytes() const noexcept { return request_.size(); }
    std::uint64_t answer_bytes() const noexcept { return answer_bytes_; } // known after the first answer

private:
    static constexpr int rounds_between = 8;

    telemetry::Status send_to(int socket) const;
    telemetry::Status receive_from(int socket);

    std::vector<telemetry::UniqueFd> sockets_;
    std::string request_;
    std::uint64_t answer_bytes_ = 0;
};

} // namespace connscope::lab
