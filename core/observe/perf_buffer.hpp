// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/unique_fd.hpp"

#include <linux/perf_event.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace connscope::observe {

// The ring in which the kernel writes the records of one perf event (perf_event_open(2), "MMAP layout"). One thread at a
// time.
class PerfBuffer {
public:
    // Maps `bytes` (a power of two of pages) of the event's ring; not mapped() with errno set when that is refused.
    PerfBuffer(telemetry::UniqueFd event, std::size_t bytes);
    PerfBuffer(PerfBuffer&& other) noexcept;
    PerfBuffer& operator=(PerfBuffer&&) = delete;
    ~PerfBuffer();

    bool mapped() const noexcept { return page_ != nullptr; }
    int event() const noexcept { return event_.get(); }

    // Calls `take(const perf_event_header&, const std::byte* body, std::size_t body_bytes)` for each record, oldest first,
    // and gives their room back to the kernel.
    template <class Take>
    void drain(Take take) {
        const std::uint64_t head = begin();
        while (tail_ != head) {
            std::size_t bytes = 0;
            const std::byte* const record = next(head, bytes);
            if (record == nullptr) break;
            take(*reinterpret_cast<const perf_event_header*>(record), record + sizeof(perf_event_header),
                 bytes - sizeof(perf_event_header));
        }
        finish(head);
    }

private:
    std::uint64_t begin() noexcept;
    const std::byte* next(std::uint64_t head, std::size_t& bytes);
    void finish(std::uint64_t head) noexcept;

    telemetry::UniqueFd event_;
    perf_event_mmap_page* page_ = nullptr;
    const std::byte* ring_ = nullptr;
    std::size_t bytes_ = 0; // of the ring alone
    std::uint64_t tail_ = 0;
    std::vector<std::byte> wrapped_; // a record that lies across the ring's end, in one piece
};

} // namespace connscope::observe
