// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/modes/preemption.hpp"

#include "connscope/server/steps.hpp"
#include "connscope/server/work.hpp"
#include "connscope/telemetry/clock.hpp"

#include <spdlog/spdlog.h>

#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace connscope::server {
namespace {

using std::chrono::nanoseconds;
using telemetry::monotonic_ns;

// Nothing else in the process uses it.
constexpr int tick_signal = SIGVTALRM;

// What is this short is not worth a timer: whoever ends it asks over().
constexpr auto short_stretch = std::chrono::microseconds(50);

nanoseconds thread_cpu_time() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

void mask_tick(int how) noexcept {
    sigset_t ticks;
    sigemptyset(&ticks);
    sigaddset(&ticks, tick_signal);
    ::pthread_sigmask(how, &ticks, nullptr);
}

} // namespace

struct Preemption::Region {
    std::int64_t& since;
    Turn& turn;
    std::atomic<std::int64_t> others_ns{0}; // CPU time of others on this thread meanwhile; relaxed: written by the handler
};

Preemption::Preemption(nanoseconds slice)
    : slice_(slice) {
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigaction(tick_signal, &action, nullptr);
}

Preemption::~Preemption() {
    if (has_timer_) ::timer_delete(timer_);
}

nanoseconds Preemption::burn(nanoseconds cpu_time, std::int64_t& since, Turn& turn, const std::atomic<bool>& leave) {
    if (cpu_time <= short_stretch) return server::burn(cpu_time, leave);
    if (!has_timer_) {
        sigevent event{};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = tick_signal;
        event.sigev_value.sival_ptr = this;
        event.sigev_notify_thread_id = ::gettid();
        if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) {
            spdlog::error("no timer to interrupt with (error {}): the connection computes to its end", errno);
            return server::burn(cpu_time, leave);
        }
        has_timer_ = true;
    }
    const double ticks_per_ns = 1 / telemetry::process_clock().ns_per_tick;
    Region region{since, turn};
    const nanoseconds end = thread_cpu_time() + cpu_time;
    region_.store(&region, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst); // the handler sees the region whole
    // A timer that somebody before has left armed comes too early for this one: the handler arms it for what is left then.
    if (!armed_.load(std::memory_order_relaxed)) arm(slice_);
    nanoseconds left = cpu_time;
    while (!leave.load(std::memory_order_relaxed)) { // a flag alone
        // Both from the same side of an interruption.
        std::int64_t others = 0;
        nanoseconds now{};
        do {
            others = region.others_ns.load(std::memory_order_relaxed);
            now = thread_cpu_time();
        } while (others != region.others_ns.load(std::memory_order_relaxed));
        left = std::max(end + nanoseconds(others) - now, nanoseconds::zero());
        if (left.count() <= 0) break;
        // By wall time, in stretches; an interruption in one ends it early.
        const nanoseconds stretch = std::min<nanoseconds>(left, std::chrono::milliseconds(1));
        work(static_cast<telemetry::Ticks>(static_cast<double>(stretch.count()) * ticks_per_ns));
    }
    region_.store(nullptr, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst); // and not after its end
    return cpu_time - left;
}

bool Preemption::over(std::int64_t since) const noexcept { return monotonic_ns() - since >= slice_.count(); }

std::size_t Preemption::stack_needed() noexcept {
    constexpr std::size_t handler = 4096; // and what it calls
    return std::max<std::size_t>(::getauxval(AT_MINSIGSTKSZ), 2048) + handler;
}

void Preemption::on_signal(int, siginfo_t* info, void*) {
    if (info->si_code != SI_TIMER) return; // somebody's kill(): none of ours
    const int saved = errno;
    static_cast<Preemption*>(info->si_value.sival_ptr)->tick();
    errno = saved;
}

void Preemption::tick() {
    armed_.store(false, std::memory_order_relaxed);
    Region* const region = region_.load(std::memory_order_relaxed);
    if (region == nullptr) return; // where it may not be: over() is asked at the end
    const nanoseconds left = slice_ - nanoseconds(monotonic_ns() - region->since);
    if (left > slice_ / 16) return arm(left);

    region_.store(nullptr, std::memory_order_relaxed);
    const nanoseconds begin = thread_cpu_time();
    mask_tick(SIG_UNBLOCK); // for the others; nothing is armed, so nothing comes before they run
    region->turn.hand_on();
    mask_tick(SIG_BLOCK); // until this handler has returned
    region->since = monotonic_ns();
    region->others_ns.fetch_add((thread_cpu_time() - begin).count(), std::memory_order_relaxed);
    region_.store(region, std::memory_order_relaxed);
    if (!armed_.load(std::memory_order_relaxed)) arm(slice_);
}

void Preemption::arm(nanoseconds delay) noexcept {
    armed_.store(true, std::memory_order_relaxed);
    itimerspec once{};
    once.it_value.tv_sec = delay.count() / 1'000'000'000;
    once.it_value.tv_nsec = delay.count() % 1'000'000'000;
    ::timer_settime(timer_, 0, &once, nullptr);
}

} // namespace connscope::server
