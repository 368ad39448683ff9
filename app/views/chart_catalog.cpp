// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/chart_catalog.hpp"

#include "models/format.hpp"

#include <QCoreApplication>

#include <cmath>

namespace connscope::app {

namespace {
QString tr(const char* text) { return QCoreApplication::translate("ChartCatalog", text); }
} // namespace

std::vector<ChartSpec> chart_catalog() {
    std::vector<ChartSpec> charts;
    charts.push_back(
        {QStringLiteral("states"), tr("Connections by state"), {}, Notation::count, false, true, 10, 1,
         {{Quantity::running, tr("running"), tr("running"), Meaning::running},
          {Quantity::ready, tr("ready"), tr("ready"), Meaning::ready},
          {Quantity::waiting_read, tr("waiting to read"), tr("reading"), Meaning::waiting_read},
          {Quantity::waiting_write, tr("waiting to write"), tr("writing"), Meaning::waiting_write},
          {Quantity::paused, tr("paused"), tr("paused"), Meaning::paused, true}},
         tr("What every open connection is doing at the moment of looking.\n"
            "Running: a CPU is working for it. Ready: it could run and waits for its turn. Waiting: its peer has sent or taken "
            "nothing.\n"
            "From each connection's slot in the server's segment, 20 times a second.")});
    charts.push_back(
        {QStringLiteral("carriers"), tr("Threads and carriers"), {}, Notation::count, false, false, 10, 1,
         {{Quantity::threads, tr("threads"), tr("threads"), Meaning::thread},
          {Quantity::carriers_coroutine, tr("coroutines"), tr("corout."), Meaning::coroutine},
          {Quantity::carriers_closure, tr("closures"), tr("closures"), Meaning::closure},
          {Quantity::carriers_fiber, tr("fibers"), tr("fibers"), Meaning::fiber, true},
          {Quantity::carriers_process, tr("processes"), tr("proc."), Meaning::process, true}},
         tr("What carries the connections: the server process's threads, whatever they do, and the coroutine frames, closures and "
            "fibers that exist.\n"
            "Threads from /proc/PID/status, the others from the server's own count, 10 to 20 times a second.")});
    charts.push_back(
        {QStringLiteral("memory"), tr("Memory"), tr("MiB"), Notation::mebibytes, false, true, 4 * 1048576.0, 1,
         {{Quantity::resident_bytes, tr("resident"), tr("resident"), Meaning::resident},
          {Quantity::page_table_bytes, tr("page tables"), tr("tables"), Meaning::page_tables},
          {Quantity::kernel_stack_bytes, tr("kernel stacks"), tr("k. stacks"), Meaning::kernel_stacks}},
         tr("The server process's memory: pages resident, the tables that map them, and the kernel's stack of each of its "
            "threads.\n"
            "VmRSS and VmPTE of /proc/PID/status; kernel stacks are the threads times the kernel's stack of a task. 20 times a "
            "second.")});
    charts.push_back(
        {QStringLiteral("per-connection"), tr("Memory per connection"), tr("KiB"), Notation::kibibytes, false, false, 1024.0, 1,
         {{Quantity::bytes_per_connection, tr("per connection"), tr("each"), Meaning::amount}},
         tr("What one connection costs: resident memory, page tables and kernel stacks, less what the server had before the first "
            "connection, divided by the open connections.\n"
            "Memory that the process keeps after a change of mode counts until it is given back. 20 times a second.")});
    charts.push_back(
        {QStringLiteral("switches"), tr("Context switches"), tr("/s, log"), Notation::per_second, true, false, 100, 1,
         {{Quantity::voluntary_per_s, tr("voluntary"), tr("volunt."), Meaning::voluntary},
          {Quantity::involuntary_per_s, tr("involuntary"), tr("invol."), Meaning::involuntary},
          {Quantity::user_space_per_s, tr("user space"), tr("user"), Meaning::user_space}},
         tr("How often a CPU of the server went from one carrier to another.\n"
            "Voluntary: a thread blocked. Involuntary: the kernel took the CPU away. User space: a connection was resumed without "
            "the kernel.\n"
            "getrusage(2) of the server 10 times a second, and the server's count of resumes.")});
    charts.push_back(
        {QStringLiteral("cpu"), tr("CPU"), tr("% of one core"), Notation::percent, false, true, 0.1, 1,
         {{Quantity::cpu_system, tr("system"), tr("system"), Meaning::cpu_system},
          {Quantity::cpu_user, tr("user"), tr("user"), Meaning::cpu_user}},
         tr("The CPU time the server takes: in the kernel on its behalf, and in its own code. 100 % is one core.\n"
            "getrusage(2) of the server, 10 times a second.")});
    charts.push_back(
        {QStringLiteral("requests"), tr("Requests"), tr("/s"), Notation::per_second, false, false, 10, 1,
         {{Quantity::requests_per_s, tr("answered"), tr("answered"), Meaning::amount},
          {Quantity::offered_per_s, tr("offered"), tr("offered"), Meaning::offered}},
         tr("Requests that the load offers, and those that the server has answered completely, over the last 200 ms.\n"
            "From the segments of load and server, 20 times a second.")});
    charts.push_back(
        {QStringLiteral("latency"), tr("Latency"), tr("log"), Notation::duration, true, false, 1e-3, 1e-5,
         {{Quantity::latency_p50, tr("p50"), tr("p50"), Meaning::p50},
          {Quantity::latency_p99, tr("p99"), tr("p99"), Meaning::p99},
          {Quantity::latency_max, tr("max"), tr("max"), Meaning::max}},
         tr("How long a client waits for its answer, counted from when the request should have been sent, so that a frozen server "
            "cannot hide.\n"
            "Half of all requests in the last second were faster than p50, 99 of 100 faster than p99.\n"
            "From the load's histogram, 20 times a second.")});
    return charts;
}

double drawn_unit(Notation notation) {
    switch (notation) {
    case Notation::mebibytes: return 1048576.0;
    case Notation::kibibytes: return 1024.0;
    case Notation::percent: return 0.01;
    case Notation::count:
    case Notation::per_second:
    case Notation::duration: break;
    }
    return 1;
}

QString value_text(Notation notation, double value) {
    if (notation == Notation::duration) return duration_text(value);
    const double drawn = value / drawn_unit(notation);
    if (notation == Notation::percent) return count_text(drawn < 10 ? std::round(drawn * 10) / 10 : std::round(drawn));
    return count_text(drawn < 10 ? std::round(drawn * 100) / 100 : drawn);
}

QString tick_text(Notation notation, double value) {
    if (notation == Notation::duration) return duration_text(value);
    if (value >= 10'000 && std::fmod(value, 1000) == 0) return count_text(value / 1000) + QStringLiteral("\u00a0k");
    return count_text(value);
}

} // namespace connscope::app
