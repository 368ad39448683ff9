// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/mode.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list.hpp>

#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <tuple>

namespace connscope::server {

// The executor and socket of the modes that run on event loops: named types instead of any_io_executor, so that no call goes
// through a table.
using LoopExecutor = boost::asio::io_context::executor_type;
template <class Executor>
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
using LoopSocket = Socket<LoopExecutor>;

// The list of those whom a loop carries; an element leaves it by itself when it ends.
using Listed = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
template <class T>
using List = boost::intrusive::list<T, boost::intrusive::constant_time_size<false>>;

// An io_context and the one thread that runs it.
class Loop {
public:
    // Starts the thread, which reports to the host's probe under a ring of its own. Throws what std::thread throws.
    explicit Loop(Host& host);
    // Stops the io_context and joins the thread. Precondition: it carries nothing any more.
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    boost::asio::io_context& context() noexcept { return context_; }
    LoopExecutor executor() noexcept { return context_.get_executor(); }

private:
    boost::asio::io_context context_{1}; // one thread runs it: Asio then wakes no others
    boost::asio::executor_work_guard<LoopExecutor> work_;
    std::thread thread_;
};

// Runs handlers until the io_context is stopped; what a handler throws is logged and ends nothing else.
void run_handlers(boost::asio::io_context& context);

// What a read or write came to, as Asio says it: at the end of the peer's data `error` is eof.
struct IoResult {
    boost::system::error_code error;
    std::size_t bytes = 0;
};
// Reads from a stamped connection that is readable; nothing when there was nothing after all.
std::optional<IoResult> receive_ready(Connection& connection, int socket, std::span<std::byte> into);

// The bytes of a session as Asio takes them.
inline boost::asio::mutable_buffer buffer_of(std::span<std::byte> bytes) { return {bytes.data(), bytes.size()}; }
inline boost::asio::const_buffer buffer_of(std::span<const std::byte> bytes) { return {bytes.data(), bytes.size()}; }

// How many threads this process can run at once.
std::size_t hardware_threads() noexcept;

// IPv4 or IPv6, as a socket was made.
boost::asio::ip::tcp protocol_of(int socket) noexcept;

// Gives a connection's socket to a loop, and takes it back. Errors: the system refused to watch it; the connection keeps it.
template <class Executor>
telemetry::Outcome<Socket<Executor>> to_loop(const Executor& executor, Connection& connection) {
    Socket<Executor> socket(executor);
    boost::system::error_code error;
    socket.assign(protocol_of(connection.socket.get()), connection.socket.get(), error);
    if (error) return telemetry::system_error(error.value(), "the event loop cannot watch a connection");
    std::ignore = connection.socket.release(); // the loop's socket owns it now
    socket.non_blocking(true, error);
    return socket;
}

template <class Executor>
void from_loop(Socket<Executor>& socket, Connection& connection) {
    boost::system::error_code ignored;
    connection.socket.reset(socket.release(ignored));
}

} // namespace connscope::server
