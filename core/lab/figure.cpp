// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace connscope::lab {
namespace {

constexpr double kib = 1024;

constexpr std::string_view latency_source =
    "at the fixed rate, from when a request should have been sent to its answer, as its client saw it";
constexpr std::string_view delay_source =
    "at the fixed rate, from the kernel's stamp of the bytes' arrival to the session's "
    "resume, of one connection in 16";

constexpr std::array all{
    FigureInfo{"memory_bytes", "Memory per connection", Unit::bytes, Better::less, Topic::memory,
               "user and kernel memory together, beside the sockets, that one more idle connection takes: the difference "
               "between a fifth of the connections and all of them, each answered once, divided by their number",
               64},
    FigureInfo{"memory_user_bytes", "of it user memory", Unit::bytes, Better::less, Topic::memory,
               "anonymous memory (stacks, frames, heap) that is resident, from /proc/PID/smaps_rollup", 64},
    FigureInfo{"memory_kernel_bytes", "of it kernel memory", Unit::bytes, Better::less, Topic::memory,
               "kernel stacks, page tables, and the slab objects of tasks, mappings and epoll; the slab only where "
               "/proc/slabinfo may be read (root)",
               64},
    FigureInfo{"kernel_stack_bytes", "kernel stacks", Unit::bytes, Better::less, Topic::memory,
               "threads times the kernel's stack of a task", 64},
    FigureInfo{"slab_bytes", "kernel's tasks and mappings", Unit::bytes, Better::less, Topic::memory,
               "task_struct, signal, mapping and epoll objects in /proc/slabinfo, for the whole machine: what other "
               "programs do meanwhile is in it",
               256},
    FigureInfo{"page_table_bytes", "page tables", Unit::bytes, Better::less, Topic::memory, "VmPTE of /proc/PID/status", 64},
    FigureInfo{"threads", "Threads", Unit::count, Better::less, Topic::memory,
               "of the server while all connections are open, from /proc/PID/status", 1},
    FigureInfo{"requests_per_s", "Requests at saturation", Unit::per_second, Better::more, Topic::work,
               "answers that the clients got when each sends its next request as soon as its answer is there"},
    FigureInfo{"cpu_us_per_request", "CPU per request", Unit::microseconds, Better::less, Topic::work,
               "user and system time of the server at saturation, by the requests answered in it: getrusage(2) of a "
               "connscope server, /proc/PID/stat of others",
               0.05},
    FigureInfo{"cpu_user_us_per_request", "of it user", Unit::microseconds, Better::less, Topic::work,
               "the kernel tells user from system by looking at each clock tick: a sample", 0.05},
    FigureInfo{"cpu_system_us_per_request", "of it system", Unit::microseconds, Better::less, Topic::work,
               "the kernel tells user from system by looking at each clock tick: a sample", 0.05},
    FigureInfo{"system_calls_per_request", "System calls per request", Unit::per_request, Better::less, Topic::work,
               "counted by the kernel's trace point raw_syscalls:sys_enter in a stretch of its own at saturation; needs "
               "root",
               0.05},
    FigureInfo{"fairness", "Fairness", Unit::ratio, Better::more, Topic::work,
               "Jain's index of the requests that equal connections had answered at saturation: 1 when all had as many, 1/n "
               "when one had them all. doi:10.48550/arXiv.cs/9809099",
               0.01},
    FigureInfo{"voluntary_per_request", "Voluntary switches per request", Unit::per_request, Better::less, Topic::switches,
               "a thread blocked or yielded, at saturation: ru_nvcsw", 0.02},
    FigureInfo{"involuntary_per_request", "Involuntary switches per request", Unit::per_request, Better::less,
               Topic::switches, "a thread was preempted, at saturation: ru_nivcsw", 0.02},
    FigureInfo{"user_space_per_request", "User-space switches per request", Unit::per_request, Better::neither,
               Topic::switches, "resumes without the kernel, at saturation: counted by the server's probe", 0.02},
    FigureInfo{"voluntary_per_s", "Voluntary switches", Unit::per_second, Better::less, Topic::switches,
               "of all threads together, at saturation", 20},
    FigureInfo{"involuntary_per_s", "Involuntary switches", Unit::per_second, Better::less, Topic::switches,
               "of all threads together, at saturation", 20},
    FigureInfo{"user_space_per_s", "User-space switches", Unit::per_second, Better::neither, Topic::switches,
               "of all threads together, at saturation", 20},
    FigureInfo{"latency_p50_us", "Latency p50", Unit::microseconds, Better::less, Topic::latency, latency_source, 5},
    FigureInfo{"latency_p90_us", "Latency p90", Unit::microseconds, Better::less, Topic::latency, latency_source, 5},
    FigureInfo{"latency_p99_us", "Latency p99", Unit::microseconds, Better::less, Topic::latency, latency_source, 10},
    FigureInfo{"latency_p99_9_us", "Latency p99.9", Unit::microseconds, Better::less, Topic::latency, latency_source, 20},
    FigureInfo{"latency_p99_99_us", "Latency p99.99", Unit::microseconds, Better::less, Topic::latency, latency_source, 20},
    FigureInfo{"delay_p50_us", "Scheduling delay p50", Unit::microseconds, Better::less, Topic::latency, delay_source, 2},
    FigureInfo{"delay_p99_us", "Scheduling delay p99", Unit::microseconds, Better::less, Topic::latency, delay_source, 5},
    FigureInfo{"hog_damage_us", "Damage by a hog", Unit::microseconds, Better::less, Topic::hog,
               "by how much the others' p99 rises at the fixed rate while one more connection computes again and again "
               "without a yield",
               500},
    FigureInfo{"hog_p99_us", "p99 beside a hog", Unit::microseconds, Better::less, Topic::hog,
               "of the others, at the fixed rate, while one more connection computes again and again without a yield", 100},
    FigureInfo{"hog_max_us", "Longest wait beside a hog", Unit::microseconds, Better::less, Topic::hog,
               "of the others, at the fixed rate, while one more connection computes again and again without a yield", 100},
    FigureInfo{"accept_1000_ms", "Time to take in 1,000 connections", Unit::milliseconds, Better::less, Topic::life,
               "from the first connect to the first answer on the last of them, 256 under way at a time, one request each",
               1},
    FigureInfo{"hand_off_in_ms", "Hand-off into it", Unit::milliseconds, Better::less, Topic::life,
               "all connections at the fixed rate, from another mode (named in the notes) into this one, as the server "
               "timed it",
               0.5},
    FigureInfo{"hand_off_out_ms", "Hand-off out of it", Unit::milliseconds, Better::less, Topic::life,
               "the same, the other way", 0.5},
};

std::string with_commas(const std::string& digits) {
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const std::size_t left = digits.size() - i;
        if (i > 0 && left % 3 == 0 && digits[i - 1] != '-') text += ',';
        text += digits[i];
    }
    return text;
}

