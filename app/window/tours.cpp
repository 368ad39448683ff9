// SPDX-License-Identifier: GPL-3.0-or-later
// What the six tours do and say.
#include "window/tour.hpp"

#include "models/format.hpp"

#include <QCoreApplication>

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace connscope::app {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("Tours", text); }

const QString coroutines = QStringLiteral("coroutines");
const QString threads = QStringLiteral("thread-per-connection");
const QString fibers = QStringLiteral("fibers");
const QString preemptive = QStringLiteral("preemptive-fibers");

bool known(std::initializer_list<double> values) {
    return std::none_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
}
QString whole(double value) { return count_text(std::round(value)); }
QString tenth(double value) { return count_text(std::round(value * 100) / 100); }

// The slice as it is now, or its name where the mode has it by itself.
QString slice_of(const TourStage& stage) {
    const int us = stage.session().mode_parameters().slice_us;
    return us > 0 ? duration_text(us / 1e6) : tr("the mode's own slice");
}

TourSetting setting(const QString& mode, const char* population, int connections, bool is_fresh = false) {
    return {mode, {QString::fromLatin1(population)}, connections, is_fresh};
}

// A step in which the user presses a mode's button.
TourStep press(const QString& mode, const QString& title, const QString& ask, std::function<QString(TourStage&)> seen) {
    TourStep step;
    step.title = title;
    step.target = QStringLiteral("mode_") + mode;
    step.ask = ask;
    step.act = [mode](TourStage& stage) { stage.click(QStringLiteral("mode_") + mode); };
    step.done = [mode](const TourStage& stage) { return stage.session().mode() == mode; };
    step.seen = std::move(seen);
    return step;
}

// A step that only looks at something.
TourStep look(const QString& title, const char* target, TourSetting setting, std::function<QString(TourStage&)> seen) {
    TourStep step;
    step.title = title;
    step.target = QString::fromLatin1(target);
    step.setting = std::move(setting);
    step.seen = std::move(seen);
    return step;
}

// How many connections of a population of this name the load has now.
double wanted_of(const TourStage& stage, const QString& name) {
    double found = 0;
    for (const QString& text : stage.session().plan().populations) {
        const QStringList parts = text.split(QLatin1Char(','));
        if (parts.front().startsWith(name + QLatin1Char(':')))
            found += parts.front().section(QLatin1Char(':'), 1).toDouble();
    }
    return found;
}

// A step in which the user adds a client with the button of a stepper.
TourStep add(const char* stepper, const QString& kind, int wanted, const QString& title, const QString& ask,
             std::function<QString(TourStage&)> seen) {
    TourStep step;
    const QString button = QStringLiteral("add_") + QLatin1String(stepper);
    step.title = title;
    step.target = QStringLiteral("stepper_") + QLatin1String(stepper);
    step.ask = ask;
    step.act = [button](TourStage& stage) { stage.click(button); };
    step.done = [kind, wanted](const TourStage& stage) { return wanted_of(stage, kind) >= wanted; };
    step.seen = std::move(seen);
    return step;
}

