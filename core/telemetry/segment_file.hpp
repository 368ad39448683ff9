// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/layout.hpp"
#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::telemetry {

// A section that a segment shall have.
struct SectionPlan {
    layout::SectionKind kind;
    std::uint32_t stride;
    std::uint64_t count;
    bool reserve_now = true; // false: its memory is reserved later, in parts
};

struct SegmentPlan {
    layout::SegmentKind kind;
    std::string name;
    std::string program;
    std::vector<SectionPlan> sections;
};

// The writer's side of a segment: a file in the runtime folder, mapped for writing, zero but for its header. Marked as ended
// and removed by the destructor. Creation and destruction on one thread; the memory is everybody's.
class SegmentFile {
public:
    // Errors: the name is not valid or is a living process's, no room for the file, no rights. What a dead process left
    // under the same name is replaced.
    static Outcome<SegmentFile> create(const SegmentPlan& plan);
    SegmentFile(SegmentFile&& other) noexcept;
    SegmentFile& operator=(SegmentFile&&) = delete;
    ~SegmentFile();

    const std::filesystem::path& path() const noexcept { return path_; }
    int file() const noexcept { return file_.get(); }
    layout::Header& header() noexcept { return *static_cast<layout::Header*>(memory_); }

    // The first element of a section. Precondition: the plan had it.
    template <class T>
    T* section(layout::SectionKind kind) noexcept {
        return reinterpret_cast<T*>(static_cast<std::byte*>(memory_) + plan_of(kind).offset);
    }

    // Reserves memory for elements of a section planned with reserve_now = false; false when there is no room, and then they
    // must not be written (a write would end the process).
    bool reserve(layout::SectionKind kind, std::uint64_t first, std::uint64_t count) noexcept;

    // Says that everything a reader needs is there.
    void complete() noexcept;
    // Whether a SegmentReader has the file open: each holds a lock for reading on its first byte.
    bool watched() const noexcept;
    // Says how ticks become time now. One thread at a time.
    void write_clock() noexcept;

private:
    SegmentFile() = default;
    const layout::Section& plan_of(layout::SectionKind kind) const noexcept;

    std::filesystem::path path_;
    UniqueFd file_;
    void* memory_ = nullptr;
    std::size_t bytes_ = 0;
};

// Copies text into a zero-terminated field, cutting what does not fit.
template <std::size_t N>
void copy_text(std::array<char, N>& into, std::string_view text) noexcept {
    const std::size_t length = std::min(text.size(), N - 1);
    text.copy(into.data(), length);
    into[length] = '\0';
}

} // namespace connscope::telemetry
