// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/cost.hpp"

#include "connscope/observe/memory.hpp"
#include "connscope/observe/proc_file.hpp"
#include "connscope/observe/process.hpp"
#include "connscope/observe/sockets.hpp"
#include "connscope/telemetry/layout.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace connscope::observe {
namespace {

using telemetry::Gauge;

// The kernel's objects of one socket, in the caches of these names.
constexpr std::array<std::string_view, 4> of_a_socket{"TCP", "sock_inode_cache", "filp", "dentry"};
constexpr std::array<std::string_view, 2> of_a_thread{"task_struct", "pid"};
constexpr std::array<std::string_view, 4> of_a_mapping{"vm_area_struct", "anon_vma", "anon_vma_chain", "maple_node"};
constexpr std::string_view of_a_watch = "eventpoll_epi";

double per_object(const std::vector<SlabCache>& slab, std::string_view name) {
    const SlabCache* const cache = find_cache(slab, name);
    return cache == nullptr ? 0 : cache->slab_bytes_per_object;
}

// Of objects in use: slabs that stay half empty after something else has ended are not this server's.
double active_bytes(const std::vector<SlabCache>& slab, std::string_view name) {
    const SlabCache* const cache = find_cache(slab, name);
    return cache == nullptr ? 0 : static_cast<double>(cache->active) * cache->slab_bytes_per_object;
}

class Parts {
public:
    Parts(Cost& into, double connections)
        : into_(into)
        , connections_(connections) {}

    void add(std::string name, std::optional<double> bytes, std::string source) {
        if (bytes) {
            *bytes /= connections_;
            into_.sum += *bytes;
        }
        into_.parts.push_back({std::move(name), bytes, std::move(source)});
    }

private:
    Cost& into_;
    double connections_;
};

double growth(std::uint64_t before, std::uint64_t after) { return static_cast<double>(after) - static_cast<double>(before); }

std::optional<double> growth(const std::optional<std::uint64_t>& before, const std::optional<std::uint64_t>& after) {
    if (!before || !after) return std::nullopt;
    return growth(*before, *after);
}

} // namespace

telemetry::Outcome<CostReading> read_cost(std::uint32_t pid, const telemetry::ServerReading& server) {
    const auto status = read_whole(AT_FDCWD, fmt::format("/proc/{}/status", pid).c_str());
    if (!status || status->empty())
        return telemetry::Error{std::make_error_code(std::errc::no_such_process),
                                fmt::format("there is no process {}", pid)};
    CostReading reading;
    reading.connections = server.connections.size();
    reading.threads = number_of(*status, "Threads:").value_or(0);
    reading.anonymous_bytes = bytes_of(*status, "RssAnon:").value_or(0);
    reading.shared_bytes = bytes_of(*status, "RssShmem:").value_or(0);
    reading.page_table_bytes = bytes_of(*status, "VmPTE:").value_or(0);

    const auto mappings = read_mappings(pid);
    if (!mappings) return mappings.error();
    reading.mappings = mappings->size();
    if (const auto stacks = read_stack_memory(pid)) reading.stack_bytes = stacks->resident_bytes;
    for (const auto& connection : server.connections) {
        const bool has_stack =
            connection.carrier == telemetry::CarrierKind::thread || connection.carrier == telemetry::CarrierKind::fiber;
        if (!has_stack) reading.carrier_bytes += connection.carrier_bytes;
        reading.session_bytes += connection.session_bytes;
    }
    reading.heap_used_bytes = server.gauge(Gauge::heap_used_bytes);
    reading.heap_reserved_bytes = server.gauge(Gauge::heap_reserved_bytes);
    reading.slot_bytes = server.connections.size() * sizeof(telemetry::layout::Slot);
    reading.kernel_stack_each = kernel_stack_bytes_per_task();

    if (auto observer =
            SocketsObserver::open(pid, {.memory = true, .figures = false, .budget = std::chrono::seconds(2), .share = 1})) {
        SocketsReading sockets;
        if (observer->read(sockets) && sockets.unassigned == 0) {
            std::uint64_t bytes = 0;
            for (const SocketReading& socket : sockets.sockets)
                if (socket.memory) bytes += socket.memory->held_bytes();
            reading.sockets = sockets.sockets.size();
            reading.socket_buffer_bytes = bytes;
        }
    }
    if (reading.sockets == 0) reading.sockets = server.connections.size();
    if (const auto memory = read_whole(AT_FDCWD, "/proc/meminfo"))
        reading.all_kernel_stack = bytes_of(*memory, "KernelStack:");
    if (auto slab = read_slab()) reading.slab = std::move(*slab);
    return reading;
}

unsigned ends_here(const telemetry::ServerReading& server) noexcept {
    const auto is_here = [](const telemetry::ConnectionReading& connection) {
        const auto& bytes = connection.peer.bytes;
        if (connection.peer.family == 4) return bytes[0] == 127;
        return connection.peer.family == 6 && bytes.back() == 1 &&
               std::all_of(bytes.begin(), bytes.end() - 1, [](auto byte) { return byte == 0; });
    };
    const auto here = static_cast<std::size_t>(std::ranges::count_if(server.connections, is_here));
    return here * 2 > server.connections.size() ? 2 : 1;
}

