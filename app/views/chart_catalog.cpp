// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/chart_catalog.hpp"

#include "models/format.hpp"

#include <QCoreApplication>

#include <cmath>
#include <map>

namespace connscope::app {

namespace {
QString tr(const char* text) { return QCoreApplication::translate("ChartCatalog", text); }

// Threads, and the connections by mode. What the modes are called is known once the server has told.
std::vector<SeriesSpec> series_of_modes() {
    std::vector<SeriesSpec> series{{Quantity::threads, tr("threads"), tr("threads"), Meaning::thread}};
    for (std::size_t mode = 0; mode < most_modes; ++mode)
        series.push_back({in_mode(mode), tr("mode %1").arg(mode + 1), tr("mode %1").arg(mode + 1), Meaning::amount, true});
    return series;
}
} // namespace

std::vector<ChartSpec> chart_catalog() {
    std::vector<ChartSpec> charts;
    charts.push_back({QStringLiteral("states"),
                      tr("Connections by state"),
                      {},
                      Notation::count,
                      false,
                      true,
                      10,
                      1,
                      {{Quantity::running, tr("running"), tr("running"), Meaning::running},
                       {Quantity::ready, tr("ready"), tr("ready"), Meaning::ready},
                       {Quantity::waiting_read, tr("waiting to read"), tr("reading"), Meaning::waiting_read},
                       {Quantity::waiting_write, tr("waiting to write"), tr("writing"), Meaning::waiting_write},
                       {Quantity::paused, tr("paused"), tr("paused"), Meaning::paused, true}},
                      tr("What every open connection is doing at the moment of looking.\n"
                         "Running: a CPU is working for it. Ready: it could run and waits for its turn. Waiting: its peer "
                         "has sent or taken "
                         "nothing.\n"
                         "From each connection's slot in the server's segment, 20 times a second.")});
    charts.push_back(
        {QStringLiteral("carriers"),
         tr("Threads and carriers"),
         {},
         Notation::count,
         false,
         false,
         10,
         1,
         series_of_modes(),
         tr("What carries the connections: the server process's threads, whatever they do, and how many connections each "
            "mode carries, in the colour of its carrier: thread, coroutine frame, closure, fiber or process. Modes with the "
            "same carrier differ by their dashes.\n"
            "Threads from /proc/PID/status, the others from each connection's slot in the server's segment, 20 times a "
            "second.")});
    charts.push_back(
        {QStringLiteral("memory"),
         tr("Memory"),
         tr("MiB"),
         Notation::mebibytes,
         false,
         true,
         4 * 1048576.0,
         1,
         {{Quantity::stack_bytes, tr("stacks"), tr("stacks"), Meaning::stacks},
          {Quantity::frame_bytes, tr("frames, closures"), tr("frames"), Meaning::frames},
          {Quantity::heap_bytes, tr("heap"), tr("heap"), Meaning::heap},
          {Quantity::rest_bytes, tr("rest"), tr("rest"), Meaning::rest},
          {Quantity::kernel_stack_bytes, tr("kernel stacks"), tr("kernel"), Meaning::kernel_stacks},
          {Quantity::socket_bytes, tr("sockets"), tr("sockets"), Meaning::sockets}},
         tr("What the server's memory is used for.\n"
            "Stacks: resident pages of the threads' and fibers' stacks. Frames, closures: what coroutines and callbacks are "
            "kept in, as the server counts it. Heap: all else that is allocated. Rest: program and libraries, page tables, "
            "and memory that was freed and not given back. These are VmRSS and VmPTE together.\n"
            "Kernel stacks: one for each thread, beside them. Sockets: what the kernel holds of data on its way through "
            "the server's TCP sockets; its own structures for a socket, some KiB, are not in it.\n"
            "/proc/PID/status and the server's count 20 times a second; stacks (/proc/PID/pagemap) and sockets "
            "(sock_diag) as often as 1 % of a core allows, from four times a second to once in five seconds with 10,000 of "
            "them.")});
    charts.push_back(
        {QStringLiteral("per-connection"),
         tr("Memory per connection"),
         tr("KiB"),
         Notation::kibibytes,
         false,
         false,
         1024.0,
         1,
         {{Quantity::bytes_per_connection, tr("per connection"), tr("each"), Meaning::amount}},
         tr("What one connection costs: resident memory, page tables and kernel stacks, less what the server had before the "
            "first "
            "connection, divided by the open connections.\n"
            "Memory that the process keeps after a change of mode counts until it is given back. 20 times a second.")});
    charts.push_back(
        {QStringLiteral("cpu"),
         tr("CPU"),
         tr("% of one core"),
         Notation::percent,
         false,
         true,
         0.1,
         1,
         {{Quantity::cpu_system, tr("system"), tr("system"), Meaning::cpu_system},
          {Quantity::cpu_user, tr("user"), tr("user"), Meaning::cpu_user},
          {Quantity::cpu_idle, tr("idle"), tr("idle"), Meaning::rest}},
         tr("The CPU time the server takes: in the kernel on its behalf, and in its own code. 100 % is one core.\n"
            "Idle is what is left of the cores that the server could use: as many as threads have run its connections, and "
            "no more than the machine has.\n"
            "getrusage(2) of the server, 10 times a second. The sum is exact. The kernel divides it by what it meets at its "
            "ticks, "
            "some hundred a second: that jumps, so the shares of system and user are those of the last 5 s in this mode, "
            "and "
            "of a server that sleeps between ticks they may be far off.")});
    charts.push_back(
        {QStringLiteral("requests"),
         tr("Requests"),
         tr("/s"),
         Notation::per_second,
         false,
         false,
         10,
         1,
         {{Quantity::requests_per_s, tr("answered"), tr("answered"), Meaning::amount},
          {Quantity::offered_per_s, tr("offered"), tr("offered"), Meaning::offered}},
         tr("Requests that the load offers, and those that the server has answered completely, over the last 200 ms.\n"
            "From the segments of load and server, 20 times a second.")});
    charts.push_back({QStringLiteral("latency"),
                      tr("Latency"),
                      tr("log"),
                      Notation::duration,
                      true,
                      false,
                      1e-3,
                      1e-5,
                      {{Quantity::latency_p50, tr("p50"), tr("p50"), Meaning::p50},
                       {Quantity::latency_p99, tr("p99"), tr("p99"), Meaning::p99},
                       {Quantity::latency_max, tr("max"), tr("max"), Meaning::max}},
                      tr("How long a client waits for its answer, counted from when the request should have been sent, so "
                         "that a frozen server "
                         "cannot hide.\n"
                         "Half of all requests in the last second were faster than p50, 99 of 100 faster than p99.\n"
                         "From the load's histogram, 20 times a second.")});
    charts.push_back(
        {QStringLiteral("delay"),
         tr("Scheduling delay"),
         tr("log"),
         Notation::duration,
         true,
         false,
         1e-4,
         1e-6,
         {{Quantity::stamped_delay_p50, tr("p50"), tr("p50"), Meaning::p50},
          {Quantity::stamped_delay_p99, tr("p99"), tr("p99"), Meaning::p99},
          {Quantity::delay_p99, tr("p99 from readiness"), tr("p99 ready"), Meaning::from_readiness, true}},
         tr("How long a connection that could run had to wait until it ran.\n"
            "p50 and p99 count from the kernel's time stamp of the bytes' arrival, for one connection in 64. P99 from "
            "readiness counts for all connections, from when their mode knew that they could run, in the modes that know; "
            "the two are never mixed.\n"
            "Over the last second, from the server's histograms, 20 times a second.")});
    charts.push_back({QStringLiteral("switches"),
                      tr("Context switches"),
                      tr("/s, log"),
                      Notation::per_second,
                      true,
                      false,
                      100,
                      1,
                      {{Quantity::voluntary_per_s, tr("voluntary"), tr("volunt."), Meaning::voluntary},
                       {Quantity::involuntary_per_s, tr("involuntary"), tr("invol."), Meaning::involuntary},
                       {Quantity::user_space_per_s, tr("user space"), tr("user"), Meaning::user_space}},
                      tr("How often a CPU of the server went from one carrier to another.\n"
                         "Voluntary: a thread blocked. Involuntary: the kernel took the CPU away. User space: a connection "
                         "was resumed without "
                         "the kernel.\n"
                         "getrusage(2) of the server 10 times a second, and the server's count of resumes.")});
    charts.push_back(
        {QStringLiteral("cost"),
         tr("CPU time of a request"),
         {},
         Notation::duration,
         false,
         true,
         1e-5,
         1e-7,
         {{Quantity::cpu_system_per_request, tr("system"), tr("system"), Meaning::cpu_system},
          {Quantity::cpu_user_per_request, tr("user"), tr("user"), Meaning::cpu_user}},
         tr("What one request costs: the CPU time that the server takes, divided by the requests it answers.\n"
            "getrusage(2) of the server and its count of requests, over the last second, 10 times a second. The shares of "
            "system and user are those of the last 5 s in this mode.")});
    charts.push_back(
        {QStringLiteral("traffic"),
         tr("Traffic"),
         tr("MiB/s"),
         Notation::mebibytes,
         false,
         false,
         16 * 1024.0,
         1,
         {{Quantity::traffic_in, tr("received"), tr("in"), Meaning::waiting_read},
          {Quantity::traffic_out, tr("sent"), tr("out"), Meaning::waiting_write}},
         tr("What the connections receive and send in a second.\n"
            "Of a process without a probe from the kernel's figures of each socket, up to five times a second and "
            "over the last second; what a connection did between the last look and its end is missing."),
         Shown::without_load});
    const std::map<QString, Shown> conditions{{QStringLiteral("per-connection"), Shown::with_idle_memory},
                                              {QStringLiteral("requests"), Shown::with_requests},
                                              {QStringLiteral("delay"), Shown::with_probe},
                                              {QStringLiteral("cost"), Shown::with_requests},
                                              {QStringLiteral("latency"), Shown::with_load}};
    const std::map<QString, QString> short_titles{{QStringLiteral("states"), tr("States")},
                                                  {QStringLiteral("carriers"), tr("Carriers")},
                                                  {QStringLiteral("per-connection"), tr("Memory each")},
                                                  {QStringLiteral("delay"), tr("Sched. delay")},
                                                  {QStringLiteral("switches"), tr("Switches")},
                                                  {QStringLiteral("cost"), tr("CPU a request")}};
    for (ChartSpec& chart : charts) {
        if (const auto found = short_titles.find(chart.id); found != short_titles.end()) chart.short_title = found->second;
        if (const auto found = conditions.find(chart.id); found != conditions.end()) chart.shown = found->second;
    }
    return charts;
}

double drawn_unit(Notation notation) {
    switch (notation) {
    case Notation::mebibytes:
        return 1048576.0;
    case Notation::kibibytes:
        return 1024.0;
    case Notation::percent:
        return 0.01;
    case Notation::count:
    case Notation::per_second:
    case Notation::duration:
        break;
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
    if (notation == Notation::duration) return value == 0 ? QStringLiteral("0") : duration_text(value);
    if (value >= 10'000 && std::fmod(value, 1000) == 0) return count_text(value / 1000) + QStringLiteral("\u00a0k");
    return count_text(value);
}

} // namespace connscope::app
