// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/process.hpp"

#include "connscope/observe/limits.hpp"
#include "connscope/observe/proc_file.hpp"
#include "connscope/telemetry/clock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cmath>
#include <ctime>
#include <vector>

namespace connscope::observe {
namespace {

telemetry::Error no_such_process(std::uint32_t pid) {
    return {std::make_error_code(std::errc::no_such_process), fmt::format("there is no process {}", pid)};
}

std::optional<std::uint64_t> stat_number(std::string_view stat, unsigned field) {
    std::string_view text = stat_field(stat, field);
    return take_number(text);
}

std::chrono::nanoseconds clock_ticks(std::optional<std::uint64_t> ticks) {
    static const long ticks_per_second = ::sysconf(_SC_CLK_TCK);
    return std::chrono::nanoseconds(static_cast<std::int64_t>(ticks.value_or(0)) * (1'000'000'000 / ticks_per_second));
}

// Since Linux 6.2 the size of /proc/PID/fd is the number of open files; before, it was 0 and the entries are counted.
std::optional<std::uint64_t> count_open_files(int fds) {
    struct stat folder {};
    if (::fstat(fds, &folder) != 0) return std::nullopt;
    if (folder.st_size > 0) return static_cast<std::uint64_t>(folder.st_size);
    std::vector<std::uint32_t> numbers;
    if (!list_numbers(fds, numbers)) return std::nullopt;
    return numbers.size();
}

// How many tasks the machine has; of "0.07 0.05 0.06 1/87 5964".
std::optional<std::uint64_t> count_tasks() {
    const auto load = read_whole(AT_FDCWD, "/proc/loadavg");
    const std::size_t slash = load ? load->find('/') : std::string::npos;
    if (slash == std::string::npos) return std::nullopt;
    std::string_view rest = std::string_view(*load).substr(slash + 1);
    const auto tasks = take_number(rest);
    return tasks && *tasks > 0 ? std::optional<std::uint64_t>(*tasks) : std::nullopt;
}

std::optional<std::uint64_t> measure_kernel_stack() {
    // Tasks come and go, and a stack outlives its task a little: of a few readings between which their number hardly
    // changed, the lowest is the nearest.
    std::optional<double> lowest;
    for (int attempt = 0, steady = 0; attempt < 50 && steady < 5; ++attempt) {
        const auto before = count_tasks();
        const auto memory = read_whole(AT_FDCWD, "/proc/meminfo");
        const auto after = count_tasks();
        if (!memory || !before || !after) return std::nullopt;
        const auto stacks = bytes_of(*memory, "KernelStack:");
        if (!stacks) return std::nullopt;
        if (std::max(*before, *after) * 49 > std::min(*before, *after) * 50) continue;
        ++steady;
        const double each = static_cast<double>(*stacks) / static_cast<double>(*after);
        if (!lowest || each < *lowest) lowest = each;
    }
    if (!lowest) return std::nullopt;
#if defined(__x86_64__)
    // Tasks that have ended and are not yet waited for are counted and have no stack any more; this architecture has had no
    // smaller stacks since Linux 3.15.
    lowest = std::max(*lowest, 16'384.0);
#endif
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    const double exponent = std::round(std::log2(*lowest / page));
    // no architecture has less than a page or more than 64 KiB: anything else is not this machine's figure
    const double bytes = page * std::exp2(exponent);
    if (exponent < 0 || bytes > 65'536) return std::nullopt;
    return static_cast<std::uint64_t>(bytes);
}

// clock_getcpuclockid(3): any process's may be read. The kernel adds up its threads, which costs some 50 ns each.
std::optional<std::chrono::nanoseconds> cpu_time_of(std::uint32_t pid) {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(static_cast<pid_t>(pid), &clock) != 0 || ::clock_gettime(clock, &time) != 0)
        return std::nullopt;
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

} // namespace

telemetry::Outcome<ProcessObserver> ProcessObserver::open(std::uint32_t pid) {
    ProcessObserver observer;
    observer.pid_ = pid;
    // The files are opened inside the folder: should the pid be given to another process meanwhile, they fail to open, and
    // once open they fail to read. So no reading is ever another process's.
    observer.folder_ = open_in(AT_FDCWD, fmt::format("/proc/{}", pid).c_str(), O_DIRECTORY);
    if (!observer.folder_) return no_such_process(pid);
    observer.stat_ = open_in(observer.folder_.get(), "stat");
    observer.status_ = open_in(observer.folder_.get(), "status");
    observer.limits_ = open_in(observer.folder_.get(), "limits");
    observer.fds_ = open_in(observer.folder_.get(), "fd", O_DIRECTORY);
    if (!observer.stat_ || !observer.status_) return no_such_process(pid);

    std::array<char, 1024> buffer;
    const std::string_view stat = read_again(observer.stat_.get(), buffer);
    const std::size_t open = stat.find('(');
    const std::size_t close = stat.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos) return no_such_process(pid);
    observer.name_ = stat.substr(open + 1, close - open - 1);
    observer.start_time_ = stat_number(stat, 22).value_or(0);
    if (const auto limits = read_limits(pid)) observer.threads_limit_ = limits->threads();
    return observer;
}

telemetry::Outcome<ProcessReading> ProcessObserver::read() {
    std::array<char, 4096> buffer;
    ProcessReading reading;
    reading.taken = std::chrono::nanoseconds(telemetry::monotonic_ns());

    const std::string_view stat = read_again(stat_.get(), buffer);
    const std::string_view state = stat_field(stat, 3);
    if (state.empty()) return no_such_process(pid_);
    reading.state = state.front();
    reading.threads = static_cast<std::uint32_t>(stat_number(stat, 20).value_or(0));
    // a zombie is what is left until the parent asks for it; one that has threads is a main thread that ended first
    if (reading.state == 'X' || (reading.state == 'Z' && reading.threads <= 1)) return no_such_process(pid_);
    reading.user_cpu = clock_ticks(stat_number(stat, 14));
    reading.system_cpu = clock_ticks(stat_number(stat, 15));
    reading.cpu = cpu_time_of(pid_);

    const std::string_view status = read_again(status_.get(), buffer);
    reading.resident_bytes = bytes_of(status, "VmRSS:").value_or(0);
    reading.resident_shared_bytes = bytes_of(status, "RssFile:").value_or(0) + bytes_of(status, "RssShmem:").value_or(0);
    reading.page_table_bytes = bytes_of(status, "VmPTE:").value_or(0);
    reading.swapped_bytes = bytes_of(status, "VmSwap:").value_or(0);
    reading.address_space_bytes = bytes_of(status, "VmSize:").value_or(0);
    reading.data_bytes = bytes_of(status, "VmData:").value_or(0);

    if (const auto each = kernel_stack_bytes_per_task()) reading.kernel_stack_bytes = reading.threads * *each;
    if (fds_) reading.open_files = count_open_files(fds_.get());
    if (limits_) {
        const std::string_view limits = read_again(limits_.get(), buffer);
        reading.open_files_limit = soft_limit(limits, "Max open files");
        reading.address_space_limit = soft_limit(limits, "Max address space");
        reading.data_limit = soft_limit(limits, "Max data size");
    }
    reading.threads_limit = threads_limit_;
    return reading;
}

std::optional<std::uint64_t> kernel_stack_bytes_per_task() {
    static const std::optional<std::uint64_t> bytes = measure_kernel_stack();
    return bytes;
}

} // namespace connscope::observe
