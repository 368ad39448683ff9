// SPDX-License-Identifier: BSL-1.0
// What runs in the zygote, and at first in the processes that are forked from it. They have one thread each.
#include "connscope/server/zygote_process.hpp"

#include "connscope/server/modes/interrupt.hpp"
#include "connscope/server/namer.hpp"
#include "connscope/server/thread_scheduling.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <deque>
#include <vector>

namespace connscope::server {
namespace {

using telemetry::UniqueFd;

// Closes all descriptors but the standard ones and these. What the server has open would else not end when it closes it.
void close_all_but(std::vector<int> kept) {
    std::sort(kept.begin(), kept.end());
    unsigned int first = STDERR_FILENO + 1;
    for (const int fd : kept) {
        if (fd < static_cast<int>(first)) continue;
        if (static_cast<unsigned int>(fd) > first) ::close_range(first, static_cast<unsigned int>(fd) - 1, 0);
        first = static_cast<unsigned int>(fd) + 1;
    }
    ::close_range(first, ~0u, 0);
    const int nothing = ::open("/dev/null", O_RDWR);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDOUT_FILENO);
    ::close(nothing);
}

class ZygoteProcess {
public:
    ZygoteProcess(const Zygote::Place& place, int orders, int notices, SharedArray<ProcessUsage>& usage)
        : place_(place)
        , orders_(orders)
        , notices_(notices)
        , usage_(usage)
        , self_(::getpid()) {
        close_all_but({orders, notices, place.probe.file()});
        // A group of its own: what a terminal sends to the server is the server's to answer, and one signal reaches all of
        // them.
        ::setpgid(0, 0);
        ::prctl(PR_SET_NAME, "zygote");
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
        sigset_t ended;
        sigemptyset(&ended);
        sigaddset(&ended, SIGCHLD);
        ::sigprocmask(SIG_BLOCK, &ended, nullptr);
        ended_ = UniqueFd(::signalfd(-1, &ended, SFD_NONBLOCK | SFD_CLOEXEC));
        install_interrupt();
    }

    [[noreturn]] void live();

private:
    struct Process {
        pid_t pid;
        std::uint64_t ride;
        std::uint32_t slot;
    };

    void obey();
    void carry(const Order& order, Descriptors& descriptors);
    void name(const Order& order, Descriptors& descriptors);
    void begin_child();
    [[noreturn]] void live_as_connection(const Order& order, Descriptors descriptors);
    void reap();
    void tell();
    void count_own();
    [[noreturn]] void end();

    const Zygote::Place place_;
    const int orders_;
    const int notices_;
    SharedArray<ProcessUsage>& usage_;
    const pid_t self_;
    UniqueFd ended_;
    std::vector<Process> processes_;
    std::deque<Notice> untold_; // no more than there are processes
};

void ZygoteProcess::live() {
    const Precedence precedence; // before the processes, as the server's main thread goes before its others
    for (;;) {
        pollfd entries[] = {{orders_, POLLIN, 0}, {ended_.get(), POLLIN, 0}, {untold_.empty() ? -1 : notices_, POLLOUT, 0}};
        if (::poll(entries, 3, -1) < 0 && errno != EINTR) end();
        if (entries[1].revents != 0) reap();
        if (entries[0].revents != 0) obey();
        tell();
    }
}

// All processes end with the one that they were forked from.
void ZygoteProcess::end() {
    if (::getpgrp() == self_) ::kill(0, SIGKILL);
    ::_exit(0);
}

void ZygoteProcess::obey() {
    Order order;
    Descriptors descriptors;
    if (!receive_packet(orders_, bytes_of(order), descriptors)) end();
    switch (order.kind) {
    case Order::Kind::carry:
        return carry(order, descriptors);
    case Order::Kind::name:
        return name(order, descriptors);
    case Order::Kind::interrupt:
        for (const Process& process : processes_)
            if (process.ride == order.ride) ::kill(process.pid, interrupt_signal);
        return;
    case Order::Kind::interrupt_all:
        for (const Process& process : processes_) ::kill(process.pid, interrupt_signal);
        return;
    }
}

void ZygoteProcess::carry(const Order& order, Descriptors& descriptors) {
    processes_.reserve(processes_.size() + 1);
    const pid_t pid = ::fork();
    if (pid == 0) live_as_connection(order, std::move(descriptors));
    const OrderAnswer answer{.ride = order.ride, .error = pid < 0 ? errno : 0};
    if (pid > 0) processes_.push_back({pid, order.ride, order.slot});
    send_packet(orders_, bytes_of(answer), {});
    count_own();
}

void ZygoteProcess::name(const Order& order, Descriptors& descriptors) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        begin_child();
        ::close(notices_);
        live_as_namer(descriptors[0].get());
    }
    const OrderAnswer answer{.ride = order.ride, .error = pid < 0 ? errno : 0};
    send_packet(orders_, bytes_of(answer), {});
}

