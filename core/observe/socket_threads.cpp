// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/socket_threads.hpp"

#include "connscope/observe/proc_file.hpp"
#include "connscope/telemetry/clock.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

namespace connscope::observe {
namespace {

using std::chrono::nanoseconds;
using Kind = WaitingCall::Kind;

constexpr std::uint64_t most_polled = 256; // descriptors of one call
constexpr nanoseconds between_loops = std::chrono::seconds(1);

nanoseconds now() { return nanoseconds(telemetry::monotonic_ns()); }

struct Call {
    long number;
    std::string_view name;
    Kind kind;
};
// Those that wait for sockets, by their numbers on x86-64.
constexpr std::array calls{
    Call{SYS_read, "read", Kind::socket},
    Call{SYS_write, "write", Kind::socket},
    Call{SYS_readv, "readv", Kind::socket},
    Call{SYS_writev, "writev", Kind::socket},
    Call{SYS_sendfile, "sendfile", Kind::socket},
    Call{SYS_connect, "connect", Kind::socket},
    Call{SYS_accept, "accept", Kind::socket},
    Call{SYS_accept4, "accept4", Kind::socket},
    Call{SYS_sendto, "sendto", Kind::socket},
    Call{SYS_recvfrom, "recvfrom", Kind::socket},
    Call{SYS_sendmsg, "sendmsg", Kind::socket},
    Call{SYS_recvmsg, "recvmsg", Kind::socket},
    Call{SYS_recvmmsg, "recvmmsg", Kind::socket},
    Call{SYS_sendmmsg, "sendmmsg", Kind::socket},
    Call{SYS_poll, "poll", Kind::poll},
    Call{SYS_ppoll, "ppoll", Kind::poll},
    Call{SYS_select, "select", Kind::select},
    Call{SYS_pselect6, "pselect6", Kind::select},
    Call{SYS_epoll_wait, "epoll_wait", Kind::epoll},
    Call{SYS_epoll_pwait, "epoll_pwait", Kind::epoll},
#ifdef SYS_epoll_pwait2
    Call{SYS_epoll_pwait2, "epoll_pwait2", Kind::epoll},
#endif
};

std::uint64_t take_hexadecimal(std::string_view& text) {
    const std::size_t at = text.find("0x");
    if (at == std::string_view::npos) return 0;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + at + 2, text.data() + text.size(), value, 16);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc{} ? value : 0;
}

std::string ago(nanoseconds time) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::max(time, nanoseconds{})).count();
    if (ms < 1000) return fmt::format("{} ms ago", ms);
    if (ms < 120'000) return fmt::format("{} s ago", ms / 1000);
    return fmt::format("{} min ago", ms / 60'000);
}

// The memory of another process; false where it may not be read or is not there.
bool copy_from(std::uint32_t pid, std::uint64_t address, void* into, std::size_t bytes) {
    const iovec here{into, bytes};
    const iovec there{reinterpret_cast<void*>(address), bytes}; // NOLINT: an address of the other's
    return ::process_vm_readv(static_cast<pid_t>(pid), &here, 1, &there, 1, 0) == static_cast<ssize_t>(bytes);
}

// A thread that has not got a CPU since stands where it stood.
std::uint64_t runs_of(const ThreadReading& reading) {
    return reading.runs.value_or(reading.voluntary_switches + reading.involuntary_switches);
}

} // namespace

std::string_view name_of(ThreadSource source) noexcept {
    switch (source) {
    case ThreadSource::waits:
        return "waits";
    case ThreadSource::waited:
        return "waited";
    case ThreadSource::read:
        return "read";
    case ThreadSource::waits_among:
        return "waits_among";
    case ThreadSource::only_thread:
        return "only_thread";
    case ThreadSource::none:
        break;
    }
    return "none";
}

std::string to_string(const SocketThread& thread, nanoseconds now) {
    switch (thread.source) {
    case ThreadSource::waits:
        return fmt::format("waits in {}", thread.call);
    case ThreadSource::waited:
        return fmt::format("{} {}", thread.call, ago(now - thread.seen));
    case ThreadSource::read:
        return "read " + ago(now - thread.seen);
    case ThreadSource::waits_among:
        if (thread.waiting > 1)
            return fmt::format("one of {} in {} of {} threads", thread.among, thread.call, thread.waiting);
        return fmt::format("one of {} in {}", thread.among, thread.call);
    case ThreadSource::only_thread:
        return "the only thread";
    case ThreadSource::none:
        break;
    }
    return {};
}

WaitingCall parse_waiting_call(std::string_view text) noexcept {
    WaitingCall call;
    const auto number = take_number(text); // none: "running", or "-1" for what waits in no call
    if (!number) return call;
    const auto known = std::ranges::find(calls, static_cast<long>(*number), &Call::number);
    if (known == calls.end()) return call;
    call.name = known->name;
    call.kind = known->kind;
    for (std::uint64_t* argument : {&call.first, &call.second, &call.third, &call.fourth})
        *argument = take_hexadecimal(text);
    return call;
}

