// SPDX-License-Identifier: BSL-1.0
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <unistd.h>

#include <algorithm>
#include <tuple>

namespace connscope::telemetry {
namespace {

template <class Visit>
void each_segment_path(Visit visit) {
    const auto folder = runtime_folder();
    if (!folder) return;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(*folder, ignored))
        if (entry.path().extension() == segment_extension) visit(entry.path());
}

WriterState writer_of(const SegmentIdentity& identity) {
    return process_start_time(identity.pid) == identity.pid_start_time ? WriterState::alive : WriterState::died;
}

} // namespace

std::vector<FoundSegment> find_segments() {
    std::vector<FoundSegment> found;
    each_segment_path([&](const std::filesystem::path& path) {
        if (auto reader = SegmentReader::open(path))
            found.push_back({path, reader->identity(), writer_of(reader->identity())});
    });
    std::sort(found.begin(), found.end(), [](const FoundSegment& a, const FoundSegment& b) {
        return std::tuple(a.writer != WriterState::alive, a.identity.name) <
               std::tuple(b.writer != WriterState::alive, b.identity.name);
    });
    return found;
}

std::size_t remove_dead_segments() {
    std::size_t removed = 0;
    for (const FoundSegment& segment : find_segments()) {
        if (segment.writer == WriterState::alive) continue;
        if (::unlink(segment.path.c_str()) == 0) ++removed;
        std::error_code ignored;
        // Only what lies in the runtime folder is ours to remove, whatever the segment says.
        const std::filesystem::path control = control_path(segment.path.parent_path(), segment.path.stem().string());
        if (std::filesystem::is_socket(std::filesystem::symlink_status(control, ignored))) ::unlink(control.c_str());
    }
    return removed;
}

} // namespace connscope::telemetry
