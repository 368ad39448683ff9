// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/switches.hpp"
#include "connscope/telemetry/clock.hpp"

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <latch>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace connscope;
using namespace std::chrono_literals;
using observe::SwitchRecord;
using std::chrono::nanoseconds;

std::uint32_t own_pid() { return static_cast<std::uint32_t>(::getpid()); }

void pin_to_first_cpu() {
    cpu_set_t allowed, one;
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &allowed)) {
            CPU_SET(cpu, &one);
            break;
        }
    ::sched_setaffinity(0, sizeof one, &one);
}

// What a thread knows of itself, from one moment to another.
struct OwnCount {
    std::uint32_t id = 0;
    std::uint64_t voluntary = 0;
    std::uint64_t involuntary = 0;
    nanoseconds run{};
    nanoseconds begin{}, end{}; // CLOCK_MONOTONIC

    static OwnCount now() {
        OwnCount count;
        count.id = static_cast<std::uint32_t>(::syscall(SYS_gettid));
        rusage usage{};
        ::getrusage(RUSAGE_THREAD, &usage);
        timespec cpu{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
        count.voluntary = static_cast<std::uint64_t>(usage.ru_nvcsw);
        count.involuntary = static_cast<std::uint64_t>(usage.ru_nivcsw);
        count.run = std::chrono::seconds(cpu.tv_sec) + nanoseconds(cpu.tv_nsec);
        count.begin = nanoseconds(telemetry::monotonic_ns());
        return count;
    }
    OwnCount since() const {
        OwnCount count = now();
        count.voluntary -= voluntary;
        count.involuntary -= involuntary;
        count.run -= run;
        count.end = count.begin;
        count.begin = begin;
        return count;
    }
};

// Everything recorded up to now: readings lag behind the present by a little.
std::vector<SwitchRecord> read_all(observe::SwitchRecorder& recorder, std::uint64_t* lost = nullptr) {
    std::vector<SwitchRecord> records;
    observe::SwitchesReading reading;
    const nanoseconds end(telemetry::monotonic_ns());
    do {
        recorder.read(reading);
        records.insert(records.end(), reading.records.begin(), reading.records.end());
        if (lost != nullptr) *lost += reading.lost_count;
    } while (reading.until <= end);
    return records;
}

std::uint64_t count_of(const std::vector<SwitchRecord>& records, const OwnCount& own, SwitchRecord::Kind kind) {
    return static_cast<std::uint64_t>(std::ranges::count_if(records, [&](const SwitchRecord& record) {
        return record.thread == own.id && record.kind == kind && record.time >= own.begin && record.time <= own.end;
    }));
}

// The time between being resumed and leaving, within the thread's own begin and end, at both of which it ran.
nanoseconds run_of(const std::vector<SwitchRecord>& records, const OwnCount& own) {
    nanoseconds sum{}, since = own.begin;
    bool runs = true;
    for (const SwitchRecord& record : records) {
        if (record.thread != own.id || record.time < own.begin || record.time > own.end) continue;
        if (record.kind == SwitchRecord::Kind::resumed)
            since = record.time;
        else if (runs)
            sum += record.time - since;
        runs = record.kind == SwitchRecord::Kind::resumed;
    }
    return runs ? sum + (own.end - since) : sum;
}

// The time that interrupts and the hypervisor took, which is in no thread's CPU clock (proc_stat(5)), of all CPUs.
nanoseconds taken_from_threads() {
    std::ifstream stat("/proc/stat");
    std::string cpu;
    long ticks[8] = {}; // user nice system idle iowait irq softirq steal
    stat >> cpu;
    for (long& tick : ticks) stat >> tick;
    return std::chrono::milliseconds((ticks[5] + ticks[6] + ticks[7]) * 1000 / ::sysconf(_SC_CLK_TCK));
}

// Two threads that want the same CPU, started after the recorder.
std::vector<OwnCount> compete(std::chrono::milliseconds duration) {
    std::vector<OwnCount> counts(2);
    std::latch ready(2);
    std::vector<std::jthread> threads;
    for (OwnCount& count : counts)
        threads.emplace_back([&] {
            pin_to_first_cpu();
            ready.arrive_and_wait();
            const auto end = std::chrono::steady_clock::now() + duration;
            const OwnCount before = OwnCount::now();
            while (std::chrono::steady_clock::now() < end) {
            }
            count = before.since();
        });
    threads.clear();
    return counts;
}

void expect_the_kernels_truth(observe::SwitchScope scope) {
    auto recorder = observe::SwitchRecorder::open(own_pid(), {.scope = scope});
    if (!recorder && recorder.error().code == std::errc::permission_denied) GTEST_SKIP() << recorder.error().text;
    ASSERT_TRUE(recorder) << recorder.error().text;
    const nanoseconds taken_before = taken_from_threads();
    const auto counts = compete(400ms);
    // ticks of 10 ms: what was taken just before and after may count
    const nanoseconds taken_away = taken_from_threads() - taken_before + 20ms;
    std::uint64_t lost = 0;
    const auto records = read_all(*recorder, &lost);
    EXPECT_EQ(lost, 0u);
    EXPECT_TRUE(std::ranges::is_sorted(records, {}, &SwitchRecord::time));
    for (const OwnCount& own : counts) {
        EXPECT_GE(own.involuntary, 4u) << "two threads on one CPU must interrupt each other";
        // the clock and the counters are read one after the other: a switch may lie between them
        EXPECT_NEAR(static_cast<double>(count_of(records, own, SwitchRecord::Kind::preempted)),
                    static_cast<double>(own.involuntary), 1);
        EXPECT_NEAR(static_cast<double>(count_of(records, own, SwitchRecord::Kind::blocked)),
                    static_cast<double>(own.voluntary), 1);
        EXPECT_GE(run_of(records, own).count(), own.run.count() - 2'000'000);
        EXPECT_LE(run_of(records, own).count(), own.run.count() + own.run.count() / 20 + taken_away.count());
    }
}

} // namespace

