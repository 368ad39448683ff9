// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/outcome.hpp"

namespace connscope::telemetry {

Error system_error(int errno_value, const std::string& what) {
    const std::error_code code(errno_value, std::system_category());
    return {code, what + ": " + code.message()};
}

} // namespace connscope::telemetry
