// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/outcome.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace connscope::lab {

// A process of the experiment: pinned to CPUs, heard over its standard output, ended by its pid with the object and with the
// process that made it. One thread at a time.
class Child {
public:
    // Errors: no process, no pipe. A program that cannot be run is noticed by line() and ended().
    static telemetry::Outcome<Child> start(const std::vector<std::string>& command, const std::vector<int>& cpus);
    Child(Child&& other) noexcept;
    Child& operator=(Child&& other) noexcept;
    ~Child();

    pid_t pid() const noexcept { return pid_; }
    // The next line that it prints, without its end; none when none comes in time or it prints no more.
    std::optional<std::string> line(std::chrono::milliseconds limit);
    // "ended with exit code 3: …", with the last that it said on standard error; none while it runs.
    std::optional<std::string> ended();
    // Asks it to end (SIGTERM), waits, ends it by force when it takes too long.
    void end(std::chrono::milliseconds limit);

private:
    Child() = default;
    bool wait(std::chrono::milliseconds limit);
    std::string complaint() const;

    pid_t pid_ = -1;
    std::optional<int> status_;
    telemetry::UniqueFd process_; // a pidfd
    telemetry::UniqueFd output_;
    telemetry::UniqueFd errors_; // a file in memory
    std::string text_;           // printed and not yet taken
};

// The value of "KEY=VALUE" in a line; empty without it.
std::string value_in(const std::string& line, const std::string& key);

// The folder of this program, where its companions are.
std::string program_folder();

} // namespace connscope::lab