TEST(SwitchRecorder, counts_preemptions_and_run_time_as_the_threads_themselves_seen_from_the_process) {
    expect_the_kernels_truth(observe::SwitchScope::process);
}

TEST(SwitchRecorder, counts_preemptions_and_run_time_as_the_threads_themselves_seen_from_the_machine) {
    expect_the_kernels_truth(observe::SwitchScope::machine);
}

TEST(SwitchRecorder, tells_who_ran_instead_where_rights_allow) {
    auto recorder = observe::SwitchRecorder::open(own_pid(), {.scope = observe::SwitchScope::machine});
    if (!recorder) GTEST_SKIP() << recorder.error().text;
    // on a busy machine a third may take the CPU instead: once more then, at most 20 times
    int by_the_other = 0;
    for (int attempt = 0; attempt < 20 && by_the_other < 2; ++attempt) {
        const auto counts = compete(200ms);
        const auto records = read_all(*recorder);
        for (std::size_t i = 0; i < records.size(); ++i) {
            const SwitchRecord& left = records[i];
            const auto between = [&](std::size_t one, std::size_t other) {
                return left.thread == counts[one].id && left.other_thread == counts[other].id;
            };
            if (left.kind != SwitchRecord::Kind::preempted || !(between(0, 1) || between(1, 0))) continue;
            EXPECT_TRUE(left.other_known);
            EXPECT_EQ(left.other_process, own_pid());
            const auto next = std::find_if(records.begin() + static_cast<std::ptrdiff_t>(i) + 1, records.end(),
                                           [&](const SwitchRecord& record) { return record.cpu == left.cpu; });
            ASSERT_NE(next, records.end());
            EXPECT_EQ(next->thread, left.other_thread);
            EXPECT_EQ(next->kind, SwitchRecord::Kind::resumed);
            EXPECT_EQ(next->other_thread, left.thread);
            ++by_the_other;
        }
    }
    EXPECT_GE(by_the_other, 2);
}

