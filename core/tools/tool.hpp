// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"

#include <CLI/CLI.hpp>

#include <sys/prctl.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>

// What every program's main() needs.
namespace connscope::tools {

// Exit codes, the same for all programs.
inline constexpr int done = 0;
inline constexpr int promise_failed = 1;      // done, but something promised failed (--strict)
inline constexpr int wrong_use = 2;           // the arguments
inline constexpr int environment_refused = 3; // port, rights, limits

// Parses the command line; an exit code when the program is to end now: after --help, or with a sentence about wrong use.
inline std::optional<int> parse(CLI::App& app, int argc, char** argv) {
    try {
        app.parse(argc, argv);
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? done : wrong_use;
    }
}

struct HostPort {
    std::string host;
    std::uint16_t port = 0;
};

// "127.0.0.1:7777", "[::1]:7777" or ":7777" (127.0.0.1).
inline telemetry::Outcome<HostPort> parse_address(const std::string& text) {
    const auto wrong = [](const char* why) {
        return telemetry::Error{std::make_error_code(std::errc::invalid_argument), why};
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return wrong("an address is HOST:PORT");
    HostPort address{text.substr(0, colon), 0};
    if (address.host.empty()) address.host = "127.0.0.1";
    if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']')
        address.host = address.host.substr(1, address.host.size() - 2);
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, address.port);
    if (error != std::errc{} || stopped != end) return wrong("a port is a number from 0 to 65535");
    return address;
}

// Asks the kernel for a SIGTERM when the parent process ends, so that nothing is left behind.
inline void end_with_parent() {
    const pid_t parent = ::getppid();
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) std::raise(SIGTERM); // it ended before the kernel was asked
}

} // namespace connscope::tools
