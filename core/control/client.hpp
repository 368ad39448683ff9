// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace connscope::control {

// Calls methods of a server over its control socket: JSON-RPC 2.0, one message a line. Blocking, with a time-out for every
// call; one thread at a time. Not for a GUI thread.
class Client {
public:
    // Errors: no such socket, nobody listens, somebody else's socket.
    static telemetry::Outcome<Client> connect(const std::filesystem::path& socket_path);

    // The method's result. Errors: the server's error object (its message), the connection's end, or the time-out, after
    // which the client must not be used again.
    telemetry::Outcome<boost::json::value> call(std::string_view method, boost::json::object parameters,
                                                std::chrono::milliseconds time_out);

private:
    explicit Client(telemetry::UniqueFd socket)
        : socket_(std::move(socket)) {}

    telemetry::UniqueFd socket_;
    std::string received_; // bytes after the last whole line
    std::int64_t next_id_ = 1;
};

} // namespace connscope::control
