// SPDX-License-Identifier: BSL-1.0
// Layers crossed: a trace against a process that makes a known number of calls, and servers against known requests.
#include "connscope/lab/layers.hpp"
#include "connscope/lab/crossings.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>

namespace connscope::lab {
namespace {

constexpr int exchanges = 1000, little_calls = 300, naps = 50;

int last_cpu() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    int last = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) last = cpu;
    return last;
}

// A process on one CPU that waits for a byte, makes a known number of system calls, says that it is done, and waits again.
class Counted {
public:
    explicit Counted(int cpu) {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, signals_.data()), 0);
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, talk_.data()), 0);
        pid_ = ::fork();
        if (pid_ != 0) return;
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(static_cast<std::size_t>(cpu), &only);
        ::sched_setaffinity(0, sizeof only, &only);
        char byte = 0;
        char text[10] = "123456789";
        static_cast<void>(!::read(signals_[1], &byte, 1));
        for (int i = 0; i < exchanges; ++i) {
            static_cast<void>(!::send(talk_[0], text, sizeof text, 0));
            static_cast<void>(!::recv(talk_[1], text, sizeof text, 0));
        }
        for (int i = 0; i < little_calls; ++i) ::syscall(SYS_getppid);
        const timespec nap{0, 200'000};
        for (int i = 0; i < naps; ++i) ::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &nap, nullptr);
        static_cast<void>(!::write(signals_[1], &byte, 1));
        static_cast<void>(!::read(signals_[1], &byte, 1));
        ::_exit(0);
    }
    ~Counted() {
        const char byte = 0;
        EXPECT_EQ(::write(signals_[0], &byte, 1), 1);
        EXPECT_EQ(::waitpid(pid_, nullptr, 0), pid_);
        for (const int each : {signals_[0], signals_[1], talk_[0], talk_[1]}) ::close(each);
    }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

    std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }
    void run() const {
        char byte = 0;
        EXPECT_EQ(::write(signals_[0], &byte, 1), 1);
        EXPECT_EQ(::read(signals_[0], &byte, 1), 1);
    }

private:
    std::array<int, 2> signals_{}, talk_{};
    pid_t pid_ = -1;
};