Tour thread_or_coroutine() {
    Tour tour{QStringLiteral("thread-or-coroutine"),
              tr("Thread or coroutine?"),
              tr("The same connections carried by threads and by coroutines, and what changes for them."),
              {}};
    tour.steps = {
        look(tr("Many connections, one thread"), "number_threads", setting(coroutines, "active:200,rate=0,payload=64", 200),
             [](TourStage& stage) {
                 const double open = stage.now(Quantity::open), count = stage.now(Quantity::threads);
                 const double switches = stage.now(Quantity::user_space_per_s);
                 if (!known({open, count, switches}) || switches < 1) return QString(); // the clients have just come
                 stage.keep(QStringLiteral("threads"), count);
                 return tr("%1 connections are open, and the server has %2 threads in all. One of them runs a loop that "
                           "resumes "
                           "whichever coroutine has something to do: %3 times a second, without the kernel.")
                     .arg(whole(open), whole(count), whole(switches));
             }),
        look(tr("What that costs"), "number_switches", {},
             [](TourStage& stage) {
                 const double switches = stage.now(Quantity::switches_per_request),
                              cpu = stage.now(Quantity::cpu_per_request);
                 const double memory = stage.now(Quantity::bytes_per_connection);
                 if (!known({switches, cpu, memory})) return QString();
                 stage.keep(QStringLiteral("switches"), switches);
                 stage.keep(QStringLiteral("cpu"), cpu);
                 stage.keep(QStringLiteral("memory"), memory);
                 return tr("A request needs %1 switches by the kernel and %2 of CPU time; a connection takes %3. Keep these "
                           "numbers "
                           "in mind: the next step changes what carries the connections, and nothing else.")
                     .arg(tenth(switches), duration_text(cpu), bytes_text(memory));
             }),
        press(threads, tr("Now a thread for each"), tr("Press “Thread per connection”. The clients will not notice."),
              [](TourStage& stage) {
                  const double count = stage.now(Quantity::threads), open = stage.now(Quantity::open);
                  if (!known({count, open})) return QString();
                  return tr("%1 connections were moved in %2, in the middle of their requests, and %3 are open still. The "
                            "server now has %4 threads; it had %5.")
                      .arg(whole(static_cast<double>(stage.last_change().moved)),
                           duration_text(stage.last_change().duration_ms / 1e3), whole(open), whole(count),
                           whole(stage.kept(QStringLiteral("threads"))));
              }),
        look(tr("Each hand-over is now the kernel's"), "number_switches", {},
             [](TourStage& stage) {
                 const double switches = stage.now(Quantity::switches_per_request),
                              cpu = stage.now(Quantity::cpu_per_request);
                 if (!known({switches, cpu})) return QString();
                 return tr("A request now needs %1 switches by the kernel (it was %2) and %3 of CPU time (it was %4). A "
                           "thread "
                           "that waits must be woken by the kernel; a coroutine is a call.")
                     .arg(tenth(switches), tenth(stage.kept(QStringLiteral("switches"))), duration_text(cpu),
                          duration_text(stage.kept(QStringLiteral("cpu"))));
             }),
        look(tr("And each has a stack"), "number_memory", {},
             [](TourStage& stage) {
                 const double memory = stage.now(Quantity::bytes_per_connection);
                 if (!known({memory})) return QString();
                 return tr("A connection now takes %1; it was %2. A thread keeps its state on a stack, in the kernel a "
                           "second one; a "
                           "coroutine keeps only what it needs beyond the next wait.")
                     .arg(bytes_text(memory), bytes_text(stage.kept(QStringLiteral("memory"))));
             }),
        press(coroutines, tr("And back"), tr("Press “Coroutines”."),
              [](TourStage& stage) {
                  const double count = stage.now(Quantity::threads), open = stage.now(Quantity::open);
                  if (!known({count, open})) return QString();
                  return tr("The same %1 connections are carried by coroutines again, after %2, and %3 threads are left. "
                            "Thread and "
                            "coroutine are two forms of the same two things: where to go on, and with what.")
                      .arg(whole(open), duration_text(stage.last_change().duration_ms / 1e3), whole(count));
              }),
    };
    return tour;
}

