// SPDX-License-Identifier: BSL-1.0
#include "connscope/observe/process_list.hpp"

#include "../support.hpp"

#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

namespace connscope::test {
namespace {

// A child of the given name that waits until it is killed.
class Waiting {
public:
    explicit Waiting(const std::string& name) {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::prctl(PR_SET_NAME, name.c_str());
            const char ready = 1;
            if (::write(ends[1], &ready, 1) != 1) ::_exit(1);
            for (;;) ::pause();
        }
        char ready = 0;
        EXPECT_EQ(::read(ends[0], &ready, 1), 1);
        ::close(ends[0]);
        ::close(ends[1]);
    }
    ~Waiting() { end(); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }

private:
    pid_t pid_ = 0;
};

std::string own_name(const char* which) { return which + std::to_string(::getpid()); }

std::vector<std::uint32_t> pids_of(const std::vector<observe::FoundProcess>& found) {
    std::vector<std::uint32_t> pids;
    for (const auto& process : found) pids.push_back(process.pid);
    return pids;
}

TEST(ProcessSelection, finds_by_pid_name_and_pattern_each_once_and_those_that_come_later) {
    const Waiting first(own_name("sel-a"));
    const std::vector<std::string> wanted{std::to_string(first.pid()), own_name("sel-a"),
                                          "sel-?" + std::to_string(::getpid())};
    auto selection = observe::ProcessSelection::parse(wanted);
    ASSERT_TRUE(selection);
    EXPECT_EQ(pids_of(selection->find()), std::vector{first.pid()});
    Waiting second(own_name("sel-b"));
    const auto both = pids_of(selection->find());
    EXPECT_EQ(both.size(), 2u);
    EXPECT_TRUE(std::ranges::binary_search(both, second.pid()));
    second.end();
    EXPECT_EQ(pids_of(selection->find()), std::vector{first.pid()});
}

TEST(ProcessSelection, says_what_it_does_not_find_and_refuses_what_cannot_be_one) {
    auto selection = observe::ProcessSelection::parse(std::vector<std::string>{"no-such-program", "4194303"});
    ASSERT_TRUE(selection);
    EXPECT_TRUE(selection->find().empty());
    const std::string text = selection->nothing_found().text;
    EXPECT_NE(text.find("'no-such-program'"), std::string::npos) << text;
    EXPECT_NE(text.find("4194303"), std::string::npos) << text;
    const std::vector<std::vector<std::string>> senseless{{},     {""},        {"0"},
                                                          {"-1"}, {"/bin/sh"}, {std::to_string(::getpid())}};
    for (const auto& wanted : senseless) {
        const auto refused = observe::ProcessSelection::parse(wanted);
        ASSERT_FALSE(refused) << (wanted.empty() ? "" : wanted.front());
        EXPECT_EQ(refused.error().code, std::errc::invalid_argument);
    }
}

TEST(ProcessList, tells_threads_user_and_the_ports_that_a_process_listens_on) {
    Child server({"connscope-serve", "--listen", "127.0.0.1:0", "--mode", "coroutines", "--protocol", "echo", "--name",
                  unique_name("listed")});
    const std::string ready = server.line();
    const auto port =
        static_cast<std::uint16_t>(std::stoi(ready.substr(ready.find(':') + 1))); // listening on ADDRESS:PORT ...
    const TestClient client(port);
    ASSERT_TRUE(client.echoes("hello\n"));
    const auto listed = observe::list_processes();
    const auto found = std::ranges::find(listed, static_cast<std::uint32_t>(server.pid()), &observe::ListedProcess::pid);
    ASSERT_NE(found, listed.end());
    EXPECT_TRUE(found->files_seen);
    EXPECT_EQ(found->user, ::geteuid());
    EXPECT_GE(found->threads, 2u);
    EXPECT_EQ(found->sockets, 1u);
    EXPECT_EQ(found->listening, std::vector{port});
    EXPECT_NE(found->command.find("--mode coroutines"), std::string::npos) << found->command;
    EXPECT_EQ(std::ranges::count(listed, static_cast<std::uint32_t>(::getpid()), &observe::ListedProcess::pid), 0);
}

} // namespace
} // namespace connscope::test
