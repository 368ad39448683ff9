// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <cstdint>
#include <optional>

namespace connscope::app {

// What connscope-serve and connscope-load say on standard output once they are ready:
// "listening on ADDRESS:PORT mode=ID protocol=ID pid=N control=PATH segment=NAME", "loading ADDRESS:PORT protocol=ID pid=N
// …".
struct ReadyLine {
    QString address;
    std::uint32_t pid = 0;
    QString control_path;
    QString segment_name;
};

// None when the line is not a ready line or lacks one of the four. Unknown keys are skipped.
std::optional<ReadyLine> parse_ready_line(const QString& line);

} // namespace connscope::app
