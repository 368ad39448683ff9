// SPDX-License-Identifier: BSL-1.0
// What observing costs: the anatomy of one connection while a server works as fast as it can, ten thousand threads and
// sockets looked at, and the kernel's records of switches taken at a high rate.
#include "contestant.hpp"

#include "connscope/observe/anatomy/anatomy.hpp"
#include "connscope/observe/process.hpp"
#include "connscope/observe/socket_table.hpp"
#include "connscope/observe/switches.hpp"
#include "connscope/observe/threads.hpp"
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/runtime_folder.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <numeric>
#include <thread>

namespace {

using namespace connscope;
using namespace connscope::bench;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

double milliseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

std::chrono::nanoseconds own_cpu_time() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// The share of a core that `work` takes when it is done every `period` for `duration`.
template <class Work>
double share_of_core(std::chrono::milliseconds period, std::chrono::milliseconds duration, Work work) {
    const auto begin = steady_clock::now();
    const auto cpu = own_cpu_time();
    for (auto next = begin; next < begin + duration; next += period) {
        std::this_thread::sleep_until(next);
        work();
    }
    return static_cast<double>((own_cpu_time() - cpu).count()) /
           static_cast<double>(std::chrono::nanoseconds(steady_clock::now() - begin).count());
}

telemetry::SegmentReader segment_of(const std::string& name) {
    auto segment = telemetry::SegmentReader::open(telemetry::segment_path(*telemetry::runtime_folder(), name));
    if (!segment) fail(segment.error().text);
    return std::move(*segment);
}

// Reads the anatomy of a server's first connection every half second on a thread of its own, while it lives.
class Anatomist {
public:
    Anatomist(std::uint32_t pid, const std::string& name)
        : segment_(segment_of(name))
        , thread_([this, pid] { work(pid); }) {}
    ~Anatomist() {
        stop_ = true;
        thread_.join();
    }
    void watch(bool on) { on_ = on; }
    const std::vector<double>& took_ms() const { return took_ms_; }   // after the end of the last watch
    const std::vector<double>& steps_ms() const { return steps_ms_; } // of preparing

private:
    void work(std::uint32_t pid) {
        auto reader = observe::AnatomyReader::open(pid);
        if (!reader) fail(reader.error().text);
        for (bool more = true; more;) {
            const auto begin = steady_clock::now();
            more = reader->prepare(1ns);
            steps_ms_.push_back(milliseconds(steady_clock::now() - begin));
        }
        telemetry::ServerReading server;
        if (!segment_.read(server) || server.connections.empty()) fail("there is no connection");
        const auto first = server.connections.front();
        while (!stop_) {
            if (on_) {
                const auto anatomy = reader->read([&] { return segment_.read_connection(first.slot, first.id); });
                if (anatomy) took_ms_.push_back(milliseconds(anatomy->took));
            }
            ::poll(nullptr, 0, 500);
        }
    }

