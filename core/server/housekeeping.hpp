// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/observe/process.hpp"
#include "connscope/server/registry.hpp"
#include "connscope/server/zygote.hpp"
#include "connscope/telemetry/probe.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace connscope::server {

// What is done ten times a second, whatever the modes do: the process's own gauges are written, carriers counted, silent
// peers shut. About 0.1 ms, and 20 ns for each connection. On the server's control thread.
class Housekeeping {
public:
    struct Timeouts {
        std::chrono::seconds idle;    // 0: none
        std::chrono::seconds request; // 0: none
    };
    // `zygote`: whose processes count as the server's; null where there is none.
    Housekeeping(telemetry::ProbeServer& probe, Registry& registry, Zygote* zygote, Timeouts timeouts);

    void set_timeouts(Timeouts timeouts) noexcept { timeouts_ = timeouts; }

    static constexpr std::chrono::milliseconds period{100};
    void run();

    std::uint64_t threads() const noexcept { return threads_; }

private:
    void write_process_gauges();
    void write_heap_gauges();
    void look_at_connections();
    void look_for_silence(std::uint32_t slot, ConnectionId id, telemetry::ConnectionState state, telemetry::Ticks since,
                          telemetry::Ticks now);

    telemetry::ProbeServer& probe_;
    Registry& registry_;
    Zygote* const zygote_;
    Timeouts timeouts_;
    std::optional<observe::ProcessObserver> self_;
    std::uint64_t threads_ = 0;
    std::uint64_t rounds_ = 0;
};

} // namespace connscope::server
