// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/anatomy/remote_memory.hpp"

#include <fmt/format.h>

#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace connscope::observe {

bool RemoteMemory::read(std::uint64_t address, std::span<std::byte> into) const noexcept {
    const iovec local{into.data(), into.size()};
    const iovec remote{reinterpret_cast<void*>(address), into.size()}; // NOLINT: an address of the other process
    const ssize_t got = ::process_vm_readv(static_cast<pid_t>(pid_), &local, 1, &remote, 1, 0);
    if (got == static_cast<ssize_t>(into.size())) return true;
    if (got >= 0) errno = EFAULT; // it ends before
    return false;
}

telemetry::Status RemoteMemory::check(std::uint64_t readable_address) const {
    std::byte one{};
    if (read(readable_address, std::span(&one, 1))) return telemetry::success();
    if (errno == EPERM)
        return telemetry::Error{
            std::make_error_code(std::errc::permission_denied),
            fmt::format("the memory of process {} may not be read from here: it belongs to another user, or "
                        "kernel.yama.ptrace_scope lets only its parent; root, or CAP_SYS_PTRACE, may",
                        pid_)};
    if (errno == ESRCH)
        return telemetry::Error{std::make_error_code(std::errc::no_such_process),
                                fmt::format("there is no process {}", pid_)};
    return telemetry::system_error(errno, fmt::format("cannot read the memory of process {}", pid_));
}

std::optional<std::uint64_t> MemoryCopy::word(std::uint64_t from) const noexcept {
    if (!holds(from, sizeof(std::uint64_t))) return std::nullopt;
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + (from - address), sizeof(value));
    return value;
}

} // namespace connscope::observe