TEST(SwitchRecorder, follows_threads_that_were_there_before_and_sees_them_block) {
    std::atomic<bool> go = false, done = false;
    OwnCount own;
    std::jthread sleeper([&] {
        go.wait(false);
        const OwnCount before = OwnCount::now();
        for (int i = 0; i < 300; ++i) std::this_thread::sleep_for(50us);
        own = before.since();
        done = true;
        done.notify_one();
        go.wait(true);
    });
    auto recorder = observe::SwitchRecorder::open(own_pid(), {.scope = observe::SwitchScope::process});
    if (!recorder) {
        go = true;
        go.notify_one();
        done.wait(false);
        go = false;
        go.notify_one();
        GTEST_SKIP() << recorder.error().text;
    }
    go = true;
    go.notify_one();
    done.wait(false);
    go = false;
    go.notify_one();
    sleeper.join();
    const auto records = read_all(*recorder);
    EXPECT_EQ(recorder->threads_left_out(), 0u);
    EXPECT_NEAR(static_cast<double>(count_of(records, own, SwitchRecord::Kind::blocked)), static_cast<double>(own.voluntary),
                1);
    // the end of a thread is recorded too, as its last
    const auto last = std::ranges::find(records.rbegin(), records.rend(), own.id, &SwitchRecord::thread);
    ASSERT_NE(last, records.rend());
    EXPECT_EQ(last->kind, SwitchRecord::Kind::blocked);
}

TEST(SwitchRecorder, counts_what_a_small_buffer_had_no_room_for) {
    auto recorder = observe::SwitchRecorder::open(own_pid(), {.scope = observe::SwitchScope::process, .buffer_bytes = 1});
    if (!recorder) GTEST_SKIP() << recorder.error().text;
    EXPECT_EQ(recorder->buffer_bytes(), 65'536u);
    // two threads on one CPU that wake each other: 4 records of 32 bytes for each round
    std::atomic<int> turn = 0;
    constexpr int rounds = 10'000;
    const auto play = [&](int mine) {
        pin_to_first_cpu();
        for (int i = 0; i < rounds; ++i) {
            for (int now = turn.load(); now % 2 != mine; now = turn.load()) turn.wait(now);
            ++turn;
            turn.notify_one();
        }
    };
    { std::jthread one(play, 0), other(play, 1); }
    observe::SwitchesReading reading;
    recorder->read(reading);
    const std::size_t first = reading.records.size();
    EXPECT_GT(first, 1000u);
    // the next record finds room again, and before it the kernel writes how many it lost
    std::thread([] {
        pin_to_first_cpu();
        std::this_thread::sleep_for(1ms);
    }).join();
    const nanoseconds end(telemetry::monotonic_ns());
    std::uint64_t lost = reading.lost_count;
    do {
        recorder->read(reading);
        lost += reading.lost_count;
    } while (reading.until <= end);
    EXPECT_GT(lost, 0u);
}

TEST(SwitchRecorder, needs_no_rights_for_ones_own_process_and_says_what_it_needs_for_others) {
    if (::getuid() != 0) GTEST_SKIP() << "only root can become somebody without rights";
    int answers[2];
    ASSERT_EQ(::pipe(answers), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        std::string answer = "no rights given up";
        if (::setgid(65'534) == 0 && ::setuid(65'534) == 0) {
            auto own = observe::SwitchRecorder::open(own_pid());
            answer = own ? (own->scope() == observe::SwitchScope::process ? "process" : "machine") : own.error().text;
            const auto other = observe::SwitchRecorder::open(static_cast<std::uint32_t>(::getppid()));
            answer += "; " + (other ? "recorded" : other.error().text);
        }
        [[maybe_unused]] const auto sent = ::write(answers[1], answer.data(), answer.size());
        ::_exit(0);
    }
    std::string answer(1000, '\0');
    const ssize_t got = ::read(answers[0], answer.data(), answer.size());
    ::waitpid(child, nullptr, 0);
    ::close(answers[0]);
    ::close(answers[1]);
    answer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    EXPECT_TRUE(answer.starts_with("process; ")) << answer;
    EXPECT_NE(answer.find("perf_event_paranoid"), std::string::npos) << answer;
}

TEST(SwitchRecorder, names_a_process_that_is_not_there) {
    const auto recorder = observe::SwitchRecorder::open(4'194'305);
    ASSERT_FALSE(recorder);
    EXPECT_EQ(recorder.error().code, std::errc::no_such_process);
}
