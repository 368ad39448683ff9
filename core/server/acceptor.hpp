// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/reading.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>

namespace connscope::server {

// A socket that was accepted.
struct Accepted {
    telemetry::UniqueFd socket;
    telemetry::PeerAddress peer;
    std::uint64_t inode = 0;
};

// Listens and accepts. When descriptors run out, it takes the next connection with one kept in reserve, closes it and says
// so: clients learn at once instead of waiting in the kernel's queue. On the io_context's thread.
class Acceptor {
public:
    using OnAccept = std::function<void(Accepted)>;
    using OnRefuse = std::function<void()>; // no descriptor was left for one

    // Errors: the address is not local, the port is taken or not allowed.
    static telemetry::Outcome<std::unique_ptr<Acceptor>> listen(boost::asio::io_context& context,
                                                                const boost::asio::ip::tcp::endpoint& endpoint,
                                                                OnAccept on_accept, OnRefuse on_refuse);
    void close();
    boost::asio::ip::tcp::endpoint endpoint() const { return endpoint_; }

private:
    Acceptor(boost::asio::io_context& context, OnAccept on_accept, OnRefuse on_refuse);
    void wait();
    void accept_some();
    bool accept_one();

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer retry_;
    boost::asio::ip::tcp::endpoint endpoint_;
    OnAccept on_accept_;
    OnRefuse on_refuse_;
    telemetry::UniqueFd reserve_;
};

} // namespace connscope::server
