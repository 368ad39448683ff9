// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/switches.hpp"

#include "connscope/observe/perf_buffer.hpp"
#include "connscope/observe/proc_file.hpp"
#include "connscope/telemetry/clock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <span>

namespace connscope::observe {
namespace {

using std::chrono::nanoseconds;
using telemetry::UniqueFd;

constexpr std::uint32_t no_thread = ~std::uint32_t{0}; // what the kernel writes for a thread that is about to be gone

perf_event_attr switch_event(std::size_t buffer_bytes, bool of_a_process) {
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_DUMMY;
    attributes.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU;
    attributes.sample_id_all = 1;
    attributes.context_switch = 1;
    attributes.exclude_kernel = 1;
    attributes.exclude_hv = 1;
    attributes.inherit = of_a_process ? 1 : 0;
    attributes.task = of_a_process ? 1 : 0; // a thread's event ends before its last switch: its exit stands for that
    attributes.use_clockid = 1;
    attributes.clockid = CLOCK_MONOTONIC;
    attributes.watermark = 1;
    attributes.wakeup_watermark = static_cast<__u32>(buffer_bytes / 2);
    return attributes;
}

UniqueFd open_event(perf_event_attr& attributes, pid_t thread, int cpu) {
    return UniqueFd(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, thread, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
}

std::string paranoia() {
    auto text = read_whole(AT_FDCWD, "/proc/sys/kernel/perf_event_paranoid");
    if (!text) return "unknown";
    text->resize(std::min(text->find('\n'), text->size()));
    return *text;
}

telemetry::Error cannot_record(int error, std::uint32_t pid, SwitchScope scope) {
    if (error == ESRCH)
        return {std::make_error_code(std::errc::no_such_process), fmt::format("there is no process {}", pid)};
    if (error == EACCES || error == EPERM) {
        const bool machine = scope == SwitchScope::machine;
        if (!machine && (paranoia() == "2" || paranoia() == "1" || paranoia() == "0"))
            return {std::make_error_code(std::errc::permission_denied),
                    fmt::format("the kernel does not let this program record the switches of process {}, which belongs to "
                                "another user or is protected (kernel.perf_event_paranoid is {}); root may, or a program "
                                "with CAP_PERFMON",
                                pid, paranoia())};
        return {std::make_error_code(std::errc::permission_denied),
                fmt::format(
                    "the kernel does not let this program record the switches of {} (kernel.perf_event_paranoid is {}); "
                    "root may, or a program with CAP_PERFMON, or everybody after: sysctl kernel.perf_event_paranoid={}",
                    machine ? std::string("all CPUs") : fmt::format("process {}", pid), paranoia(), machine ? "0" : "2")};
    }
    if (error == ENOSYS || error == ENOENT || error == EOPNOTSUPP)
        return {std::make_error_code(std::errc::not_supported), "this kernel has no perf events, which record switches"};
    if (error == EMFILE || error == ENFILE)
        return telemetry::system_error(error, "no descriptors are left to record switches (ulimit -n)");
    return telemetry::system_error(error, fmt::format("cannot record the switches of process {}", pid));
}

// struct sample_id, as sample_type above has it.
struct SampleId {
    std::uint32_t pid, tid;
    std::uint64_t time;
    std::uint32_t cpu, reserved;
};

template <class T>
std::optional<T> read_as(const std::byte* at, std::size_t bytes) {
    if (bytes < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

} // namespace

struct SwitchRecorder::Impl {
    std::uint32_t pid = 0;
    SwitchScope scope = SwitchScope::machine;
    std::size_t buffer_bytes = 0;
    std::uint32_t left_out = 0;
    std::vector<PerfBuffer> buffers;     // one for each CPU that is there
    std::vector<int> cpus;               // of each buffer
    std::vector<UniqueFd> events;        // those that write into another one's buffer
    std::vector<std::uint32_t> running;  // of each buffer: the thread that got the CPU last
    std::vector<SwitchRecord> last;      // of each buffer
    std::vector<SwitchRecord> held_back; // later than the reading they were found in

    int open_buffers(pid_t first_thread, const SwitchOptions& options);
    void follow(std::span<const std::uint32_t> threads, std::uint32_t most);
    void take(std::size_t buffer, const perf_event_header& header, const std::byte* body, std::size_t bytes,
              SwitchesReading& into);
    void take_switch(std::size_t buffer, const perf_event_header& header, const SampleId& id, const std::uint32_t* other,
                     SwitchesReading& into);
};

// One event with a buffer on each CPU, for one thread or for all. Returns errno, or 0.
int SwitchRecorder::Impl::open_buffers(pid_t first_thread, const SwitchOptions& options) {
    constexpr std::size_t least = 65'536;
    buffer_bytes = least;
    while (buffer_bytes * 2 <= options.buffer_bytes) buffer_bytes *= 2;
    const long count = ::sysconf(_SC_NPROCESSORS_CONF);
    for (int cpu = 0; cpu < count;) {
        perf_event_attr attributes = switch_event(buffer_bytes, scope == SwitchScope::process);
        UniqueFd event = open_event(attributes, first_thread, cpu);
        if (!event && errno == ENODEV) { // this CPU is switched off
            ++cpu;
            continue;
        }
        if (!event) return errno;
        PerfBuffer buffer(std::move(event), buffer_bytes);
        if (!buffer.mapped()) {
            if (errno != EPERM || buffer_bytes == least) return errno;
            // More memory than may be locked (kernel.perf_event_mlock_kb, RLIMIT_MEMLOCK): all again with half of it.
            buffer_bytes /= 2;
            buffers.clear();
            cpus.clear();
            cpu = 0;
            continue;
        }
        buffers.push_back(std::move(buffer));
        cpus.push_back(cpu++);
    }
    running.assign(buffers.size(), no_thread);
    last.assign(buffers.size(), SwitchRecord{});
    return 0;
}

// Has more threads write into the buffers that are there. Those that they start are followed by inheritance.
void SwitchRecorder::Impl::follow(std::span<const std::uint32_t> threads, std::uint32_t most) {
    for (const std::uint32_t thread : threads) {
        if (events.size() + buffers.size() > most) {
            ++left_out;
            continue;
        }
        for (std::size_t i = 0; i < buffers.size(); ++i) {
            perf_event_attr attributes = switch_event(buffer_bytes, true);
            UniqueFd event = open_event(attributes, static_cast<pid_t>(thread), cpus[i]);
            if (!event && errno == ESRCH) break; // ended meanwhile
            if (!event || ::ioctl(event.get(), PERF_EVENT_IOC_SET_OUTPUT, buffers[i].event()) != 0) {
                ++left_out;
                break;
            }
            events.push_back(std::move(event));
        }
    }
}

void SwitchRecorder::Impl::take(std::size_t buffer, const perf_event_header& header, const std::byte* body,
                                std::size_t bytes, SwitchesReading& into) {
    if (bytes < sizeof(SampleId)) return;
    const auto id = read_as<SampleId>(body + bytes - sizeof(SampleId), sizeof(SampleId)); // ends every record
    if (header.type == PERF_RECORD_LOST) {
        const auto lost = read_as<std::array<std::uint64_t, 2>>(body, bytes); // id, lost
        if (!lost) return;
        into.lost.push_back(
            {nanoseconds(static_cast<std::int64_t>(id->time)), static_cast<std::uint32_t>(cpus[buffer]), (*lost)[1]});
        into.lost_count += (*lost)[1];
        running[buffer] = no_thread;
    } else if (header.type == PERF_RECORD_SWITCH) {
        take_switch(buffer, header, *id, nullptr, into);
    } else if (header.type == PERF_RECORD_EXIT) {
        const auto ended = read_as<std::array<std::uint32_t, 4>>(body, bytes); // pid, ppid, tid, ptid
        const perf_event_header left{PERF_RECORD_SWITCH, PERF_RECORD_MISC_SWITCH_OUT, 0};
        if (ended) take_switch(buffer, left, {(*ended)[0], (*ended)[2], id->time, id->cpu, 0}, nullptr, into);
    } else if (header.type == PERF_RECORD_SWITCH_CPU_WIDE) {
        const auto other = read_as<std::array<std::uint32_t, 2>>(body, bytes); // pid, tid
        if (other) take_switch(buffer, header, *id, other->data(), into);
    }
}

void SwitchRecorder::Impl::take_switch(std::size_t buffer, const perf_event_header& header, const SampleId& id,
                                       const std::uint32_t* other, SwitchesReading& into) {
    const bool out = (header.misc & PERF_RECORD_MISC_SWITCH_OUT) != 0;
    std::uint32_t thread = id.tid;
    bool ours = id.pid == pid;        // not a child process, which inherits events as threads do
    if (out && thread == no_thread) { // it ends: it is the one that got this CPU last
        thread = running[buffer];
        ours = thread != no_thread;
    }
    if (!ours) {
        running[buffer] = no_thread;
        return;
    }
    running[buffer] = out ? no_thread : thread;
    if (thread == no_thread) return;

    SwitchRecord record;
    record.time = nanoseconds(static_cast<std::int64_t>(id.time));
    record.thread = thread;
    record.cpu = static_cast<std::uint32_t>(cpus[buffer]);
    if (out) {
        // Who is about to be gone may be interrupted once more, and comes back without a name: that was its end.
        const bool preempted = (header.misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT) != 0 && id.tid != no_thread;
        record.kind = preempted ? SwitchRecord::Kind::preempted : SwitchRecord::Kind::blocked;
    }
    if (other != nullptr && other[1] != no_thread) {
        record.other_known = true;
        record.other_process = other[0];
        record.other_thread = other[1];
    }
    // A thread that was followed twice, since it was started while the others were looked up, is recorded twice.
    const SwitchRecord& before = last[buffer];
    if (before.thread == record.thread && before.kind == record.kind &&
        record.time - before.time < std::chrono::microseconds(5))
        return;
    last[buffer] = record;
    into.records.push_back(record);
}

telemetry::Outcome<SwitchRecorder> SwitchRecorder::open(std::uint32_t pid, const SwitchOptions& options) {
    std::vector<std::uint32_t> threads;
    const UniqueFd tasks = open_in(AT_FDCWD, fmt::format("/proc/{}/task", pid).c_str(), O_DIRECTORY);
    if (!tasks || !list_numbers(tasks.get(), threads) || threads.empty()) return cannot_record(ESRCH, pid, options.scope);

    if (options.scope != SwitchScope::process) {
        auto impl = std::make_unique<Impl>();
        impl->pid = pid;
        impl->scope = SwitchScope::machine;
        const int error = impl->open_buffers(-1, options);
        if (error == 0) return SwitchRecorder(std::move(impl));
        if (options.scope == SwitchScope::machine) return cannot_record(error, pid, options.scope);
    }

    auto impl = std::make_unique<Impl>();
    impl->pid = pid;
    impl->scope = SwitchScope::process;
    if (const int error = impl->open_buffers(static_cast<pid_t>(threads.front()), options); error != 0)
        return cannot_record(error, pid, SwitchScope::process);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const auto most = static_cast<std::uint32_t>(std::min<rlim_t>(options.max_descriptors, limit.rlim_cur / 4));
    impl->follow(std::span(threads).subspan(1), most);
    // Threads that unfollowed ones started meanwhile; once more is enough, for then all of the others are followed.
    const std::set<std::uint32_t> known(threads.begin(), threads.end());
    if (list_numbers(tasks.get(), threads)) {
        std::erase_if(threads, [&](std::uint32_t thread) { return known.contains(thread); });
        impl->follow(threads, most);
    }
    return SwitchRecorder(std::move(impl));
}

SwitchRecorder::SwitchRecorder(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
SwitchRecorder::SwitchRecorder(SwitchRecorder&&) noexcept = default;
SwitchRecorder& SwitchRecorder::operator=(SwitchRecorder&&) noexcept = default;
SwitchRecorder::~SwitchRecorder() = default;

void SwitchRecorder::read(SwitchesReading& into) {
    into.lost.clear();
    into.lost_count = 0;
    into.records.swap(impl_->held_back);
    impl_->held_back.clear();
    // Buffers are read one after the other: what is younger than the first one's reading waits for the next, so that records
    // come in order of time over all readings. The margin is for records being written.
    into.until = nanoseconds(telemetry::monotonic_ns()) - std::chrono::microseconds(50);
    for (std::size_t i = 0; i < impl_->buffers.size(); ++i) {
        const auto middle = static_cast<std::ptrdiff_t>(into.records.size());
        impl_->buffers[i].drain([&](const perf_event_header& header, const std::byte* body, std::size_t bytes) {
            impl_->take(i, header, body, bytes, into);
        });
        std::inplace_merge(into.records.begin(), into.records.begin() + middle, into.records.end(),
                           [](const SwitchRecord& a, const SwitchRecord& b) { return a.time < b.time; });
    }
    const auto later = std::ranges::upper_bound(into.records, into.until, {}, &SwitchRecord::time);
    impl_->held_back.assign(later, into.records.end());
    into.records.erase(later, into.records.end());
}

bool SwitchRecorder::wait(std::chrono::milliseconds at_most) const {
    std::vector<pollfd> polled;
    for (const PerfBuffer& buffer : impl_->buffers) polled.push_back({buffer.event(), POLLIN, 0});
    return ::poll(polled.data(), polled.size(), static_cast<int>(at_most.count())) > 0;
}

SwitchScope SwitchRecorder::scope() const noexcept { return impl_->scope; }
std::size_t SwitchRecorder::buffer_bytes() const noexcept { return impl_->buffer_bytes; }
std::uint32_t SwitchRecorder::threads_left_out() const noexcept { return impl_->left_out; }

} // namespace connscope::observe
