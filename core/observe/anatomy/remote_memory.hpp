// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace connscope::observe {

// The memory of another process, read without stopping it (process_vm_readv(2)): about 1 µs a call. What is read may change
// while it is being read, so who needs one moment checks afterwards that nothing has moved. Any thread.
class RemoteMemory {
public:
    explicit RemoteMemory(std::uint32_t pid) noexcept
        : pid_(pid) {}

    std::uint32_t pid() const noexcept { return pid_; }

    // Copies what is at `address`; false with errno set when not all of it can be read.
    bool read(std::uint64_t address, std::span<std::byte> into) const noexcept;

    // A value of the process, taken as it lies there.
    template <class T>
    std::optional<T> value(std::uint64_t address) const noexcept {
        static_assert(std::is_trivially_copyable_v<T>);
        T read_value;
        if (!read(address, std::as_writable_bytes(std::span(&read_value, 1)))) return std::nullopt;
        return read_value;
    }

    // Why reading fails altogether, if it does: another user's process, or one that may not be traced from here
    // (kernel.yama.ptrace_scope), or one that has ended.
    telemetry::Status check(std::uint64_t readable_address) const;

private:
    std::uint32_t pid_;
};

// A piece of a process's memory as it was at one moment.
struct MemoryCopy {
    std::uint64_t address = 0;
    std::vector<std::byte> bytes;

    std::uint64_t end() const noexcept { return address + bytes.size(); }
    bool holds(std::uint64_t from, std::size_t count) const noexcept {
        return from >= address && from <= end() && end() - from >= count;
    }
    // The eight bytes at an address that it holds.
    std::optional<std::uint64_t> word(std::uint64_t from) const noexcept;
};

} // namespace connscope::observe
