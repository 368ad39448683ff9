// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/control/rpc.hpp"
#include "connscope/server/server.hpp"

namespace connscope::server {

// What a server can be asked over its control socket: status, list_modes, set_mode, close_connection, shutdown. Both
// arguments must outlive the methods.
control::Methods control_methods(Server& server, telemetry::ProbeServer& probe);

} // namespace connscope::server
