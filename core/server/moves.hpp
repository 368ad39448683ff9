// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/places.hpp"
#include "connscope/server/registry.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace connscope::server {

// What moving one connection came to: the time from the request to its arrival.
using MoveDone = std::function<void(telemetry::Outcome<std::chrono::nanoseconds>)>;

// The single connections that are on their way from one mode to another while all others stay. Control thread.
class Moves {
public:
    // `why_refused` says why a mode could not take a connection last.
    Moves(boost::asio::io_context& context, Registry& registry, Places& places, std::function<std::string()> why_refused)
        : registry_(registry)
        , places_(places)
        , why_refused_(std::move(why_refused))
        , timer_(context) {}

    // Moves a connection to a place. `done` is called when it has arrived, or with an error when there is none with that
    // id, it ends before, the mode refuses it (then it stays where it was), it does not come to the end of an action in
    // time, a change of all connections takes it along, or too many are on their way already.
    void begin(ConnectionId id, std::uint8_t place, MoveDone done);

    // Answers all that are on their way: something else decides where they go.
    void give_up(const std::string& why);

private:
    struct Move {
        ConnectionId id;
        std::uint8_t place;
        std::chrono::steady_clock::time_point begin;
        MoveDone done;
    };
    static constexpr std::size_t most = 256;
    static constexpr std::chrono::seconds patience{10};

    void watch();
    // What became of a move; nothing while it is on its way.
    std::optional<telemetry::Outcome<std::chrono::nanoseconds>> outcome_of(const Move& move);

    Registry& registry_;
    Places& places_;
    std::function<std::string()> why_refused_;
    boost::asio::steady_timer timer_;
    std::chrono::milliseconds interval_{1};
    std::vector<Move> moves_;
};

} // namespace connscope::server
