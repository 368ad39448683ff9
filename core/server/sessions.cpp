// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/sessions.hpp"

#include "connscope/telemetry/clock.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>

namespace connscope::server {
namespace {

constexpr protocol::RoomSenses senses{
    telemetry::monotonic_ns,
    [] {
        return protocol::TalkPlace{static_cast<std::uint32_t>(std::max(::sched_getcpu(), 0)),
                                   static_cast<std::uint64_t>(::pthread_self())};
    },
};

} // namespace

Sessions::Sessions(const protocol::Protocol& protocol, std::chrono::microseconds word_time)
    : protocol_(protocol)
    , room_(protocol.has_room ? std::make_unique<protocol::TalkRoom>(senses, word_time) : nullptr) {}

} // namespace connscope::server
