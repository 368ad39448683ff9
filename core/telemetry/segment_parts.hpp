// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/reading.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <sys/types.h>

#include <filesystem>

namespace connscope::telemetry {

// A segment's header, parsed once: every section that a reader uses lies inside the file, is aligned and large enough.
struct SegmentParts {
    SegmentIdentity identity;
    std::uint64_t file_bytes = 0;
    layout::Section gauges{};
    layout::Section slots{};
    layout::Section rings{};
    layout::Section events{};
    layout::Section histograms{};
    layout::Section load{};
    layout::Section populations{};
    std::uint64_t events_per_ring = 0;
};

struct OpenedSegment {
    UniqueFd file;
    dev_t device = 0;
    ino_t inode = 0;
    SegmentParts parts;
};

// Opens a segment for reading and checks everything that the header says of itself. Errors: SegmentErrc.
Outcome<OpenedSegment> open_segment(const std::filesystem::path& path);

} // namespace connscope::telemetry
