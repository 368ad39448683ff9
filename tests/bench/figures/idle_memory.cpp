// SPDX-License-Identifier: BSL-1.0
// What one more idle connection costs in each mode, user and kernel memory together, beside its sockets: the difference
// between a few hundred connections and thousands more, each of which has been answered once and now waits for its peer.
#include "contestant.hpp"

#include "connscope/observe/process.hpp"
#include "connscope/observe/slab.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <array>
#include <fstream>

namespace {

using namespace connscope::bench;

struct Memory {
    double anonymous = 0;   // RssAnon: heap, frames, stacks
    double segment = 0;     // RssShmem: the slots that were touched
    double page_tables = 0; // VmPTE
    double kernel_stacks = 0;
    double slab = 0; // objects of tasks, mappings and epoll; NaN without the rights
    double total() const { return anonymous + segment + page_tables + kernel_stacks + slab; }
};

// What the kernel keeps for threads, their mappings and what epoll watches. Sockets, their files and inodes are left out.
double slab_bytes() {
    constexpr std::array<std::string_view, 12> wanted{
        "task_struct", "pid",      "signal_cache",   "sighand_cache", "cred",          "vm_area_struct",
        "maple_node",  "anon_vma", "anon_vma_chain", "vmap_area",     "eventpoll_epi", "eventpoll_pwq"};
    const auto caches = connscope::observe::read_slab();
    if (!caches) return std::numeric_limits<double>::quiet_NaN();
    double bytes = 0;
    for (const std::string_view name : wanted)
        if (const auto* cache = connscope::observe::find_cache(*caches, name))
            bytes += static_cast<double>(cache->active) * cache->slab_bytes_per_object;
    return bytes;
}

Memory read_memory(pid_t pid) {
    Memory memory;
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);) {
        const auto field = [&](std::string_view name, double& value, double unit) {
            if (line.starts_with(name)) value = std::strtod(line.c_str() + name.size(), nullptr) * unit;
        };
        field("RssAnon:", memory.anonymous, 1024);
        field("RssShmem:", memory.segment, 1024);
        field("VmPTE:", memory.page_tables, 1024);
        field("Threads:", memory.kernel_stacks,
              static_cast<double>(connscope::observe::kernel_stack_bytes_per_task().value_or(16384)));
    }
    memory.slab = slab_bytes();
    return memory;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"idle_memory: bytes of one idle connection in each mode"};
    std::vector<std::string> modes{"thread-per-connection", "thread-pool",   "callbacks", "coroutines",
                                   "coroutines-pool",       "loop-per-core", "fibers"};
    std::size_t connections = 5000;
    app.add_option("--modes", modes, "which")->delimiter(',');
    app.add_option("--connections", connections, "how many")->check(CLI::Range(100, 100'000))->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    raise_open_files();

    fmt::print("KiB of one idle connection\n{:<24}{:>10}{:>10}{:>12}{:>14}{:>10}{:>10}\n", "", "anonymous", "segment",
               "page tables", "kernel stack", "slab", "sum");
    for (const std::string& mode : modes) {
        Child serve({bin_folder() + "/connscope-serve", "--listen", "127.0.0.1:0", "--mode", mode}, std::nullopt);
        const std::string address = value_of(serve.line(), "");
        // The first ones pay for what all share: arenas, rings of events, tables.
        constexpr std::size_t first = 500;
        IdleClients clients(address);
        clients.open(first, 100);
        const Memory before = read_memory(serve.pid());
        clients.open(connections);
        const Memory after = read_memory(serve.pid());
        const double unit = static_cast<double>(connections) * 1024;
        fmt::print("{:<24}{:>10.2f}{:>10.2f}{:>12.2f}{:>14.2f}{:>10.2f}{:>10.2f}\n", mode,
                   (after.anonymous - before.anonymous) / unit, (after.segment - before.segment) / unit,
                   (after.page_tables - before.page_tables) / unit, (after.kernel_stacks - before.kernel_stacks) / unit,
                   (after.slab - before.slab) / unit, (after.total() - before.total()) / unit);
        std::fflush(stdout);
    }
}
