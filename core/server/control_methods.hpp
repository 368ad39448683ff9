// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/control/rpc.hpp"
#include "connscope/server/server.hpp"

namespace connscope::server {

// What a server can be asked over its control socket: status, list_modes, set_mode, set_threads, set_stack_size, set_slice,
// set_limits, list_connections, move_connection, close_connection, hogs, excuse_hog, drain, shutdown. The server must
// outlive the methods.
control::Methods control_methods(Server& server);

} // namespace connscope::server
