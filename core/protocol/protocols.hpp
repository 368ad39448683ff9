// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/protocol/session.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace connscope::protocol {

class TalkRoom;

// Where a session is: in which connection of which server.
struct SessionPlace {
    std::uint64_t connection = 0; // its id
    TalkRoom* room = nullptr;     // of a server whose protocol has one; outlives the session
};

// One protocol that a server can speak.
struct Protocol {
    std::string_view id;          // "echo"
    std::string_view description; // one sentence
    std::unique_ptr<Session> (*make_session)(const SessionPlace& place);
    bool has_room = false; // its sessions know of each other
};

// All protocols, in the order in which they are listed to a user.
std::span<const Protocol> protocols() noexcept;

// The protocol called `id`, or nullptr.
const Protocol* find_protocol(std::string_view id) noexcept;

} // namespace connscope::protocol