// Three digits at most.
std::string digits(double value) {
    const double size = std::abs(value);
    if (size >= 999.5) {
        const double step = std::pow(10.0, std::floor(std::log10(size)) - 2);
        return with_commas(fmt::format("{:.0f}", std::round(value / step) * step));
    }
    if (size >= 99.95 || value == std::round(value)) return fmt::format("{:.0f}", value);
    if (size >= 9.995) return fmt::format("{:.1f}", value);
    if (size >= 0.9995) return fmt::format("{:.2f}", value);
    return fmt::format("{:.2g}", value);
}

std::string time_text(double us) {
    const double size = std::abs(us);
    if (size >= 999'500) return digits(us / 1e6) + " s";
    if (size >= 999.5) return digits(us / 1e3) + " ms";
    if (size >= 0.9995 || us == 0) return digits(us) + " µs";
    return digits(us * 1e3) + " ns";
}

std::string bytes_text(double bytes) {
    const double size = std::abs(bytes);
    if (size >= 1000 * kib * kib) return digits(bytes / kib / kib / kib) + " GiB";
    if (size >= 1000 * kib) return digits(bytes / kib / kib) + " MiB";
    if (size >= 1000) return digits(bytes / kib) + " KiB";
    return fmt::format("{:.0f} B", bytes);
}

} // namespace

std::span<const FigureInfo> figures() noexcept { return all; }

const FigureInfo* find_figure(std::string_view id) noexcept {
    const auto* found = std::find_if(all.begin(), all.end(), [id](const FigureInfo& each) { return each.id == id; });
    return found == all.end() ? nullptr : found;
}

std::string_view symbol_of(Unit unit) noexcept {
    switch (unit) {
    case Unit::bytes:
        return "B";
    case Unit::count:
        return "1";
    case Unit::per_second:
        return "1/s";
    case Unit::per_request:
        return "1/request";
    case Unit::microseconds:
        return "us";
    case Unit::milliseconds:
        return "ms";
    case Unit::ratio:
        return "ratio";
    }
    return "";
}

std::string_view title_of(Topic topic) noexcept {
    switch (topic) {
    case Topic::memory:
        return "Memory";
    case Topic::work:
        return "Work";
    case Topic::switches:
        return "Switches";
    case Topic::latency:
        return "Latency at a fixed rate";
    case Topic::hog:
        return "Beside a hog";
    case Topic::life:
        return "Coming and moving";
    }
    return "";
}

std::string_view name_of(Better better) noexcept {
    switch (better) {
    case Better::less:
        return "less";
    case Better::more:
        return "more";
    case Better::neither:
        break;
    }
    return "neither";
}

std::string text_of(double value, Unit unit) {
    switch (unit) {
    case Unit::bytes:
        return bytes_text(value);
    case Unit::per_second:
        return digits(value) + "/s";
    case Unit::microseconds:
        return time_text(value);
    case Unit::milliseconds:
        return time_text(value * 1e3);
    case Unit::ratio:
        return fmt::format("{:.3f}", value);
    case Unit::count:
    case Unit::per_request:
        break;
    }
    return std::abs(value) < 0.0005 ? "0" : digits(value);
}

std::string text_of(const std::optional<double>& value, Unit unit) { return value ? text_of(*value, unit) : "–"; }

std::string digits_text(double value) { return digits(value); }
std::string count_text(std::uint64_t value) { return with_commas(fmt::format("{}", value)); }
std::string times_text(double ratio) { return digits(ratio) + "×"; }

std::optional<Spread> spread_of(std::vector<double> values) {
    if (values.empty()) return std::nullopt;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    return Spread{median, values.front(), values.back()};
}

} // namespace connscope::lab
