// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/guests.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace connscope::lab {

Guests::Guests(const load::Target& target, std::string request)
    : connector_(target)
    , request_(std::move(request)) {}

bool Guests::go_on(Guest& guest, bool& failed) const {
    while (guest.sent < request_.size()) {
        const ssize_t sent =
            ::send(guest.socket.get(), request_.data() + guest.sent, request_.size() - guest.sent, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) failed = true;
        if (sent <= 0) return false;
        guest.sent += static_cast<std::size_t>(sent);
    }
    char answer[16384];
    ssize_t length = 0;
    bool answered = false;
    while ((length = ::recv(guest.socket.get(), answer, sizeof answer, MSG_DONTWAIT)) > 0) answered = true;
    if (length == 0 || (errno != EAGAIN && errno != EINTR)) failed = !answered || length == 0;
    return answered && !failed;
}

telemetry::Outcome<std::chrono::nanoseconds> Guests::open(std::size_t count, std::chrono::milliseconds limit,
                                                          const Stop& stop) {
    using Clock = std::chrono::steady_clock;
    constexpr std::size_t most_under_way = 256;
    const auto begin = Clock::now();
    std::vector<Guest> under_way;
    std::vector<pollfd> entries;
    std::string lost;
    while (idle_.size() < count) {
        while (under_way.size() < most_under_way && idle_.size() + under_way.size() < count && lost.empty()) {
            load::Connector::Begun begun = connector_.begin(false);
            if (!begun.socket) {
                lost = std::strerror(begun.error);
                break;
            }
            under_way.push_back({std::move(begun.socket)});
        }
        const bool late = Clock::now() - begin > limit;
        if (stop.asked() || late || under_way.empty() || !lost.empty())
            return telemetry::Error{std::make_error_code(std::errc::timed_out),
                                    fmt::format("only {} of {} connections were opened and answered{}", idle_.size(), count,
                                                !lost.empty() ? ": " + lost
                                                : late        ? fmt::format(" within {} s", limit.count() / 1000)
                                                              : "")};
        entries.clear();
        for (const Guest& guest : under_way)
            entries.push_back({guest.socket.get(), static_cast<short>(guest.sent < request_.size() ? POLLOUT : POLLIN), 0});
        ::poll(entries.data(), entries.size(), 100);
        for (std::size_t i = under_way.size(); i-- > 0;) {
            if (entries[i].revents == 0) continue;
            bool failed = false;
            if (go_on(under_way[i], failed))
                idle_.push_back(std::move(under_way[i].socket));
            else if (failed)
                lost = "the server closed one of them";
            else
                continue;
            if (i + 1 != under_way.size()) under_way[i] = std::move(under_way.back());
            under_way.pop_back();
        }
    }
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin);
}

} // namespace connscope::lab
