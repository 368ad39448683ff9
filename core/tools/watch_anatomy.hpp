// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/anatomy/anatomy.hpp"
#include "connscope/observe/targets.hpp"
#include "connscope/telemetry/reader.hpp"

#include <string>

namespace connscope::watch {

using observe::Target;

// Reads what one connection of a server is made of, again and again. One thread at a time.
class Anatomist {
public:
    // Errors: the target has no segment, is several processes, or has no such connection; its memory may not be read.
    static telemetry::Outcome<Anatomist> open(const Target& target, std::uint64_t connection);

    // As two lists for a person, or as a line of JSON. Errors: the connection has ended.
    telemetry::Outcome<std::string> read(bool as_json);

private:
    Anatomist(telemetry::SegmentReader segment, observe::AnatomyReader reader, std::uint32_t slot, std::uint64_t connection)
        : segment_(std::move(segment))
        , reader_(std::move(reader))
        , slot_(slot)
        , connection_(connection) {}

    telemetry::SegmentReader segment_;
    observe::AnatomyReader reader_;
    std::uint32_t slot_;
    std::uint64_t connection_;
};

} // namespace connscope::watch
