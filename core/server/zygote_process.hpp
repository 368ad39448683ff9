// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/zygote.hpp"

namespace connscope::server {

// What the zygote answers to an order to carry.
struct OrderAnswer {
    std::uint64_t ride = 0;
    int error = 0; // of fork(2)
};

// The life of the zygote, in the process that was forked for it: never returns.
[[noreturn]] void live_as_zygote(const Zygote::Place& place, int orders, int notices, SharedArray<ProcessUsage>& usage);

} // namespace connscope::server
