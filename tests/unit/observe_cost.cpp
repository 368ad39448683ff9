// SPDX-License-Identifier: BSL-1.0
// What an open connection costs, of a server on threads of this process.
#include "../sanitized.hpp"
#include "../support.hpp"

#include "connscope/observe/cost.hpp"
#include "connscope/observe/process.hpp"

namespace connscope::test {
namespace {

using observe::Cost;
using observe::CostPart;
using observe::CostReading;

CostReading read(const RunningServer& server) {
    auto reading = observe::read_cost(static_cast<std::uint32_t>(::getpid()), server.reading());
    EXPECT_TRUE(reading) << (reading ? "" : reading.error().text);
    return reading ? *reading : CostReading{};
}

std::optional<double> part(const Cost& cost, std::string_view name) {
    for (const CostPart& one : cost.parts)
        if (one.name == name) return one.bytes;
    ADD_FAILURE() << "no part is called " << name;
    return std::nullopt;
}

TEST(observe_cost, parts_are_of_one_connection_and_their_sum_is_told_beside_what_the_memory_grew_by) {
    if (sanitized) GTEST_SKIP() << "the sanitizer's own memory and threads are in the kernel's figures";
    server::ServerOptions options;
    options.mode = "thread-per-connection";
    const RunningServer server(options);
    constexpr std::size_t count = 100;
    std::vector<TestClient> clients;
    clients.emplace_back(server.port());
    ASSERT_TRUE(clients.back().echoes("x"));
    const CostReading before = read(server);
    for (std::size_t i = 0; i < count; ++i) {
        clients.emplace_back(server.port());
        ASSERT_TRUE(clients.back().echoes("x"));
    }
    const CostReading after = read(server);
    EXPECT_EQ(after.connections, before.connections + count);
    EXPECT_EQ(after.threads, before.threads + count);
    EXPECT_GE(after.mappings, before.mappings + 2 * count - 10) << "a stack and its guard";

    const Cost cost = cost_between(before, after, 2);
    double sum = 0;
    for (const CostPart& one : cost.parts) {
        EXPECT_NE(one.source, "") << one.name;
        sum += one.bytes.value_or(0);
    }
    EXPECT_DOUBLE_EQ(cost.sum, sum);
    EXPECT_DOUBLE_EQ(cost.difference(), cost.grown - cost.sum);
    EXPECT_GE(part(cost, "stacks, user part").value_or(0), 4096) << "at least a page of each stack is touched";
    EXPECT_LT(part(cost, "stacks, user part").value_or(0), 65536);
    EXPECT_EQ(part(cost, "kernel stack"), static_cast<double>(*observe::kernel_stack_bytes_per_task()));
    EXPECT_EQ(part(cost, "slot in the segment"), 192.0);
    EXPECT_EQ(part(cost, "frames and closures"), 0.0) << "a thread has none";
    EXPECT_EQ(part(cost, "socket and its file").has_value(), cost.has_kernel);
}

TEST(observe_cost, what_cannot_be_had_is_left_out_of_the_sum_and_says_why) {
    CostReading before;
    CostReading after;
    after.connections = 10;
    after.session_bytes = 1000;
    const Cost cost = cost_between(before, after, 1);
    EXPECT_DOUBLE_EQ(cost.sum, 100.0);
    EXPECT_FALSE(cost.has_kernel);
    for (const CostPart& one : cost.parts)
        if (!one.bytes) {
            EXPECT_NE(one.source.find("not available"), std::string::npos) << one.name << ": " << one.source;
        }
    EXPECT_FALSE(part(cost, "stacks, user part"));
    EXPECT_TRUE(cost_between(after, after, 1).parts.empty()) << "nothing was opened in between";
    EXPECT_FALSE(observe::read_cost(0x7fff'ffff, {}));
}

} // namespace
} // namespace connscope::test
