// SPDX-License-Identifier: BSL-1.0
#include "load_support.hpp"

#include <chrono>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cstring>

// connscope-load against connscope-serve: what the load is there to show.
namespace connscope::test {
namespace {

class Serve {
public:
    explicit Serve(const std::string& protocol, const std::string& mode = "coroutines",
                   const std::vector<std::string>& more = {})
        : program_(with(
              {CONNSCOPE_BIN_FOLDER "/connscope-serve", "--listen", "127.0.0.1:0", "--protocol", protocol, "--mode", mode},
              more)) {
        const std::string ready = program_.line("listening on ");
        address_ = ready.substr(0, ready.find(' ', 13)).substr(std::min<std::size_t>(13, ready.size()));
        EXPECT_NE(address_, "") << program_.error();
    }
    const std::string& address() const { return address_; }
    Program& program() { return program_; }

private:
    static std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    }

    Program program_;
    std::string address_;
};

double p(const Loaded& run, std::string_view population, std::string_view key) {
    return run.summary.at("populations").at(population).at("latency_us").at(key).to_number<double>();
}

TEST(LoadOnServe, every_resource_of_its_http_answers_as_asked) {
    Serve serve("http");
    const Loaded run = load({"--connect",    serve.address(),
                             "--protocol",   "http",
                             "--population", "active:4,path=/",
                             "--population", "active:2,name=bytes,path=/bytes?n=300000",
                             "--population", "active:4,name=echo,payload=20000",
                             "--population", "hog:1,us=2000",
                             "--population", "active:4,name=pause,ms=5",
                             "--population", "active:4,name=pipelined,path=/,pipeline=4",
                             "--population", "churn:5,rate=100",
                             "--population", "slow-reader:2,path=/bytes?n=20000,piece=2000,interval_ms=5",
                             "--population", "slow-sender:2,payload=100,piece=20,interval_ms=5",
                             "--duration",   "1",
                             "--strict"});
    EXPECT_EQ(run.exit_code, 0) << run.out << run.error;
    for (const auto& [name, figures] : run.summary.at("populations").as_object())
        EXPECT_GT(figures.at("requests").at("completed").to_number<int>(), 2) << name;
}

TEST(LoadOnServe, the_presets_of_a_conversation_are_said_and_come_back) {
    for (const std::string preset :
         {"everybody-yields", "one-never-yields", "one-is-interrupted", "too-short-turns", "too-long-turns"}) {
        Serve serve("talk", "preemptive-fibers", {"--word-us", "300"});
        const Loaded run =
            load({"--connect", serve.address(), "--preset", "talk-" + preset, "--duration", "0.4", "--strict"});
        EXPECT_EQ(run.exit_code, 0) << preset << ": " << run.out << run.error;
        for (const auto& [name, figures] : run.summary.at("populations").as_object())
            EXPECT_GT(figures.at("requests").at("completed").to_number<int>(), 0) << preset << ": " << name;
    }
}

TEST(LoadOnServe, a_pause_of_ten_milliseconds_is_measured_as_such) {
    Serve serve("http");
    const Loaded run = load({"--connect", serve.address(), "--protocol", "http", "--population", "active:20,rate=100,ms=10",
                             "--duration", "1.5", "--strict"});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_GE(run.latency_us("p50"), 9'990);
    EXPECT_LE(run.latency_us("p50"), 30'000) << "the bench tells how near it is on a quiet machine";
}

TEST(LoadOnServe, a_hog_freezes_those_that_share_its_loop_and_no_one_else) {
    const std::vector<std::string> arguments{
        "--protocol", "http", "--population", "active:10,rate=100", "--population", "hog:1,us=300000", "--duration", "1.5"};
    const auto with_hog = [&](const std::string& mode) {
        Serve serve("http", mode);
        std::vector<std::string> command = arguments;
        command.insert(command.end(), {"--connect", serve.address()});
        return p(load(command), "active", "p50");
    };
    const double loop = with_hog("coroutines");
    const double threads = with_hog("thread-per-connection");
    EXPECT_GT(loop, 100'000) << "requests wait for slices of 300 ms";
    EXPECT_LT(threads, loop / 2);
}

TEST(LoadOnServe, a_stopped_server_shows_in_an_open_loop_and_hides_in_a_closed_one) {
    const auto with_stop = [](const std::vector<std::string>& arguments) {
        Serve serve("echo");
        std::vector<std::string> command = arguments;
        command.insert(command.end(), {"--connect", serve.address(), "--duration", "3", "--json"});
        Program program(load_command(command));
        EXPECT_NE(program.line("opened "), "");
        ::poll(nullptr, 0, 1000); // it works for a while
        serve.program().signal(SIGSTOP);
        ::poll(nullptr, 0, 400); // the stall that shall be measured
        serve.program().signal(SIGCONT);
        EXPECT_EQ(program.wait(), 0);
        return boost::json::parse(program.out()).at("latency_us").as_object();
    };
    const auto open = with_stop({"--connections", "10", "--rate", "500"});
    const auto closed = with_stop({"--connections", "10"});
    EXPECT_GT(open.at("p99").to_number<double>(), 300'000)
        << "of 400 ms in 3 s, more than a hundredth waited 300 and longer";
    EXPECT_GT(open.at("max").to_number<double>(), 390'000);
    EXPECT_LT(closed.at("p99").to_number<double>(), 100'000) << "ten slow answers among thousands";
}

TEST(LoadOnServe, clients_come_back_when_the_server_does) {
    auto serve = std::make_unique<Serve>("echo");
    Program program(load_command({"--connect", serve->address(), "--connections", "20", "--rate", "200", "--duration", "3",
                                  "--reconnect", "--json"}));
    ASSERT_NE(program.line("opened 20 of 20"), "");
    const std::string address = serve->address();
    serve->program().signal(SIGKILL);
    serve->program().wait();
    Program second(
        {CONNSCOPE_BIN_FOLDER "/connscope-serve", "--listen", address, "--protocol", "echo", "--mode", "callbacks"});
    ASSERT_NE(second.line("listening on "), "") << second.error();
    EXPECT_EQ(program.wait(), 0);
    const auto summary = boost::json::parse(program.out());
    EXPECT_EQ(summary.at("connections").at("open").to_number<int>(), 20);
    EXPECT_EQ(summary.at("connections").at("opened").to_number<int>(), 40);
    EXPECT_EQ(summary.at("connections").at("closed_by_peer").to_number<int>() +
                  summary.at("connections").at("reset").to_number<int>(),
              20);
    EXPECT_GT(summary.at("requests").at("completed").to_number<int>(), 500) << "what was due meanwhile was sent later";
    EXPECT_EQ(summary.at("requests").at("corrupted").to_number<int>(), 0);
}

// Gives this process a network of its own, in which one address has 100 ports to connect from. False when the kernel
// refuses.
bool enter_small_network() {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
    const telemetry::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM, 0));
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP | IFF_RUNNING;
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &loopback) != 0) return false;
    std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
    range << "40000 40099" << std::flush;
    return range.good();
}

TEST(LoadOnServe, more_connections_than_one_address_has_ports_come_from_several_addresses) {
    constexpr int refused_by_kernel = 77;
    const pid_t child = ::fork();
    if (child == 0) {
        if (!enter_small_network()) ::_exit(refused_by_kernel);
        std::uint64_t opened = 0;
        int code = -1;
        {
            Serve serve("echo");
            const Loaded run = load(
                {"--connect", serve.address(), "--connections", "450", "--rate", "1000", "--duration", "0.5", "--strict"});
            code = run.exit_code;
            opened = run.summary.empty() ? 0 : run.connections("opened");
        }
        ::_exit(code == 0 && opened == 450 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == refused_by_kernel)
        GTEST_SKIP() << "no network namespace of one's own here";
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

} // namespace
} // namespace connscope::test
