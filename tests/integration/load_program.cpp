// SPDX-License-Identifier: BSL-1.0
#include "../sanitized.hpp"
#include "load_support.hpp"

#include "connscope/telemetry/runtime_folder.hpp"

#include <chrono>
#include <filesystem>

namespace connscope::test {
namespace {

using namespace std::chrono_literals;

TEST(LoadProgram, checks_every_byte_of_a_good_server_and_finds_nothing) {
    Server server(echo());
    const Loaded run =
        load({"--connect", server.address(), "--connections", "20", "--payload", "1000", "--duration", "0.5", "--strict"});
    EXPECT_EQ(run.exit_code, 0) << run.error;
    EXPECT_EQ(run.connections("opened"), 20u);
    EXPECT_GT(run.requests("completed"), 100u);
    EXPECT_EQ(run.requests("sent"), run.requests("completed"));
    EXPECT_EQ(run.requests("corrupted"), 0u);
}

TEST(LoadProgram, one_wrong_bit_in_an_answer_is_counted_as_corrupted) {
    std::atomic<bool> spoiled{false};
    Server server(echo([&](std::string& bytes) {
        if (!spoiled.exchange(true)) bytes.back() = static_cast<char>(bytes.back() ^ 1);
    }));
    const Loaded run = load({"--connect", server.address(), "--connections", "5", "--duration", "0.3", "--strict"});
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_EQ(run.requests("corrupted"), 1u);
    EXPECT_GT(run.requests("completed"), 10u);
}

TEST(LoadProgram, more_than_was_asked_for_is_counted_as_corrupted) {
    Server server(echo([](std::string& bytes) { bytes += 'x'; }));
    const Loaded run = load({"--connect", server.address(), "--connections", "3", "--duration", "0.3", "--strict"});
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_GE(run.requests("corrupted"), 3u);
}

TEST(LoadProgram, a_server_that_closes_is_counted_and_its_requests_fail) {
    Server server([](int socket) {
        std::array<char, 10> buffer;
        [[maybe_unused]] const auto count = ::recv(socket, buffer.data(), buffer.size(), 0);
        const linger gentle{};
        ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &gentle, sizeof gentle);
        std::array<char, 4096> rest; // all is read, so that the end is a FIN and no reset
        [[maybe_unused]] const auto more = ::recv(socket, rest.data(), rest.size(), MSG_DONTWAIT);
    });
    const Loaded run = load({"--connect", server.address(), "--connections", "4", "--duration", "5", "--strict"});
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_EQ(run.connections("closed_by_peer"), 4u);
    EXPECT_EQ(run.requests("failed"), 4u);
    EXPECT_EQ(run.failed_by("connection_lost"), 4u);
    EXPECT_NE(run.error.find("No connection is left"), std::string::npos) << run.error;
}

TEST(LoadProgram, a_server_that_resets_is_counted_apart) {
    Server server([](int socket) {
        std::array<char, 10> buffer;
        [[maybe_unused]] const auto count = ::recv(socket, buffer.data(), buffer.size(), 0);
        // A connection dissolved with an AF_UNSPEC address is reset (connect(2)).
        sockaddr none{};
        none.sa_family = AF_UNSPEC;
        ::connect(socket, &none, sizeof none);
    });
    const Loaded run = load({"--connect", server.address(), "--connections", "4", "--duration", "5"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_EQ(run.connections("reset"), 4u);
    EXPECT_EQ(run.requests("failed"), 4u);
}

TEST(LoadProgram, a_server_that_never_answers_times_out) {
    Server server([](int socket) {
        std::array<char, 4096> buffer;
        while (::recv(socket, buffer.data(), buffer.size(), 0) > 0) {
        }
    });
    const Loaded run =
        load({"--connect", server.address(), "--connections", "4", "--duration", "30", "--timeout", "0.2", "--strict"});
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_EQ(run.connections("timed_out"), 4u);
    EXPECT_EQ(run.failed_by("timed_out"), 4u);
}

TEST(LoadProgram, a_server_that_is_not_there_is_an_environment_that_refused) {
    const Loaded run = load({"--connect", silent_address(), "--connections", "10", "--duration", "30"});
    EXPECT_EQ(run.exit_code, 3);
    EXPECT_EQ(run.connections("refused"), 10u);
    EXPECT_EQ(run.connections("opened"), 0u);
}

TEST(LoadProgram, a_lost_server_is_tried_again_when_asked) {
    // The first connection of each client is closed at once, the second one echoes.
    std::atomic<int> accepted{0};
    Server server([&](int socket) {
        if (accepted.fetch_add(1) >= 3) echo()(socket);
    });
    const Loaded run = load({"--connect", server.address(), "--connections", "3", "--duration", "0.6", "--reconnect"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_GE(run.connections("opened"), 6u);
    EXPECT_EQ(run.connections("open"), 3u);
    EXPECT_GT(run.requests("completed"), 10u);
}

TEST(LoadProgram, http_is_spoken_to_any_server) {
    Server server(http("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello"));
    const Loaded run =
        load({"--connect", server.address(), "--protocol", "http", "--connections", "8", "--duration", "0.4", "--strict"});
    EXPECT_EQ(run.exit_code, 0) << run.error;
    EXPECT_GT(run.requests("completed"), 50u);
}

TEST(LoadProgram, an_http_server_that_always_closes_is_followed) {
    Server server([](int socket) {
        std::array<char, 4096> buffer;
        if (::recv(socket, buffer.data(), buffer.size(), 0) > 0)
            send_all(socket, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello");
    });
    const Loaded run =
        load({"--connect", server.address(), "--protocol", "http", "--connections", "4", "--duration", "0.4", "--strict"});
    EXPECT_EQ(run.exit_code, 0) << run.error;
    EXPECT_GT(run.requests("completed"), 8u);
    EXPECT_GT(run.connections("renewed"), 4u);
    EXPECT_EQ(run.connections("closed_by_peer"), 0u);
}

TEST(LoadProgram, refusing_and_garbled_answers_are_counted_by_kind) {
    Server refusing(http("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"));
    const Loaded busy =
        load({"--connect", refusing.address(), "--protocol", "http", "--connections", "2", "--duration", "0.2", "--strict"});
    EXPECT_EQ(busy.exit_code, 1);
    EXPECT_GT(busy.failed_by("status"), 2u);
    EXPECT_EQ(busy.requests("completed"), 0u);

    Server garbling(http("220 ready when you are\r\n"));
    const Loaded garbled =
        load({"--connect", garbling.address(), "--protocol", "http", "--connections", "2", "--duration", "5", "--strict"});
    EXPECT_EQ(garbled.exit_code, 1);
    EXPECT_EQ(garbled.failed_by("garbage"), 2u);

    Server other_length(http("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"));
    const Loaded wrong = load({"--connect", other_length.address(), "--protocol", "http", "--population",
                               "active:2,path=/bytes?n=4", "--duration", "0.2", "--strict"});
    EXPECT_EQ(wrong.exit_code, 1);
    EXPECT_GT(wrong.requests("corrupted"), 0u);
}

TEST(LoadProgram, an_open_loop_keeps_its_rate) {
    Server server(echo());
    const Loaded run = load({"--connect", server.address(), "--connections", "10", "--rate", "500", "--duration", "2"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_NEAR(run.summary.at("rate").at("achieved_per_s").to_number<double>(), 500, 25);
    EXPECT_NEAR(static_cast<double>(run.requests("sent")), 1000, 10) << "each request is made, when it is due or late";
}

TEST(LoadProgram, a_stall_of_the_server_shows_in_an_open_loop) {
    // The server looks away for half a second, once. A closed loop of 10 clients would have 10 slow answers of thousands.
    std::atomic<int> answered{0};
    std::mutex server_itself;
    const auto stalling = [&](std::string&) {
        const std::lock_guard lock(server_itself);
        if (answered.fetch_add(1) == 200) ::poll(nullptr, 0, 500);
    };
    Server server(echo(stalling));
    const Loaded run = load({"--connect", server.address(), "--connections", "10", "--rate", "500", "--duration", "2"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_GT(run.latency_us("p90"), 200'000) << "a quarter of all requests were due while nobody answered";
    EXPECT_GT(run.latency_us("max"), 450'000);
    EXPECT_NEAR(static_cast<double>(run.requests("sent")), 1000, 10);
}

TEST(LoadProgram, slow_and_short_lived_clients_get_whole_answers) {
    Server server(echo());
    const Loaded run = load(
        {"--connect", server.address(), "--population", "slow-reader:3,payload=20000,interval_ms=5,piece=4000",
         "--population", "slow-sender:3,payload=40,interval_ms=2,piece=7", "--population", "churn:10,rate=100",
         "--population", "churn:5,requests=3,name=fast-churn", "--population", "idle:5", "--duration", "1", "--strict"});
    EXPECT_EQ(run.exit_code, 0) << run.out << run.error;
    const auto& populations = run.summary.at("populations").as_object();
    const auto completed = [&](std::string_view name) {
        return populations.at(name).at("requests").at("completed").to_number<int>();
    };
    EXPECT_GT(completed("slow-reader"), 3);
    EXPECT_GT(completed("slow-sender"), 10);
    EXPECT_NEAR(completed("churn"), 100, 10);
    EXPECT_GT(completed("fast-churn"), 100);
    EXPECT_EQ(completed("idle"), 0);
    EXPECT_NEAR(populations.at("churn").at("connections").at("opened").to_number<int>(), 100, 10);
}

TEST(LoadProgram, a_slow_reader_leaves_the_rest_in_the_servers_hands) {
    std::atomic<std::uint64_t> taken{0};
    Server server([&](int socket) {
        const int small = 4096;
        ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + std::string(1'000'000, 'x');
        std::array<char, 4096> buffer;
        if (::recv(socket, buffer.data(), buffer.size(), 0) <= 0) return;
        for (std::size_t at = 0; at < answer.size();) {
            const ssize_t count =
                ::send(socket, answer.data() + at, std::min<std::size_t>(4096, answer.size() - at), MSG_NOSIGNAL);
            if (count <= 0) return;
            at += static_cast<std::size_t>(count);
            taken += static_cast<std::uint64_t>(count);
        }
    });
    const Loaded run = load({"--connect", server.address(), "--protocol", "http", "--population",
                             "slow-reader:1,path=/,interval_ms=50,piece=100", "--duration", "0.5"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_GT(taken.load(), 0u);
    EXPECT_LT(taken.load(), 300'000u) << "the sockets' buffers hold this much at most";
}

TEST(LoadProgram, wrong_use_is_told_in_a_sentence) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
        {{}, "--connect"},
        {{"--connect", "127.0.0.1:1", "--connections", "0"}, "--connections 0"},
        {{"--connect", "127.0.0.1:1", "--connections", "-5"}, "--connections -5"},
        {{"--connect", "127.0.0.1:1", "--connections", "many"}, "many"},
        {{"--connect", "127.0.0.1:1", "--rate", "-1"}, "--rate -1"},
        {{"--connect", "127.0.0.1:1", "--rate", "1e30"}, "--rate 1e+30"},
        {{"--connect", "127.0.0.1:1", "--payload", "-1"}, "--payload -1"},
        {{"--connect", "127.0.0.1:1", "--duration", "-1"}, "--duration -1"},
        {{"--connect", "127.0.0.1:1", "--population", "busy:5"}, "'busy'"},
        {{"--connect", "127.0.0.1:1", "--population", "idle:0"}, "at least one"},
        {{"--connect", "127.0.0.1:1", "--preset", "nothing-like-it"}, "nothing-like-it"},
        {{"--connect", "127.0.0.1:1", "--protocol", "smtp"}, "smtp"},
        {{"--connect", "127.0.0.1:1", "--cpu", "9999"}, "--cpu 9999"},
        {{"--connect", "127.0.0.1:1", "--name", "../x"}, "--name ../x"},
        {{"--connect", "nowhere"}, "nowhere"},
        {{"--connect", "127.0.0.1:1", "--nonsense"}, "--nonsense"},
    };
    for (const auto& [arguments, named] : cases) {
        const Loaded run = load(arguments);
        EXPECT_EQ(run.exit_code, 2) << named;
        EXPECT_NE(run.error.find(named), std::string::npos) << run.error;
        EXPECT_EQ(run.out, "") << named;
    }
}

TEST(LoadProgram, more_connections_than_files_are_scaled_down_and_said) {
    Server server(echo());
    Program program({"/bin/sh", "-c",
                     "ulimit -n 100; exec '" CONNSCOPE_BIN_FOLDER "/connscope-load' --connect " + server.address() +
                         " --connections 1000000 --rate 100 --duration 0.3 --json"});
    EXPECT_EQ(program.wait(), 0) << program.error();
    const auto summary = boost::json::parse(program.out());
    const auto opened = summary.at("connections").at("opened").to_number<std::uint64_t>();
    EXPECT_GT(opened, 30u);
    EXPECT_LT(opened, 100u);
    EXPECT_EQ(summary.at("connections").at("unavailable").to_number<int>(), 0);
    EXPECT_EQ(summary.at("not_reachable").to_number<std::uint64_t>(), 1'000'000 - opened);
    EXPECT_NE(program.error().find("100 files here (ulimit -n): " + std::to_string(opened) + " can be reached"),
              std::string::npos)
        << program.error();
}

TEST(LoadProgram, its_latencies_go_to_a_file_in_hdr_format) {
    Server server(echo());
    const std::string file = testing::TempDir() + "connscope-hdr-" + std::to_string(::getpid());
    const Loaded run = load({"--connect", server.address(), "--connections", "2", "--duration", "0.2", "--hdr", file});
    EXPECT_EQ(run.exit_code, 0);
    std::ifstream in(file);
    const std::string content(std::istreambuf_iterator<char>(in), {});
    EXPECT_NE(content.find("1/(1-Percentile)"), std::string::npos);
    EXPECT_NE(content.find("Total count    = " + std::string(12 - std::to_string(run.requests("completed")).size(), ' ') +
                           std::to_string(run.requests("completed"))),
              std::string::npos)
        << content;
    std::filesystem::remove(file);
    EXPECT_EQ(load({"--connect", server.address(), "--duration", "0.1", "--hdr", "/nowhere/file"}).exit_code, 3);
}

TEST(LoadProgram, a_signal_ends_it_in_good_order_with_its_summary) {
    for (const int signal : {SIGINT, SIGTERM}) {
        Server server(echo());
        const std::string name = "load-signal-" + std::to_string(::getpid()) + "-" + std::to_string(signal);
        Program program(
            load_command({"--connect", server.address(), "--connections", "5", "--duration", "0", "--name", name}));
        const std::string ready = program.line("loading ");
        EXPECT_EQ(ready.find("loading " + server.address() + " protocol=echo pid=" + std::to_string(program.pid())), 0u)
            << ready;
        ASSERT_NE(program.line("opened 5 of 5"), "");
        const auto folder = telemetry::runtime_folder();
        ASSERT_TRUE(folder);
        EXPECT_TRUE(std::filesystem::exists(telemetry::segment_path(*folder, name)));
        program.signal(signal);
        EXPECT_EQ(program.wait(), 0) << program.error();
        EXPECT_NE(program.out().find("measured for"), std::string::npos) << program.out();
        EXPECT_FALSE(std::filesystem::exists(telemetry::segment_path(*folder, name)));
        EXPECT_FALSE(std::filesystem::exists(telemetry::control_path(*folder, name)));
    }
}

TEST(LoadProgram, two_threads_share_the_populations) {
    Server server(echo());
    const Loaded run = load({"--connect", server.address(), "--threads", "2", "--population", "active:11,rate=400",
                             "--population", "active:3,name=closed", "--duration", "1", "--strict"});
    EXPECT_EQ(run.exit_code, 0) << run.error;
    EXPECT_EQ(run.connections("opened"), 14u);
    const auto& populations = run.summary.at("populations").as_object();
    EXPECT_NEAR(populations.at("active").at("rate").at("achieved_per_s").to_number<double>(), 400, sanitized ? 60 : 20);
    EXPECT_GT(populations.at("closed").at("requests").at("completed").to_number<int>(), 100);
    EXPECT_EQ(run.requests("sent"), run.requests("completed"));
}

} // namespace
} // namespace connscope::test