TEST(Layers, a_trace_counts_exactly_the_calls_copies_and_switches_that_a_process_makes) {
    const int cpu = last_cpu();
    auto trace = KernelTrace::open(cpu);
    if (!trace) {
        EXPECT_NE(trace.error().text.find("root"), std::string::npos) << trace.error().text;
        GTEST_SKIP() << trace.error().text;
    }
    const Counted counted(cpu);
    CrossingCounter counter({counted.pid()});
    std::vector<TraceRecord> records;
    const auto begin = std::chrono::steady_clock::now();
    counted.run();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    trace->read(records);
    ASSERT_EQ(trace->lost(), 0u);
    counter.take(records);
    const Crossings& found = counter.crossings();
    const auto count = [](const auto& calls, long number) {
        const auto call = calls.find(number);
        return call == calls.end() ? 0 : call->second.count;
    };
    EXPECT_EQ(count(found.socket_calls, SYS_sendto), std::uint64_t{exchanges});
    EXPECT_EQ(count(found.socket_calls, SYS_recvfrom), std::uint64_t{exchanges});
    EXPECT_EQ(count(found.other_calls, SYS_getppid), std::uint64_t{little_calls});
    EXPECT_EQ(count(found.other_calls, SYS_clock_nanosleep), std::uint64_t{naps});
    // Each exchange, and the byte by which it was told to begin and the one by which it says that it is done.
    EXPECT_EQ(found.copied_in, std::uint64_t{exchanges} + 1);
    EXPECT_EQ(found.bytes_in, std::uint64_t{exchanges} * 10 + 1);
    EXPECT_EQ(found.copied_out, std::uint64_t{exchanges} + 1);
    EXPECT_EQ(found.bytes_out, std::uint64_t{exchanges} * 10 + 1);
    // Each nap, the first wait, and the last, which may have begun by now; a busy machine adds the odd wait for a page.
    EXPECT_GE(found.blocked, std::uint64_t{naps});
    EXPECT_LE(found.blocked, std::uint64_t{naps} + 10);
    // Time on the CPU: some for each call, nothing for the naps, and no more than has passed.
    std::uint64_t on_cpu = found.user_ns;
    for (const auto* calls : {&found.socket_calls, &found.other_calls})
        for (const auto& [number, call] : *calls) on_cpu += call.ns;
    EXPECT_GT(found.socket_calls.at(SYS_sendto).ns, 0u);
    EXPECT_LT(static_cast<double>(on_cpu), took.count());
    EXPECT_LT(found.other_calls.at(SYS_clock_nanosleep).ns, naps * 200'000u) << "who sleeps is not on the CPU";
}

const Layer* find(const ModeLayers& mode, std::string_view id) {
    for (const Layer& layer : mode.layers)
        if (layer.id == id) return &layer;
    return nullptr;
}

TEST(Layers, every_request_is_copied_once_in_and_once_out_and_a_thread_each_switches_for_each) {
    LayersOptions options;
    options.bin_folder = CONNSCOPE_BIN_FOLDER;
    options.modes = {"coroutines", "thread-per-connection"};
    options.connections = 8;
    options.seconds_each = 0.6;
    const Stop stop;
    std::size_t told = 0;
    const auto result = measure_layers(options, stop, {.progress = {}, .mode = [&](const ModeLayers&) { ++told; }});
    ASSERT_TRUE(result) << result.error().text;
    EXPECT_TRUE(result->complete);
    EXPECT_EQ(told, 2u);
    ASSERT_EQ(result->modes.size(), 2u);
    for (const ModeLayers& mode : result->modes) {
        SCOPED_TRACE(mode.mode);
        ASSERT_EQ(mode.failed, "");
        ASSERT_EQ(mode.layers.size(), 8u);
        EXPECT_GT(mode.cpu_ns.value.value_or(0), 0);
        EXPECT_EQ(boost::json::serialize(to_json(mode)),
                  boost::json::serialize(to_json(mode_layers_of_json(to_json(mode)).value())));
        for (const Layer& layer : mode.layers) {
            EXPECT_NE(layer.ns.value.has_value(), !layer.ns.missing.empty())
                << layer.id << ": a figure, or why there is none";
            EXPECT_NE(layer.source, "") << layer.id;
        }
        if (!mode.copies) {
            EXPECT_NE(mode.copies_missing, "");
            continue;
        }
        EXPECT_NEAR(mode.copies->in, 1, 0.01);
        EXPECT_NEAR(mode.copies->out, 1, 0.01);
        EXPECT_NEAR(mode.copies->bytes_in, static_cast<double>(mode.request_bytes), 1);
        EXPECT_NEAR(mode.copies->bytes_out, static_cast<double>(mode.answer_bytes), 2);
        EXPECT_GE(find(mode, "socket")->crossings.value.value_or(0), 1.99); // a read and a write
        EXPECT_GT(find(mode, "socket")->ns.value.value_or(0), 0);
    }
    if (!result->modes[1].copies) GTEST_SKIP() << result->modes[1].copies_missing;
    const auto switches = [&](std::size_t mode) {
        return find(result->modes[mode], "switch")->crossings.value.value_or(-1);
    };
    // Each thread sleeps until its next request; the loop has eight requests to do until it does.
    EXPECT_GE(switches(1), 0.99);
    EXPECT_LT(switches(0), switches(1));
    EXPECT_GE(find(result->modes[0], "mode")->crossings.value.value_or(0), 0.99) << "a resume for each request";
}

TEST(Layers, modes_and_numbers_that_cannot_be_are_refused_with_a_sentence) {
    const Stop stop;
    LayersOptions options;
    options.bin_folder = CONNSCOPE_BIN_FOLDER;
    options.modes = {"telepathy"};
    const auto unknown = measure_layers(options, stop, {});
    ASSERT_FALSE(unknown);
    EXPECT_NE(unknown.error().text.find("telepathy"), std::string::npos) << unknown.error().text;
    options.modes = {};
    options.connections = 0;
    ASSERT_FALSE(measure_layers(options, stop, {}));
    EXPECT_FALSE(mode_layers_of_json("a request"));
}

} // namespace
} // namespace connscope::lab