Tour why_less_memory() {
    Tour tour{
        QStringLiteral("why-less-memory"),
        tr("Why less memory?"),
        tr("What a connection that waits takes as a frame, as a stack and as a thread, and which part of it is whose."),
        {}};
    tour.steps = {
        look(tr("Waiting connections"), "number_memory", setting(coroutines, "idle:300", 300, true),
             [](TourStage& stage) {
                 const double memory = stage.now(Quantity::bytes_per_connection), open = stage.now(Quantity::open);
                 if (!known({memory, open})) return QString();
                 stage.keep(QStringLiteral("coroutine"), memory);
                 return tr("%1 clients are connected and say nothing. Each takes %2 of the server's memory.")
                     .arg(whole(open), bytes_text(memory));
             }),
        look(tr("The frame"), "number_carriers", {},
             [](TourStage& stage) {
                 const double frames = stage.now(Quantity::frame_bytes), count = stage.now(Quantity::carriers_coroutine);
                 if (!known({frames, count}) || count < 1) return QString();
                 return tr("%1 coroutine frames hold %2 together: %3 each. The compiler knows at each wait which variables "
                           "are needed "
                           "afterwards, and keeps no others.")
                     .arg(whole(count), bytes_text(frames), bytes_text(frames / count));
             }),
        press(fibers, tr("A stack of its own"), tr("Press “Fibers”."),
              [](TourStage& stage) {
                  const double memory = stage.now(Quantity::bytes_per_connection), stacks = stage.now(Quantity::stack_bytes);
                  const double count = stage.now(Quantity::carriers_fiber);
                  if (!known({memory, stacks, count}) || count < 1) return QString();
                  stage.keep(QStringLiteral("fiber"), memory);
                  return tr("A connection now takes %1. A fiber is switched in user space like a coroutine, but has a whole "
                            "stack: "
                            "%2 of each are resident, for a stack comes in whole pages.")
                      .arg(bytes_text(memory), bytes_text(stacks / count));
              }),
        press(threads, tr("A thread"), tr("Press “Thread per connection”."),
              [](TourStage& stage) {
                  const double memory = stage.now(Quantity::bytes_per_connection);
                  if (!known({memory})) return QString();
                  stage.keep(QStringLiteral("thread"), memory);
                  return tr("A connection now takes %1: %2 as much as a coroutine, %3 as much as a fiber.")
                      .arg(bytes_text(memory), factor_text(memory / stage.kept(QStringLiteral("coroutine"))),
                           factor_text(memory / stage.kept(QStringLiteral("fiber"))));
              }),
        look(tr("The kernel's share"), "chart_memory", {},
             [](TourStage& stage) {
                 const double kernel = stage.now(Quantity::kernel_stack_bytes), count = stage.now(Quantity::threads);
                 const double tables = stage.now(Quantity::page_table_bytes), open = stage.now(Quantity::open);
                 if (!known({kernel, count, tables, open}) || count < 1 || open < 1) return QString();
                 return tr("Each of the %1 threads has a second stack inside the kernel, %2, whether it is used or not. The "
                           "page "
                           "tables of the process are %3 for each connection.")
                     .arg(whole(count), bytes_text(kernel / count), bytes_text(tables / open));
             }),
        press(coroutines, tr("And back"), tr("Press “Coroutines”."),
              [](TourStage& stage) {
                  const double memory = stage.now(Quantity::bytes_per_connection);
                  if (!known({memory})) return QString();
                  return tr("It is %1 a connection again, and was %2 with threads. What the allocator keeps for reuse "
                            "counts too: it "
                            "need not be exactly what it was before.")
                      .arg(bytes_text(memory), bytes_text(stage.kept(QStringLiteral("thread"))));
              }),
    };
    return tour;
}

Tour one_who_never_yields() {
    Tour tour{QStringLiteral("one-who-never-yields"),
              tr("One who never yields"),
              tr("What a connection that computes without a pause does to the others, and who can stop it."),
              {}};
    tour.steps = {
        look(tr("Everybody is quick"), "number_latency", setting(coroutines, "active:100,rate=1000,payload=64", 100),
             [](TourStage& stage) {
                 const double p99 = stage.latest(Quantity::latency_p99);
                 if (!known({p99})) return QString();
                 stage.keep(QStringLiteral("quiet"), p99);
                 return tr("100 clients send 1,000 requests a second, and 99 of 100 answers come within %1. All share one "
                           "loop: each runs until it waits, and then the next one does.")
                     .arg(duration_text(p99));
             }),
        add("hog", QStringLiteral("hog"), 1, tr("One who is not"),
            tr("Press + beside “hogs”: one more client, whose requests compute for 100 ms without a wait, four a second."),
            [](TourStage& stage) {
                const double p99 = stage.latest(Quantity::latency_p99);
                if (!known({p99}) || p99 < 0.01) return QString();
                return tr("99 of 100 answers now come within %1 only: it was %2. Nobody takes the loop away from who "
                          "computes, so "
                          "all who come meanwhile wait.")
                    .arg(duration_text(p99), duration_text(stage.kept(QStringLiteral("quiet"))));
            }),
        look(tr("Who waits"), "number_connections", {},
             [](TourStage& stage) {
                 const double delay = stage.latest(Quantity::stamped_delay_p99);
                 if (!known({delay})) return QString();
                 return tr("From the moment at which the kernel had its bytes, a connection waits up to %1 until it runs "
                           "(99 of "
                           "100). That is the scheduling delay, and in a cooperative mode it is as long as the computation "
                           "before it.")
                     .arg(duration_text(delay));
             }),
        press(preemptive, tr("Interrupted by a timer"), tr("Press “Preemptive fibers”."),
              [](TourStage& stage) {
                  const double p99 = stage.latest(Quantity::latency_p99);
                  if (!known({p99})) return QString();
                  stage.keep(QStringLiteral("preemptive"), p99);
                  return tr("The same hog is there, and 99 of 100 answers come within %1. A timer interrupts it after %2 of "
                            "computing; "
                            "it then goes to the end of the queue.")
                      .arg(duration_text(p99), slice_of(stage));
              }),
        press(threads, tr("Interrupted by the kernel"), tr("Press “Thread per connection”."),
              [](TourStage& stage) {
                  const double p99 = stage.latest(Quantity::latency_p99), taken = stage.now(Quantity::involuntary_per_s);
                  if (!known({p99, taken})) return QString();
                  return tr("99 of 100 answers come within %1, and the kernel takes a CPU from a thread %2 times a second. "
                            "Who "
                            "never yields is harmless where somebody else decides when its turn is over.")
                      .arg(duration_text(p99), whole(taken));
              }),
        press(coroutines, tr("And back"), tr("Press “Coroutines”, with the hog still there."),
              [](TourStage& stage) {
                  const double p99 = stage.latest(Quantity::latency_p99);
                  if (!known({p99}) || p99 < 0.01) return QString();
                  return tr("99 of 100 answers come within %1 again; in preemptive fibers it was %2. Cooperation is cheap "
                            "as long "
                            "as all cooperate.")
                      .arg(duration_text(p99), duration_text(stage.kept(QStringLiteral("preemptive"))));
              }),
    };
    return tour;
}

