// SPDX-License-Identifier: BSL-1.0
#include "../sanitized.hpp"

#include "connscope/observe/threads.hpp"
#include "connscope/telemetry/clock.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace connscope;
using namespace std::chrono_literals;

std::uint32_t own_pid() { return static_cast<std::uint32_t>(::getpid()); }
std::uint32_t own_thread() { return static_cast<std::uint32_t>(::syscall(SYS_gettid)); }

observe::ThreadsObserver observer_of(std::uint32_t pid, const observe::ThreadsOptions& options = {}) {
    auto observer = observe::ThreadsObserver::open(pid, options);
    EXPECT_TRUE(observer);
    return std::move(*observer);
}

const observe::ThreadReading* find(const observe::ThreadsReading& reading, std::uint32_t id) {
    const auto at = std::ranges::find(reading.threads, id, &observe::ThreadReading::id);
    return at == reading.threads.end() ? nullptr : &*at;
}

// Reads until `condition` holds, for at most ten seconds.
template <class Condition>
bool read_until(observe::ThreadsObserver& observer, observe::ThreadsReading& reading, Condition condition) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    do {
        if (!observer.read(reading)) return false;
        if (condition()) return true;
        std::this_thread::yield();
    } while (std::chrono::steady_clock::now() < until);
    return false;
}

// A thread that blocks on a pipe until it is let go.
class BlockedThread {
public:
    explicit BlockedThread(const char* name) {
        EXPECT_EQ(::pipe(pipe_), 0);
        std::latch started(1);
        thread_ = std::jthread([&, name] {
            ::pthread_setname_np(::pthread_self(), name);
            id_ = own_thread();
            started.count_down();
            char byte = 0;
            [[maybe_unused]] const auto got = ::read(pipe_[0], &byte, 1);
        });
        started.wait();
    }
    ~BlockedThread() {
        [[maybe_unused]] const auto sent = ::write(pipe_[1], "x", 1);
        thread_.join();
        ::close(pipe_[0]);
        ::close(pipe_[1]);
    }
    std::uint32_t id() const { return id_; }

private:
    int pipe_[2] = {-1, -1};
    std::uint32_t id_ = 0;
    std::jthread thread_;
};

} // namespace

TEST(ThreadsObserver, sees_a_blocked_thread_with_its_name_state_and_wait_channel) {
    const BlockedThread blocked("blocked one");
    auto observer = observer_of(own_pid());
    observe::ThreadsReading reading;
    ASSERT_TRUE(read_until(observer, reading, [&] {
        const auto* thread = find(reading, blocked.id());
        return thread != nullptr && thread->state == 'S';
    }));
    const auto* thread = find(reading, blocked.id());
    EXPECT_EQ(thread->name, "blocked one");
    EXPECT_TRUE(thread->cpu);
    EXPECT_GE(thread->voluntary_switches, 1u);
    std::ifstream file("/proc/self/task/" + std::to_string(blocked.id()) + "/wchan");
    std::string channel;
    file >> channel;
    EXPECT_EQ(thread->wait_channel, channel == "0" ? "" : channel);
    EXPECT_EQ(reading.count, reading.threads.size());
}

TEST(ThreadsObserver, counts_switches_and_cpu_time_of_the_reading_thread_as_getrusage_does) {
    auto observer = observer_of(own_pid());
    observe::ThreadsReading reading;
    for (int i = 0; i < 50; ++i) std::this_thread::sleep_for(100us); // each a voluntary switch
    ASSERT_TRUE(observer.read(reading));
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    timespec cpu{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    const auto* thread = find(reading, own_thread());
    ASSERT_NE(thread, nullptr);
    EXPECT_GE(thread->voluntary_switches, 50u);
    EXPECT_LE(thread->voluntary_switches, static_cast<std::uint64_t>(usage.ru_nvcsw));
    EXPECT_GE(thread->voluntary_switches + 2, static_cast<std::uint64_t>(usage.ru_nvcsw));
    ASSERT_TRUE(thread->run);
    EXPECT_NEAR(static_cast<double>(thread->run->count()), static_cast<double>(cpu.tv_sec * 1'000'000'000 + cpu.tv_nsec),
                20e6);
    EXPECT_EQ(thread->state, 'R');
}

TEST(ThreadsObserver, totals_grow_by_what_a_thread_did_even_when_it_is_new) {
    auto observer = observer_of(own_pid());
    observe::ThreadsReading before, after;
    ASSERT_TRUE(observer.read(before));
    std::latch done(1), leave(1);
    std::uint64_t switches = 0;
    std::jthread sleeper([&] {
        for (int i = 0; i < 200; ++i) std::this_thread::sleep_for(10us);
        rusage usage{};
        ::getrusage(RUSAGE_THREAD, &usage);
        switches = static_cast<std::uint64_t>(usage.ru_nvcsw);
        done.count_down();
        leave.wait();
    });
    done.wait();
    ASSERT_TRUE(observer.read(after));
    leave.count_down();
    EXPECT_GE(switches, 100u);
    EXPECT_GE(after.voluntary_switches, before.voluntary_switches + switches);
    EXPECT_LE(after.voluntary_switches, before.voluntary_switches + switches + 20);
}

TEST(ThreadsObserver, forgets_threads_that_ended_and_frees_their_descriptors) {
    if (connscope::test::sanitized) GTEST_SKIP() << "the sanitizer's own memory and threads are in the kernel's figures";
    auto observer = observer_of(own_pid());
    observe::ThreadsReading reading;
    ASSERT_TRUE(observer.read(reading));
    const std::size_t before = reading.threads.size();
    for (int round = 0; round < 3; ++round) {
        std::uint32_t id = 0;
        {
            const BlockedThread blocked("short life");
            id = blocked.id();
            ASSERT_TRUE(read_until(observer, reading, [&] { return find(reading, id) != nullptr; }));
        }
        ASSERT_TRUE(read_until(observer, reading, [&] { return find(reading, id) == nullptr; }));
        EXPECT_EQ(reading.threads.size(), before);
    }
}

TEST(ThreadsObserver, keeps_to_its_budget_and_still_sees_every_thread_in_the_end) {
    if (connscope::test::sanitized) GTEST_SKIP() << "the sanitizer's own memory and threads are in the kernel's figures";
    constexpr std::size_t many = 1000;
    std::latch started(many), leave(1);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < many; ++i)
        threads.emplace_back([&] {
            started.count_down();
            leave.wait();
        });
    started.wait();
    auto observer = observer_of(own_pid(), {.budget = 500us, .first_budget = 500us, .kept_open = 100});
    observe::ThreadsReading reading;
    ASSERT_TRUE(observer.read(reading));
    EXPECT_EQ(reading.count, many + 1);
    EXPECT_LT(reading.threads.size(), many);
    EXPECT_TRUE(read_until(observer, reading, [&] { return reading.threads.size() == many + 1; }));
    leave.count_down();
    threads.clear();
    EXPECT_TRUE(read_until(observer, reading, [&] { return reading.threads.size() == 1; }));
}

TEST(ThreadsObserver, says_when_the_process_has_ended) {
    const pid_t child = ::fork();
    if (child == 0)
        for (;;) ::pause();
    auto observer = observer_of(static_cast<std::uint32_t>(child));
    observe::ThreadsReading reading;
    ASSERT_TRUE(observer.read(reading));
    EXPECT_EQ(reading.threads.size(), 1u);
    ::kill(child, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
    EXPECT_FALSE(observer.read(reading));
    ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(observer.read(reading));
}
