// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <cstddef>

namespace connscope::telemetry {

// A read-only mapping of a file that somebody else may cut short at any moment. Where the file has gone, zeros are read and
// damaged() turns true, instead of the process ending by SIGBUS. For that a process-wide SIGBUS handler is installed with
// the first mapping; faults elsewhere go to the handler that was there before.
class GuardedMapping {
public:
    // Errors: the system's, or too many mappings at once (256).
    static Outcome<GuardedMapping> map(int fd, std::size_t bytes);
    GuardedMapping(GuardedMapping&& other) noexcept;
    GuardedMapping& operator=(GuardedMapping&& other) noexcept;
    GuardedMapping(const GuardedMapping&) = delete;
    ~GuardedMapping();

    const std::byte* data() const noexcept { return static_cast<const std::byte*>(memory_); }
    std::size_t size() const noexcept { return bytes_; }
    bool damaged() const noexcept;

private:
    GuardedMapping() = default;
    void unmap() noexcept;

    void* memory_ = nullptr;
    std::size_t bytes_ = 0;
    std::size_t guard_ = 0;
};

} // namespace connscope::telemetry