Cost cost_between(const CostReading& before, const CostReading& after, unsigned ends) {
    Cost cost;
    const double connections = growth(before.connections, after.connections);
    if (connections <= 0) return cost;
    Parts parts(cost, connections);
    const double threads = growth(before.threads, after.threads);

    parts.add("stacks, user part", growth(before.stack_bytes, after.stack_bytes),
              after.stack_bytes ? "resident pages of stacks (/proc/PID/pagemap)"
                                : "not available: the memory map may not be read");
    parts.add("frames and closures", growth(before.carrier_bytes, after.carrier_bytes),
              "the server's segment: each carrier's size");
    parts.add("sessions and their buffers", growth(before.session_bytes, after.session_bytes), "the server's segment");
    const auto heap = growth(before.heap_used_bytes, after.heap_used_bytes);
    parts.add("other objects on the heap",
              heap ? std::optional(*heap - growth(before.carrier_bytes, after.carrier_bytes) -
                                   growth(before.session_bytes, after.session_bytes))
                   : std::nullopt,
              heap ? "mallinfo2 of the server, less the two above" : "not available: the server does not tell");
    const auto reserved = growth(before.heap_reserved_bytes, after.heap_reserved_bytes);
    parts.add("the allocator's own", heap && reserved ? std::optional(*reserved - *heap) : std::nullopt,
              heap ? "mallinfo2 of the server: what it holds and nobody uses" : "not available: the server does not tell");
    parts.add("slot in the segment", growth(before.slot_bytes, after.slot_bytes),
              "192 bytes in shared memory, for observers");
    parts.add("page tables", growth(before.page_table_bytes, after.page_table_bytes), "VmPTE of /proc/PID/status");
    parts.add("kernel stack",
              after.kernel_stack_each ? std::optional(threads * static_cast<double>(*after.kernel_stack_each))
                                      : std::nullopt,
              after.kernel_stack_each ? "threads by the kernel's stack of each"
                                      : "not available: the kernel does not tell its size");

    cost.has_kernel = !after.slab.empty() && !before.slab.empty();
    const std::string slab_source =
        cost.has_kernel ? "objects by their size in /proc/slabinfo" : "not available: only root may read /proc/slabinfo";
    const auto objects = [&](double count, auto names) -> std::optional<double> {
        if (!cost.has_kernel) return std::nullopt;
        double bytes = 0;
        for (const std::string_view name : names) bytes += per_object(after.slab, name);
        return count * bytes;
    };
    const double sockets = growth(before.sockets, after.sockets);
    const double mappings = growth(before.mappings, after.mappings);
    parts.add("task_struct and pid", objects(threads, of_a_thread), slab_source);
    // A stack and its guard are two mappings, of which one has pages and what belongs to these.
    parts.add(
        "mappings",
        cost.has_kernel
            ? std::optional(mappings * per_object(after.slab, "vm_area_struct") +
                            mappings / 2 * (per_object(after.slab, "anon_vma") + per_object(after.slab, "anon_vma_chain")) +
                            mappings / 10 * per_object(after.slab, "maple_node"))
            : std::nullopt,
        slab_source);
    parts.add("socket and its file", objects(sockets, of_a_socket), slab_source);
    // Not every mode lets epoll watch its sockets.
    const double entries = active_bytes(after.slab, of_a_watch) - active_bytes(before.slab, of_a_watch);
    const bool watched = cost.has_kernel && entries > connections / 2 * per_object(after.slab, of_a_watch);
    parts.add("entry in epoll", objects(watched ? connections : 0, std::array{of_a_watch}), slab_source);
    parts.add("socket buffers", growth(before.socket_buffer_bytes, after.socket_buffer_bytes),
              after.socket_buffer_bytes ? "sock_diag of the server's sockets"
                                        : "not available: the sockets could not be told apart");

    double grown = growth(before.anonymous_bytes, after.anonymous_bytes) + growth(before.shared_bytes, after.shared_bytes) +
                   growth(before.page_table_bytes, after.page_table_bytes);
    grown += growth(before.all_kernel_stack, after.all_kernel_stack).value_or(0);
    if (cost.has_kernel) {
        const auto slab_growth = [&](std::string_view name) {
            return active_bytes(after.slab, name) - active_bytes(before.slab, name);
        };
        for (const std::string_view name : of_a_thread) grown += slab_growth(name);
        for (const std::string_view name : of_a_mapping) grown += slab_growth(name);
        for (const std::string_view name : of_a_socket) grown += slab_growth(name) / ends;
        grown += slab_growth(of_a_watch);
    }
    cost.grown = grown / connections;
    return cost;
}

} // namespace connscope::observe
