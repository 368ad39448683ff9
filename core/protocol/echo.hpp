// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/protocol/session.hpp"

#include <memory>

namespace connscope::protocol {

// A session that sends back every byte it receives, in order, and closes after the peer has. What came in with one read and
// went out again counts as one request. Its buffer starts at 256 bytes, doubles up to 64 KiB while reads fill it, and is
// given back when small reads return: an idle connection stays small.
std::unique_ptr<Session> make_echo_session();

} // namespace connscope::protocol
