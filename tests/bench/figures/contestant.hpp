// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

// What the figures are measured with: servers and loads as processes of their own, each pinned to a CPU, that run in turn.
// Whatever fails ends the program with a sentence: a figure with a hole in it is worth nothing.
namespace connscope::bench {

[[noreturn]] void fail(const std::string& why);

// A process that ends with this object, and with this process.
class Child {
public:
    // Pinned to `cpu`, or free to run anywhere without one. Its standard output is read by line(); error output that is not
    // wanted goes nowhere.
    Child(const std::vector<std::string>& command, std::optional<int> cpu, bool quiet = true);
    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    ~Child();

    pid_t pid() const noexcept { return pid_; }
    // The next line that it prints; empty when it prints no more.
    std::string line();
    // All that it prints until it ends.
    std::string rest();
    void signal(int number) const;
    // User and system time of all its threads, ended ones included, to the nanosecond.
    std::chrono::nanoseconds cpu_time() const;

private:
    pid_t pid_ = -1;
    int output_ = -1;
};

// The value of "KEY=VALUE" in a line; empty without it. The address after "listening on " is value_of(line, "").
std::string value_of(const std::string& line, const std::string& key);

// The folder of connscope-serve and connscope-load, and that of the reference servers.
std::string bin_folder();
std::string reference_folder();

// Connections that are open, were answered, and then wait.
class IdleClients {
public:
    // Of the server at this address, "127.0.0.1:PORT".
    explicit IdleClients(std::string address)
        : address_(std::move(address)) {}

    // Opens so many more and talks with each of them `rounds` times.
    void open(std::size_t count, int rounds = 1);

private:
    std::string address_;
    std::vector<telemetry::UniqueFd> sockets_;
};

// Raises the number of files that this process may open as far as it goes.
void raise_open_files();

struct Window {
    double cpu_us_per_request = 0;
    double requests_per_s = 0;
};

// A server under a load of its own, which stands still until its turn comes.
class Contestant {
public:
    Contestant(const std::vector<std::string>& server, const std::string& protocol, unsigned connections);

    pid_t pid() const noexcept { return server_.pid(); }
    // Lets the load run for a while and says what the server did with it.
    Window run(std::chrono::milliseconds duration);

private:
    std::uint64_t completed();

    Child server_;
    std::string load_name_;
    Child load_;
    std::optional<telemetry::SegmentReader> reader_;
    telemetry::LoadReading reading_;
};

struct Duel {
    Window base;              // medians
    Window ours;              //
    double cpu_ratio = 0;     // base's CPU per request by ours: above 1, ours is the cheaper. Median over the pairs.
    double speed_ratio = 0;   // our requests/s by base's; likewise
    double cpu_ratio_low = 0; // the quartiles
    double cpu_ratio_high = 0;
};

// Runs the two in turn, in pairs whose order alternates.
Duel duel(const std::function<Window()>& base, const std::function<Window()>& ours, unsigned pairs);
// One line of a table, and its head.
void print_head(const std::string& base, const std::string& ours);
void print_row(const std::string& what, const Duel& duel, double wanted);

double median(std::vector<double> values);
double quantile(std::vector<double> values, double at);

} // namespace connscope::bench
