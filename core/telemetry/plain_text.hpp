// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>

namespace connscope::telemetry {

// Text of somebody else's as it can be shown anywhere: each byte that is no part of a well-formed UTF-8 character, and each
// character that moves a cursor, starts a terminal's command, turns the direction of writing or is not seen, is a '?'; so is
// '<', with which a label would take it for rich text.
// Source: Unicode 15, table 3-7 and the general categories Cc, Cf, Zl and Zp.
std::string plain_text(std::string_view text);

} // namespace connscope::telemetry
