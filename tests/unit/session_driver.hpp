// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/protocol/session.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <string_view>

namespace connscope::tests {

using protocol::Action;
using protocol::Session;

// How many bytes the next read brings, or the next write takes, if there are that many.
using Cut = std::function<std::size_t()>;

inline Cut whole() {
    return [] { return ~std::size_t{0}; };
}
inline Cut one_by_one() {
    return [] { return std::size_t{1}; };
}
inline Cut random_pieces(unsigned seed, std::size_t longest) {
    return [random = std::mt19937(seed), longest]() mutable {
        // Short pieces as often as long ones.
        const std::size_t most = std::uniform_int_distribution<std::size_t>(1, longest)(random);
        return std::uniform_int_distribution<std::size_t>(1, most)(random);
    };
}

// Carries a session as a server would, but from and to memory, and writes down what it did.
class SessionDriver {
public:
    explicit SessionDriver(std::unique_ptr<Session> session)
        : session_(std::move(session)) {}

    Session& session() { return *session_; }

    // Runs the session until it has read all of `input` and wants more, or closes. Compute and pause take no time.
    // False if that did not happen in a very long number of steps.
    bool run(std::string_view input, const Cut& read_cut = whole(), const Cut& write_cut = whole()) {
        for (std::size_t steps = 0; steps < 50'000'000; ++steps) {
            if (make_another && !travel()) return false;
            const Action action = session_->next();
            largest_memory = std::max(largest_memory, session_->memory_bytes());
            switch (action.kind) {
            case Action::Kind::read: {
                if (input.empty()) return true;
                const auto room = session_->input();
                if (room.empty()) return false;
                const std::size_t bytes = std::min({read_cut(), room.size(), input.size()});
                std::memcpy(room.data(), input.data(), bytes);
                input.remove_prefix(bytes);
                session_->received(bytes);
                break;
            }
            case Action::Kind::write: {
                const auto ready = session_->output();
                if (ready.empty()) return false;
                largest_output = std::max(largest_output, ready.size());
                const std::size_t bytes = std::min(write_cut(), ready.size());
                output_bytes += bytes;
                if (keep_output) output.append(reinterpret_cast<const char*>(ready.data()), bytes);
                session_->sent(bytes);
                ++writes;
                break;
            }
            case Action::Kind::compute:
                computed += action.duration;
                ++computes;
                session_->elapsed(action.duration);
                break;
            case Action::Kind::pause:
                paused += action.duration;
                ++pauses;
                session_->elapsed(action.duration);
                break;
            case Action::Kind::yield:
                ++yields;
                session_->elapsed({});
                break;
            case Action::Kind::close:
                closed = true;
                return true;
            }
        }
        return false;
    }

    // Tells the session that its peer has finished sending, and runs it on.
    bool finish() {
        if (session_->next().kind == Action::Kind::read) session_->received(0);
        return run({});
    }

    // Makes the session travel to another one before each action.
    std::unique_ptr<Session> (*make_another)() = nullptr;

    std::string output;
    bool keep_output = true;
    std::size_t output_bytes = 0;
    std::size_t largest_output = 0;
    std::size_t largest_memory = 0;
    std::chrono::nanoseconds computed{};
    std::chrono::nanoseconds paused{};
    unsigned computes = 0;
    unsigned pauses = 0;
    unsigned yields = 0;
    unsigned writes = 0;
    bool closed = false;

private:
    bool travel() {
        protocol::StateWriter state;
        std::unique_ptr<Session> other = make_another();
        if (!session_->save(state)) return false;
        protocol::StateReader reader(state.bytes());
        if (!other->restore(reader)) return false;
        session_ = std::move(other);
        return true;
    }

    std::unique_ptr<Session> session_;
};

} // namespace connscope::tests
