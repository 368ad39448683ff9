// SPDX-License-Identifier: BSL-1.0
#include "connscope/control/server.hpp"

#include "connscope/control/client.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <boost/asio.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <set>

namespace connscope::control {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

constexpr std::size_t longest_line = 1024 * 1024;
constexpr std::size_t most_waiting_bytes = 1024 * 1024;
constexpr std::size_t most_clients = 64;

} // namespace

class Server::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::io_context& context, Methods methods)
        : acceptor_(context)
        , methods_(std::move(methods)) {}

    telemetry::Status bind(const std::filesystem::path& path);
    void accept();
    void close();
    const std::filesystem::path& path() const noexcept { return path_; }

private:
    // One client: reads lines, runs them, writes the answers in the order in which they are ready.
    class Peer : public std::enable_shared_from_this<Peer> {
    public:
        Peer(Protocol::socket socket, std::shared_ptr<Impl> server)
            : socket_(std::move(socket))
            , server_(std::move(server)) {}

        void read() {
            asio::async_read_until(socket_, asio::dynamic_buffer(received_, longest_line), '\n',
                                   [self = shared_from_this()](boost::system::error_code error, std::size_t length) {
                                       if (error) return self->close();
                                       self->run_line(length);
                                   });
        }
        void close() {
            boost::system::error_code ignored;
            socket_.close(ignored);
            if (!server_->reserve_) server_->reserve_ = open_reserve();
            server_->peers_.erase(shared_from_this());
        }

    private:
        void run_line(std::size_t length) {
            std::string line = received_.substr(0, length - 1);
            received_.erase(0, length);
            if (!line.empty() && line.back() == '\r') line.pop_back();
            if (!line.empty())
                dispatch(server_->methods_, line, [weak = weak_from_this()](std::string answer) {
                    if (const auto self = weak.lock()) self->send(std::move(answer));
                });
            if (socket_.is_open()) read();
        }
        void send(std::string line) {
            if (!socket_.is_open()) return;
            line += '\n';
            waiting_bytes_ += line.size();
            if (waiting_bytes_ > most_waiting_bytes && !to_send_.empty()) return close();
            to_send_.push_back(std::move(line));
            if (to_send_.size() == 1) write();
        }
        void write() {
            asio::async_write(socket_, asio::buffer(to_send_.front()),
                              [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                                  if (error) return self->close();
                                  self->waiting_bytes_ -= self->to_send_.front().size();
                                  self->to_send_.pop_front();
                                  if (!self->to_send_.empty()) self->write();
                              });
        }

        Protocol::socket socket_;
        std::shared_ptr<Impl> server_;
        std::string received_;
        std::deque<std::string> to_send_;
        std::size_t waiting_bytes_ = 0;
    };

    // Kept open so that a client can still be let in when the process has used up its descriptors: that is when one asks.
    static telemetry::UniqueFd open_reserve() { return telemetry::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

    Protocol::acceptor acceptor_;
    telemetry::UniqueFd reserve_ = open_reserve();
    Methods methods_;
    std::filesystem::path path_;
    std::set<std::shared_ptr<Peer>> peers_;
};

telemetry::Status Server::Impl::bind(const std::filesystem::path& path) {
    const auto refuse = [&](const std::string& why) {
        return telemetry::Error{std::make_error_code(std::errc::address_in_use),
                                "control socket " + path.string() + ": " + why};
    };
    if (path.native().size() >= sizeof(sockaddr_un::sun_path))
        return refuse("the path is longer than a socket's may be (" + std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                      " bytes)");
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) {
        if (!S_ISSOCK(status.st_mode)) return refuse("something else is there");
        if (Client::connect(path)) return refuse("a running process listens there");
        ::unlink(path.c_str());
    }
    boost::system::error_code error;
    acceptor_.open(Protocol(), error);
    // The mode of a socket's file is what the descriptor had when it was bound: nobody else can connect, not even at first.
    if (!error && ::fchmod(acceptor_.native_handle(), 0600) != 0) error.assign(errno, boost::system::system_category());
    if (!error) acceptor_.bind(Protocol::endpoint(path.string()), error);
    if (!error) path_ = path;
    if (!error && ::chmod(path.c_str(), 0600) != 0) error.assign(errno, boost::system::system_category());
    if (!error) acceptor_.listen(16, error);
    if (error) return refuse(error.message());
    return telemetry::success();
}

void Server::Impl::accept() {
    acceptor_.async_accept([self = shared_from_this()](boost::system::error_code error, Protocol::socket socket) {
        if (!self->acceptor_.is_open()) return;
        if (!error && self->peers_.size() < most_clients) {
            const auto peer = std::make_shared<Peer>(std::move(socket), self);
            self->peers_.insert(peer);
            peer->read();
        }
        if (error == asio::error::operation_aborted) return;
        if (!error && !self->reserve_) self->reserve_ = open_reserve();
        if (!error || error == asio::error::connection_aborted) return self->accept();
        if (error == asio::error::no_descriptors && self->reserve_) {
            self->reserve_.reset(); // the client that waits gets this one
            return self->accept();
        }
        // Out of descriptors or memory: the next client must wait a moment, or this loop would spin.
        const auto timer =
            std::make_shared<asio::steady_timer>(self->acceptor_.get_executor(), std::chrono::milliseconds(100));
        timer->async_wait([self, timer](boost::system::error_code) {
            if (self->acceptor_.is_open()) self->accept();
        });
    });
}

void Server::Impl::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    const auto peers = std::exchange(peers_, {});
    for (const auto& peer : peers) peer->close();
    if (!path_.empty()) ::unlink(path_.c_str());
}

telemetry::Outcome<std::unique_ptr<Server>> Server::listen(asio::io_context& context, const std::filesystem::path& path,
                                                           Methods methods) {
    auto impl = std::make_shared<Impl>(context, std::move(methods));
    if (auto bound = impl->bind(path); !bound) {
        impl->close();
        return std::move(bound).error();
    }
    impl->accept();
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::shared_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
Server::~Server() { impl_->close(); }
const std::filesystem::path& Server::path() const noexcept { return impl_->path(); }

} // namespace connscope::control
