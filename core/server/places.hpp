// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/mode.hpp"

#include <array>
#include <cstdint>

namespace connscope::server {

class Registry;

// The modes that may carry connections: the current one, those that connections are leaving, and those to which single
// connections were moved. A mode is made and ended on the control thread, before a connection is sent there and after the
// last has left; in between any thread may use it.
class Places {
public:
    static constexpr std::size_t most = 32;

    explicit Places(Host& host) noexcept
        : host_(host) {}

    // The place of a mode with these parameters: one that is there serves again, before another is made. Errors: too many;
    // the mode cannot start.
    telemetry::Outcome<std::uint8_t> make(std::uint8_t number, const ModeOptions& options);

    Mode& mode(std::uint8_t place) noexcept { return *places_[place].mode; }
    std::uint8_t number(std::uint8_t place) const noexcept { return places_[place].number; } // in the table of modes
    const ModeOptions& options(std::uint8_t place) const noexcept { return places_[place].options; }
    const ModeInfo& info(std::uint8_t place) const noexcept;
    bool in_use(std::uint8_t place) const noexcept { return places_[place].mode != nullptr; }

    // Asks all connections that are not at `place` to leave where they are.
    void release_all_but(std::uint8_t place);
    // Ends the modes where no connection is, comes from or goes to, but for the one at `keep`.
    void end_unused(const Registry& registry, std::uint8_t keep);
    void end_all();

private:
    struct Place {
        std::uint8_t number = 0;
        ModeOptions options{};
        std::unique_ptr<Mode> mode{};
    };

    Host& host_;
    std::array<Place, most> places_;
};

} // namespace connscope::server
