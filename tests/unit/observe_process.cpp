// SPDX-License-Identifier: BSL-1.0
#include "../sanitized.hpp"

#include "connscope/observe/limits.hpp"
#include "connscope/observe/process.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <latch>
#include <thread>
#include <vector>

namespace {

using namespace connscope;
using namespace std::chrono_literals;

// A child process that does `body` and then waits until it is killed. It tells through a pipe when it is ready.
class Child {
public:
    template <class Body>
    explicit Child(Body body) {
        int ready[2];
        EXPECT_EQ(::pipe(ready), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            body();
            [[maybe_unused]] const auto told = ::write(ready[1], "r", 1);
            for (;;) ::pause();
        }
        char byte = 0;
        EXPECT_EQ(::read(ready[0], &byte, 1), 1);
        ::close(ready[0]);
        ::close(ready[1]);
    }
    ~Child() {
        if (pid_ <= 0) return;
        kill();
        reap();
    }
    std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }
    // Kills it and waits until it is a zombie, without reaping it.
    void kill() {
        ::kill(pid_, SIGKILL);
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
    }
    void reap() {
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

private:
    pid_t pid_ = 0;
};

observe::ProcessReading read_of(std::uint32_t pid) {
    auto observer = observe::ProcessObserver::open(pid);
    EXPECT_TRUE(observer);
    auto reading = observer->read();
    EXPECT_TRUE(reading);
    return *reading;
}

std::uint32_t own_pid() { return static_cast<std::uint32_t>(::getpid()); }

} // namespace

TEST(ProcessObserver, counts_its_own_threads_as_they_come_and_go) {
    if (connscope::test::sanitized) GTEST_SKIP() << "the sanitizer's own memory and threads are in the kernel's figures";
    auto observer = observe::ProcessObserver::open(own_pid());
    ASSERT_TRUE(observer);
    const auto before = observer->read();
    ASSERT_TRUE(before);
    {
        std::latch started(5), leave(1);
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                started.count_down();
                leave.wait();
            });
        started.arrive_and_wait();
        const auto during = observer->read();
        leave.count_down();
        ASSERT_TRUE(during);
        EXPECT_EQ(during->threads, before->threads + 4);
        ASSERT_TRUE(during->kernel_stack_bytes);
        EXPECT_EQ(*during->kernel_stack_bytes, during->threads * *observe::kernel_stack_bytes_per_task());
    }
}

