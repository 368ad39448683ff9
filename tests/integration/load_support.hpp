// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/unique_fd.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

// What the load's tests share: small servers that behave, well or badly, as a test says, and connscope-load as a process.
namespace connscope::test {

// A server on a port of its own: each connection is a thread that runs `conversation` with its socket, which the server
// closes afterwards.
class Server {
public:
    using Conversation = std::function<void(int socket)>;

    explicit Server(Conversation conversation, int backlog = 4096)
        : conversation_(std::move(conversation))
        , listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener_.get(), backlog), 0);
        socklen_t length = sizeof address;
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
        port_ = ntohs(address.sin_port);
        accepting_ = std::thread([this] { accept_all(); });
    }
    ~Server() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        accepting_.join();
        {
            const std::lock_guard lock(mutex_);
            for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
        }
        for (auto& thread : threads_) thread.join();
        for (const int socket : sockets_) ::close(socket);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    std::uint64_t accepted() const { return accepted_.load(); }

private:
    void accept_all() {
        for (;;) {
            const int socket = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
            if (socket < 0 && errno == EINTR) continue;
            if (socket < 0) return;
            ++accepted_;
            const std::lock_guard lock(mutex_);
            sockets_.push_back(socket);
            threads_.emplace_back([this, socket] {
                conversation_(socket);
                ::shutdown(socket, SHUT_RDWR); // the descriptor lives on until the end, so that its number is not reused
            });
        }
    }

    Conversation conversation_;
    telemetry::UniqueFd listener_;
    std::uint16_t port_ = 0;
    std::atomic<std::uint64_t> accepted_{0};
    std::thread accepting_;
    std::mutex mutex_;
    std::vector<int> sockets_;
    std::vector<std::thread> threads_;
};

inline bool send_all(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

// Sends back what comes, after `change` had a look at it.
inline Server::Conversation echo(std::function<void(std::string&)> change = [](std::string&) {}) {
    return [change = std::move(change)](int socket) {
        std::array<char, 65536> buffer;
        for (;;) {
            const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
            if (count <= 0) return;
            std::string bytes(buffer.data(), static_cast<std::size_t>(count));
            change(bytes);
            if (!send_all(socket, bytes)) return;
        }
    };
}

// Answers each HTTP request that has no content with `answer`.
inline Server::Conversation http(std::string answer) {
    return [answer = std::move(answer)](int socket) {
        std::array<char, 4096> buffer;
        std::string received;
        for (;;) {
            const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
            if (count <= 0) return;
            received.append(buffer.data(), static_cast<std::size_t>(count));
            for (std::size_t end = received.find("\r\n\r\n"); end != std::string::npos; end = received.find("\r\n\r\n")) {
                received.erase(0, end + 4);
                if (!send_all(socket, answer)) return;
            }
        }
    };
}

// A port that nobody listens on: it was free a moment ago.
inline std::string silent_address() {
    const telemetry::UniqueFd socket(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    socklen_t length = sizeof address;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
    return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

// A program of this build as a process, its output in files.
class Program {
public:
    explicit Program(std::vector<std::string> command) {
        static std::atomic<int> number{0};
        const std::string base =
            testing::TempDir() + "connscope-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
        out_ = base + ".out";
        error_ = base + ".err";
        std::vector<char*> arguments;
        for (auto& argument : command) arguments.push_back(argument.data());
        arguments.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            if (std::freopen(out_.c_str(), "w", stdout) == nullptr || std::freopen(error_.c_str(), "w", stderr) == nullptr)
                ::_exit(126);
            ::execvp(arguments[0], arguments.data());
            ::_exit(127);
        }
    }
    ~Program() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            wait();
        }
        ::unlink(out_.c_str());
        ::unlink(error_.c_str());
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    // Its exit code, or 128 + the signal that ended it.
    int wait() {
        if (pid_ <= 0) return exit_code_;
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = 0;
        exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return exit_code_;
    }
    void signal(int number) const { ::kill(pid_, number); }
    pid_t pid() const { return pid_; }
    std::string out() const { return content(out_); }
    std::string error() const { return content(error_); }

    // Waits until a line of its output begins with `begin`; empty when it ended before.
    std::string line(std::string_view begin) {
        for (;;) {
            siginfo_t ended{};
            const bool gone =
                ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid != 0;
            const std::string text = "\n" + out() + error();
            const std::size_t found = text.find("\n" + std::string(begin));
            if (found != std::string::npos) {
                const std::size_t end = text.find('\n', found + 1);
                if (end != std::string::npos) return text.substr(found + 1, end - found - 1);
            }
            if (gone) return {};
            ::poll(nullptr, 0, 5);
        }
    }

private:
    static std::string content(const std::string& file) {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    pid_t pid_ = 0;
    int exit_code_ = -1;
    std::string out_;
    std::string error_;
};

inline std::vector<std::string> load_command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), CONNSCOPE_BIN_FOLDER "/connscope-load");
    return arguments;
}

// connscope-load, run to its end.
struct Loaded {
    int exit_code = -1;
    std::string out;
    std::string error;
    boost::json::object summary; // with --json

    std::uint64_t connections(std::string_view key) const {
        return summary.at("connections").at(key).to_number<std::uint64_t>();
    }
    std::uint64_t requests(std::string_view key) const { return summary.at("requests").at(key).to_number<std::uint64_t>(); }
    std::uint64_t failed_by(std::string_view key) const {
        return summary.at("requests").at("failed_by").at(key).to_number<std::uint64_t>();
    }
    double latency_us(std::string_view key) const { return summary.at("latency_us").at(key).to_number<double>(); }
};
inline Loaded load(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    Program program(load_command(std::move(arguments)));
    Loaded loaded;
    loaded.exit_code = program.wait();
    loaded.out = program.out();
    loaded.error = program.error();
    boost::json::error_code error;
    auto value = boost::json::parse(loaded.out, error);
    if (!error && value.is_object()) loaded.summary = std::move(value.get_object());
    return loaded;
}

} // namespace connscope::test
