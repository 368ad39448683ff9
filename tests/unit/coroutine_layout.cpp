// SPDX-License-Identifier: BSL-1.0
// A coroutine's layout from the debug information, against what its own operator new saw and the lines it was written on.
#include "../sanitized.hpp"

#include "connscope/observe/anatomy/names.hpp"
#include "connscope/observe/anatomy/symbols.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <coroutine>
#include <cstdlib>
#include <exception>

namespace connscope::test {
namespace {

using observe::CoroutineLayout;
using observe::Symbols;

std::size_t seen_by_operator_new = 0;

struct Task {
    struct promise_type {
        static void* operator new(std::size_t bytes) {
            seen_by_operator_new = bytes;
            return std::malloc(bytes);
        }
        static void operator delete(void* frame) { std::free(frame); }
        Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
};

struct Wait {
    bool await_ready() const noexcept { return false; }
    // Not nothing, as no awaiter's is: the compiler leaves no trace of what it could leave out altogether.
    void await_suspend(std::coroutine_handle<> who) const noexcept { asm volatile("" : : "r"(who.address()) : "memory"); }
    int await_resume() const noexcept { return 1; }
};

unsigned first_line = 0, second_line = 0, third_line = 0;

Task three_waits(int argument) {
    char kept[300] = {};
    first_line = __LINE__ + 1;
    co_await Wait{};
    for (int i = 0; i < 2; ++i) {
        second_line = __LINE__ + 1;
        kept[i] = static_cast<char>(argument + co_await Wait{});
    }
    third_line = __LINE__ + 1;
    argument += kept[0] + co_await Wait{};
}

class Reading {
public:
    explicit Reading(Task task)
        : task_(task)
        , symbols_(std::move(*Symbols::open(static_cast<std::uint32_t>(::getpid())))) {}
    ~Reading() { task_.handle.destroy(); }

    std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(task_.handle.address()); }
    const CoroutineLayout* layout(std::string& why) {
        // The first eight bytes: at the end there is no resume function any more.
        if (resume_ == 0) resume_ = *reinterpret_cast<const std::uint64_t*>(address());
        return symbols_.coroutine(resume_, why);
    }
    CoroutineLayout::Point point() {
        std::string why;
        const CoroutineLayout* found = layout(why);
        return found->point(*reinterpret_cast<const std::uint16_t*>(address() + found->index_offset));
    }
    void resume() { task_.handle.resume(); }

private:
    Task task_;
    Symbols symbols_;
    std::uint64_t resume_ = 0;
};

TEST(coroutine_layout, a_frame_has_the_size_that_operator_new_was_asked_for) {
    if (sanitized) GTEST_SKIP() << "sanitizers add to the frame";
    Reading coroutine(three_waits(5));
    std::string why;
    const CoroutineLayout* layout = coroutine.layout(why);
    ASSERT_NE(layout, nullptr) << why;
    EXPECT_EQ(layout->bytes, seen_by_operator_new);
    EXPECT_GT(layout->bytes, 300u);
    EXPECT_EQ(layout->function, "three_waits");
    EXPECT_EQ(layout->promise_type, "promise_type");
    const auto argument = std::ranges::find(layout->kept, "argument", &observe::Member::name);
    ASSERT_NE(argument, layout->kept.end());
    EXPECT_EQ(*reinterpret_cast<const int*>(coroutine.address() + argument->offset), 5);
    const auto kept = std::ranges::find(layout->kept, "kept", &observe::Member::name);
    ASSERT_NE(kept, layout->kept.end());
    EXPECT_EQ(kept->bytes, 300u);
}

TEST(coroutine_layout, it_is_suspended_at_the_line_of_each_co_await_in_turn) {
    if (sanitized) GTEST_SKIP() << "sanitizers add to the frame";
    Reading coroutine(three_waits(5));
    std::string why;
    ASSERT_NE(coroutine.layout(why), nullptr) << why;
    using Kind = CoroutineLayout::Point::Kind;
    EXPECT_EQ(coroutine.point().kind, Kind::not_begun);
    coroutine.resume();
    for (const unsigned* line : {&first_line, &second_line, &second_line, &third_line}) {
        ASSERT_EQ(coroutine.point().kind, Kind::at_line);
        EXPECT_EQ(coroutine.point().line, *line);
        coroutine.resume();
    }
    EXPECT_EQ(coroutine.point().kind, Kind::at_end);
}

TEST(coroutine_layout, what_is_no_coroutine_is_said_to_be_none) {
    auto symbols = Symbols::open(static_cast<std::uint32_t>(::getpid()));
    ASSERT_TRUE(symbols);
    std::string why;
    EXPECT_EQ(symbols->coroutine(reinterpret_cast<std::uint64_t>(&std::malloc), why), nullptr);
    EXPECT_NE(why, "");
    EXPECT_EQ(symbols->coroutine(1, why), nullptr);
    EXPECT_NE(why, "");
    EXPECT_NE(symbols->at(1).missing, "");
}

TEST(names, functions_and_types_are_shortened_to_what_a_reader_needs) {
    using observe::short_function;
    using observe::short_type;
    EXPECT_EQ(short_function("connscope::server::(anonymous namespace)::Fibers::carry(connscope::server::Carried&, int)"),
              "Fibers::carry");
    EXPECT_EQ(short_function("boost::asio::awaitable<void, E> connscope::server::carry<E, C>(C*) [clone .actor]"),
              "server::carry");
    EXPECT_EQ(short_function("foo::bar::operator()(int) const"), "bar::operator()");
    EXPECT_EQ(short_function("std::vector<int>::operator[](unsigned long)"), "vector::operator[]");
    EXPECT_EQ(short_function("a::b::{lambda(int)#1}::operator()(int) const"), "lambda::operator()");
    EXPECT_EQ(short_function("main"), "main");
    EXPECT_EQ(short_function("__libc_start_main"), "__libc_start_main");
    EXPECT_EQ(short_type("std::shared_ptr<connscope::server::Carried<int> >"), "shared_ptr<Carried<…> >");
    EXPECT_EQ(short_type("boost::asio::detail::op<a::b, c::d<e::f> >"), "op<b, d<…> >");
    EXPECT_EQ(short_type("int"), "int");
    EXPECT_EQ(short_type("x::{lambda(int)#1}"), "lambda");
    EXPECT_EQ(observe::template_argument("op<a, b<c, d>, e>", 1), "b<c, d>");
    EXPECT_EQ(observe::template_argument("op<a, b<c, d>, e>", 2), "e");
    EXPECT_EQ(observe::template_argument("op<a, b<c, d>, e>", 3), "");
    // Nothing that a broken symbol may hold ends the program.
    for (const char* odd : {"", "<", ">", "((", "{", "a<b", "operator<", "::", "a::", ">>>>", "(anonymous namespace)"}) {
        short_function(odd);
        short_type(odd);
        observe::template_argument(odd, 0);
    }
}

} // namespace
} // namespace connscope::test