// A step in which the user chooses another slice.
TourStep slice(int us, const QString& title, const QString& ask, std::function<QString(TourStage&)> seen) {
    TourStep step;
    step.title = title;
    step.target = QStringLiteral("mode_slice");
    step.ask = ask;
    step.act = [us](TourStage& stage) {
        ModeParameters wanted = stage.session().mode_parameters();
        wanted.slice_us = us;
        stage.session().changeParameters(wanted);
    };
    step.done = [us](const TourStage& stage) { return stage.session().mode_parameters().slice_us == us; };
    step.seen = std::move(seen);
    return step;
}

Tour interrupting() {
    Tour tour{QStringLiteral("interrupting"),
              tr("Interrupting"),
              tr("How often to interrupt: what a short slice costs, and what a long one."),
              {}};
    TourSetting busy{
        preemptive, {QStringLiteral("active:50,rate=1500,payload=64"), QStringLiteral("hog:2,rate=6,us=100000")}, 52};
    tour.steps = {
        look(tr("Two who compute, fifty who do not"), "number_latency", std::move(busy),
             [](TourStage& stage) {
                 const double p99 = stage.latest(Quantity::latency_p99), switches = stage.now(Quantity::user_space_per_s);
                 if (!known({p99, switches})) return QString();
                 return tr("Fibers, interrupted after %1: %2 switches a second in user space, and 99 of 100 of all answers "
                           "within %3. "
                           "Two of the clients compute for 100 ms at a time.")
                     .arg(slice_of(stage), whole(switches), duration_text(p99));
             }),
        slice(20'000, tr("Seldom"), tr("Choose a slice of 20 ms."),
              [](TourStage& stage) {
                  const double delay = stage.latest(Quantity::latency_p99), switches = stage.now(Quantity::user_space_per_s);
                  if (!known({delay, switches})) return QString();
                  stage.keep(QStringLiteral("long"), delay);
                  stage.keep(QStringLiteral("long_switches"), switches);
                  return tr("99 of 100 answers now come within %1, and there are %2 switches a "
                            "second. A long slice "
                            "wastes nothing on interrupting, and lets the others wait for all of it.")
                      .arg(duration_text(delay), whole(switches));
              }),
        slice(200, tr("Very often"), tr("Choose a slice of 200 µs."),
              [](TourStage& stage) {
                  const double delay = stage.latest(Quantity::latency_p99), switches = stage.now(Quantity::user_space_per_s);
                  const double cpu = stage.now(Quantity::cpu_system);
                  if (!known({delay, switches, cpu})) return QString();
                  return tr("99 of 100 answers now come within %1 (it was %2), with %3 switches a second (it was %4). Each "
                            "interruption is "
                            "a signal "
                            "from the kernel: %5 of a CPU goes into the kernel now.")
                      .arg(duration_text(delay), duration_text(stage.kept(QStringLiteral("long"))), whole(switches),
                           whole(stage.kept(QStringLiteral("long_switches"))), percent_text(cpu));
              }),
        press(threads, tr("The kernel's own slice"), tr("Press “Thread per connection”."),
              [](TourStage& stage) {
                  const double taken = stage.now(Quantity::involuntary_per_s), p99 = stage.latest(Quantity::latency_p99);
                  if (!known({taken, p99})) return QString();
                  return tr("The kernel interrupts %1 times a second, as it thinks right, and 99 of 100 answers come within "
                            "%2. It has "
                            "run who waited longest first, so few interruptions are enough.")
                      .arg(whole(taken), duration_text(p99));
              }),
        press(fibers, tr("Never"), tr("Press “Fibers”: the same stacks, and no timer."),
              [](TourStage& stage) {
                  const double delay = stage.latest(Quantity::latency_p99), worst = stage.latest(Quantity::latency_max);
                  if (!known({delay, worst})) return QString();
                  return tr("Nobody interrupts: the wait for a turn is up to %1, and the slowest answer takes %2. How often "
                            "to interrupt "
                            "is a price that somebody pays in either direction.")
                      .arg(duration_text(delay), duration_text(worst));
              }),
    };
    return tour;
}

