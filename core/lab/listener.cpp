// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/listener.hpp"

#include "connscope/load/target.hpp"
#include "connscope/observe/proc_file.hpp"
#include "connscope/observe/socket_table.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

namespace connscope::lab {
namespace {

// Whether one of the process's descriptors is a socket with one of these inodes.
bool holds_one_of(std::uint32_t pid, const std::set<std::string>& links) {
    const telemetry::UniqueFd folder = observe::open_in(AT_FDCWD, fmt::format("/proc/{}/fd", pid).c_str(), O_DIRECTORY);
    std::vector<std::uint32_t> descriptors;
    if (!folder || !observe::list_numbers(folder.get(), descriptors)) return false;
    return std::any_of(descriptors.begin(), descriptors.end(), [&](std::uint32_t descriptor) {
        char text[64];
        const ssize_t length = ::readlinkat(folder.get(), std::to_string(descriptor).c_str(), text, sizeof text);
        return length > 0 && links.count(std::string(text, static_cast<std::size_t>(length))) > 0;
    });
}

} // namespace

telemetry::Outcome<std::vector<std::uint32_t>> processes_listening_at(const std::string& address) {
    const auto target = load::resolve(address);
    if (!target) return target.error();
    // The port is at the same place in the addresses of both families.
    sockaddr_in start{};
    std::memcpy(&start, &target->address, sizeof start);
    const std::uint16_t port = ntohs(start.sin_port);
    auto table = observe::SocketTable::open();
    if (!table) return std::move(table).error();
    std::vector<observe::SocketReading> sockets;
    if (auto read = table->read(sockets, {.memory = false, .figures = false, .local_port = port}); !read)
        return read.error();
    std::set<std::string> links;
    for (const observe::SocketReading& socket : sockets)
        if (socket.state == observe::SocketState::listening) links.insert(fmt::format("socket:[{}]", socket.inode));
    if (links.empty())
        return telemetry::Error{std::make_error_code(std::errc::connection_refused),
                                fmt::format("nobody on this machine listens at {}", address)};
    std::vector<std::uint32_t> all, found;
    const telemetry::UniqueFd proc = observe::open_in(AT_FDCWD, "/proc", O_DIRECTORY);
    if (!proc || !observe::list_numbers(proc.get(), all)) return telemetry::system_error(errno, "/proc");
    for (const std::uint32_t pid : all)
        if (holds_one_of(pid, links)) found.push_back(pid);
    if (found.empty())
        return telemetry::Error{
            std::make_error_code(std::errc::permission_denied),
            fmt::format("the server at {} belongs to another user: what it uses can be seen by that user and root",
                        address)};
    return found;
}

} // namespace connscope::lab
