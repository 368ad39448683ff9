// SPDX-License-Identifier: BSL-1.0
// What one switch costs, bare: two threads that wake each other by a futex, two processes that pass a byte through pipes, a
// coroutine's resume and suspend, a jump between two stacks; both sides on CPU 0, nothing touched in between. A reference
// for connscope-compare --switches, with none of its code. Prints nanoseconds of one switch, the best of five.
#include <boost/context/fiber.hpp>

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdio>
#include <exception>
#include <thread>
#include <utility>

namespace {

std::atomic<int> turn{0};
static_assert(sizeof turn == sizeof(int));

void hand_to(int whose) {
    turn.store(whose);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}
void wait_for(int mine) {
    for (int now = turn.load(); now != mine; now = turn.load())
        syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, nullptr, nullptr, 0);
}

struct Task {
    struct promise_type {
        Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
};
[[gnu::noinline]] Task forever() {
    for (;;) co_await std::suspend_always{};
}

double futex() {
    constexpr int trips = 50'000;
    turn = 0;
    std::thread other([] {
        for (int i = 0; i < trips; ++i) {
            wait_for(1);
            hand_to(0);
        }
    });
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < trips; ++i) {
        hand_to(1);
        wait_for(0);
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    other.join();
    return took.count() / (2 * trips);
}

double pipes() {
    constexpr int trips = 50'000;
    int there[2], back[2];
    if (pipe(there) != 0 || pipe(back) != 0) return -1;
    char byte = 0;
    const pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < trips; ++i)
            if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1) _exit(1);
        _exit(0);
    }
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < trips; ++i)
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) return -1;
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    waitpid(child, nullptr, 0);
    for (const int end : {there[0], there[1], back[0], back[1]}) close(end);
    return took.count() / (2 * trips);
}

double coroutines() {
    constexpr int trips = 10'000'000;
    const std::coroutine_handle<> one = forever().handle, other = forever().handle;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < trips; ++i) {
        one.resume();
        other.resume();
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    one.destroy();
    other.destroy();
    return took.count() / (2 * trips);
}

double fibers() {
    constexpr int trips = 5'000'000;
    boost::context::fiber other([](boost::context::fiber&& from) {
        for (;;) from = std::move(from).resume();
        return std::move(from);
    });
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < trips; ++i) other = std::move(other).resume();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    return took.count() / (2 * trips);
}

void print(const char* what, double (*measure)()) {
    double best = measure();
    for (int i = 0; i < 4; ++i) best = std::min(best, measure());
    std::printf("%-16s %10.1f ns\n", what, best);
}

} // namespace

int main() {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(0, &only);
    sched_setaffinity(0, sizeof only, &only);
    print("coroutine", coroutines);
    print("fiber", fibers);
    print("thread (futex)", futex);
    print("process (pipe)", pipes);
}
