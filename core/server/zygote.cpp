// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/zygote.hpp"

#include "connscope/observe/process.hpp"
#include "connscope/server/thread_scheduling.hpp"
#include "connscope/server/zygote_process.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <tuple>

namespace connscope::server {

using telemetry::Error;
using telemetry::Outcome;
using telemetry::Status;
using telemetry::UniqueFd;

namespace {

constexpr auto relaxed = std::memory_order_relaxed; // statistics that order nothing
constexpr int patience_ms = 5000;                   // with a zygote that does not answer

} // namespace

UsageSum sum_of(const rusage& usage) noexcept {
    const auto ns = [](const timeval& time) {
        return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_usec) * 1000u;
    };
    return {ns(usage.ru_utime),
            ns(usage.ru_stime),
            static_cast<std::uint64_t>(usage.ru_nvcsw),
            static_cast<std::uint64_t>(usage.ru_nivcsw),
            static_cast<std::uint64_t>(usage.ru_minflt),
            static_cast<std::uint64_t>(usage.ru_majflt)};
}

void ProcessUsage::set(const rusage& usage) noexcept {
    const UsageSum now = sum_of(usage);
    for (std::size_t i = 0; i < now.size(); ++i) fields[i].store(now[i], relaxed);
}

void ProcessUsage::add(const rusage& usage) noexcept {
    const UsageSum now = sum_of(usage);
    for (std::size_t i = 0; i < now.size(); ++i) fields[i].fetch_add(now[i], relaxed);
}

Outcome<std::unique_ptr<Zygote>> Zygote::start(const Place& place) {
    auto orders = make_packet_pair();
    if (!orders) return std::move(orders).error();
    auto notices = make_packet_pair();
    if (!notices) return std::move(notices).error();
    auto usage = std::make_unique<SharedArray<ProcessUsage>>(place.probe.capacity() + 2);
    std::ignore = observe::kernel_stack_bytes_per_task(); // measured once for all
    const pid_t pid = ::fork();
    if (pid < 0) return telemetry::system_error(errno, "cannot start the process that those of connections are forked from");
    if (pid == 0) live_as_zygote(place, (*orders)[1].get(), (*notices)[1].get(), *usage);
    return std::unique_ptr<Zygote>(
        new Zygote(place, pid, std::move((*orders)[0]), std::move((*notices)[0]), std::move(usage)));
}

Zygote::Zygote(const Place& place, pid_t pid, UniqueFd orders, UniqueFd notices,
               std::unique_ptr<SharedArray<ProcessUsage>> usage)
    : place_(place)
    , pid_(pid)
    , notices_(std::move(notices))
    , orders_(std::move(orders))
    , usage_(std::move(usage)) {}

Zygote::~Zygote() {
    ::kill(pid_, SIGKILL);
    if (hearing_.joinable()) hearing_.join(); // it hears the end
    ::waitpid(pid_, nullptr, 0);
}

Status Zygote::carry(const Order& order, int socket, int state, Passengers& passengers) {
    {
        const std::lock_guard lock(mutex_);
        if (!alive_)
            return Error{std::make_error_code(std::errc::no_such_process),
                         "the process that those of connections are forked from has ended: restart the server"};
        if (riders_.size() >= most_processes)
            return Error{std::make_error_code(std::errc::resource_unavailable_try_again),
                         "no more than " + std::to_string(most_processes) + " connections can have a process each"};
        riders_.emplace(order.ride, Rider{&passengers, order.slot});
    }
    Status asked = ask(order, {socket, state});
    // When the ride is over already, its passengers have been told.
    if (!asked && !take(order.ride)) return telemetry::success();
    return asked;
}

Status Zygote::start_namer(int socket) { return ask({.kind = Order::Kind::name, .ride = next_ride()}, {socket}); }

Status Zygote::ask(const Order& order, std::initializer_list<int> descriptors) {
    const std::lock_guard lock(orders_mutex_);
    if (order.kind == Order::Kind::carry && !hearing_.joinable()) hearing_ = std::thread([this] { hear(); });
    OrderAnswer answer;
    Descriptors none;
    if (send_packet(orders_.get(), bytes_of(order), descriptors)) {
        pollfd entry{orders_.get(), POLLIN, 0};
        int ready = 0;
        do ready = ::poll(&entry, 1, patience_ms);
        while (ready < 0 && errno == EINTR);
        if (ready == 1 && receive_packet(orders_.get(), bytes_of(answer), none) && answer.ride == order.ride) {
            if (answer.error == 0) return telemetry::success();
            return telemetry::system_error(answer.error, "cannot start a process for a connection");
        }
    }
    // Whether it has the connection is not known; that it never will is.
    ::kill(pid_, SIGKILL);
    return Error{std::make_error_code(std::errc::timed_out),
                 "the process that those of connections are forked from does not answer"};
}

void Zygote::send(const Order& order) {
    const std::lock_guard lock(orders_mutex_);
    send_packet(orders_.get(), bytes_of(order), {}, MSG_DONTWAIT); // when it does not fit, it is asked again later
}

void Zygote::interrupt(std::uint64_t ride) { send({.kind = Order::Kind::interrupt, .ride = ride}); }

void Zygote::interrupt_all() { send({.kind = Order::Kind::interrupt_all}); }

std::optional<Zygote::Rider> Zygote::take(std::uint64_t ride) {
    const std::lock_guard lock(mutex_);
    const auto found = riders_.find(ride);
    if (found == riders_.end()) return std::nullopt;
    const Rider rider = found->second;
    riders_.erase(found);
    return rider;
}

void Zygote::hear() {
    const Precedence precedence; // the processes that have not come back yet want the CPU too
    const telemetry::EnteredThread stay(place_.probe, false);
    for (;;) {
        Notice notice;
        Descriptors state;
        if (!receive_packet(notices_.get(), bytes_of(notice), state)) break;
        const auto rider = take(notice.ride);
        if (!rider) continue; // the end of a process that has told already what became of its connection
        if (notice.kind == Notice::Kind::ended)
            rider->passengers->lost(notice.ride, notice.status);
        else
            rider->passengers->returned(notice, state[0].get());
    }
    all_are_lost();
}

void Zygote::all_are_lost() {
    std::unordered_map<std::uint64_t, Rider> riders;
    {
        const std::lock_guard lock(mutex_);
        alive_ = false;
        riders.swap(riders_);
    }
    for (const auto& [ride, rider] : riders) rider.passengers->lost(ride, SIGKILL);
}

UsageSum Zygote::usage() {
    const std::lock_guard lock(mutex_);
    UsageSum sum{};
    const auto count = [&sum](const ProcessUsage& one) {
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += one.fields[i].load(relaxed);
    };
    for (const auto& [ride, rider] : riders_)
        if (const ProcessUsage& one = (*usage_)[rider.slot]; one.ride.load(relaxed) == ride) count(one);
    for (const std::uint64_t behind : {0, 1}) count((*usage_)[place_.probe.capacity() + behind]);
    // One that ends goes from there to here: counted in neither for a moment.
    for (std::size_t i = 0; i < sum.size(); ++i) told_[i] = std::max(told_[i], sum[i]);
    return told_;
}

} // namespace connscope::server
