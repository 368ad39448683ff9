// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/anatomy/thread_state.hpp"

#include "connscope/observe/proc_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <span>
#include <utility>

namespace connscope::observe {
namespace {

// struct sched_attr of sched_setattr(2), which the C library here does not declare.
struct SchedulingAttributes {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
    std::uint32_t utilisation_min, utilisation_max;
};

telemetry::UniqueFd task_folder(std::uint32_t pid, std::uint32_t thread) {
    return open_in(AT_FDCWD, fmt::format("/proc/{}/task/{}", pid, thread).c_str(), O_DIRECTORY);
}

std::string_view text_in(int folder, const char* name, std::span<char> buffer) {
    const telemetry::UniqueFd file = open_in(folder, name);
    return file ? read_again(file.get(), buffer) : std::string_view{};
}

// "45 0x5 0x7f.. 0x40 0x0 0x0 0x0 0x7ffd.. 0x7f..", "-1 0x7ffd.. 0x7f..", or "running".
std::optional<ThreadState::Stopped> parse_stopped(const std::string& text, std::string& missing) {
    if (text.starts_with("running")) {
        missing = "it runs, or could: its registers are in a CPU or were saved by a preemption, and nothing is stopped to "
                  "see them";
        return std::nullopt;
    }
    ThreadState::Stopped stopped;
    auto& given = stopped.arguments;
    const char* const line = text.c_str();
    if (std::sscanf(
            line, "%" SCNi64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64,
            &stopped.call, &given[0], &given[1], &given[2], &given[3], &given[4], &given[5], &stopped.stack_pointer,
            &stopped.instruction) == 9)
        return stopped;
    stopped = {};
    if (std::sscanf(line, "%" SCNi64 " %" SCNx64 " %" SCNx64, &stopped.call, &stopped.stack_pointer, &stopped.instruction) ==
            3 &&
        stopped.call == -1)
        return stopped;
    missing = "the kernel does not tell where it stands";
    return std::nullopt;
}

std::optional<ThreadState::Stopped> stopped_in(int folder, std::string& missing) {
    std::array<char, 512> buffer;
    errno = 0;
    const telemetry::UniqueFd file = open_in(folder, "syscall");
    const std::string_view text = file ? read_again(file.get(), buffer) : std::string_view{};
    if (text.empty()) {
        missing = errno == EACCES || errno == EPERM
                      ? "this process may not be traced from here (another user's, or kernel.yama.ptrace_scope forbids it)"
                      : "the kernel does not tell where it stands";
        return std::nullopt;
    }
    return parse_stopped(std::string(text), missing);
}

} // namespace

std::optional<ThreadState::Stopped> read_stopped(std::uint32_t pid, std::uint32_t thread, std::string& missing) {
    const telemetry::UniqueFd folder = task_folder(pid, thread);
    if (!folder) {
        missing = "the thread has ended";
        return std::nullopt;
    }
    return stopped_in(folder.get(), missing);
}

telemetry::Outcome<ThreadState> read_thread_state(std::uint32_t pid, std::uint32_t thread) {
    const telemetry::Error gone{std::make_error_code(std::errc::no_such_process),
                                fmt::format("thread {} of process {} has ended", thread, pid)};
    const telemetry::UniqueFd folder = task_folder(pid, thread);
    if (!folder) return gone;
    std::array<char, 4096> buffer;
    ThreadState state;
    state.id = thread;

    const std::string_view stat = text_in(folder.get(), "stat", buffer);
    const auto stat_number = [&](unsigned field) {
        std::string_view text = stat_field(stat, field);
        return take_number(text).value_or(0);
    };
    const std::string_view letter = stat_field(stat, 3);
    const std::size_t open = stat.find('(');
    const std::size_t close = stat.rfind(')');
    if (letter.empty() || letter == "X" || close == std::string_view::npos) return gone;
    state.state = letter.front();
    state.name = stat.substr(open + 1, close - open - 1);
    state.start_time = stat_number(22);
    state.cpu = static_cast<std::uint32_t>(stat_number(39));

    const std::string_view status = text_in(folder.get(), "status", buffer);
    state.voluntary_switches = number_of(status, "voluntary_ctxt_switches:").value_or(0);
    state.involuntary_switches = number_of(status, "nonvoluntary_ctxt_switches:").value_or(0);
    std::string_view schedule = text_in(folder.get(), "schedstat", buffer);
    const auto as_time = [](std::uint64_t ns) { return std::chrono::nanoseconds(static_cast<std::int64_t>(ns)); };
    if (const auto run = take_number(schedule)) state.run = as_time(*run);
    if (const auto delay = take_number(schedule)) state.delay = as_time(*delay);
    const std::string_view channel = text_in(folder.get(), "wchan", buffer);
    if (channel != "0") state.wait_channel = channel;
    state.stopped = stopped_in(folder.get(), state.stopped_missing);

    SchedulingAttributes attributes{};
    if (::syscall(SYS_sched_getattr, static_cast<pid_t>(thread), &attributes, sizeof(attributes), 0) == 0) {
        state.policy = static_cast<int>(attributes.policy);
        state.nice = attributes.nice;
        state.priority = attributes.priority;
        if (attributes.runtime > 0) state.slice = as_time(attributes.runtime);
    }
    return state;
}

std::string call_name(std::int64_t number) {
    constexpr std::array<std::pair<std::int64_t, std::string_view>, 42> names{{
        {0, "read"},
        {1, "write"},
        {3, "close"},
        {7, "poll"},
        {13, "rt_sigaction"},
        {14, "rt_sigprocmask"},
        {15, "rt_sigreturn"},
        {17, "pread64"},
        {19, "readv"},
        {20, "writev"},
        {24, "sched_yield"},
        {35, "nanosleep"},
        {44, "sendto"},
        {45, "recvfrom"},
        {46, "sendmsg"},
        {47, "recvmsg"},
        {48, "shutdown"},
        {54, "setsockopt"},
        {55, "getsockopt"},
        {61, "wait4"},
        {96, "gettimeofday"},
        {98, "getrusage"},
        {128, "rt_sigtimedwait"},
        {186, "gettid"},
        {202, "futex"},
        {219, "restart_syscall"},
        {223, "timer_settime"},
        {228, "clock_gettime"},
        {230, "clock_nanosleep"},
        {232, "epoll_wait"},
        {233, "epoll_ctl"},
        {234, "tgkill"},
        {262, "newfstatat"},
        {270, "pselect6"},
        {271, "ppoll"},
        {281, "epoll_pwait"},
        {286, "timerfd_settime"},
        {288, "accept4"},
        {299, "recvmmsg"},
        {307, "sendmmsg"},
        {426, "io_uring_enter"},
        {441, "epoll_pwait2"},
    }};
    for (const auto& [known, name] : names)
        if (known == number) return std::string(name);
    return fmt::format("system call {}", number);
}

std::string_view policy_name(int policy) noexcept {
    switch (policy) {
    case 0:
        return "other";
    case 1:
        return "fifo";
    case 2:
        return "round-robin";
    case 3:
        return "batch";
    case 5:
        return "idle";
    case 6:
        return "deadline";
    default:
        return "unknown";
    }
}

} // namespace connscope::observe
