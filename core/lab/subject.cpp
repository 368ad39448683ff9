// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/subject.hpp"

#include "connscope/lab/listener.hpp"
#include "connscope/observe/memory.hpp"
#include "connscope/observe/process.hpp"
#include "connscope/observe/slab.hpp"
#include "connscope/telemetry/clock.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace connscope::lab {
namespace {

using telemetry::Error;
using telemetry::Gauge;
using telemetry::Outcome;
using namespace std::chrono_literals;

// What the kernel keeps for threads, their mappings and what epoll watches. Sockets, their files and inodes are left out.
std::optional<double> slab_bytes() {
    constexpr std::array<std::string_view, 12> wanted{
        "task_struct", "pid",      "signal_cache",   "sighand_cache", "cred",          "vm_area_struct",
        "maple_node",  "anon_vma", "anon_vma_chain", "vmap_area",     "eventpoll_epi", "eventpoll_pwq"};
    const auto caches = observe::read_slab();
    if (!caches) return std::nullopt;
    double bytes = 0;
    for (const std::string_view name : wanted)
        if (const auto* cache = observe::find_cache(*caches, name))
            bytes += static_cast<double>(cache->active) * cache->slab_bytes_per_object;
    return bytes;
}

} // namespace

Outcome<Subject> Subject::start(const Plan& plan, const CellSpec& cell) {
    return cell.own() ? start_own(plan, cell) : find(cell);
}

Outcome<Subject> Subject::start_own(const Plan& plan, const CellSpec& cell) {
    Subject subject;
    subject.name_ = "connscope-serve";
    std::vector<std::string> command{plan.bin_folder + "/connscope-serve",
                                     "--listen",
                                     "127.0.0.1:0",
                                     "--mode",
                                     cell.mode,
                                     "--protocol",
                                     plan.protocol,
                                     "--stamp-every",
                                     "16",
                                     "--drain-deadline",
                                     "0.2",
                                     "--hog-ms", // the names of a hog's functions take megabytes
                                     "0"};
    if (cell.conditions.threads) command.insert(command.end(), {"--threads", std::to_string(*cell.conditions.threads)});
    if (cell.conditions.slice_us) command.insert(command.end(), {"--slice-us", std::to_string(*cell.conditions.slice_us)});
    auto child = Child::start(command, plan.server_cpus);
    if (!child) return std::move(child).error();
    subject.child_.emplace(std::move(*child));
    const auto ready = subject.child_->line(10s);
    if (!ready || !ready->starts_with("listening on ")) {
        const auto ended = subject.child_->ended();
        return Error{std::make_error_code(std::errc::no_such_process),
                     fmt::format("connscope-serve {}", ended.value_or("did not say within 10 s that it is ready"))};
    }
    constexpr std::size_t before = std::string_view("listening on ").size();
    subject.address_ = ready->substr(before, ready->find(' ', before) - before);
    subject.pids_ = {static_cast<std::uint32_t>(subject.child_->pid())};
    auto control = control::Client::connect(value_in(*ready, "control"));
    if (!control) return std::move(control).error();
    subject.control_.emplace(std::move(*control));
    const auto folder = telemetry::runtime_folder();
    if (!folder) return folder.error();
    auto reader = telemetry::SegmentReader::open(telemetry::segment_path(*folder, value_in(*ready, "segment")));
    if (!reader) return std::move(reader).error();
    subject.reader_.emplace(std::move(*reader));
    return subject;
}

Outcome<Subject> Subject::find(const CellSpec& cell) {
    Subject subject;
    subject.name_ = cell.mode;
    subject.address_ = cell.address;
    auto listeners = processes_listening_at(cell.address);
    if (!listeners) return std::move(listeners).error();
    subject.pids_ = std::move(*listeners);
    for (const std::uint32_t pid : subject.pids_) {
        auto threads = observe::ThreadsObserver::open(pid, {.budget = 1s, .first_budget = 1s, .wait_channels = false});
        if (threads) subject.threads_.push_back(std::move(*threads));
    }
    return subject;
}

telemetry::Status Subject::read() {
    if (auto gone = ended()) return Error{std::make_error_code(std::errc::no_such_process), *gone};
    if (!reader_) return telemetry::success();
    return reader_->read(reading_);
}

