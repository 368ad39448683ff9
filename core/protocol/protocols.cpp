// SPDX-License-Identifier: BSL-1.0
#include "connscope/protocol/protocols.hpp"

#include "connscope/protocol/echo.hpp"
#include "connscope/protocol/http.hpp"
#include "connscope/protocol/talk.hpp"

#include <algorithm>
#include <array>

namespace connscope::protocol {
namespace {

constexpr std::array table{
    Protocol{"echo", "sends back every byte it receives", [](const SessionPlace&) { return make_echo_session(); }},
    Protocol{"http", "HTTP/1.1: /, /work?us=N, /pause?ms=N, /bytes?n=N and POST /echo",
             [](const SessionPlace&) { return make_http_session(); }},
    Protocol{"talk", "speakers in a room: says each line a word at a time and sends it back; /help", make_talk_session,
             true},
};

} // namespace

std::span<const Protocol> protocols() noexcept { return table; }

const Protocol* find_protocol(std::string_view id) noexcept {
    const auto* found =
        std::find_if(table.begin(), table.end(), [id](const Protocol& protocol) { return protocol.id == id; });
    return found == table.end() ? nullptr : found;
}

} // namespace connscope::protocol
