// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/server/stack_catcher.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace connscope::server {

class Zygote;

// Where a thread was in the program.
struct NamedPlace {
    std::string function;           // empty: not known
    std::string at;                 // the source line: "steps.cpp:137"
    std::vector<std::string> calls; // that led there, innermost first: "burn at steps.cpp:137"
    std::string missing;            // why the function is not known
};

// Says where a caught stack is, by a process forked from the zygote, which runs the same code at the same addresses: what is
// known of the program's code takes a hundred milliseconds to read and megabytes to keep, and would count as the server's.
// That process ends when nobody has asked for a while. One thread at a time.
class Namer {
public:
    // Without a zygote nothing can be said.
    explicit Namer(Zygote* zygote)
        : zygote_(zygote) {}

    // Waits two seconds for the answer at most.
    NamedPlace name(const CaughtStack& caught);

private:
    bool start(std::string& why_not);

    Zygote* const zygote_;
    telemetry::UniqueFd socket_; // of the process, when there is one
    std::uint64_t asked_ = 0;    // so often
};

// What runs in that process: answers until nobody asks, or the other end is gone.
[[noreturn]] void live_as_namer(int socket);

} // namespace connscope::server
