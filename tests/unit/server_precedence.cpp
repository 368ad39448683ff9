// SPDX-License-Identifier: BSL-1.0
#include "connscope/server/gate.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/server/thread_scheduling.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

using namespace connscope::server;
using namespace std::chrono_literals;

namespace {

int nice_here() { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); }

TEST(Precedence, is_of_one_thread_alone_and_ends_with_its_scope) {
    std::thread([] {
        const int before = nice_here();
        {
            const Precedence precedence;
            if (nice_here() == before) GTEST_SKIP() << "this user may not lower a nice value";
            EXPECT_EQ(nice_here(), -20);
            int of_another = 1;
            std::thread([&] { of_another = nice_here(); }).join();
            EXPECT_EQ(of_another, 0);
            for (const ModeInfo& mode : modes()) // what may be had here is tried
                if (mode.here != nullptr) mode.here({});
            EXPECT_EQ(nice_here(), -20);
            std::thread([&] { of_another = nice_here(); }).join();
            EXPECT_EQ(of_another, 0) << "asking what may be had left something behind";
        }
        EXPECT_EQ(nice_here(), before);
    }).join();
}

TEST(Gate, keeps_threads_until_it_opens) {
    Gate gate;
    gate.pass(); // open at first
    gate.shut();
    std::atomic<bool> opened{false};
    std::atomic<bool> early{false};
    std::thread waits([&] {
        gate.pass();
        early = !opened;
    });
    std::this_thread::yield();
    opened = true;
    gate.open();
    waits.join();
    EXPECT_FALSE(early);
}

TEST(Gate, keeps_a_process_too) {
    Gate gate;
    gate.shut();
    const auto begin = std::chrono::steady_clock::now();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        gate.pass();
        ::_exit(std::chrono::steady_clock::now() - begin >= 20ms ? 0 : 1);
    }
    while (std::chrono::steady_clock::now() - begin < 20ms) std::this_thread::yield();
    gate.open();
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST(Gate, keeps_nobody_for_ever) {
    Gate gate;
    gate.shut();
    const auto begin = std::chrono::steady_clock::now();
    gate.pass();
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 900ms);
}

} // namespace
