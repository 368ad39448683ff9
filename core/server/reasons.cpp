// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/reasons.hpp"

namespace connscope::server {

using telemetry::Gauge;

Gauge gauge_of(CloseReason reason) noexcept {
    switch (reason) {
    case CloseReason::peer:
        return Gauge::closed_by_peer;
    case CloseReason::reset:
        return Gauge::closed_by_reset;
    case CloseReason::protocol:
        return Gauge::closed_by_protocol;
    case CloseReason::timeout:
        return Gauge::closed_by_timeout;
    case CloseReason::request:
        return Gauge::closed_by_request;
    case CloseReason::error:
        break;
    }
    return Gauge::closed_by_error;
}

std::string_view name_of(RefuseReason reason) noexcept {
    switch (reason) {
    case RefuseReason::descriptors:
        return "descriptors";
    case RefuseReason::carriers:
        return "carriers";
    case RefuseReason::limit:
        return "limit";
    case RefuseReason::memory:
        return "memory";
    case RefuseReason::draining:
        return "draining";
    }
    return "unknown";
}

} // namespace connscope::server
