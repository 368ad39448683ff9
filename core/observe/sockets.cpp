// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/sockets.hpp"

#include "connscope/observe/proc_file.hpp"
#include "connscope/telemetry/clock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace connscope::observe {
namespace {

using std::chrono::nanoseconds;

nanoseconds now() { return nanoseconds(telemetry::monotonic_ns()); }

telemetry::Error no_such_process(std::uint32_t pid) {
    return {std::make_error_code(std::errc::no_such_process), fmt::format("there is no process {}", pid)};
}

bool in_this_network(std::uint32_t pid) {
    struct stat own {
    }, other{};
    if (::stat("/proc/self/ns/net", &own) != 0 || ::stat(fmt::format("/proc/{}/ns/net", pid).c_str(), &other) != 0)
        return true;
    return own.st_ino == other.st_ino;
}

} // namespace

telemetry::Outcome<SocketsObserver> SocketsObserver::open(std::uint32_t pid, const SocketsOptions& options) {
    auto table = SharedSocketTable::open({options.memory, options.figures, std::nullopt}, options.share);
    if (!table) return std::move(table).error();
    return open(pid, std::move(*table), options.budget);
}

telemetry::Outcome<SocketsObserver> SocketsObserver::open(std::uint32_t pid, std::shared_ptr<SharedSocketTable> table,
                                                          nanoseconds budget) {
    SocketsObserver observer(std::move(table));
    observer.pid_ = pid;
    observer.budget_ = budget;
    observer.folder_ = open_in(AT_FDCWD, fmt::format("/proc/{}/fd", pid).c_str(), O_DIRECTORY);
    if (!observer.folder_ && (errno == EACCES || errno == EPERM))
        return telemetry::Error{
            std::make_error_code(std::errc::permission_denied),
            fmt::format("the files of process {} may not be seen: it belongs to another user or is protected; "
                        "root, or a program with CAP_SYS_PTRACE, may see them",
                        pid)};
    if (!observer.folder_) return no_such_process(pid);
    observer.listing_ = open_in(observer.folder_.get(), ".", O_DIRECTORY);
    if (!observer.listing_) return no_such_process(pid);
    if (!in_this_network(pid))
        return telemetry::Error{
            std::make_error_code(std::errc::address_not_available),
            fmt::format(
                "process {} is in another network namespace (a container); its sockets are seen from inside of it only",
                pid)};
    return observer;
}

telemetry::Status SocketsObserver::read(SocketsReading& into) {
    struct stat folder {};
    if (::fstat(folder_.get(), &folder) != 0) return no_such_process(pid_);
    if (auto looked = table_->look(); !looked) return looked;
    if (table_->taken() == taken_) return telemetry::success();
    const nanoseconds cpu_before = thread_cpu();
    ++reading_;
    into.taken = taken_ = table_->taken();
    into.unassigned = note_sockets();
    // Without news the pass still goes on a little, for sockets that came from another process.
    constexpr nanoseconds without_news = std::chrono::microseconds(400);
    const bool alive = look_at_descriptors(now() + (into.unassigned > 0 ? budget_ : without_news));
    if (!alive) return no_such_process(pid_);

    into.sockets.clear();
    into.unassigned = 0;
    for (const SocketReading& socket : table_->sockets()) {
        const auto at = known_.find(socket.inode);
        if (at == known_.end()) continue;
        if (at->second.owner == Owner::process) into.sockets.emplace_back(socket).accepted = at->second.accepted;
        if (at->second.owner == Owner::unknown) ++into.unassigned;
    }
    if (known_.size() > 2 * table_->sockets().size() + 1000)
        std::erase_if(known_, [this](const auto& entry) { return entry.second.seen_in != reading_; });
    if (reading_ > 1) table_->spent(thread_cpu() - cpu_before);
    return telemetry::success();
}

// Marks the sockets of this reading as seen; returns of how many the owner is unknown.
std::uint32_t SocketsObserver::note_sockets() {
    std::uint32_t unknown = 0;
    for (const SocketReading& socket : table_->sockets()) {
        if (socket.inode == 0) continue;
        const auto [at, is_new] = known_.try_emplace(socket.inode);
        if (is_new) at->second.since_pass = pass_;
        // Whoever listened may stop; who began while the table was being read is not in it yet.
        at->second.accepted =
            at->second.accepted || std::ranges::binary_search(table_->listening_ports(), socket.local.port);
        at->second.seen_in = reading_;
        if (at->second.owner == Owner::unknown) ++unknown;
    }
    return unknown;
}

// Goes on with the pass over the process's descriptors, to the end of one that began in this reading at most. False when the
// process has ended.
bool SocketsObserver::look_at_descriptors(nanoseconds until) {
    bool began_here = false;
    do {
        if (!list_more_numbers(listing_.get(), listed_)) return errno != ENOENT && errno != ESRCH;
        if (listed_.empty()) {
            ++pass_;
            settle_unknown();
            ::lseek(listing_.get(), 0, SEEK_SET);
            if (began_here) return true;
            began_here = true;
            continue;
        }
        for (const std::uint32_t descriptor : listed_) {
            std::uint64_t& inode = descriptors_[descriptor];
            if (inode != 0) {
                // Still the same socket, as far as it was known: one that came after the table was read is looked at again.
                const auto at = known_.find(inode);
                if (at != known_.end() && at->second.seen_in == reading_ && at->second.owner == Owner::process) continue;
            }
            inode = socket_inode(folder_.get(), descriptor);
            if (inode == 0) continue;
            const auto at = known_.find(inode);
            if (at != known_.end()) at->second.owner = Owner::process;
        }
    } while (now() < until);
    return true;
}

// A socket that a whole pass over the descriptors did not find belongs to somebody else.
void SocketsObserver::settle_unknown() {
    for (auto& [inode, known] : known_)
        if (known.owner == Owner::unknown && known.since_pass + 1 < pass_) known.owner = Owner::other;
}

} // namespace connscope::observe
