// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/moves.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace connscope::server {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using telemetry::Error;

void Moves::begin(ConnectionId id, std::uint8_t place, MoveDone done) {
    if (moves_.size() >= most)
        return done(Error{std::make_error_code(std::errc::resource_unavailable_try_again),
                          fmt::format("{} connections are being moved already; try again when some have arrived", most)});
    const auto before = registry_.send(id, place);
    if (!before)
        return done(Error{std::make_error_code(std::errc::invalid_argument), fmt::format("there is no connection {}", id)});
    // A connection that is on its way learns on arrival that it shall be elsewhere.
    if (!before->in_transit && before->mode != place) places_.mode(before->mode).release(id);
    moves_.push_back({id, place, steady_clock::now(), std::move(done)});
    interval_ = milliseconds(1);
    watch();
}

void Moves::give_up(const std::string& why) {
    timer_.cancel();
    for (Move& move : std::exchange(moves_, {})) move.done(Error{std::make_error_code(std::errc::operation_canceled), why});
}

std::optional<telemetry::Outcome<std::chrono::nanoseconds>> Moves::outcome_of(const Move& move) {
    const auto now = registry_.where(move.id);
    if (!now)
        return Error{std::make_error_code(std::errc::connection_aborted),
                     fmt::format("connection {} ended before it could be moved", move.id)};
    if (now->target != move.place)
        return Error{std::make_error_code(std::errc::resource_unavailable_try_again),
                     fmt::format("connection {} stays where it was: {}", move.id, why_refused_())};
    const auto taken = steady_clock::now() - move.begin;
    if (!now->in_transit && now->mode == move.place) return taken;
    if (now->in_transit) return std::nullopt;
    if (taken > patience) {
        registry_.send(move.id, now->mode);
        return Error{std::make_error_code(std::errc::timed_out),
                     fmt::format("connection {} did not come to the end of what it does within {} s; it stays where it is",
                                 move.id, patience.count())};
    }
    if (taken > milliseconds(5)) places_.mode(now->mode).release(move.id); // it may have missed the first request
    return std::nullopt;
}

void Moves::watch() {
    // An answer may begin another move: nothing of the list is held on to while it is given.
    for (std::size_t i = 0; i < moves_.size();) {
        auto outcome = outcome_of(moves_[i]);
        if (!outcome) {
            ++i;
            continue;
        }
        const MoveDone done = std::move(moves_[i].done);
        moves_.erase(moves_.begin() + static_cast<std::ptrdiff_t>(i));
        done(*outcome);
    }
    if (moves_.empty()) return;
    timer_.expires_after(interval_);
    interval_ = std::min(interval_ * 2, milliseconds(16));
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) watch();
    });
}

} // namespace connscope::server
