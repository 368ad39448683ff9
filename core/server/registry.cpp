// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/registry.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace connscope::server {

void Registry::add(Connection& connection, std::uint8_t target) {
    const std::lock_guard lock(mutex_);
    Entry& entry = of(connection);
    assert(entry.id == 0);
    entry = {.id = connection.id(),
             .socket = connection.socket.get(),
             .mode = no_mode,
             .target = target,
             .in_transit = true,
             .journey = 0,
             .is_shut = false,
             .cause = {}};
    connection.watch = &watches_[connection.probe.slot_index()];
    connection.watch->request_since.store(0, std::memory_order_relaxed);
    // Seen by its carrier, to which the lock leads.
    connection.watch->timed_out.store(false, std::memory_order_relaxed);
    connection.watch->leave.store(false, std::memory_order_relaxed);
    end_ = std::max(end_, connection.probe.slot_index() + 1);
    ++open_;
}

std::optional<CloseReason> Registry::remove(const Connection& connection) {
    const std::lock_guard lock(mutex_);
    Entry& entry = of(connection);
    assert(entry.id == connection.id());
    const std::optional<CloseReason> cause = entry.cause;
    entry = {};
    --open_;
    return cause;
}

Registry::Way Registry::depart(const Connection& connection) {
    const std::lock_guard lock(mutex_);
    Entry& entry = of(connection);
    entry.in_transit = true;
    tell(entry);
    return {entry.mode, entry.target, ++entry.journey};
}

bool Registry::arrive(std::uint32_t slot, ConnectionId id, std::uint8_t mode, std::uint32_t journey) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[slot];
    if (entry.id != id || entry.journey != journey) return false;
    entry.mode = mode;
    entry.in_transit = false;
    tell(entry);
    return entry.target != mode;
}

void Registry::tell(const Entry& entry) {
    const bool leave = !entry.in_transit && (entry.mode != entry.target || entry.is_shut);
    watches_[static_cast<std::size_t>(&entry - entries_.data())].leave.store(leave,
                                                                             std::memory_order_relaxed); // a flag alone
}

bool Registry::is_shut(const Connection& connection) const {
    const std::lock_guard lock(mutex_);
    return entries_[connection.probe.slot_index()].is_shut;
}

// Precondition: the mutex is held.
Registry::Entry* Registry::find(ConnectionId id) {
    const auto end = entries_.begin() + end_;
    const auto found = std::find_if(entries_.begin(), end, [id](const Entry& entry) { return entry.id == id; });
    return found == end || id == 0 ? nullptr : &*found;
}

std::optional<Registry::Whereabouts> Registry::where(ConnectionId id) const {
    const std::lock_guard lock(mutex_);
    const Entry* const entry = const_cast<Registry*>(this)->find(id);
    if (entry == nullptr) return std::nullopt;
    return Whereabouts{entry->mode, entry->target, entry->in_transit};
}

std::optional<Registry::Whereabouts> Registry::send(ConnectionId id, std::uint8_t target) {
    const std::lock_guard lock(mutex_);
    Entry* const entry = find(id);
    if (entry == nullptr) return std::nullopt;
    const std::uint8_t before = std::exchange(entry->target, target);
    tell(*entry);
    return Whereabouts{entry->mode, before, entry->in_transit};
}

std::uint8_t Registry::refused(const Connection& connection, const Way& way) {
    const std::lock_guard lock(mutex_);
    Entry& entry = of(connection);
    if (entry.target != way.target) return entry.target;
    if (entry.mode == way.target) return no_mode;
    if (entry.mode != no_mode) entry.target = entry.mode;
    return entry.mode;
}

Registry::Counts Registry::counts() const {
    const std::lock_guard lock(mutex_);
    Counts counts{};
    for (std::uint32_t slot = 0; slot < end_; ++slot) {
        const Entry& entry = entries_[slot];
        if (entry.id == 0) continue;
        if (entry.mode != no_mode) ++counts[entry.mode].are;
        if (entry.target != no_mode) ++counts[entry.target].shall_be;
    }
    return counts;
}

std::uint64_t Registry::send_all(std::uint8_t target) {
    const std::lock_guard lock(mutex_);
    std::uint64_t on_their_way = 0;
    for (std::uint32_t slot = 0; slot < end_; ++slot) {
        Entry& entry = entries_[slot];
        if (entry.id == 0) continue;
        entry.target = target;
        tell(entry);
        if (entry.in_transit || entry.mode != target) ++on_their_way;
    }
    return on_their_way;
}

std::uint64_t Registry::open() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

std::uint64_t Registry::astray() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::uint64_t>(std::count_if(entries_.begin(), entries_.begin() + end_, [](const Entry& entry) {
        return entry.id != 0 && (entry.in_transit || entry.mode != entry.target);
    }));
}

void Registry::shut(Entry& entry, int how, CloseReason cause) {
    if (!entry.cause) entry.cause = cause;
    ::shutdown(entry.socket, how);
    if (how != SHUT_RDWR) return;
    entry.is_shut = true;
    tell(entry);
}

bool Registry::shut(ConnectionId id, int how, CloseReason cause) {
    const std::lock_guard lock(mutex_);
    Entry* const entry = find(id);
    if (entry == nullptr) return false;
    shut(*entry, how, cause);
    return true;
}

void Registry::shut_all(int how, CloseReason cause) {
    const std::lock_guard lock(mutex_);
    for (std::uint32_t slot = 0; slot < end_; ++slot)
        if (entries_[slot].id != 0) shut(entries_[slot], how, cause);
}

void Registry::time_out(std::uint32_t slot, ConnectionId id, Silent peer) {
    const std::lock_guard lock(mutex_);
    if (slot >= end_ || entries_[slot].id != id) return;
    watches_[slot].timed_out.store(true, std::memory_order_relaxed); // the carrier sees it after the shutdown's wake-up
    shut(entries_[slot], peer == Silent::sender ? SHUT_RD : SHUT_RDWR, CloseReason::timeout);
}

std::optional<std::uint8_t> Registry::place_of(std::uint32_t slot, ConnectionId id) const {
    const std::lock_guard lock(mutex_);
    const Entry& entry = entries_[slot];
    if (entry.id != id || entry.in_transit) return std::nullopt;
    return entry.mode;
}

std::vector<std::pair<std::uint32_t, ConnectionId>> Registry::at(std::uint8_t mode) const {
    std::vector<std::pair<std::uint32_t, ConnectionId>> found;
    const std::lock_guard lock(mutex_);
    for (std::uint32_t slot = 0; slot < end_; ++slot)
        if (const Entry& entry = entries_[slot]; entry.id != 0 && entry.mode == mode && !entry.in_transit)
            found.emplace_back(slot, entry.id);
    return found;
}

bool Registry::has_input(std::uint32_t slot, ConnectionId id) const {
    const std::lock_guard lock(mutex_);
    int bytes = 0;
    return entries_[slot].id == id && ::ioctl(entries_[slot].socket, FIONREAD, &bytes) == 0 && bytes > 0;
}

std::uint32_t Registry::end_slot() const {
    const std::lock_guard lock(mutex_);
    return end_;
}

} // namespace connscope::server