SocketThreads::SocketThreads(std::uint32_t pid, const SocketThreadsOptions& options)
    : pid_(pid)
    , options_(options)
    , folder_(open_in(AT_FDCWD, fmt::format("/proc/{}", pid).c_str(), O_DIRECTORY))
    , descriptors_(open_in(AT_FDCWD, fmt::format("/proc/{}/fd", pid).c_str(), O_DIRECTORY)) {}

void SocketThreads::look(const ThreadsReading& threads, bool wanted) {
    const nanoseconds begin = now();
    const auto& all = threads.threads;
    only_thread_ = threads.count == 1 && all.size() == 1 ? all.front().id : 0;
    ++looks_;
    bool has_time = missing_.empty() && descriptors_;
    const std::size_t first = next_;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::size_t at = (first + i) % all.size();
        const ThreadReading& reading = all[at];
        Thread& thread = threads_[reading.id];
        thread.seen_in = looks_;
        if (std::exchange(thread.start_time, reading.start_time) != reading.start_time) thread.runs = not_looked_at;
        if (thread.runs == runs_of(reading) || !has_time) continue;
        end_waits(reading.id, thread);
        // Whoever runs at this moment may stand somewhere else in the next without getting a CPU anew.
        thread.runs = reading.state != 'R' && look_at(reading.id, thread) ? runs_of(reading) : not_looked_at;
        next_ = at + 1;
        has_time = missing_.empty() && now() - begin < options_.budget;
    }
    if (threads_.size() > all.size()) {
        for (auto at = threads_.begin(); at != threads_.end();) {
            auto& [id, thread] = *at;
            if (thread.seen_in == looks_) {
                ++at;
                continue;
            }
            end_waits(id, thread);
            leave_loop(id, thread);
            at = threads_.erase(at);
        }
    }
    looked_ = begin;
    if (wanted && begin >= next_loops_) read_loops(begin);
}

// False where the thread runs, or is gone.
bool SocketThreads::look_at(std::uint32_t id, Thread& thread) {
    std::array<char, 32> name{};
    *fmt::format_to_n(name.data(), name.size() - 1, "task/{}/syscall", id).out = '\0';
    std::array<char, 256> buffer;
    const telemetry::UniqueFd file = open_in(folder_.get(), name.data());
    const std::string_view text = file ? read_again(file.get(), buffer) : std::string_view{};
    if (text.empty()) {
        if (errno == EACCES || errno == EPERM)
            missing_ = fmt::format("the system calls in which the threads of process {} wait may not be seen: root, or a "
                                   "program with CAP_SYS_PTRACE, may see them",
                                   pid_);
        return false;
    }
    if (text.starts_with("running")) return false;
    const WaitingCall call = parse_waiting_call(text);
    const auto wait_for = [&](std::uint32_t descriptor, std::uint32_t among) {
        const std::uint64_t inode = socket_inode(descriptors_.get(), descriptor);
        if (inode == 0) return;
        waits_[inode] = {id, call.name, true, among, now()};
        thread.sockets.push_back(inode);
    };
    switch (call.kind) {
    case Kind::socket:
        wait_for(static_cast<std::uint32_t>(call.first), 0);
        break;
    case Kind::poll:
    case Kind::select: {
        const auto descriptors = polled(call);
        const auto among = static_cast<std::uint32_t>(descriptors.size());
        for (const std::uint32_t descriptor : descriptors) wait_for(descriptor, among == 1 ? 0 : among);
        break;
    }
    case Kind::epoll: {
        const auto descriptor = static_cast<std::uint32_t>(call.first);
        if (thread.loop == descriptor && loops_.contains(descriptor)) break;
        leave_loop(id, thread);
        thread.loop = descriptor;
        Loop& loop = loops_[descriptor];
        loop.threads.push_back(id);
        loop.call = call.name;
        break;
    }
    case Kind::none:
        break;
    }
    return true;
}

// The descriptors that poll or select was called for; none where that is not to be read, or there are too many.
std::vector<std::uint32_t> SocketThreads::polled(const WaitingCall& call) const {
    std::vector<std::uint32_t> descriptors;
    if (call.kind == Kind::poll) {
        std::vector<pollfd> entries(call.second <= most_polled ? call.second : 0);
        if (entries.empty() || !copy_from(pid_, call.first, entries.data(), entries.size() * sizeof(pollfd))) return {};
        for (const pollfd& entry : entries)
            if (entry.fd >= 0) descriptors.push_back(static_cast<std::uint32_t>(entry.fd));
        return descriptors;
    }
    const std::uint64_t end = std::min<std::uint64_t>(call.first, most_polled);
    fd_set wanted;
    FD_ZERO(&wanted);
    for (const std::uint64_t address : {call.second, call.third}) {
        std::array<unsigned long, FD_SETSIZE / (8 * sizeof(unsigned long))> words{};
        const std::size_t bytes = (end + 63) / 64 * sizeof(unsigned long);
        if (address == 0 || end == 0 || !copy_from(pid_, address, words.data(), bytes)) continue;
        for (std::uint64_t descriptor = 0; descriptor < end; ++descriptor)
            if ((words[descriptor / 64] >> (descriptor % 64) & 1) != 0) FD_SET(descriptor, &wanted);
    }
    for (std::uint32_t descriptor = 0; descriptor < end; ++descriptor)
        if (FD_ISSET(descriptor, &wanted)) descriptors.push_back(descriptor);
    return descriptors;
}