TEST(ProcessObserver, measures_cpu_time_as_getrusage_does) {
    volatile std::uint64_t sum = 0;
    rusage usage{};
    do {
        for (int i = 0; i < 1'000'000; ++i) sum = sum + static_cast<std::uint64_t>(i);
        ::getrusage(RUSAGE_SELF, &usage);
    } while (usage.ru_utime.tv_sec == 0 && usage.ru_utime.tv_usec < 200'000);
    const auto reading = read_of(own_pid());
    const auto user = std::chrono::seconds(usage.ru_utime.tv_sec) + std::chrono::microseconds(usage.ru_utime.tv_usec);
    EXPECT_NEAR(static_cast<double>(reading.user_cpu.count()), static_cast<double>(std::chrono::nanoseconds(user).count()),
                60e6);
}

TEST(ProcessObserver, sees_memory_that_a_child_has_touched_and_not_what_it_has_only_reserved) {
    if (connscope::test::sanitized) GTEST_SKIP() << "the sanitizer's own memory and threads are in the kernel's figures";
    constexpr std::size_t bytes = 32u << 20;
    const auto map = [] {
        return static_cast<char*>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    };
    const Child reserved([&] { map(); });
    const Child touched([&] { std::memset(map(), 1, bytes); });
    const auto one = read_of(reserved.pid());
    const auto other = read_of(touched.pid());
    const auto grown = static_cast<double>(other.resident_bytes) - static_cast<double>(one.resident_bytes);
    EXPECT_NEAR(grown, static_cast<double>(bytes), 2e6);
    EXPECT_GT(other.page_table_bytes, one.page_table_bytes);
    EXPECT_LT(other.resident_shared_bytes, other.resident_bytes - bytes + (1u << 20));
    // It pauses as soon as it has touched its memory: the state turns to sleeping, perhaps a moment later.
    bool sleeps = false;
    for (int i = 0; i < 10'000 && !sleeps; ++i) sleeps = read_of(touched.pid()).state == 'S';
    EXPECT_TRUE(sleeps);
}

TEST(ProcessObserver, counts_open_files_and_reads_their_limit_anew) {
    const Child plain([] {});
    const Child many([] {
        for (int i = 0; i < 100; ++i) [[maybe_unused]] const int fd = ::dup(2);
    });
    const auto some = read_of(plain.pid());
    const auto more = read_of(many.pid());
    ASSERT_TRUE(some.open_files && more.open_files);
    EXPECT_EQ(*more.open_files, *some.open_files + 100);

    auto observer = observe::ProcessObserver::open(plain.pid());
    ASSERT_TRUE(observer);
    rlimit limit{123, 456};
    ASSERT_EQ(::prlimit(static_cast<pid_t>(plain.pid()), RLIMIT_NOFILE, &limit, nullptr), 0);
    EXPECT_EQ(observer->read()->open_files_limit, std::optional<std::uint64_t>(123));
}

TEST(ProcessObserver, tells_a_process_that_has_ended_whether_reaped_or_not) {
    Child child([] {});
    auto observer = observe::ProcessObserver::open(child.pid());
    ASSERT_TRUE(observer);
    ASSERT_TRUE(observer->read());
    const std::uint32_t pid = child.pid();
    child.kill();
    const auto as_zombie = observer->read();
    ASSERT_FALSE(as_zombie);
    EXPECT_EQ(as_zombie.error().code, std::errc::no_such_process);
    child.reap();
    const auto reaped = observer->read();
    ASSERT_FALSE(reaped);
    EXPECT_EQ(reaped.error().code, std::errc::no_such_process);
    EXPECT_NE(reaped.error().text.find(std::to_string(pid)), std::string::npos);
    EXPECT_FALSE(observe::ProcessObserver::open(pid));
}

TEST(ProcessObserver, knows_a_name_with_blanks_and_parentheses) {
    if (connscope::test::sanitized) GTEST_SKIP() << "the sanitizer's own memory and threads are in the kernel's figures";
    const Child child([] { ::pthread_setname_np(::pthread_self(), "a) b (c"); });
    auto observer = observe::ProcessObserver::open(child.pid());
    ASSERT_TRUE(observer);
    EXPECT_EQ(observer->name(), "a) b (c");
    EXPECT_EQ(observer->read()->threads, 1u);
}

TEST(KernelStack, is_a_power_of_two_of_pages_and_16_KiB_on_x86_64) {
    const auto bytes = observe::kernel_stack_bytes_per_task();
    ASSERT_TRUE(bytes);
#if defined(__x86_64__)
    EXPECT_EQ(*bytes, 16'384u);
#endif
    EXPECT_EQ(*bytes & (*bytes - 1), 0u);
}

TEST(Limits, are_those_getrlimit_tells) {
    const auto limits = observe::read_limits(own_pid());
    ASSERT_TRUE(limits);
    rlimit files{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_cur == RLIM_INFINITY)
        EXPECT_FALSE(limits->open_files);
    else
        EXPECT_EQ(limits->open_files, std::optional<std::uint64_t>(files.rlim_cur));
    EXPECT_TRUE(limits->memory_mappings);
    EXPECT_TRUE(limits->threads());
}

TEST(Limits, of_a_missing_process_name_its_pid) {
    const auto limits = observe::read_limits(4'194'305); // above the highest pid_max
    ASSERT_FALSE(limits);
    EXPECT_NE(limits.error().text.find("4194305"), std::string::npos);
}
