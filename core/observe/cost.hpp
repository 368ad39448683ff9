// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/slab.hpp"
#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/reading.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace connscope::observe {

// Everything of a server that grows with its connections, at one moment.
struct CostReading {
    std::uint64_t connections = 0;

    // How much there is of what, as those know it who give it out: the server's probe and allocator, and the kernel's
    // counts.
    std::uint64_t threads = 0;
    std::uint64_t mappings = 0;               // of memory, each a structure of the kernel's
    std::uint64_t sockets = 0;                // descriptors that are sockets
    std::optional<std::uint64_t> stack_bytes; // resident in stacks
    std::uint64_t carrier_bytes = 0;          // frames and closures; 0 for carriers that have a stack
    std::uint64_t session_bytes = 0;
    std::optional<std::uint64_t> heap_used_bytes;     // by the program, carriers and sessions included
    std::optional<std::uint64_t> heap_reserved_bytes; // by the allocator, from the system
    std::uint64_t slot_bytes = 0;                     // of the segment: a slot for each connection
    std::optional<std::uint64_t> socket_buffer_bytes; // taken by data and set aside
    std::optional<std::uint64_t> kernel_stack_each;

    // How much memory it takes, as the kernel counts its pages.
    std::uint64_t anonymous_bytes = 0;             // RssAnon
    std::uint64_t shared_bytes = 0;                // RssShmem: the segment
    std::uint64_t page_table_bytes = 0;            // VmPTE
    std::optional<std::uint64_t> all_kernel_stack; // of the machine (/proc/meminfo)
    std::vector<SlabCache> slab;                   // of the machine; empty: only root may read it
};

// Reads all of it: some 10 ms, and 5 µs a stack. `server` is what the server's segment says now. Errors: no such process,
// not permitted. Any thread.
telemetry::Outcome<CostReading> read_cost(std::uint32_t pid, const telemetry::ServerReading& server);

// A part of what one open connection costs.
struct CostPart {
    std::string name;
    std::optional<double> bytes; // of one connection
    std::string source;          // where the figure is from, or why there is none
};

// What one more connection costs, by parts that each who gives it out knows, beside what the memory grew by as the kernel
// counts it. The difference is what no part explains.
struct Cost {
    std::vector<CostPart> parts;
    double sum = 0;          // of the parts that are known
    double grown = 0;        // measured, in the places that the parts are from
    bool has_kernel = false; // the kernel's structures are in both
    double difference() const noexcept { return grown - sum; }
};

// How many of the two ends of a server's connections the kernel here counts: both, where most of the peers are on this
// machine, as far as their addresses tell (127.0.0.0/8, ::1).
unsigned ends_here(const telemetry::ServerReading& server) noexcept;

// Between two readings of one server, the later with more connections. Of the sockets' two ends on this machine, `ends` are
// counted by the kernel (2 where the clients are here too), one of which is the server's.
Cost cost_between(const CostReading& before, const CostReading& after, unsigned ends);

} // namespace connscope::observe