Outcome<Usage> Subject::usage(const Stop& stop) {
    if (!reader_) return usage_from_outside();
    if (auto got = read(); !got) return got.error();
    // The server writes its gauges every 100 ms; what is counted elsewhere belongs to the moment at which they are new.
    const std::chrono::nanoseconds old = reading_.heartbeat;
    const auto age = std::chrono::nanoseconds(telemetry::monotonic_ns()) - old;
    if (age < 99ms) stop.pass(99ms - age);
    for (int tries = 0; tries < 150 && reading_.heartbeat == old; ++tries) {
        if (!stop.pass(1ms)) break;
        if (auto got = read(); !got) return got.error();
    }
    Usage usage;
    usage.user_cpu = std::chrono::nanoseconds(reading_.gauge(Gauge::user_cpu_ns).value_or(0));
    usage.system_cpu = std::chrono::nanoseconds(reading_.gauge(Gauge::system_cpu_ns).value_or(0));
    if (const auto count = reading_.gauge(Gauge::voluntary_switches)) usage.voluntary = static_cast<double>(*count);
    if (const auto count = reading_.gauge(Gauge::involuntary_switches)) usage.involuntary = static_cast<double>(*count);
    usage.user_space = static_cast<double>(reading_.counters.user_space_switches);
    usage.slices = static_cast<double>(reading_.counters.slices);
    return usage;
}

Outcome<Usage> Subject::usage_from_outside() {
    if (auto gone = ended()) return Error{std::make_error_code(std::errc::no_such_process), *gone};
    Usage usage;
    for (const std::uint32_t pid : pids_) {
        auto process = observe::ProcessObserver::open(pid);
        if (!process) continue;
        const auto reading = process->read();
        if (!reading) continue;
        usage.user_cpu += reading->user_cpu;
        usage.system_cpu += reading->system_cpu;
    }
    for (observe::ThreadsObserver& observer : threads_) {
        observe::ThreadsReading reading;
        if (!observer.read(reading)) continue;
        usage.voluntary = usage.voluntary.value_or(0) + static_cast<double>(reading.voluntary_switches);
        usage.involuntary = usage.involuntary.value_or(0) + static_cast<double>(reading.involuntary_switches);
    }
    return usage;
}

std::vector<std::uint32_t> Subject::pids() {
    std::vector<std::uint32_t> all = pids_;
    if (!reader_ || !read()) return all;
    for (const telemetry::ConnectionReading& each : reading_.connections)
        if (each.carrier == telemetry::CarrierKind::process && each.thread != 0) all.push_back(each.thread);
    return all;
}

Outcome<MemoryUse> Subject::memory() {
    if (auto gone = ended()) return Error{std::make_error_code(std::errc::no_such_process), *gone};
    MemoryUse use;
    for (const std::uint32_t pid : pids()) {
        const auto rollup = observe::read_memory_rollup(pid);
        if (!rollup) return rollup.error();
        auto process = observe::ProcessObserver::open(pid);
        if (!process) return std::move(process).error();
        const auto reading = process->read();
        if (!reading) return reading.error();
        // What a connection's process shares with the one that it was forked from is not its own.
        const bool is_server = std::find(pids_.begin(), pids_.end(), pid) != pids_.end();
        use.user += static_cast<double>(is_server ? rollup->anonymous_bytes : rollup->private_dirty_bytes);
        use.page_tables += static_cast<double>(reading->page_table_bytes);
        use.kernel_stacks += static_cast<double>(reading->kernel_stack_bytes.value_or(0));
    }
    use.slab = slab_bytes();
    return use;
}

std::optional<std::uint32_t> Subject::threads() {
    std::uint32_t sum = 0;
    for (const std::uint32_t pid : pids()) {
        auto process = observe::ProcessObserver::open(pid);
        if (!process) return std::nullopt;
        const auto reading = process->read();
        if (!reading) return std::nullopt;
        sum += reading->threads;
    }
    return sum;
}

std::optional<std::unordered_map<std::uint64_t, std::uint64_t>> Subject::requests_by_connection() {
    if (!reader_ || !read()) return std::nullopt;
    std::unordered_map<std::uint64_t, std::uint64_t> requests;
    for (const telemetry::ConnectionReading& each : reading_.connections) requests[each.id] = each.requests;
    return requests;
}

std::optional<std::size_t> Subject::open_connections() {
    if (!reader_ || !read()) return std::nullopt;
    return reading_.connections.size();
}

std::optional<telemetry::Histogram> Subject::delays() {
    telemetry::Histogram since;
    if (!reader_ || !reader_->read_delays(telemetry::layout::DelayHistogram::from_stamp, since)) return std::nullopt;
    return since;
}

std::optional<std::string> Subject::ended() {
    if (child_) {
        auto end = child_->ended();
        if (!end) return std::nullopt;
        return name_ + " " + *end;
    }
    for (const std::uint32_t pid : pids_)
        if (telemetry::process_start_time(pid) == 0) return fmt::format("{} (process {}) has ended", name_, pid);
    return std::nullopt;
}

void Subject::end() {
    control_.reset();
    reader_.reset();
    if (child_) child_->end(5s);
}

} // namespace connscope::lab
