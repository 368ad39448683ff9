// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/system_calls.hpp"

#include "connscope/observe/proc_file.hpp"

#include <fmt/format.h>
#include <linux/perf_event.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

namespace connscope::lab {
namespace {

using telemetry::Error;
using telemetry::Outcome;

constexpr const char* traces = "/sys/kernel/tracing";
constexpr const char* id_file = "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id";

std::optional<std::uint64_t> read_id() {
    auto text = observe::read_whole(AT_FDCWD, id_file);
    if (!text) return std::nullopt;
    std::string_view view = *text;
    return observe::take_number(view);
}

// Where nobody has mounted tracefs: mounts it in a mount namespace of a child's own, which goes with the child.
std::optional<std::uint64_t> read_id_apart() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
    const telemetry::UniqueFd reading(ends[0]);
    telemetry::UniqueFd writing(ends[1]);
    const pid_t child = ::fork();
    if (child == 0) {
        char text[32];
        if (::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            ::mount("tracefs", traces, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0) {
            const int file = ::open(id_file, O_RDONLY | O_CLOEXEC);
            const ssize_t length = ::read(file, text, sizeof text);
            if (length > 0) [[maybe_unused]]
                const auto written = ::write(writing.get(), text, static_cast<std::size_t>(length));
        }
        ::_exit(0);
    }
    writing.reset();
    char text[32];
    const ssize_t length = child > 0 ? ::read(reading.get(), text, sizeof text) : -1;
    if (child > 0) ::waitpid(child, nullptr, 0);
    if (length <= 0) return std::nullopt;
    std::string_view view(text, static_cast<std::size_t>(length));
    return observe::take_number(view);
}

Outcome<std::uint64_t> trace_point() {
    if (const auto id = read_id()) return *id;
    const int refused = errno;
    if (::geteuid() == 0)
        if (const auto id = read_id_apart()) return *id;
    if (refused == EACCES || refused == EPERM || ::geteuid() != 0)
        return Error{std::make_error_code(std::errc::permission_denied),
                     "counting system calls needs root: the kernel's trace point raw_syscalls:sys_enter"};
    return Error{std::make_error_code(std::errc::not_supported),
                 "this kernel has no trace point raw_syscalls:sys_enter to count system calls with"};
}

} // namespace

Outcome<SystemCallCounter> SystemCallCounter::open(const std::vector<std::uint32_t>& pids) {
    const auto id = trace_point();
    if (!id) return id.error();
    SystemCallCounter counter;
    for (const std::uint32_t pid : pids) {
        const telemetry::UniqueFd folder =
            observe::open_in(AT_FDCWD, fmt::format("/proc/{}/task", pid).c_str(), O_DIRECTORY);
        std::vector<std::uint32_t> threads;
        if (!folder || !observe::list_numbers(folder.get(), threads))
            return telemetry::system_error(errno, fmt::format("the threads of process {}", pid));
        for (const std::uint32_t thread : threads) {
            perf_event_attr wanted{};
            wanted.size = sizeof wanted;
            wanted.type = PERF_TYPE_TRACEPOINT;
            wanted.config = *id;
            wanted.inherit = 1; // threads that it starts from now on
            telemetry::UniqueFd event(static_cast<int>(
                ::syscall(SYS_perf_event_open, &wanted, static_cast<pid_t>(thread), -1, -1, PERF_FLAG_FD_CLOEXEC)));
            if (!event && errno == ESRCH) continue; // it has just ended
            if (!event && errno == EMFILE) {
                rlimit files{};
                ::getrlimit(RLIMIT_NOFILE, &files);
                return Error{
                    std::make_error_code(std::errc::too_many_files_open),
                    fmt::format("counting the system calls of {} threads needs an open file for each, and the limit "
                                "is {}",
                                threads.size(), files.rlim_cur)};
            }
            if (!event) return telemetry::system_error(errno, "the kernel's count of system calls");
            counter.events_.push_back(std::move(event));
        }
    }
    return counter;
}

std::uint64_t SystemCallCounter::count() const {
    std::uint64_t sum = 0;
    for (const telemetry::UniqueFd& event : events_) {
        std::uint64_t one = 0;
        if (::read(event.get(), &one, sizeof one) == sizeof one) sum += one;
    }
    return sum;
}

} // namespace connscope::lab
