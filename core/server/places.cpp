// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/places.hpp"

#include "connscope/server/modes/table.hpp"
#include "connscope/server/registry.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace connscope::server {

using telemetry::Error;

telemetry::Outcome<std::uint8_t> Places::make(std::uint8_t number, const ModeOptions& options) {
    const auto same = std::find_if(places_.begin(), places_.end(), [&](const Place& place) {
        return place.mode && place.number == number && place.options == options;
    });
    if (same != places_.end()) return static_cast<std::uint8_t>(same - places_.begin());
    const auto free = std::find_if(places_.begin(), places_.end(), [](const Place& place) { return !place.mode; });
    if (free == places_.end())
        return Error{std::make_error_code(std::errc::resource_unavailable_try_again),
                     "too many changes of mode at once: connections are still leaving earlier modes"};
    try {
        *free = {number, options, modes()[number].make(host_, number, options)};
        return static_cast<std::uint8_t>(free - places_.begin());
    } catch (const std::exception& failure) {
        return Error{std::make_error_code(std::errc::resource_unavailable_try_again),
                     fmt::format("cannot start the mode {}: {}", modes()[number].id, failure.what())};
    }
}

const ModeInfo& Places::info(std::uint8_t place) const noexcept { return modes()[places_[place].number]; }

void Places::release_all_but(std::uint8_t place) {
    for (std::uint8_t other = 0; other < most; ++other)
        if (other != place && places_[other].mode) places_[other].mode->release_all();
}

void Places::end_unused(const Registry& registry, std::uint8_t keep) {
    const Registry::Counts counts = registry.counts();
    for (std::uint8_t place = 0; place < most; ++place)
        if (place != keep && places_[place].mode && !counts[place].in_use()) places_[place].mode.reset();
}

void Places::end_all() {
    for (Place& place : places_) place.mode.reset();
}

} // namespace connscope::server
