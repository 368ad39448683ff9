// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/trace_point.hpp"

#include "connscope/observe/proc_file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace connscope::observe {
namespace {

using telemetry::Error;
using telemetry::Outcome;

constexpr const char* traces = "/sys/kernel/tracing";

// Mounts tracefs in a mount namespace of a child's own, which goes with the child.
std::optional<std::string> read_apart(const std::string& path) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
    const telemetry::UniqueFd reading(ends[0]);
    telemetry::UniqueFd writing(ends[1]);
    const pid_t child = ::fork();
    if (child == 0) { // only what is safe after a fork of a process with threads
        char text[4096];
        if (::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            ::mount("tracefs", traces, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0) {
            const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
            ssize_t length = 0;
            while ((length = ::read(file, text, sizeof text)) > 0)
                if (::write(writing.get(), text, static_cast<std::size_t>(length)) != length) break;
        }
        ::_exit(0);
    }
    writing.reset();
    std::string whole;
    char text[4096];
    ssize_t length = 0;
    while (child > 0 && (length = ::read(reading.get(), text, sizeof text)) > 0)
        whole.append(text, static_cast<std::size_t>(length));
    if (child > 0) ::waitpid(child, nullptr, 0);
    if (whole.empty()) return std::nullopt;
    return whole;
}

} // namespace

std::optional<std::size_t> TracePoint::offset_of(std::string_view field) const {
    // "\tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;"
    const std::size_t at = format.find(fmt::format(" {};", field));
    const std::size_t offset = at == std::string::npos ? at : format.find("offset:", at);
    if (offset == std::string::npos) return std::nullopt;
    std::string_view number = std::string_view(format).substr(offset + 7);
    const auto found = take_number(number);
    return found ? std::optional(static_cast<std::size_t>(*found)) : std::nullopt;
}

Outcome<TracePoint> find_trace_point(std::string_view name, std::string_view what) {
    const std::string path = fmt::format("{}/events/{}/format", traces, name);
    auto format = read_whole(AT_FDCWD, path.c_str());
    const int refused = errno;
    if (!format && ::geteuid() == 0) format = read_apart(path);
    if (!format && (refused == EACCES || refused == EPERM || ::geteuid() != 0))
        return Error{std::make_error_code(std::errc::permission_denied),
                     fmt::format("{} needs root: the kernel's trace point {}", what, name)};
    TracePoint point;
    if (format) {
        const auto id = number_of(*format, "ID:");
        if (id) {
            point.id = *id;
            point.format = std::move(*format);
            return point;
        }
    }
    return Error{std::make_error_code(std::errc::not_supported),
                 fmt::format("this kernel has no trace point {}, which {} needs", name, what)};
}

} // namespace connscope::observe
