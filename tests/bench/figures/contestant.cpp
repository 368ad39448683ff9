// SPDX-License-Identifier: BSL-1.0
#include "contestant.hpp"

#include "connscope/telemetry/runtime_folder.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace connscope::bench {
namespace {

constexpr int server_cpu = 0;
constexpr int load_cpu = 1;

void stand(std::chrono::milliseconds duration) { ::poll(nullptr, 0, static_cast<int>(duration.count())); }

std::string unique_name(const char* purpose) {
    static int count = 0;
    return fmt::format("bench-{}-{}-{}", purpose, ::getpid(), ++count);
}

} // namespace

void fail(const std::string& why) {
    fmt::print(stderr, "{}\n", why);
    std::exit(3);
}

Child::Child(const std::vector<std::string>& command, std::optional<int> cpu, bool quiet) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("no pipe");
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) fail("no process");
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) std::_Exit(3);
        if (cpu) {
            cpu_set_t only;
            CPU_ZERO(&only);
            CPU_SET(static_cast<std::size_t>(*cpu), &only);
            ::sched_setaffinity(0, sizeof(only), &only);
        }
        ::dup2(ends[1], STDOUT_FILENO);
        if (quiet) ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        ::execvp(arguments[0], arguments.data());
        std::_Exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1))
    , output_(std::exchange(other.output_, -1)) {}

