// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/protocol/protocols.hpp"
#include "connscope/protocol/talk_room.hpp"

#include <chrono>
#include <cstdint>
#include <memory>

namespace connscope::server {

// Makes the sessions of a server's connections, and owns the room that they share where their protocol has one. Any thread.
class Sessions {
public:
    // Throws std::bad_alloc.
    Sessions(const protocol::Protocol& protocol, std::chrono::microseconds word_time);

    const protocol::Protocol& protocol() const noexcept { return protocol_; }
    std::unique_ptr<protocol::Session> make(std::uint64_t connection) const {
        return protocol_.make_session({connection, room_.get()});
    }
    protocol::TalkRoom* room() const noexcept { return room_.get(); } // nullptr: the protocol has none

private:
    const protocol::Protocol& protocol_;
    std::unique_ptr<protocol::TalkRoom> room_;
};

} // namespace connscope::server
