// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::observe {

// One of the kernel's caches of objects of one kind, for the whole machine (slabinfo(5)).
struct SlabCache {
    std::string name;                 // "task_struct", "TCP", "sock_inode_cache", "filp", ...
    std::uint64_t active = 0;         // objects in use
    std::uint64_t total = 0;          // objects there is room for
    std::uint64_t object_bytes = 0;   // of one object, with the kernel's padding
    double slab_bytes_per_object = 0; // the same with its share of what is left over in a slab's pages

    std::uint64_t held_bytes() const noexcept {
        return static_cast<std::uint64_t>(slab_bytes_per_object * static_cast<double>(total));
    }
};

// All caches, in the kernel's order; kinds of the same size may share one, under one of their names. Errors: only root may
// read /proc/slabinfo (std::errc::permission_denied); the kernel has none. Any thread; about 1 ms.
telemetry::Outcome<std::vector<SlabCache>> read_slab();

// The cache of that name; nullptr when there is none.
const SlabCache* find_cache(const std::vector<SlabCache>& caches, std::string_view name) noexcept;

} // namespace connscope::observe
