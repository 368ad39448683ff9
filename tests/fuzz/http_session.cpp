// SPDX-License-Identifier: BSL-1.0

// The bytes are what a peer sends. However they are cut into reads, the session must say the same, stay small, and want
// nothing for ever.

#include "connscope/protocol/http.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

namespace {

using connscope::protocol::Action;
using connscope::protocol::make_http_session;
using connscope::protocol::Session;

constexpr std::size_t enough_output = 300'000; // of a long answer; the rest is more of the same
constexpr unsigned enough_actions = 200;       // of compute, pause and yield
constexpr std::size_t largest_memory = 4 * 1024 * 1024;
constexpr std::size_t largest_write = 64 * 1024;

void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "broken promise: %s\n", what);
    std::abort();
}

enum class Behaviour {
    plain,       // everything at once, in full
    cut,         // reads and writes in random pieces
    interrupted, // the same, computations and pauses too, and at some point the peer is too slow
};

// What a session said to `input`, followed by the end of the peer's data.
std::string conversation(std::string_view input, Behaviour behaviour, std::minstd_rand random) {
    const auto session = make_http_session();
    const bool cut = behaviour != Behaviour::plain;
    const auto some_of = [&](std::size_t bytes) {
        return cut && bytes > 1 ? 1 + random() % std::min<std::size_t>(bytes, 1 + random() % 500) : bytes;
    };
    std::size_t until_timed_out = behaviour == Behaviour::interrupted ? 1 + random() % 100 : ~std::size_t{0};
    std::string said;
    unsigned actions = 0;
    bool peer_finished = false;
    for (std::size_t steps = 0;; ++steps) {
        require(steps < 5'000'000, "a conversation ends");
        require(session->memory_bytes() <= largest_memory, "memory is bounded");
        if (--until_timed_out == 0) {
            session->timed_out();
            require(session->next().kind == Action::Kind::write || session->next().kind == Action::Kind::close,
                    "after a time-out a session has nothing to do but its last words");
            input = {};
        }
        const Action action = session->next();
        const Action again = session->next();
        require(action.kind == again.kind && action.duration == again.duration, "asking twice gives the same answer");
        switch (action.kind) {
        case Action::Kind::read: {
            require(!peer_finished, "nothing is read after the peer's end");
            const auto room = session->input();
            require(!room.empty(), "a read has room");
            const std::size_t bytes = some_of(std::min(room.size(), input.size()));
            if (bytes != 0) std::memcpy(room.data(), input.data(), bytes);
            input.remove_prefix(bytes);
            peer_finished = bytes == 0;
            session->received(bytes);
            break;
        }
        case Action::Kind::write: {
            const auto ready = session->output();
            require(!ready.empty(), "a write has something to send");
            require(ready.size() <= largest_write, "a write is bounded");
            const std::size_t bytes = std::min(some_of(ready.size()), enough_output - said.size());
            said.append(reinterpret_cast<const char*>(ready.data()), bytes);
            if (said.size() == enough_output) return said;
            session->sent(bytes);
            break;
        }
        case Action::Kind::compute:
        case Action::Kind::pause:
            require(action.duration.count() > 0 && action.duration <= std::chrono::seconds(60), "times are bounded");
            session->elapsed(behaviour == Behaviour::interrupted && random() % 2 ? action.duration / 2 : action.duration);
            if (++actions == enough_actions) return said;
            break;
        case Action::Kind::yield:
            session->elapsed({});
            if (++actions == enough_actions) return said;
            break;
        case Action::Kind::close:
            return said;
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::minstd_rand random(static_cast<unsigned>(std::hash<std::string_view>{}(input)) | 1U);
    const auto whole = conversation(input, Behaviour::plain, random);
    require(whole.empty() || whole.starts_with("HTTP/1.1 "), "an answer is one");
    require(conversation(input, Behaviour::cut, random) == whole, "how the input is cut does not matter");
    conversation(input, Behaviour::interrupted, random);
    return 0;
}