Tour what_a_switch_costs() {
    Tour tour{QStringLiteral("what-a-switch-costs"),
              tr("What a switch costs"),
              tr("Switches counted and weighed: in user space, in the kernel, and what is left of it in a request."),
              {}};
    tour.steps = {
        look(tr("Switches without the kernel"), "number_switches", setting(coroutines, "active:50,rate=0,payload=64", 50),
             [](TourStage& stage) {
                 const double user = stage.now(Quantity::user_space_per_s), requests = stage.now(Quantity::requests_per_s);
                 const double cpu = stage.now(Quantity::cpu_per_request), kernel = stage.now(Quantity::switches_per_request);
                 if (!known({user, requests, cpu, kernel}) || requests < 1) return QString();
                 stage.keep(QStringLiteral("cpu"), cpu);
                 stage.keep(QStringLiteral("kernel"), kernel);
                 return tr("%1 requests a second are answered with %2 switches in user space and %3 by the kernel for each. "
                           "A "
                           "request costs %4 of CPU time, system calls included.")
                     .arg(whole(requests), tenth(user / requests), tenth(kernel), duration_text(cpu));
             }),
        press(fibers, tr("Whole stacks, still without the kernel"), tr("Press “Fibers”."),
              [](TourStage& stage) {
                  const double cpu = stage.now(Quantity::cpu_per_request),
                               kernel = stage.now(Quantity::switches_per_request);
                  if (!known({cpu, kernel})) return QString();
                  stage.keep(QStringLiteral("fiber_cpu"), cpu);
                  return tr("A request costs %1 of CPU time (in coroutines %2), with %3 switches by the kernel. Exchanging "
                            "a stack pointer "
                            "and some registers is a matter of nanoseconds: it is lost among the system calls.")
                      .arg(duration_text(cpu), duration_text(stage.kept(QStringLiteral("cpu"))), tenth(kernel));
              }),
        press(
            threads, tr("Switches by the kernel"), tr("Press “Thread per connection”."),
            [](TourStage& stage) {
                const double cpu = stage.now(Quantity::cpu_per_request), kernel = stage.now(Quantity::switches_per_request);
                if (!known({cpu, kernel})) return QString();
                stage.keep(QStringLiteral("thread_cpu"), cpu);
                stage.keep(QStringLiteral("thread_kernel"), kernel);
                return tr("A request now needs %1 switches by the kernel (it was %2) and costs %3 of CPU time (it was %4).")
                    .arg(tenth(kernel), tenth(stage.kept(QStringLiteral("kernel"))), duration_text(cpu),
                         duration_text(stage.kept(QStringLiteral("cpu"))));
            }),
        look(tr("The price of one"), "number_switches", {},
             [](TourStage& stage) {
                 const double more_cpu = stage.kept(QStringLiteral("thread_cpu")) - stage.kept(QStringLiteral("cpu"));
                 const double more = stage.kept(QStringLiteral("thread_kernel")) - stage.kept(QStringLiteral("kernel"));
                 if (!known({more_cpu, more})) return QString();
                 if (more <= 0.01 || more_cpu <= 0)
                     return tr(
                         "Just now threads needed no more switches or CPU time than coroutines, so a price cannot be told "
                         "from "
                         "the difference. That happens when the machine is busy with something else; take the tour again.");
                 return tr("%1 more switches for each request cost %2 more: about %3 each, with all that comes with waking "
                           "a thread. "
                           "“Compare the modes”, or connscope-compare --switches, measures it without a server around.")
                     .arg(tenth(more), duration_text(more_cpu), duration_text(more_cpu / more));
             }),
        press(coroutines, tr("And back"), tr("Press “Coroutines”."),
              [](TourStage& stage) {
                  const double cpu = stage.now(Quantity::cpu_per_request),
                               system = stage.now(Quantity::cpu_system_per_request);
                  if (!known({cpu, system}) || system <= 0) return QString();
                  return tr("A request costs %1 again, of which %2 are spent in the kernel: reading and writing. Saving "
                            "switches "
                            "saves switches, and not the calls.")
                      .arg(duration_text(cpu), duration_text(system));
              }),
    };
    return tour;
}

