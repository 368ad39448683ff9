// SPDX-License-Identifier: BSL-1.0
#include "../sanitized.hpp"

#include "connscope/observe/memory.hpp"
#include "connscope/observe/slab.hpp"

#include <gtest/gtest.h>

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace connscope;

std::uint32_t own_pid() { return static_cast<std::uint32_t>(::getpid()); }
const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

// A mapping of whole pages that is removed in the end.
class Pages {
public:
    explicit Pages(std::size_t count)
        : bytes_(count * page) {
        at_ = static_cast<char*>(::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        ::madvise(at_, bytes_, MADV_NOHUGEPAGE);
    }
    ~Pages() { ::munmap(at_, bytes_); }
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    char* at() const { return at_; }
    std::uint64_t begin() const { return reinterpret_cast<std::uintptr_t>(at_); }
    std::uint64_t end() const { return begin() + bytes_; }

private:
    std::size_t bytes_;
    char* at_;
};

// A thread that has written to `used` bytes of its stack and waits.
class StackUser {
public:
    explicit StackUser(std::size_t used) {
        std::latch ready(1);
        thread_ = std::jthread([&, used] {
            pthread_attr_t attributes;
            ::pthread_getattr_np(::pthread_self(), &attributes);
            void* low = nullptr;
            ::pthread_attr_getstack(&attributes, &low, &bytes_);
            ::pthread_attr_destroy(&attributes);
            low_ = reinterpret_cast<std::uintptr_t>(low);
            auto* const room = static_cast<volatile char*>(__builtin_alloca(used));
            for (std::size_t i = 0; i < used; i += 64) room[i] = 1;
            ready.count_down();
            leave_.wait();
        });
        ready.wait();
    }
    ~StackUser() { leave_.count_down(); }
    std::uint64_t low() const { return low_; }
    std::uint64_t high() const { return low_ + bytes_; }

private:
    std::latch leave_{1};
    std::uint64_t low_ = 0;
    std::size_t bytes_ = 0;
    std::jthread thread_;
};

// The Rss of the mapping that holds `address`, from /proc/self/smaps.
std::uint64_t smaps_resident(std::uint64_t address) {
    std::ifstream smaps("/proc/self/smaps");
    bool inside = false;
    for (std::string line; std::getline(smaps, line);) {
        unsigned long begin = 0, end = 0, kib = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2 && line.find(" kB") == std::string::npos)
            inside = begin <= address && address < end;
        if (inside && std::sscanf(line.c_str(), "Rss: %lu kB", &kib) == 1) return kib * 1024;
    }
    return 0;
}

} // namespace

TEST(Memory, counts_exactly_the_touched_pages_of_a_range_as_resident) {
    const Pages pages(1000);
    for (const std::size_t touched : {0, 1, 17, 18, 500, 999}) pages.at()[touched * page] = 1;
    const auto resident = observe::read_resident_bytes(own_pid(), pages.begin(), pages.end());
    ASSERT_TRUE(resident);
    EXPECT_EQ(*resident, 6 * page);
    EXPECT_EQ(*observe::read_resident_bytes(own_pid(), pages.begin() + 17 * page, pages.begin() + 19 * page), 2 * page);
    EXPECT_EQ(*observe::read_resident_bytes(own_pid(), pages.begin(), pages.begin()), 0u);
}

TEST(Memory, finds_the_mapping_of_an_address) {
    const Pages pages(3);
    const auto mappings = observe::read_mappings(own_pid());
    ASSERT_TRUE(mappings);
    const auto* mapping = observe::mapping_at(*mappings, pages.begin() + page);
    ASSERT_NE(mapping, nullptr);
    EXPECT_LE(mapping->begin, pages.begin());
    EXPECT_GE(mapping->end, pages.end());
    EXPECT_TRUE(mapping->readable && mapping->writable && !mapping->executable && !mapping->shared);
    const int local = 0;
    EXPECT_EQ(observe::mapping_at(*mappings, reinterpret_cast<std::uintptr_t>(&local))->name, "[stack]");
    EXPECT_EQ(observe::mapping_at(*mappings, 1), nullptr);
    const auto* code = observe::mapping_at(*mappings, reinterpret_cast<std::uintptr_t>(&observe::read_mappings));
    ASSERT_NE(code, nullptr);
    EXPECT_TRUE(code->executable);
    EXPECT_NE(code->name.find("observe_memory"), std::string::npos);
}