void SocketThreads::end_waits(std::uint32_t id, Thread& thread) {
    for (const std::uint64_t inode : thread.sockets) {
        const auto at = waits_.find(inode);
        if (at == waits_.end() || at->second.thread != id || !at->second.lasts) continue;
        at->second.lasts = false;
        at->second.seen = std::max(at->second.seen, looked_);
    }
    thread.sockets.clear();
}

void SocketThreads::leave_loop(std::uint32_t id, Thread& thread) {
    if (!thread.loop) return;
    if (const auto at = loops_.find(*thread.loop); at != loops_.end()) std::erase(at->second.threads, id);
    thread.loop.reset();
}

// The kernel holds up the event loop while it writes this down: that is done seldom, and never without need.
void SocketThreads::read_loops(nanoseconds begin) {
    const nanoseconds before = thread_cpu();
    for (auto at = loops_.begin(); at != loops_.end();) {
        const bool is_there = !at->second.threads.empty() && read_loop(at->first, at->second);
        at = is_there ? std::next(at) : loops_.erase(at);
    }
    const std::chrono::duration<double, std::nano> cost = thread_cpu() - before;
    next_loops_ = begin + std::max(between_loops, std::chrono::duration_cast<nanoseconds>(cost / options_.share));
}

// "tfd:        7 events:       19 data: ffff00000007  pos:0 ino:2f3a sdev:8": proc_pid_fdinfo(5).
bool SocketThreads::read_loop(std::uint32_t descriptor, Loop& loop) {
    const auto text = read_whole(folder_.get(), fmt::format("fdinfo/{}", descriptor).c_str());
    if (!text || text->find("\ntfd:") == std::string::npos) return text.has_value(); // an empty one, or none
    loop.sockets = 0;
    loop.read = now();
    std::string_view rest(*text);
    constexpr std::string_view key = " ino:";
    for (std::size_t at = rest.find(key); at != std::string_view::npos; at = rest.find(key)) {
        rest.remove_prefix(at + key.size());
        std::uint64_t inode = 0;
        std::from_chars(rest.data(), rest.data() + rest.size(), inode, 16);
        loop_[inode] = descriptor;
        ++loop.sockets;
    }
    return true;
}

void SocketThreads::take(std::span<const SocketRead> reads) {
    for (const SocketRead& read : reads) {
        if (read.process != pid_) continue;
        Read& known = reads_[read.cookie];
        if (read.time >= known.time) known = {read.thread, read.time};
    }
}

SocketThread SocketThreads::of(const SocketReading& socket) const {
    const auto wait = waits_.find(socket.inode);
    const bool has_wait = wait != waits_.end();
    if (has_wait && wait->second.lasts && wait->second.among == 0)
        return {ThreadSource::waits, wait->second.thread, wait->second.call, 1, 1, std::max(wait->second.seen, looked_)};
    const bool has_waited = has_wait && wait->second.among == 0;
    const auto read = reads_.find(socket.cookie);
    if (read != reads_.end() && (!has_waited || read->second.time >= wait->second.seen))
        return {ThreadSource::read, read->second.thread, {}, 1, 1, read->second.time};
    if (has_waited) return {ThreadSource::waited, wait->second.thread, wait->second.call, 1, 1, wait->second.seen};
    if (has_wait)
        return {ThreadSource::waits_among, wait->second.thread, wait->second.call, wait->second.among, 1, wait->second.seen};
    if (const auto in_loop = loop_.find(socket.inode); in_loop != loop_.end()) {
        const auto loop = loops_.find(in_loop->second);
        if (loop != loops_.end() && !loop->second.threads.empty()) {
            const auto& threads = loop->second.threads;
            return {ThreadSource::waits_among, threads.size() == 1 ? threads.front() : 0,  loop->second.call,
                    loop->second.sockets,      static_cast<std::uint32_t>(threads.size()), loop->second.read};
        }
    }
    if (only_thread_ != 0) return {ThreadSource::only_thread, only_thread_, {}, 1, 1, looked_};
    return {};
}

void SocketThreads::forget_others(std::span<const SocketReading> sockets) {
    const std::size_t most = 2 * sockets.size() + 1000;
    if (waits_.size() <= most && reads_.size() <= most && loop_.size() <= most) return;
    std::vector<std::uint64_t> inodes, cookies;
    for (const SocketReading& socket : sockets) {
        inodes.push_back(socket.inode);
        cookies.push_back(socket.cookie);
    }
    std::ranges::sort(inodes);
    std::ranges::sort(cookies);
    const auto is_gone = [&](const auto& entry) { return !std::ranges::binary_search(inodes, entry.first); };
    std::erase_if(waits_, is_gone);
    std::erase_if(loop_, is_gone);
    std::erase_if(reads_, [&](const auto& entry) { return !std::ranges::binary_search(cookies, entry.first); });
}

} // namespace connscope::observe
