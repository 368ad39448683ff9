// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/load/population.hpp"
#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace connscope::load {

// The server under load.
struct Target {
    sockaddr_storage address{};
    socklen_t length = 0;
    std::string shown; // "127.0.0.1:7777", "[::1]:7777"
};

// Resolves HOST:PORT. Errors: no port, a port that cannot be, a host that nobody knows. May block on a name server.
telemetry::Outcome<Target> resolve(std::string_view host_and_port);

// Opens connections to one target. One source address has some 28,000 ports to reach one port of a server; on loopback,
// where all of 127.0.0.0/8 is this machine, the next address (127.0.0.2, …) is taken when one is used up. One thread at a
// time.
class Connector {
public:
    explicit Connector(const Target& target);

    struct Begun {
        telemetry::UniqueFd socket; // non-blocking; becomes writable when the connection is there or has failed
        int error = 0;              // errno when nothing could be begun
    };
    // Begins one connection. `small_buffer` keeps the kernel from taking more than a few KiB that were not read yet.
    Begun begin(bool small_buffer);

private:
    int bind_source(int socket) const;
    void next_source();

    Target target_;
    bool loopback_ = false;
    std::uint32_t source_ = 0; // 0: the system's choice; n: 127.0.0.(n+1) and on
    std::uint32_t begun_from_it_ = 0;
};

// How many connections this process can hold, after raising its soft limit of open files to the hard one.
struct FileLimit {
    std::uint64_t files = 0;       // RLIMIT_NOFILE
    std::uint64_t connections = 0; // what remains beside the files that it has and needs
};
FileLimit raise_file_limit();

// Scales populations down to `connections` in all, each by the same share, none that wants one below one. Returns a sentence
// for people when that was needed.
std::optional<std::string> fit(std::vector<Population>& populations, const FileLimit& limit);

} // namespace connscope::load
