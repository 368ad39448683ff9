// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/lab/stop.hpp"
#include "connscope/load/target.hpp"
#include "connscope/telemetry/outcome.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace connscope::lab {

// The experiment's own connections to a server: each asks once, is answered, and is idle from then on. One thread at a time.
class Guests {
public:
    Guests(const load::Target& target, std::string request);

    // Opens until there are `count` and the last has been answered; returns how long that took. At most 256 are under way
    // at a time, so that no server's queue of new connections overflows. Errors: not all were answered in time; how many.
    telemetry::Outcome<std::chrono::nanoseconds> open(std::size_t count, std::chrono::milliseconds limit, const Stop& stop);

    std::size_t size() const noexcept { return idle_.size(); }
    void close() { idle_.clear(); }

private:
    struct Guest {
        telemetry::UniqueFd socket;
        std::size_t sent = 0; // of the request
    };
    // Goes on with one that is ready; true when it has been answered. False with `failed` set when it is lost.
    bool go_on(Guest& guest, bool& failed) const;

    load::Connector connector_;
    std::string request_;
    std::vector<telemetry::UniqueFd> idle_;
};

} // namespace connscope::lab
