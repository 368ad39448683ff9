// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/stack_catcher.hpp"

#include <semaphore.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>

namespace connscope::server {
namespace {

// Nothing else in the process uses it.
int catch_signal() noexcept { return SIGRTMIN + 4; }

// What the asker and the signal's handler share: a handler has nothing else to find it by.
struct Catch {
    enum State : int { idle, wanted, taking, taken };
    std::atomic<int> state{idle}; // orders the rest: the handler has it while `taking`, the asker otherwise
    std::atomic<std::uint32_t> thread{0};
    std::array<greg_t, NGREG> registers;
    std::array<std::byte, 32 * 1024> stack;
    std::size_t bytes = 0;
    sem_t done;

    Catch() { ::sem_init(&done, 0, 0); }
};
Catch& the_catch() {
    static Catch one;
    return one;
}

void on_signal(int, siginfo_t*, void* context) {
    const int saved = errno;
    Catch& here = the_catch();
    int wanted = Catch::wanted;
    if (here.thread.load(std::memory_order_relaxed) == static_cast<std::uint32_t>(::gettid()) &&
        here.state.compare_exchange_strong(wanted, Catch::taking, std::memory_order_acquire)) {
        const auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
        std::copy(std::begin(registers), std::end(registers), here.registers.begin());
        // By the kernel, which stops at the stack's end instead of faulting.
        const iovec into{here.stack.data(), here.stack.size()};
        const iovec from{reinterpret_cast<void*>(registers[REG_RSP]), here.stack.size()};
        ssize_t bytes = ::process_vm_readv(::getpid(), &into, 1, &from, 1, 0);
        for (std::size_t size = here.stack.size() / 2; bytes < 0 && size >= 256; size /= 2) {
            const iovec less{from.iov_base, size};
            bytes = ::process_vm_readv(::getpid(), &into, 1, &less, 1, 0);
        }
        here.bytes = bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
        here.state.store(Catch::taken, std::memory_order_release);
        ::sem_post(&here.done);
    }
    errno = saved;
}

void install() {
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigaction(catch_signal(), &action, nullptr);
}

} // namespace

std::optional<CaughtStack> catch_stack(std::uint32_t thread, std::chrono::milliseconds patience) {
    Catch& here = the_catch();
    install();
    here.thread.store(thread, std::memory_order_relaxed);
    here.state.store(Catch::wanted, std::memory_order_release);
    if (::syscall(SYS_tgkill, ::getpid(), static_cast<pid_t>(thread), catch_signal()) != 0) {
        here.state.store(Catch::idle, std::memory_order_relaxed);
        return std::nullopt;
    }
    timespec until{};
    ::clock_gettime(CLOCK_REALTIME, &until);
    const std::int64_t ns = until.tv_nsec + std::chrono::nanoseconds(patience).count();
    until.tv_sec += ns / 1'000'000'000;
    until.tv_nsec = ns % 1'000'000'000;
    int waited = 0;
    do waited = ::sem_timedwait(&here.done, &until);
    while (waited != 0 && errno == EINTR);
    if (waited != 0) {
        int wanted = Catch::wanted;
        if (here.state.compare_exchange_strong(wanted, Catch::idle, std::memory_order_relaxed)) return std::nullopt;
        while (::sem_wait(&here.done) != 0) { // it is just being taken
        }
    }
    CaughtStack caught;
    const auto value = [&](int which) {
        return static_cast<std::uint64_t>(here.registers[static_cast<std::size_t>(which)]);
    };
    constexpr std::array numbers{std::pair{3, REG_RBX},  std::pair{6, REG_RBP},  std::pair{7, REG_RSP},
                                 std::pair{12, REG_R12}, std::pair{13, REG_R13}, std::pair{14, REG_R14},
                                 std::pair{15, REG_R15}, std::pair{16, REG_RIP}};
    for (const auto& [dwarf, greg] : numbers) caught.registers[static_cast<std::size_t>(dwarf)] = value(greg);
    caught.stack.address = value(REG_RSP);
    caught.stack.bytes.assign(here.stack.begin(), here.stack.begin() + static_cast<std::ptrdiff_t>(here.bytes));
    here.state.store(Catch::idle, std::memory_order_relaxed);
    return caught;
}

} // namespace connscope::server
