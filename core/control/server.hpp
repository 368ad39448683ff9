// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/control/rpc.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <boost/asio/io_context.hpp>

#include <filesystem>
#include <memory>

namespace connscope::control {

// Offers methods on a Unix socket of mode 0600: JSON-RPC 2.0, one message a line. A line longer than 1 MiB or a client that
// does not read its answers (1 MiB waiting) ends that client's connection; at most 64 clients at once. Everything, the
// methods included, runs on the io_context's thread, which must be one.
class Server {
public:
    // Binds and begins to accept. What a dead process left at the path is replaced; a living one's is an error.
    static telemetry::Outcome<std::unique_ptr<Server>> listen(boost::asio::io_context& context,
                                                              const std::filesystem::path& path, Methods methods);
    // Closes all clients and removes the socket.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    const std::filesystem::path& path() const noexcept;

private:
    class Impl;
    explicit Server(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

} // namespace connscope::control