Child::~Child() {
    if (output_ >= 0) ::close(output_);
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

std::string Child::line() {
    std::string text;
    for (char letter = 0; ::read(output_, &letter, 1) == 1 && letter != '\n';) text += letter;
    return text;
}

std::string Child::rest() {
    std::string text;
    char some[4096];
    for (ssize_t bytes = 0; (bytes = ::read(output_, some, sizeof(some))) > 0;)
        text.append(some, static_cast<std::size_t>(bytes));
    return text;
}

void Child::signal(int number) const { ::kill(pid_, number); }

std::chrono::nanoseconds Child::cpu_time() const {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) fail("a server has ended");
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::string value_of(const std::string& line, const std::string& key) {
    const std::string before = key.empty() ? "listening on " : " " + key + "=";
    const std::size_t found = line.find(before);
    if (found == std::string::npos) return {};
    const std::size_t begin = found + before.size();
    return line.substr(begin, line.find(' ', begin) - begin);
}

std::string bin_folder() { return CONNSCOPE_BIN_FOLDER; }
std::string reference_folder() { return CONNSCOPE_REFERENCE_FOLDER; }

Contestant::Contestant(const std::vector<std::string>& server, const std::string& protocol, unsigned connections)
    : server_(server, server_cpu)
    , load_name_(unique_name("load"))
    , load_([&] {
        const std::string address = value_of(server_.line(), "");
        if (address.empty()) fail("does not start: " + server.front());
        return Child({bin_folder() + "/connscope-load", "--connect", address, "--protocol", protocol, "--connections",
                      std::to_string(connections), "--rate", "0", "--duration", "0", "--timeout", "600", "--name",
                      load_name_, "--quiet"},
                     load_cpu);
    }()) {
    const auto path = telemetry::segment_path(*telemetry::runtime_folder(), load_name_);
    for (int i = 0; i < 1000; ++i) {
        stand(std::chrono::milliseconds(10));
        if (!reader_) {
            auto reader = telemetry::SegmentReader::open(path);
            if (!reader) continue;
            reader_.emplace(std::move(*reader));
        }
        // Every connection is open and has had a few answers.
        if (completed() < 10 * connections) continue;
        if (reading_.populations.front().counter(telemetry::layout::LoadCounter::open) != connections)
            fail("not every connection came to be: " + server.front());
        load_.signal(SIGSTOP);
        return;
    }
    fail("no answers from " + server.front());
}

std::uint64_t Contestant::completed() {
    if (!reader_->read(reading_) || reading_.populations.empty()) return 0;
    return reading_.populations.front().counter(telemetry::layout::LoadCounter::completed);
}

Window Contestant::run(std::chrono::milliseconds duration) {
    using Clock = std::chrono::steady_clock;
    load_.signal(SIGCONT);
    stand(std::chrono::milliseconds(30));
    const std::uint64_t requests_before = completed();
    const auto cpu_before = server_.cpu_time();
    const auto before = Clock::now();
    stand(duration);
    const auto cpu = server_.cpu_time() - cpu_before;
    const std::chrono::duration<double> wall = Clock::now() - before;
    const auto requests = static_cast<double>(completed() - requests_before);
    load_.signal(SIGSTOP);
    if (requests == 0) fail("a server stands still");
    return {std::chrono::duration<double, std::micro>(cpu).count() / requests, requests / wall.count()};
}

Duel duel(const std::function<Window()>& base, const std::function<Window()>& ours, unsigned pairs) {
    std::vector<double> base_cpu, base_speed, our_cpu, our_speed, cpu_ratios, speed_ratios;
    for (unsigned i = 0; i < pairs; ++i) {
        Window first = i % 2 == 0 ? base() : ours();
        Window second = i % 2 == 0 ? ours() : base();
        if (i % 2 != 0) std::swap(first, second);
        base_cpu.push_back(first.cpu_us_per_request);
        base_speed.push_back(first.requests_per_s);
        our_cpu.push_back(second.cpu_us_per_request);
        our_speed.push_back(second.requests_per_s);
        cpu_ratios.push_back(first.cpu_us_per_request / second.cpu_us_per_request);
        speed_ratios.push_back(second.requests_per_s / first.requests_per_s);
    }
    return {{median(base_cpu), median(base_speed)},
            {median(our_cpu), median(our_speed)},
            median(cpu_ratios),
            median(speed_ratios),
            quantile(cpu_ratios, 0.25),
            quantile(cpu_ratios, 0.75)};
}

void print_head(const std::string& base, const std::string& ours) {
    fmt::print("{:<30}{:>24}{:>24}{:>34}\n", "", base, ours, "ratio");
    fmt::print("{:<30}{:>12}{:>12}{:>12}{:>12}{:>8}{:>18}{:>8}\n", "", "CPU us/req", "req/s", "CPU us/req", "req/s", "CPU",
               "(quartiles)", "req/s");
}

void print_row(const std::string& what, const Duel& duel, double wanted) {
    fmt::print("{:<30}{:>12.2f}{:>12.0f}{:>12.2f}{:>12.0f}{:>8.3f}{:>18}{:>8.3f}{}\n", what, duel.base.cpu_us_per_request,
               duel.base.requests_per_s, duel.ours.cpu_us_per_request, duel.ours.requests_per_s, duel.cpu_ratio,
               fmt::format("{:.3f} to {:.3f}", duel.cpu_ratio_low, duel.cpu_ratio_high), duel.speed_ratio,
               duel.cpu_ratio < wanted ? fmt::format("  below {}", wanted) : "");
    std::fflush(stdout);
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

double quantile(std::vector<double> values, double at) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const double place = at * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (values[above] - values[below]) * (place - static_cast<double>(below));
}

void IdleClients::open(std::size_t count, int rounds) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address_.substr(address_.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::size_t first = sockets_.size();
    for (std::size_t i = 0; i < count; ++i) {
        sockets_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(sockets_.back().get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0)
            fail(fmt::format("connection {} was refused", sockets_.size()));
    }
    for (int round = 0; round < rounds; ++round)
        for (std::size_t i = first; i < sockets_.size(); ++i) {
            std::array<char, 64> message{};
            const int socket = sockets_[i].get();
            if (::send(socket, message.data(), message.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(message.size()) ||
                ::recv(socket, message.data(), message.size(), MSG_WAITALL) != static_cast<ssize_t>(message.size()))
                fail("a connection was closed");
        }
}

void raise_open_files() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

} // namespace connscope::bench
