// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/protocol/session.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace connscope::protocol {

// One protocol that a server can speak.
struct Protocol {
    std::string_view id;          // "echo"
    std::string_view description; // one sentence
    std::unique_ptr<Session> (*make_session)();
};

// All protocols, in the order in which they are listed to a user.
std::span<const Protocol> protocols() noexcept;

// The protocol called `id`, or nullptr.
const Protocol* find_protocol(std::string_view id) noexcept;

} // namespace connscope::protocol
