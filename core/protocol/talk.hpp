// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/protocol/protocols.hpp"

#include <memory>

namespace connscope::protocol {

// A session whose peer is a speaker in `place.room`, which must be there. Each line is said a word at a time and sent back
// when it is said; how lines look is told in talk_lines.hpp. Saying a word is computing, in pieces short against the word,
// so that whoever never yields holds its carrier; handing over is the yield action. Lines that come meanwhile wait in the
// socket, but for some KiB. Nobody notices that a speaker has left before its line is said.
std::unique_ptr<Session> make_talk_session(const SessionPlace& place);

} // namespace connscope::protocol
