// SPDX-License-Identifier: BSL-1.0
#pragma once

// What several tests need: a real server in this process, real clients, and programs of the build as children.

#include "connscope/control/client.hpp"
#include "connscope/server/server.hpp"
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace connscope::test {

using namespace std::chrono_literals;

inline std::string unique_name(std::string_view purpose) {
    static std::atomic<int> count{0};
    return std::string(purpose) + "-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

// Waits until `condition` holds, looking every few milliseconds; false when it takes too long.
inline bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        ::poll(nullptr, 0, 2);
    }
    return true;
}

// A server on a thread of this process.
class RunningServer {
public:
    explicit RunningServer(server::ServerOptions options = {}) {
        if (options.name.empty()) options.name = unique_name("test-server");
        auto started = server::Server::start(options);
        EXPECT_TRUE(started) << (started ? "" : started.error().text);
        server_ = std::move(*started);
        thread_ = std::thread([this] { clean_ = server_->run(); });
    }
    ~RunningServer() { stop(); }

    // Shuts down; false when connections had to be left behind.
    bool stop() {
        if (thread_.joinable()) {
            boost::asio::post(server_->context(), [this] { server_->shutdown(); });
            thread_.join();
        }
        return clean_;
    }

    std::uint16_t port() const { return server_->endpoint().port(); }
    const std::string& name() const { return server_->name(); }
    const std::filesystem::path& control_path() const { return server_->control_path(); }

    server::ServerStatus status() const {
        return on_thread<server::ServerStatus>([this](auto done) { done(server_->status()); });
    }
    // Waits for the hand-off.
    telemetry::Outcome<server::HandOffReport> set_mode(const std::string& mode) const {
        return on_thread<telemetry::Outcome<server::HandOffReport>>([&](auto done) { server_->set_mode(mode, done); });
    }
    void begin_set_mode(const std::string& mode, server::HandOffDone done) const {
        boost::asio::post(server_->context(), [this, mode, done] { server_->set_mode(mode, done); });
    }
    void begin_move(server::ConnectionId id, const std::string& mode, server::MoveDone done) const {
        boost::asio::post(server_->context(), [this, id, mode, done] { server_->move_connection(id, mode, done); });
    }
    // Waits until it has arrived.
    telemetry::Outcome<std::chrono::nanoseconds> move_connection(server::ConnectionId id, const std::string& mode) const {
        return on_thread<telemetry::Outcome<std::chrono::nanoseconds>>(
            [&](auto done) { server_->move_connection(id, mode, done); });
    }
    bool close_connection(server::ConnectionId id) const {
        return on_thread<bool>([&](auto done) { done(server_->close_connection(id)); });
    }
    telemetry::ServerReading reading() const {
        auto reader = telemetry::SegmentReader::open(telemetry::segment_path(*telemetry::runtime_folder(), name()));
        EXPECT_TRUE(reader) << (reader ? "" : reader.error().text);
        telemetry::ServerReading into;
        EXPECT_TRUE(reader->read(into));
        return into;
    }

private:
    // Runs something on the server's thread and waits for what it gives.
    template <class Result, class Run>
    Result on_thread(Run run) const {
        auto promise = std::make_shared<std::promise<Result>>();
        auto future = promise->get_future();
        boost::asio::post(server_->context(),
                          [run, promise] { run([promise](Result result) { promise->set_value(std::move(result)); }); });
        return future.get();
    }

    std::unique_ptr<server::Server> server_;
    std::thread thread_;
    bool clean_ = true;
};

// A client with a blocking socket, which gives up after ten seconds.
class TestClient {
public:
    explicit TestClient(std::uint16_t port, int receive_buffer = 0)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const timeval limit{10, 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        if (receive_buffer > 0) ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    }

    bool connected() const { return connected_; }
    int fd() const { return socket_.get(); }

    bool send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    // Up to `most` bytes: as many as come before the end or the time-out.
    std::string receive(std::size_t most) const {
        std::string received(most, '\0');
        std::size_t length = 0;
        while (length < most) {
            const ssize_t now = ::recv(socket_.get(), received.data() + length, most - length, 0);
            if (now <= 0) break;
            length += static_cast<std::size_t>(now);
        }
        received.resize(length);
        return received;
    }
    bool echoes(std::string_view bytes) const { return send(bytes) && receive(bytes.size()) == bytes; }
    // True when the peer has closed in order.
    bool at_end() const {
        char byte = 0;
        return ::recv(socket_.get(), &byte, 1, 0) == 0;
    }
    void finish_sending() const { ::shutdown(socket_.get(), SHUT_WR); }
    void reset() {
        const linger at_once{1, 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        socket_.reset();
    }

private:
    telemetry::UniqueFd socket_;
    bool connected_ = false;
};

// A program of this build, or any by its whole path, as a child; ended by its pid with the object.
class Child {
public:
    explicit Child(std::vector<std::string> arguments) {
        int out[2];
        EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
        std::vector<char*> argv;
        if (!arguments.front().starts_with('/'))
            arguments.front() = std::string(CONNSCOPE_BIN_FOLDER) + "/" + arguments.front();
        for (std::string& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(out[1], STDOUT_FILENO);
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
        ::close(out[1]);
        output_.reset(out[0]);
    }
    Child(const Child&) = delete;
    ~Child() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    pid_t pid() const { return pid_; }
    void signal(int number) const { ::kill(pid_, number); }

    // The next line of its output without the end; empty after ten seconds or at the end.
    std::string line() {
        for (;;) {
            if (const std::size_t end = text_.find('\n'); end != std::string::npos) {
                std::string found = text_.substr(0, end);
                text_.erase(0, end + 1);
                return found;
            }
            pollfd entry{output_.get(), POLLIN, 0};
            char piece[4096];
            if (::poll(&entry, 1, 10'000) <= 0) return {};
            const ssize_t length = ::read(output_.get(), piece, sizeof(piece));
            if (length <= 0) return {};
            text_.append(piece, static_cast<std::size_t>(length));
        }
    }
    // Everything it prints until it ends.
    std::string rest() {
        char piece[4096];
        ssize_t length = 0;
        while ((length = ::read(output_.get(), piece, sizeof(piece))) > 0)
            text_.append(piece, static_cast<std::size_t>(length));
        return std::exchange(text_, {});
    }
    // Its exit code, or 128 + signal; -1 when it does not end in time.
    int wait(std::chrono::milliseconds limit = 20s) {
        int status = 0;
        if (!eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, limit)) return -1;
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    pid_t pid_ = -1;
    telemetry::UniqueFd output_;
    std::string text_;
};

// "key=value" out of a ready line.
inline std::string field(const std::string& line, const std::string& key) {
    const std::size_t begin = line.find(key + "=");
    if (begin == std::string::npos) return {};
    const std::size_t value = begin + key.size() + 1;
    return line.substr(value, line.find(' ', value) - value);
}

} // namespace connscope::test
