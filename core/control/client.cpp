// SPDX-License-Identifier: BSL-1.0
#include "connscope/control/client.hpp"

#include <boost/json.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace connscope::control {
namespace {

namespace json = boost::json;
using telemetry::Error;
using Clock = std::chrono::steady_clock;

Error failure(std::errc code, const std::string& text) { return {std::make_error_code(code), text}; }

// Waits until the socket can be read or written; false when the time is over.
bool wait_for(int socket, short events, Clock::time_point deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) return false;
        pollfd entry{socket, events, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return true; // the call that follows tells the error
    }
}

} // namespace

telemetry::Outcome<Client> Client::connect(const std::filesystem::path& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket_path.string();
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return failure(std::errc::filename_too_long, "'" + path + "' cannot be a control socket's path");
    std::memcpy(address.sun_path, path.data(), path.size());
    telemetry::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return telemetry::system_error(errno, "cannot make a socket");
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return telemetry::system_error(errno, "cannot reach the control socket " + path);
    ucred peer{};
    socklen_t length = sizeof(peer);
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
        (peer.uid != ::geteuid() && peer.uid != 0 && ::geteuid() != 0))
        return failure(std::errc::permission_denied, "the control socket " + path + " is another user's");
    return Client(std::move(socket));
}

telemetry::Outcome<json::value> Client::call(std::string_view method, json::object parameters,
                                             std::chrono::milliseconds time_out) {
    const auto deadline = Clock::now() + time_out;
    const std::int64_t id = next_id_++;
    const std::string request = json::serialize(json::object{
                                    {"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(parameters)}, {"id", id}}) +
                                "\n";
    const auto late = [&] {
        return failure(std::errc::timed_out,
                       "no answer to '" + std::string(method) + "' within " + std::to_string(time_out.count()) + " ms");
    };
    for (std::size_t sent = 0; sent < request.size();) {
        const ssize_t now = ::send(socket_.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (now > 0)
            sent += static_cast<std::size_t>(now);
        else if (errno == EAGAIN) {
            if (!wait_for(socket_.get(), POLLOUT, deadline)) return late();
        } else if (errno != EINTR)
            return telemetry::system_error(errno, "the control connection broke");
    }
    for (;;) {
        if (const std::size_t end = received_.find('\n'); end != std::string::npos) {
            boost::system::error_code error;
            const json::value message = json::parse(std::string_view(received_).substr(0, end), error);
            received_.erase(0, end + 1);
            const json::object* answer = error ? nullptr : message.if_object();
            if (answer == nullptr) return failure(std::errc::bad_message, "the server's answer is no JSON object");
            const json::value* answered = answer->if_contains("id");
            if (answered == nullptr || !answered->is_number() || answered->to_number<std::int64_t>(error) != id || error)
                continue;
            if (const json::value* result = answer->if_contains("result")) return *result;
            const json::value* refused = answer->if_contains("error");
            const json::value* text =
                refused != nullptr && refused->is_object() ? refused->get_object().if_contains("message") : nullptr;
            return failure(std::errc::operation_not_permitted, text != nullptr && text->is_string()
                                                                   ? std::string(text->get_string())
                                                                   : "the server refused without a reason");
        }
        std::array<char, 16 * 1024> piece{};
        const ssize_t length = ::recv(socket_.get(), piece.data(), piece.size(), 0);
        if (length > 0)
            received_.append(piece.data(), static_cast<std::size_t>(length));
        else if (length == 0)
            return failure(std::errc::connection_reset, "the server closed the control connection");
        else if (errno == EAGAIN) {
            if (!wait_for(socket_.get(), POLLIN, deadline)) return late();
        } else if (errno != EINTR)
            return telemetry::system_error(errno, "the control connection broke");
    }
}

} // namespace connscope::control