    telemetry::SegmentReader segment_;
    std::atomic<bool> on_{false};
    std::atomic<bool> stop_{false};
    std::vector<double> took_ms_;
    std::vector<double> steps_ms_;
    std::thread thread_;
};

void measure_anatomy(unsigned pairs) {
    fmt::print("anatomy of one of 64 connections, read twice a second while its server works as fast as it can\n");
    for (const std::string mode : {"coroutines", "thread-per-connection", "fibers", "callbacks", "thread-pool"}) {
        const std::string name = fmt::format("bench-observe-{}", ::getpid());
        Contestant server({bin_folder() + "/connscope-serve", "--listen", "127.0.0.1:0", "--mode", mode, "--name", name},
                          "echo", 64);
        auto segment = segment_of(name);
        Anatomist anatomist(segment.identity().pid, name);
        const Duel result = duel([&] { return server.run(1500ms); },
                                 [&] {
                                     anatomist.watch(true);
                                     const Window window = server.run(1500ms);
                                     anatomist.watch(false);
                                     return window;
                                 },
                                 pairs);
        ::poll(nullptr, 0, 600);
        const auto& took = anatomist.took_ms();
        const auto& steps = anatomist.steps_ms();
        fmt::print(
            "  {:<24} requests/s {:>7.0f} -> {:>7.0f}, ratio {:.4f}; the first reading {:.2f} ms, then {:.2f} ms (median), "
            "{:.2f} ms (longest of {}); preparing {:.0f} ms, {:.1f} ms a step at most\n",
            mode, result.base.requests_per_s, result.ours.requests_per_s, result.speed_ratio, took.front(), median(took),
            quantile(took, 1), took.size(), std::accumulate(steps.begin(), steps.end(), 0.0), quantile(steps, 1));
        std::fflush(stdout);
    }
}

void measure_threads(std::size_t connections) {
    Child serve({bin_folder() + "/connscope-serve", "--listen", "127.0.0.1:0", "--mode", "thread-per-connection",
                 "--stack-size", "64"},
                std::nullopt);
    const std::string ready = serve.line();
    IdleClients clients(value_of(ready, ""));
    clients.open(connections);
    const auto pid = static_cast<std::uint32_t>(serve.pid());
    auto threads = observe::ThreadsObserver::open(pid);
    auto process = observe::ProcessObserver::open(pid);
    if (!threads || !process) fail("the server cannot be observed");
    observe::ThreadsReading reading;
    for (int i = 0; i < 30; ++i) std::ignore = threads->read(reading); // the first looks cost more
    const double share = share_of_core(200ms, 6s, [&] {
        std::ignore = threads->read(reading);
        std::ignore = process->read();
    });
    fmt::print("a server of {} threads, 5 readings/s: {:.1f} % of a core ({} seen)\n", reading.count, 100 * share,
               reading.threads.size());

    auto table = observe::SocketTable::open();
    if (!table) fail(table.error().text);
    std::vector<double> took;
    std::vector<observe::SocketReading> sockets;
    observe::SocketTable::Wanted wanted;
    wanted.figures = false;
    for (int i = 0; i < 10; ++i) {
        const auto begin = steady_clock::now();
        if (!table->read(sockets, wanted)) fail("sock_diag does not answer");
        took.push_back(milliseconds(steady_clock::now() - begin));
    }
    fmt::print("{} sockets by sock_diag: {:.1f} ms (median); of {} alone that would be {:.1f} ms\n", sockets.size(),
               median(took), connections,
               median(took) * static_cast<double>(connections) / static_cast<double>(sockets.size()));

    auto segment = segment_of(value_of(ready, "segment"));
    auto reader = observe::AnatomyReader::open(pid);
    telemetry::ServerReading server;
    if (!reader || !segment.read(server)) fail("the server cannot be read");
    while (reader->prepare(1s)) {
    }
    took.clear();
    for (std::size_t i = 0; i < server.connections.size(); i += server.connections.size() / 50) {
        const auto& one = server.connections[i];
        const auto anatomy = reader->read([&] { return segment.read_connection(one.slot, one.id); });
        if (anatomy) took.push_back(milliseconds(anatomy->took));
    }
    fmt::print("anatomy of a connection of it: {:.2f} ms (median), {:.2f} ms (longest of {})\n", median(took),
               quantile(took, 1), took.size());
    std::fflush(stdout);
}

// Two processes that wake each other without end, on one CPU.
class PingPong {
public:
    PingPong() {
        int there[2], back[2];
        if (::pipe(there) != 0 || ::pipe(back) != 0) fail("no pipes");
        parent_ = ::fork();
        if (parent_ != 0) {
            for (const int end : {there[0], there[1], back[0], back[1]}) ::close(end);
            return;
        }
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(1, &one);
        ::sched_setaffinity(0, sizeof(one), &one);
        std::thread other([&] {
            char byte = 0;
            while (::read(there[0], &byte, 1) == 1 && ::write(back[1], &byte, 1) == 1) {
            }
        });
        char byte = 0;
        while (::write(there[1], &byte, 1) == 1 && ::read(back[0], &byte, 1) == 1) {
        }
        ::_exit(0);
    }
    ~PingPong() {
        ::kill(parent_, SIGKILL);
        ::waitpid(parent_, nullptr, 0);
    }
    std::uint32_t pid() const { return static_cast<std::uint32_t>(parent_); }

private:
    pid_t parent_ = -1;
};

void measure_switches() {
    const PingPong busy;
    ::poll(nullptr, 0, 100);
    auto recorder = observe::SwitchRecorder::open(busy.pid());
    if (!recorder) {
        fmt::print("switch records: not to be had here: {}\n", recorder.error().text);
        return;
    }
    observe::SwitchesReading reading;
    std::uint64_t records = 0, lost = 0;
    const auto begin = steady_clock::now();
    const double share = share_of_core(50ms, 5s, [&] {
        recorder->read(reading);
        records += reading.records.size();
        lost += reading.lost_count;
    });
    const double seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
    fmt::print("switch records: {:.0f}/s taken with {:.1f} % of a core, {} lost\n", static_cast<double>(records) / seconds,
               100 * share, lost);
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"observe: what observing costs"};
    unsigned pairs = 8;
    std::size_t connections = 10'000;
    app.add_option("--pairs", pairs, "of windows with and without an anatomy")->capture_default_str();
    app.add_option("--connections", connections, "threads and sockets that are looked at")->capture_default_str();
    std::vector<std::string> only{"switches", "threads", "anatomy"};
    app.add_option("--only", only, "of these")->delimiter(',')->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    raise_open_files();
    const auto wanted = [&](const char* part) { return std::ranges::find(only, part) != only.end(); };
    if (wanted("switches")) measure_switches();
    if (wanted("threads")) measure_threads(connections);
    if (wanted("anatomy")) measure_anatomy(pairs);
}
