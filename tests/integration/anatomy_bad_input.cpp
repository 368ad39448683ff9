// SPDX-License-Identifier: BSL-1.0
// What the anatomy says where something is not as it should be: a clear word, never a value of something else.
#include "anatomy_support.hpp"

#include "connscope/observe/switches.hpp"
#include "connscope/observe/threads.hpp"
#include "connscope/server/modes/table.hpp"
#include "connscope/telemetry/probe.hpp"

#include <sys/sysinfo.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace connscope::test {
namespace {

TEST(anatomy_bad_input, a_connection_that_has_ended_is_said_to_have) {
    Watched server;
    server.client().reset();
    ASSERT_TRUE(eventually([&] { return !server.look(); }));
    const auto anatomy = server.reader().read([&] { return server.look(); });
    ASSERT_FALSE(anatomy);
    EXPECT_EQ(anatomy.error().code, std::errc::no_such_process);
    EXPECT_NE(anatomy.error().text.find("connection 1 has ended"), std::string::npos) << anatomy.error().text;
}

TEST(anatomy_bad_input, a_connection_that_moves_while_it_is_read_shows_one_carrier_and_never_a_mixture) {
    if (sanitized) GTEST_SKIP() << "the server that is looked at is built otherwise";
    Watched server;
    std::atomic<bool> stop{false};
    std::thread mover([&] {
        const std::vector<std::string> modes{"coroutines", "fibers", "thread-per-connection", "callbacks", "thread-pool"};
        for (std::size_t i = 0; !stop; ++i) server.move_to(modes[i % modes.size()]);
    });
    std::map<Anatomy::Form, int> seen;
    const auto complete = [&] {
        const auto anatomy = server.reader().read([&] { return server.look(); });
        EXPECT_TRUE(anatomy) << anatomy.error().text;
        if (!anatomy || !anatomy->unsettled.empty() || anatomy->runs) return false;
        ++seen[anatomy->form];
        switch (anatomy->form) {
        case Anatomy::Form::coroutine:
            EXPECT_EQ(anatomy->connection.carrier, telemetry::CarrierKind::coroutine);
            EXPECT_TRUE(anatomy->calls.frames.empty());
            break;
        case Anatomy::Form::thread:
        case Anatomy::Form::fiber:
            EXPECT_TRUE(anatomy->frames.empty());
            EXPECT_FALSE(anatomy->pending);
            break;
        default:
            EXPECT_FALSE(anatomy->stack);
        }
        const auto count = [&](Anatomy::Form form) { return seen[form]; };
        return count(Anatomy::Form::coroutine) > 3 && count(Anatomy::Form::fiber) > 3 && count(Anatomy::Form::thread) > 3 &&
               count(Anatomy::Form::closure) > 3;
    };
    EXPECT_TRUE(eventually(complete, 20s));
    stop = true;
    mover.join();
    EXPECT_TRUE(server.client().echoes("still whole"));
}

TEST(anatomy_bad_input, a_running_connection_says_that_its_registers_are_in_a_cpu) {
    const std::string name = unique_name("anatomy-busy");
    Child serve({"connscope-serve", "--listen", "127.0.0.1:0", "--mode", "thread-per-connection", "--protocol", "http",
                 "--name", name});
    const std::string ready = serve.line();
    const std::string address = ready.substr(0, ready.find(" mode"));
    const TestClient client(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    ASSERT_TRUE(client.send("GET /work?us=2000000 HTTP/1.1\r\nHost: x\r\n\r\n"));
    auto segment = telemetry::SegmentReader::open(telemetry::segment_path(*telemetry::runtime_folder(), name));
    ASSERT_TRUE(segment);
    const auto look = [&] { return segment->read_connection(0, 1); };
    ASSERT_TRUE(eventually([&] {
        const auto now = look();
        return now && now->state == telemetry::ConnectionState::running;
    }));
    auto reader = AnatomyReader::open(static_cast<std::uint32_t>(serve.pid()));
    ASSERT_TRUE(reader);
    const auto anatomy = reader->read(look);
    ASSERT_TRUE(anatomy);
    EXPECT_TRUE(anatomy->runs);
    const AnatomyRow instruction = row(control_rows(*anatomy), "Instruction");
    EXPECT_TRUE(instruction.values.empty());
    EXPECT_NE(instruction.missing.find("in a CPU"), std::string::npos) << instruction.missing;
}

TEST(anatomy_bad_input, a_program_without_symbols_shows_what_it_can_and_says_what_is_missing) {
    if (sanitized) GTEST_SKIP() << "the server that is looked at is built otherwise";
    const std::filesystem::path folder = std::filesystem::temp_directory_path() / unique_name("stripped");
    std::filesystem::create_directory(folder);
    const std::string program = (folder / "serve").string();
    const Child strip({"/usr/bin/strip", "-o", program, std::string(CONNSCOPE_BIN_FOLDER) + "/connscope-serve"});
    ASSERT_TRUE(eventually([&] {
        return ::kill(strip.pid(), 0) == 0 && std::filesystem::exists(program) &&
               std::filesystem::file_size(program) > 100'000 &&
               (std::filesystem::status(program).permissions() & std::filesystem::perms::owner_exec) !=
                   std::filesystem::perms::none;
    }));
    ASSERT_EQ(const_cast<Child&>(strip).wait(), 0);
    {
        Watched server(program);
        const Anatomy coroutine = server.read();
        const AnatomyRow line = row(control_rows(coroutine), "Source line");
        EXPECT_TRUE(line.values.empty());
        EXPECT_NE(line.missing.find("debug information"), std::string::npos) << line.missing;
        server.move_to("thread-per-connection");
        const Anatomy thread = server.read();
        EXPECT_GE(thread.calls.frames.size(), 3u) << "stacks need no symbols: " << thread.calls.ended;
        EXPECT_TRUE(row(control_rows(thread), "Source line").values.empty());
        server.move_to("fibers");
        const Anatomy fiber = server.read();
        EXPECT_NE(fiber.missing.find("debug information"), std::string::npos) << fiber.missing;
        EXPECT_TRUE(fiber.stack && fiber.stack->resident_bytes) << "the stack itself is known";
    }
    std::filesystem::remove_all(folder);
}

TEST(anatomy_bad_input, a_program_whose_file_was_replaced_is_still_read_as_the_one_that_runs) {
    if (sanitized) GTEST_SKIP() << "the server that is looked at is built otherwise";
    const std::filesystem::path folder = std::filesystem::temp_directory_path() / unique_name("replaced");
    std::filesystem::create_directory(folder);
    const std::filesystem::path program = folder / "serve";
    std::filesystem::copy(std::string(CONNSCOPE_BIN_FOLDER) + "/connscope-serve", program);
    Child serve({program.string(), "--listen", "127.0.0.1:0", "--stamp-every", "0", "--name", unique_name("replaced")});
    const std::string ready = serve.line();
    const std::string address = ready.substr(0, ready.find(" mode"));
    const TestClient client(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    ASSERT_TRUE(client.echoes("x"));
    std::filesystem::remove(program);
    std::ofstream(program) << "another program";
    auto segment =
        telemetry::SegmentReader::open(telemetry::segment_path(*telemetry::runtime_folder(), field(ready, "segment")));
    auto reader = AnatomyReader::open(static_cast<std::uint32_t>(serve.pid()));
    ASSERT_TRUE(segment && reader);
    const auto anatomy = reader->read([&] { return segment->read_connection(0, 1); });
    ASSERT_TRUE(anatomy);
    ASSERT_FALSE(anatomy->frames.empty());
    EXPECT_EQ(anatomy->frames.front().function, "carry");
    std::filesystem::remove_all(folder);
}

TEST(anatomy_bad_input, without_the_right_to_look_into_the_process_it_says_so) {
    if (::getuid() != 0) GTEST_SKIP() << "only root can try it as another user";
    Watched server;
    const auto connection = server.look();
    ASSERT_TRUE(connection);
    int result[2];
    ASSERT_EQ(::pipe2(result, O_CLOEXEC), 0);
    const pid_t other = ::fork();
    if (other == 0) { // as nobody
        std::string text = "could not become another user";
        if (::setgid(65534) == 0 && ::setuid(65534) == 0) {
            const auto reader = AnatomyReader::open(server.pid());
            text = reader ? "could read it" : reader.error().text;
        }
        std::ignore = ::write(result[1], text.data(), text.size());
        ::_exit(0);
    }
    ::close(result[1]);
    char text[512] = {};
    const ssize_t length = ::read(result[0], text, sizeof(text) - 1);
    ::close(result[0]);
    ::waitpid(other, nullptr, 0);
    ASSERT_GT(length, 0);
    EXPECT_NE(std::string(text).find("may not be read"), std::string::npos) << text;
}

// Waits for a program that prints nothing; true when it ended well.
bool runs(std::vector<std::string> command) { return Child(std::move(command)).wait() == 0; }

TEST(anatomy_bad_input, a_separate_debug_file_is_used_where_it_matches_and_left_aside_with_a_word_where_not) {
    if (sanitized) GTEST_SKIP() << "the server that is looked at is built otherwise";
    const std::filesystem::path folder = std::filesystem::temp_directory_path() / unique_name("debug-file");
    std::filesystem::create_directory(folder);
    const std::string built = std::string(CONNSCOPE_BIN_FOLDER) + "/connscope-serve";
    const std::string program = (folder / "serve").string(), debug = (folder / "serve.debug").string();
    ASSERT_TRUE(runs({"/usr/bin/objcopy", "--only-keep-debug", built, debug}));
    ASSERT_TRUE(runs({"/usr/bin/objcopy", "--strip-all", "--add-gnu-debuglink=" + debug, built, program}));
    {
        Watched server(program);
        EXPECT_EQ(server.read().frames.front().function, "carry");
        EXPECT_EQ(row(control_rows(server.read()), "Source line").missing, "");
    }
    // The debug file of another program, under the name that this one tells.
    ASSERT_TRUE(
        runs({"/usr/bin/objcopy", "--only-keep-debug", std::string(CONNSCOPE_BIN_FOLDER) + "/connscope-load", debug}));
    {
        Watched server(program);
        const AnatomyRow line = row(control_rows(server.read()), "Source line");
        EXPECT_TRUE(line.values.empty()) << text_of(line);
        EXPECT_NE(line.missing.find("serve.debug does not match"), std::string::npos) << line.missing;
        for (const std::string mode : {"thread-per-connection", "fibers", "thread-pool"}) {
            server.move_to(mode);
            const AnatomyRow now = row(control_rows(server.read()), "Source line");
            EXPECT_TRUE(now.values.empty()) << mode << ": " << text_of(now);
            EXPECT_NE(now.missing.find("serve.debug does not match"), std::string::npos) << mode << ": " << now.missing;
        }
    }
    std::filesystem::remove_all(folder);
}

// What the slot would say had its thread ended and the number been given to another connection's.
TEST(anatomy_bad_input, of_a_thread_whose_number_was_given_to_another_nothing_is_shown) {
    Watched server;
    server.set_mode("thread-per-connection");
    ASSERT_TRUE(server.client().echoes("on its own thread"));
    const TestClient other(server.port());
    ASSERT_TRUE(other.echoes("another"));
    const auto anothers = server.look(2);
    ASSERT_TRUE(anothers);
    const std::uint32_t thread = anothers->thread;
    const auto stale = [&] {
        auto now = server.look();
        if (now) now->thread = thread;
        return now;
    };
    // While either of them runs, none can be told from the other, and it says just that.
    auto anatomy = server.reader().read(stale);
    ASSERT_TRUE(eventually([&] {
        anatomy = server.reader().read(stale);
        return !anatomy || (anatomy->unsettled.empty() && !anatomy->runs);
    }));
    ASSERT_TRUE(anatomy);
    EXPECT_TRUE(anatomy->calls.frames.empty());
    EXPECT_FALSE(anatomy->thread) << "another's switches and state";
    EXPECT_FALSE(anatomy->stack);
    for (const char* label : {"Continues in", "Instruction", "Stack pointer", "Scheduled by"}) {
        const AnatomyRow shown = row(control_rows(*anatomy), label);
        EXPECT_TRUE(shown.values.empty()) << label << ": " << text_of(shown);
        EXPECT_NE(shown.missing.find("is another one"), std::string::npos) << label << ": " << shown.missing;
    }
    // And it is not for want of rights.
    EXPECT_GE(server.read().calls.frames.size(), 3u);
}

TEST(anatomy_bad_input, a_thread_that_began_after_a_connection_ran_last_did_not_run_it) {
    Watched server;
    const Anatomy before = server.read();
    ASSERT_TRUE(before.thread) << "the event loop's thread";
    server.move_to("callbacks");
    const auto last = server.look();
    ASSERT_TRUE(last);
    // Threads of others begin until one is younger by more than the kernel's clock ticks.
    server.set_mode("thread-per-connection");
    std::vector<std::unique_ptr<TestClient>> others;
    std::uint32_t younger = 0;
    const auto begun = [&] {
        others.push_back(std::make_unique<TestClient>(server.port()));
        EXPECT_TRUE(others.back()->echoes("x"));
        const auto state = server.look(others.size() + 1);
        if (!state) return false;
        younger = state->thread;
        return state->opened > last->state_since + 100ms;
    };
    ASSERT_TRUE(eventually(begun));
    auto stale = *last;
    stale.thread = younger;
    const auto anatomy = server.reader().read([&] { return telemetry::Outcome<telemetry::ConnectionReading>(stale); });
    ASSERT_TRUE(anatomy);
    EXPECT_FALSE(anatomy->thread);
    const AnatomyRow scheduled = row(control_rows(*anatomy), "Scheduled by");
    EXPECT_NE(scheduled.missing.find("has ended"), std::string::npos) << text_of(scheduled);
}

// Both before its carrier is read, which is then freed or another's, and after.
TEST(anatomy_bad_input, a_connection_that_ends_while_it_is_read_is_said_to_have_ended_whoever_has_its_slot_then) {
    Watched server;
    std::uint64_t id = 1;
    for (const auto& mode : server::modes()) {
        server.set_mode(std::string(mode.id));
        for (const int ends_at_look : {1, 2}) {
            auto ending = std::make_optional<TestClient>(server.port());
            ASSERT_TRUE(ending->echoes("x"));
            const std::uint64_t read_id = ++id;
            std::optional<TestClient> next;
            int looks = 0;
            const auto look = [&] {
                auto now = server.look(read_id);
                if (++looks != ends_at_look) return now;
                ending->reset();
                EXPECT_TRUE(eventually([&] { return !server.look(read_id); })) << mode.id;
                next.emplace(server.port());
                EXPECT_TRUE(next->echoes("in its place"));
                ++id;
                return ends_at_look == 1 ? now : server.look(read_id);
            };
            ASSERT_TRUE(eventually([&] { return static_cast<bool>(server.look(read_id)); }));
            const auto anatomy = server.reader().read(look);
            ASSERT_FALSE(anatomy) << mode.id;
            EXPECT_EQ(anatomy.error().code, std::errc::no_such_process) << mode.id;
            EXPECT_NE(anatomy.error().text.find("connection " + std::to_string(read_id) + " has ended"), std::string::npos)
                << anatomy.error().text;
        }
    }
}

std::size_t number_in(const char* file, std::size_t otherwise) {
    std::size_t number = otherwise;
    std::ifstream(file) >> number;
    return number;
}

// As many threads as asked for, or as the limits here allow with room left for others.
std::size_t threads_possible(std::size_t wanted) {
    constexpr std::size_t bytes_each = 40 * 1024; // kernel stack, task, page table, the touched pages of the stack
    struct sysinfo system {};
    rlimit processes{};
    if (::sysinfo(&system) != 0 || ::getrlimit(RLIMIT_NPROC, &processes) != 0) return 0;
    return std::min({wanted, std::size_t{system.freeram} * system.mem_unit / 3 / bytes_each,
                     static_cast<std::size_t>(processes.rlim_cur / 2), number_in("/proc/sys/kernel/threads-max", 0) / 2,
                     number_in("/proc/sys/kernel/pid_max", 0) * 5 / 8, number_in("/proc/sys/vm/max_map_count", 0) / 3});
}

// A server of its own kind, in a child process: threads that do nothing, and one that carries a connection and reports it.
class CrowdedServer {
public:
    CrowdedServer(const std::string& name, std::size_t threads) {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::close(ends[0]);
            serve(name, threads, ends[1]);
        }
        ::close(ends[1]);
        client_.reset(ends[0]);
        const timeval limit{60, 0};
        ::setsockopt(client_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    }
    CrowdedServer(const CrowdedServer&) = delete;
    ~CrowdedServer() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }
    bool echoes() const {
        char byte = 'x';
        return ::send(client_.get(), &byte, 1, MSG_NOSIGNAL) == 1 && ::recv(client_.get(), &byte, 1, 0) == 1;
    }

private:
    static constexpr std::size_t stack_bytes = 64 * 1024;

    struct Carrier {
        telemetry::ProbeServer& server;
        int socket;
    };

    [[noreturn]] static void serve(const std::string& name, std::size_t threads, int socket) {
        telemetry::ProbeOptions options;
        options.name = name;
        options.program = "crowded";
        options.modes = {"threads"};
        options.connections = 16;
        auto server = telemetry::ProbeServer::create(options);
        if (!server) ::_exit(3);
        (*server)->describe("bytes", "a pair of sockets", "");
        (*server)->beat();
        pthread_attr_t attributes;
        ::pthread_attr_init(&attributes);
        ::pthread_attr_setstacksize(&attributes, stack_bytes);
        for (std::size_t i = 1; i < threads; ++i) {
            pthread_t idle;
            const auto wait = [](void*) -> void* {
                for (;;) ::pause();
            };
            if (::pthread_create(&idle, &attributes, wait, nullptr) != 0) ::_exit(4);
        }
        Carrier carrier{**server, socket};
        pthread_t carrying;
        ::pthread_create(&carrying, &attributes, &carry, &carrier);
        for (;;) ::pause();
    }

    static void* carry(void* argument) {
        const Carrier& carrier = *static_cast<const Carrier*>(argument);
        const telemetry::EnteredThread stay(carrier.server, true);
        auto probe = carrier.server.open({}, 0);
        probe.carried_by(telemetry::CarrierKind::thread, 0, __builtin_frame_address(0), stack_bytes);
        for (char byte = 0;;) {
            probe.resume();
            probe.suspend(telemetry::ConnectionState::waiting_read, false);
            if (::recv(carrier.socket, &byte, 1, 0) != 1) return nullptr;
            probe.resume();
            std::ignore = ::send(carrier.socket, &byte, 1, MSG_NOSIGNAL);
        }
    }

    pid_t pid_ = -1;
    telemetry::UniqueFd client_;
};

TEST(anatomy_bad_input, among_twenty_thousand_threads_one_is_read_at_once_and_who_was_left_out_is_told) {
    if (sanitized) GTEST_SKIP() << "a sanitizer's threads are too large";
    const std::size_t threads = threads_possible(20'000);
    if (threads < 1000) GTEST_SKIP() << "only " << threads << " threads fit here";
    const std::string name = unique_name("crowded");
    const CrowdedServer server(name, threads);
    ASSERT_TRUE(server.echoes()) << "all " << threads << " are there then";
    auto segment = telemetry::SegmentReader::open(telemetry::segment_path(*telemetry::runtime_folder(), name));
    ASSERT_TRUE(segment) << segment.error().text;
    const auto look = [&] { return segment->read_connection(0, 1); };
    auto reader = AnatomyReader::open(server.pid());
    ASSERT_TRUE(reader) << reader.error().text;
    std::ignore = reader->read(look); // opens the debug information
    auto anatomy = reader->read(look);
    ASSERT_TRUE(eventually([&] { return (anatomy = reader->read(look)) && anatomy->unsettled.empty() && !anatomy->runs; }));
    EXPECT_GE(anatomy->calls.frames.size(), 2u) << anatomy->missing;
    EXPECT_EQ(row(control_rows(*anatomy), "Is").values.size(), 2u);
    EXPECT_LT(anatomy->took, 500ms) << "it is no walk over all threads";

    // The server answers meanwhile.
    std::atomic<bool> stop{false};
    std::thread reading([&] {
        while (!stop) std::ignore = reader->read(look);
    });
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(server.echoes());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    stop = true;
    reading.join();

    auto observer = observe::ThreadsObserver::open(server.pid());
    ASSERT_TRUE(observer);
    observe::ThreadsReading seen;
    ASSERT_TRUE(observer->read(seen));
    EXPECT_GE(seen.count, threads);
    EXPECT_LT(seen.looked_at, seen.count) << "a part at a time";

    const auto recorder = observe::SwitchRecorder::open(server.pid(), {.scope = observe::SwitchScope::process});
    if (!recorder) return; // not permitted here: tested elsewhere
    EXPECT_GT(recorder->threads_left_out(), 0u) << "there are not as many descriptors";
    EXPECT_LT(recorder->threads_left_out(), threads);
}

} // namespace
} // namespace connscope::test