TEST(Memory, finds_a_threads_stack_and_what_it_used_of_it_as_smaps_does) {
    if (connscope::test::sanitized) GTEST_SKIP() << "the sanitizer's own memory and threads are in the kernel's figures";
    constexpr std::size_t used = 300'000;
    const StackUser user(used);
    const auto mappings = observe::read_mappings(own_pid());
    ASSERT_TRUE(mappings);
    const auto* stack = observe::mapping_at(*mappings, user.high() - 1);
    ASSERT_NE(stack, nullptr);
    EXPECT_TRUE(observe::find_stacks(*mappings)[static_cast<std::size_t>(stack - mappings->data())]);
    EXPECT_LE(stack->begin, user.low());
    const auto resident = observe::read_resident_bytes(own_pid(), stack->begin, stack->end);
    ASSERT_TRUE(resident);
    EXPECT_GE(*resident, used);
    EXPECT_LT(*resident, used + 100'000);
    EXPECT_EQ(*resident, smaps_resident(stack->begin));
}

TEST(Memory, adds_up_the_stacks_of_all_threads_and_no_malloc_arena) {
    if (connscope::test::sanitized) GTEST_SKIP() << "the sanitizer's own memory and threads are in the kernel's figures";
    std::vector<std::unique_ptr<StackUser>> users;
    for (int i = 0; i < 20; ++i) users.push_back(std::make_unique<StackUser>(50'000));
    std::latch leave(1), ready(3);
    std::vector<std::jthread> allocating; // each with an arena of its own
    for (int i = 0; i < 3; ++i)
        allocating.emplace_back([&] {
            const std::vector<std::string> strings(1000, std::string(100, 'x'));
            ready.count_down();
            leave.wait();
        });
    ready.wait();
    const auto stacks = observe::read_stack_memory(own_pid());
    std::uint64_t resident = smaps_resident(reinterpret_cast<std::uintptr_t>(&stacks)); // the main thread's
    for (const auto& user : users) resident += smaps_resident(user->high() - 1);
    leave.count_down();
    ASSERT_TRUE(stacks);
    EXPECT_EQ(stacks->stacks, 1 + 20 + 3u);
    EXPECT_GE(stacks->resident_bytes, resident);
    EXPECT_LE(stacks->resident_bytes, resident + 3 * 50'000);
    EXPECT_GE(stacks->reserved_bytes, 20 * (users[0]->high() - users[0]->low() - page));
}

TEST(Memory, rollup_grows_by_what_was_touched) {
    if (connscope::test::sanitized) GTEST_SKIP() << "the sanitizer's own memory and threads are in the kernel's figures";
    const auto before = observe::read_memory_rollup(own_pid());
    const Pages pages(2000);
    std::memset(pages.at(), 1, 2000 * page);
    const auto after = observe::read_memory_rollup(own_pid());
    ASSERT_TRUE(before && after);
    EXPECT_NEAR(static_cast<double>(after->private_dirty_bytes - before->private_dirty_bytes),
                2000.0 * static_cast<double>(page), 2e5);
    EXPECT_GE(after->resident_bytes, after->anonymous_bytes);
    EXPECT_GE(after->resident_bytes, after->proportional_bytes);
}

TEST(Memory, of_a_missing_process_is_an_error_that_names_it) {
    const auto rollup = observe::read_memory_rollup(4'194'305);
    ASSERT_FALSE(rollup);
    EXPECT_EQ(rollup.error().code, std::errc::no_such_process);
    EXPECT_NE(rollup.error().text.find("4194305"), std::string::npos);
    EXPECT_FALSE(observe::read_mappings(4'194'305));
    EXPECT_FALSE(observe::read_stack_memory(4'194'305));
}

TEST(Slab, tells_the_size_of_a_task_or_that_root_must_ask) {
    const auto caches = observe::read_slab();
    if (::access("/proc/slabinfo", R_OK) != 0) {
        ASSERT_FALSE(caches);
        EXPECT_FALSE(caches.error().text.empty());
        return;
    }
    ASSERT_TRUE(caches);
    const auto* task = observe::find_cache(*caches, "task_struct");
    ASSERT_NE(task, nullptr);
    EXPECT_GT(task->object_bytes, 1000u);
    EXPECT_GE(task->slab_bytes_per_object, static_cast<double>(task->object_bytes));
    EXPECT_GE(task->total, task->active);
    EXPECT_EQ(observe::find_cache(*caches, "no such cache"), nullptr);
}
