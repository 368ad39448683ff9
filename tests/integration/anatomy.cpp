// SPDX-License-Identifier: BSL-1.0
// What a connection's anatomy says, against independent readings of a real server.
#include "anatomy_support.hpp"

#include "connscope/observe/proc_file.hpp"
#include "connscope/server/modes/table.hpp"

#include <sys/uio.h>

#include <fstream>
#include <regex>
#include <sstream>

namespace connscope::test {
namespace {

// The number of the only line of a source file that holds this text.
std::uint32_t line_of(const std::string& file, const std::string& text) {
    std::ifstream source(std::string(CONNSCOPE_SOURCE_FOLDER) + "/core/server/modes/" + file);
    std::uint32_t number = 0, found = 0, count = 0;
    for (std::string line; std::getline(source, line);) {
        ++number;
        if (line.find(text) == std::string::npos) continue;
        found = number;
        ++count;
    }
    EXPECT_EQ(count, 1u) << text;
    return found;
}

TEST(anatomy, a_coroutine_is_suspended_at_the_line_of_its_co_await) {
    if (sanitized) GTEST_SKIP() << "the server that is looked at is built otherwise";
    Watched server;
    const std::string text = "co_await read_some(*carried, error)";
    for (const std::string mode : {"coroutines", "coroutines-pool", "loop-per-core"}) {
        server.move_to(mode);
        const Anatomy anatomy = server.read();
        ASSERT_EQ(anatomy.form, Anatomy::Form::coroutine);
        ASSERT_EQ(anatomy.frames.size(), 2u) << mode << ": the connection's and Asio's root";
        EXPECT_EQ(anatomy.frames[0].address, anatomy.connection.carrier_address);
        EXPECT_EQ(anatomy.frames[0].function, "carry");
        EXPECT_EQ(anatomy.frames[0].file, "awaitable_connection.hpp");
        EXPECT_EQ(anatomy.frames[0].suspended.line, line_of("awaitable_connection.hpp", text)) << mode;
        EXPECT_EQ(anatomy.frames[1].function, "co_spawn_entry_point");
        EXPECT_GT(anatomy.frames[0].bytes, 100u);
        EXPECT_LE(anatomy.frames[0].bytes, anatomy.connection.carrier_bytes) << "what malloc gave holds the frame";
        EXPECT_GT(anatomy.frames[0].bytes + 32, anatomy.connection.carrier_bytes) << "and little more";
        EXPECT_NE(anatomy.frames[0].promise_type.find("awaitable_frame"), std::string::npos);
    }
}

TEST(anatomy, the_chain_of_awaiting_coroutines_goes_from_the_innermost_to_the_root) {
    if (sanitized) GTEST_SKIP() << "the server that is looked at is built otherwise";
    Watched server("connscope-serve", {"--stamp-every", "1"}); // a stamped connection reads in a coroutine of its own
    const Anatomy anatomy = server.read();
    ASSERT_EQ(anatomy.frames.size(), 3u);
    EXPECT_EQ(anatomy.frames[0].function, "read_stamped");
    EXPECT_EQ(anatomy.frames[0].suspended.line, line_of("awaitable_connection.hpp", "co_await carried.socket.async_wait("));
    EXPECT_EQ(anatomy.frames[1].function, "carry");
    EXPECT_EQ(anatomy.frames[1].address, anatomy.connection.carrier_address);
    EXPECT_EQ(anatomy.frames[1].suspended.line, line_of("awaitable_connection.hpp", "co_await read_stamped("));
    EXPECT_EQ(anatomy.frames[2].function, "co_spawn_entry_point");
}

TEST(anatomy, a_blocked_thread_and_a_fiber_stand_at_the_line_of_their_read) {
    if (sanitized) GTEST_SKIP() << "the server that is looked at is built otherwise";
    Watched server;
    const std::vector<std::tuple<std::string, std::string, std::string>> expected{
        {"thread-per-connection", "thread_per_connection.cpp", "receive(connection, socket, input, 0)"},
        {"fibers", "fibers.cpp", ": socket.async_read_some("},
        {"preemptive-fibers", "preemptive_fibers.cpp", ": socket.async_read_some("}};
    for (const auto& [mode, file, text] : expected) {
        server.move_to(mode);
        const Anatomy anatomy = server.read();
        const AnatomyRow line = row(control_rows(anatomy), "Source line");
        EXPECT_EQ(text_of(line), file + ":" + std::to_string(line_of(file, text)) + "\n") << mode;
        EXPECT_NE(text_of(row(control_rows(anatomy), "Continues in")).find("carry"), std::string::npos);
        EXPECT_GE(anatomy.calls.frames.size(), 3u);
        EXPECT_EQ(anatomy.calls.ended, "") << "unwound to the first function";
    }
}

TEST(anatomy, the_resident_stack_is_what_smaps_says) {
    if (sanitized) GTEST_SKIP() << "the server that is looked at is built otherwise";
    Watched server;
    for (const std::string mode : {"thread-per-connection", "fibers"}) {
        server.move_to(mode);
        const Anatomy anatomy = server.read();
        ASSERT_TRUE(anatomy.stack) << anatomy.missing;
        std::ifstream smaps("/proc/" + std::to_string(server.pid()) + "/smaps");
        std::stringstream wanted;
        wanted << std::hex << anatomy.stack->low << '-' << anatomy.stack->high << ' ';
        std::uint64_t resident_kib = 0;
        for (std::string line; std::getline(smaps, line);) {
            if (!line.starts_with(wanted.str())) continue;
            while (std::getline(smaps, line) && !line.starts_with("Rss:")) {
            }
            resident_kib = std::stoul(line.substr(4));
        }
        EXPECT_GT(resident_kib, 0u) << mode << " has no mapping " << wanted.str();
        ASSERT_TRUE(anatomy.stack->resident_bytes);
        EXPECT_EQ(*anatomy.stack->resident_bytes, resident_kib * 1024) << mode;
        EXPECT_EQ(anatomy.stack->reserved_bytes(), 256u * 1024u);
        ASSERT_TRUE(anatomy.stack->used_bytes);
        EXPECT_LE(*anatomy.stack->used_bytes, *anatomy.stack->resident_bytes);
    }
}

// Everything between the stack's lower end and the stack pointer is painted over: were any of it in use, the fiber would not
// go on. What is above is in use: the first of it are the registers with which it goes on, and the calls are unwound from
// there.
TEST(anatomy, a_fibers_stack_is_in_use_from_its_stack_pointer_up_and_not_below) {
    if (sanitized) GTEST_SKIP() << "the server that is looked at is built otherwise";
    Watched server;
    server.move_to("fibers");
    const Anatomy anatomy = server.read();
    ASSERT_TRUE(anatomy.stack && anatomy.stack->used_bytes) << anatomy.missing;
    const std::uint64_t pointer = anatomy.stack->high - *anatomy.stack->used_bytes;
    std::vector<unsigned char> paint(pointer - anatomy.stack->low, 0xa5);
    const iovec from{paint.data(), paint.size()};
    const iovec to{reinterpret_cast<void*>(anatomy.stack->low), paint.size()};
    ASSERT_EQ(::process_vm_writev(static_cast<pid_t>(server.pid()), &from, 1, &to, 1, 0),
              static_cast<ssize_t>(paint.size()));
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(server.client().echoes("painted"));

    const Anatomy later = server.read();
    EXPECT_EQ(later.stack->used_bytes, anatomy.stack->used_bytes) << "it stands where it stood";
    EXPECT_EQ(later.calls.frames.size(), anatomy.calls.frames.size());
    EXPECT_EQ(*later.stack->resident_bytes, later.stack->reserved_bytes()) << "paint makes pages resident";
    const iovec back{paint.data(), paint.size()};
    ASSERT_EQ(::process_vm_readv(static_cast<pid_t>(server.pid()), &back, 1, &to, 1, 0), static_cast<ssize_t>(paint.size()));
    const auto lowest = std::ranges::find_if(paint, [](unsigned char byte) { return byte != 0xa5; });
    EXPECT_LT(paint.end() - lowest, 4096) << "deeper than where it waits it calls little";
}

TEST(anatomy, a_closure_names_its_pending_operation_and_its_handler) {
    if (sanitized) GTEST_SKIP() << "the server that is looked at is built otherwise";
    Watched server;
    server.move_to("callbacks");
    const Anatomy anatomy = server.read();
    ASSERT_TRUE(anatomy.pending) << anatomy.missing;
    EXPECT_EQ(anatomy.pending->operation, "reactive_socket_recv_op");
    EXPECT_NE(anatomy.pending->handler.find("lambda"), std::string::npos) << anatomy.pending->handler;
    EXPECT_EQ(anatomy.pending->object_type, "Carried");
    EXPECT_GT(anatomy.pending->bytes, 64u);
    EXPECT_LE(anatomy.pending->bytes, 192u) << "it lies in the object's own memory for it";
    std::uint32_t end = 0;
    for (const auto& member : anatomy.pending->object) end = std::max(end, member.offset + member.bytes);
    EXPECT_EQ(end, anatomy.connection.carrier_bytes) << "the members are the object's";
}

TEST(anatomy, every_mode_fills_the_same_rows_and_says_why_what_is_not_there) {
    Watched server;
    std::vector<std::string> labels;
    for (const auto& mode : server::modes()) {
        server.move_to(std::string(mode.id));
        const Anatomy anatomy = server.read();
        std::vector<std::string> these;
        for (const auto& rows : {control_rows(anatomy), state_rows(anatomy)})
            for (const AnatomyRow& one : rows) {
                these.push_back(one.label);
                EXPECT_FALSE(one.values.empty() && one.missing.empty()) << mode.id << ": " << one.label;
            }
        if (labels.empty()) labels = these;
        EXPECT_EQ(these, labels) << mode.id;
        EXPECT_EQ(anatomy.unsettled, "");
        EXPECT_EQ(server::modes()[anatomy.connection.mode].id, mode.id);
    }
}

TEST(anatomy, registers_and_switches_of_a_thread_are_the_kernels) {
    Watched server;
    server.move_to("thread-per-connection");
    const Anatomy anatomy = server.read();
    ASSERT_TRUE(anatomy.thread && anatomy.thread->stopped) << anatomy.missing;
    EXPECT_EQ(anatomy.thread->state, 'S');
    EXPECT_EQ(observe::call_name(anatomy.thread->stopped->call), "recvfrom");
    const std::string task = "/proc/" + std::to_string(server.pid()) + "/task/" + std::to_string(anatomy.connection.thread);
    const auto status = observe::read_whole(AT_FDCWD, (task + "/status").c_str());
    ASSERT_TRUE(status);
    EXPECT_EQ(observe::number_of(*status, "voluntary_ctxt_switches:"), anatomy.thread->voluntary_switches);
    EXPECT_EQ(observe::number_of(*status, "nonvoluntary_ctxt_switches:"), anatomy.thread->involuntary_switches);
    // The first argument of recv is the socket.
    const auto link = std::filesystem::read_symlink("/proc/" + std::to_string(server.pid()) + "/fd/" +
                                                    std::to_string(anatomy.thread->stopped->arguments[0]));
    EXPECT_EQ(link.string(), "socket:[" + std::to_string(anatomy.connection.socket_inode) + "]");
}

} // namespace
} // namespace connscope::test
