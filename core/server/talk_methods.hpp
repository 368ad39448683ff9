// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/control/rpc.hpp"

namespace connscope::server {

class Server;

// The control methods of a server whose connections talk: talk_transcript and set_talk. With another protocol they are
// refused.
control::Methods talk_methods(Server& server);

} // namespace connscope::server
