// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/switch_ways.hpp"

#include "connscope/telemetry/clock.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <coroutine>
#include <csignal>
#include <ctime>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

namespace connscope::lab {
namespace {

using telemetry::Error;
using telemetry::Outcome;

constexpr std::size_t line_bytes = 64;
constexpr std::size_t fiber_stack_bytes = 64 << 10;

void pin(int cpu) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(static_cast<std::size_t>(cpu), &only);
    ::sched_setaffinity(0, sizeof only, &only);
}

// ---- call: an indirect one, which the compiler cannot see through

class CallWay : public Way {
public:
    explicit CallWay(const std::array<Side, 2>& sides)
        : sides_(sides) {}
    bool round_trips(std::size_t count) override {
        for (std::size_t i = 0; i < count; ++i) {
            call_(sides_[0]);
            call_(sides_[1]);
        }
        return true;
    }

private:
    std::array<Side, 2> sides_;
    void (*volatile call_)(const Side&) = [](const Side& side) { side.run(); };
};

// ---- coroutine: a resume from the loop and a suspend back to it, as an event loop does

struct Coroutine {
    struct promise_type {
        Coroutine get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
};

[[gnu::noinline]] Coroutine run_again_and_again(Side side) {
    for (;;) {
        side.run();
        co_await std::suspend_always{};
    }
}
// Where nothing is touched, nothing but the switch is there: a test of that would take a quarter of its time.
[[gnu::noinline]] Coroutine only_switch() {
    for (;;) co_await std::suspend_always{};
}
Coroutine side_of(const Side& side) { return side.is_idle() ? only_switch() : run_again_and_again(side); }
[[gnu::noinline]] Coroutine do_nothing() { co_return; }

class CoroutineWay : public Way {
public:
    explicit CoroutineWay(const std::array<Side, 2>& sides)
        : first_(side_of(sides[0]).handle)
        , second_(side_of(sides[1]).handle) {}
    ~CoroutineWay() override {
        first_.destroy();
        second_.destroy();
    }
    bool round_trips(std::size_t count) override {
        for (std::size_t i = 0; i < count; ++i) {
            first_.resume();
            second_.resume();
        }
        return true;
    }

private:
    std::coroutine_handle<> first_, second_;
};

// ---- fiber: a jump from stack to stack

class FiberWay : public Way {
public:
    explicit FiberWay(const std::array<Side, 2>& sides)
        : side_(sides[0])
        , other_(std::allocator_arg, boost::context::fixedsize_stack(fiber_stack_bytes),
                 [side = sides[1]](boost::context::fiber&& from) {
                     for (;;) {
                         from = std::move(from).resume();
                         side.run();
                     }
                     return std::move(from);
                 }) {
        other_ = std::move(other_).resume();
    }
    bool round_trips(std::size_t count) override {
        for (std::size_t i = 0; i < count; ++i) {
            side_.run();
            other_ = std::move(other_).resume();
        }
        return true;
    }

private:
    Side side_;
    boost::context::fiber other_; // destroyed by unwinding its stack
};

// ---- thread: wakes the other by a futex and waits for its own turn

void wait_while(std::atomic<std::uint32_t>& word, std::uint32_t value) {
    // Pairs with the release in give_to(): what the other side wrote is seen.
    while (word.load(std::memory_order_acquire) == value)
        ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}
void give_to(std::atomic<std::uint32_t>& word, std::uint32_t value) {
    word.store(value, std::memory_order_release); // pairs with the acquire in wait_while()
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

class ThreadWay : public Way {
public:
    ThreadWay(const std::array<Side, 2>& sides, int cpu)
        : side_(sides[0])
        , other_([side = sides[1], cpu] {
            pin(cpu);
            Board& board = *side.board;
            for (;;) {
                wait_while(board.turn, 0);
                if (board.over.load(std::memory_order_relaxed) != 0) return; // ordered by the turn
                side.run();
                give_to(board.turn, 0);
            }
        }) {}
    ~ThreadWay() override {
        side_.board->over.store(1, std::memory_order_relaxed); // ordered by the turn
        give_to(side_.board->turn, 1);
    }
    bool round_trips(std::size_t count) override {
        for (std::size_t i = 0; i < count; ++i) {
            side_.run();
            give_to(side_.board->turn, 1);
            wait_while(side_.board->turn, 1);
        }
        return true;
    }

private:
    Side side_;
    std::jthread other_;
};

// ---- process: a byte through a pipe, and one back

class ProcessWay : public Way {
public:
    static Outcome<std::unique_ptr<Way>> make(const std::array<Side, 2>& sides, int cpu) {
        int there[2], back[2];
        if (::pipe2(there, O_CLOEXEC) != 0) return telemetry::system_error(errno, "no pipe");
        telemetry::UniqueFd read_there(there[0]), write_there(there[1]);
        if (::pipe2(back, O_CLOEXEC) != 0) return telemetry::system_error(errno, "no pipe");
        telemetry::UniqueFd read_back(back[0]), write_back(back[1]);
        const pid_t parent = ::getpid();
        const pid_t child = ::fork();
        if (child < 0) return telemetry::system_error(errno, "no process");
        if (child == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) ::_exit(0);
            pin(cpu);
            ::close(write_there.get()); // so that the end of the other side is seen
            char byte = 0;
            while (::read(read_there.get(), &byte, 1) == 1) {
                sides[1].run();
                if (::write(write_back.get(), &byte, 1) != 1) break;
            }
            ::_exit(0);
        }
        return std::unique_ptr<Way>(new ProcessWay(sides[0], child, std::move(write_there), std::move(read_back)));
    }
    ~ProcessWay() override {
        to_.reset();
        ::waitpid(child_, nullptr, 0);
    }
    bool round_trips(std::size_t count) override {
        char byte = 0;
        for (std::size_t i = 0; i < count; ++i) {
            side_.run();
            if (::write(to_.get(), &byte, 1) != 1 || ::read(from_.get(), &byte, 1) != 1) return false;
        }
        return true;
    }

private:
    ProcessWay(const Side& side, pid_t child, telemetry::UniqueFd to, telemetry::UniqueFd from)
        : side_(side)
        , child_(child)
        , to_(std::move(to))
        , from_(std::move(from)) {}

    Side side_;
    pid_t child_;
    telemetry::UniqueFd to_, from_;
};

// Nanoseconds of each of `count` calls.
template <class Make>
double timed(std::size_t count, Make&& make) {
    const std::int64_t begin = telemetry::monotonic_ns();
    for (std::size_t i = 0; i < count; ++i) make();
    return static_cast<double>(telemetry::monotonic_ns() - begin) / static_cast<double>(count);
}

} // namespace

Memory::Memory(std::size_t bytes, bool shared) {
    if (bytes == 0) return;
    void* const place = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                               MAP_ANONYMOUS | MAP_POPULATE | (shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);
    if (place == MAP_FAILED) throw std::bad_alloc();
    begin_ = static_cast<std::byte*>(place);
    bytes_ = bytes;
}

Memory::~Memory() {
    if (begin_ != nullptr) ::munmap(begin_, bytes_);
}

void Memory::touch() const noexcept {
    for (std::size_t offset = 0; offset < bytes_; offset += line_bytes) {
        auto* const word = reinterpret_cast<volatile std::uint64_t*>(begin_ + offset);
        *word = *word + 1;
    }
}

void Side::run() const noexcept {
    set->touch();
    if (others == nullptr) return;
    const std::int64_t now = telemetry::monotonic_ns();
    if (board->left_at_ns != 0 && board->samples < Board::most_samples)
        board->sample_ns[board->samples++] = now - board->left_at_ns;
    others->touch();
    board->left_at_ns = telemetry::monotonic_ns();
}

bool may_be_apart(std::string_view way) noexcept { return way == "thread (futex)" || way == "process (pipe)"; }

Outcome<std::unique_ptr<Way>> make_way(std::string_view name, const std::array<Side, 2>& sides, int cpu) {
    try {
        if (name == "call") return std::unique_ptr<Way>(new CallWay(sides));
        if (name == "coroutine") return std::unique_ptr<Way>(new CoroutineWay(sides));
        if (name == "fiber") return std::unique_ptr<Way>(new FiberWay(sides));
        if (name == "thread (futex)") return std::unique_ptr<Way>(new ThreadWay(sides, cpu));
        return ProcessWay::make(sides, cpu);
    } catch (const std::system_error& error) {
        return Error{error.code(), std::string("no thread: ") + error.what()};
    }
}

Outcome<std::optional<double>> creation_ns(std::string_view way, std::size_t count) {
    try {
        if (way == "coroutine")
            return std::optional(timed(count, [] {
                const auto handle = do_nothing().handle;
                handle.resume();
                handle.destroy();
            }));
        if (way == "fiber")
            return std::optional(timed(count, [] {
                boost::context::fiber made(std::allocator_arg, boost::context::fixedsize_stack(fiber_stack_bytes),
                                           [](boost::context::fiber&& from) { return std::move(from); });
                made = std::move(made).resume();
            }));
        if (way == "thread (futex)") return std::optional(timed(count, [] { std::thread([] {}).join(); }));
        if (way == "process (pipe)") {
            bool failed = false;
            const double ns = timed(count, [&] {
                const pid_t child = ::fork();
                if (child == 0) ::_exit(0);
                failed = failed || child < 0 || ::waitpid(child, nullptr, 0) != child;
            });
            if (failed) return telemetry::system_error(errno, "no process");
            return std::optional(ns);
        }
        return std::optional<double>();
    } catch (const std::system_error& error) {
        return Error{error.code(), std::string("no thread: ") + error.what()};
    }
}

} // namespace connscope::lab