// What each process that is forked from this one does first.
void ZygoteProcess::begin_child() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != self_) ::_exit(1); // it has ended in between
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ended_.reset();
    ::close(orders_);
}

void ZygoteProcess::live_as_connection(const Order& order, Descriptors descriptors) {
    begin_child();
    ::prctl(PR_SET_NAME, ("connection " + std::to_string(order.id)).c_str());

    Notice notice{.ride = order.ride};
    UniqueFd state;
    {
        const telemetry::EnteredThread stay(place_.probe, false);
        Connection connection{std::move(descriptors[0]), place_.sessions.make(order.id),
                              place_.probe.opened(order.slot, order.id)};
        connection.stamped = order.stamped;
        connection.in_request = order.in_request;
        connection.watch = &place_.watches[order.slot];
        ProcessUsage& usage = usage_[order.slot];
        usage.set({});
        usage.ride.store(order.ride, std::memory_order_relaxed);
        std::optional<CloseReason> over = CloseReason::error;
        if (auto saved = from_memory_file(descriptors[1].get())) {
            protocol::StateReader reader(*saved);
            if (connection.session->restore(reader)) {
                connection.session_bytes = connection.session->memory_bytes();
                place_.gate.pass();
                over = place_.story(connection, place_.probe, connection.watch->leave, usage);
            }
        }
        if (!over) {
            protocol::StateWriter writer;
            connection.session->save(writer);
            auto file = to_memory_file(writer.bytes());
            if (file) state = std::move(*file);
            if (!state) over = CloseReason::error;
        }
        notice.kind = over ? Notice::Kind::closed : Notice::Kind::released;
        notice.reason = over.value_or(CloseReason::error);
        notice.in_request = connection.in_request;
        connection.probe.forget(); // the slot stays the server's
    }
    if (state)
        send_packet(notices_, bytes_of(notice), {state.get()});
    else
        send_packet(notices_, bytes_of(notice), {});
    ::_exit(0);
}

void ZygoteProcess::reap() {
    for (signalfd_siginfo ignored; ::read(ended_.get(), &ignored, sizeof(ignored)) > 0;) {
    }
    ProcessUsage& all = usage_[place_.probe.capacity() + 1];
    rusage used{};
    int status = 0;
    for (pid_t pid = 0; (pid = ::wait4(-1, &status, WNOHANG, &used)) > 0;) {
        const auto process =
            std::find_if(processes_.begin(), processes_.end(), [pid](const Process& one) { return one.pid == pid; });
        if (process == processes_.end()) continue;
        if (ProcessUsage& own = usage_[process->slot]; own.ride.load(std::memory_order_relaxed) == process->ride)
            own.ride.store(0, std::memory_order_relaxed);
        all.add(used);
        untold_.push_back({.kind = Notice::Kind::ended, .status = status, .ride = process->ride});
        *process = processes_.back();
        processes_.pop_back();
    }
    count_own();
}

void ZygoteProcess::count_own() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    usage_[place_.probe.capacity()].set(used);
}

// What does not fit now waits: the server may just be asking for something.
void ZygoteProcess::tell() {
    while (!untold_.empty() && send_packet(notices_, bytes_of(untold_.front()), {}, MSG_DONTWAIT)) untold_.pop_front();
}

} // namespace

void live_as_zygote(const Zygote::Place& place, int orders, int notices, SharedArray<ProcessUsage>& usage) {
    try {
        ZygoteProcess(place, orders, notices, usage).live();
    } catch (...) { // out of memory: the server is told by the end
    }
    ::_exit(1);
}

} // namespace connscope::server