Tour a_million_idle_connections() {
    Tour tour{QStringLiteral("a-million-idle-connections"),
              tr("A million idle connections"),
              tr("From some hundred waiting connections to what a million would take, in each way of carrying them."),
              {}};
    constexpr double million = 1e6;
    tour.steps = {
        look(tr("Some hundred first"), "number_memory", setting(coroutines, "idle:400", 400, true),
             [](TourStage& stage) {
                 const double memory = stage.now(Quantity::bytes_per_connection), open = stage.now(Quantity::open);
                 if (!known({memory, open})) return QString();
                 stage.keep(QStringLiteral("coroutine"), memory);
                 return tr("%1 clients wait, and each takes %2. A million like these would take %3, beside their sockets.")
                     .arg(whole(open), bytes_text(memory), bytes_text(memory * million));
             }),
        add("idle", QStringLiteral("idle"), 500, tr("A hundred more"),
            tr("Press + beside “idle”: a hundred more who say nothing."),
            [](TourStage& stage) {
                const double memory = stage.now(Quantity::bytes_per_connection), open = stage.latest(Quantity::open);
                if (!known({memory, open}) || open < 500) return QString();
                return tr("%1 are open, at %2 each: it was %3. What each takes hardly depends on how many there are, so a "
                          "million "
                          "can be told from some hundred.")
                    .arg(whole(open), bytes_text(memory), bytes_text(stage.kept(QStringLiteral("coroutine"))));
            }),
        look(tr("Nothing to do costs nothing"), "number_requests", {},
             [](TourStage& stage) {
                 const double user = stage.now(Quantity::cpu_user), system = stage.now(Quantity::cpu_system);
                 if (!known({user, system})) return QString();
                 return tr("The server uses %1 of a CPU while they wait: nobody asks them whether they have something to "
                           "say, the "
                           "kernel tells. Memory is what a million idle connections are about.")
                     .arg(percent_text(user + system));
             }),
        press(fibers, tr("As fibers"), tr("Press “Fibers”."),
              [](TourStage& stage) {
                  const double memory = stage.now(Quantity::bytes_per_connection);
                  if (!known({memory})) return QString();
                  return tr("A stack for each takes %1, and %2 for a million. Only the pages that were touched are there: "
                            "how deep a "
                            "connection calls decides.")
                      .arg(bytes_text(memory), bytes_text(memory * million));
              }),
        press(threads, tr("As threads"), tr("Press “Thread per connection”."),
              [](TourStage& stage) {
                  const double memory = stage.now(Quantity::bytes_per_connection);
                  if (!known({memory})) return QString();
                  return tr("A thread for each takes %1, and %2 for a million, if the kernel made that many threads. That "
                            "is %3 of what "
                            "coroutines take.")
                      .arg(bytes_text(memory), bytes_text(memory * million),
                           factor_text(memory / stage.kept(QStringLiteral("coroutine"))));
              }),
        look(tr("Several servers as one"), "status_line", {},
             [](TourStage& stage) {
                 rlimit files{};
                 const double open = stage.latest(Quantity::open);
                 if (!known({open}) || ::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max == 0) return QString();
                 const auto most = static_cast<double>(files.rlim_max);
                 return tr("This machine lets a process open %1 files, so one server holds hardly more connections: it has "
                           "%2 now. A "
                           "million are %3 processes or more behind one port, which connscope watches as one.")
                     .arg(whole(most), whole(open), whole(std::ceil(million / most)));
             }),
    };
    return tour;
}

} // namespace

const std::vector<Tour>& tours() {
    static const std::vector<Tour> all{thread_or_coroutine(), why_less_memory(),     one_who_never_yields(),
                                       interrupting(),        what_a_switch_costs(), a_million_idle_connections()};
    return all;
}

} // namespace connscope::app
