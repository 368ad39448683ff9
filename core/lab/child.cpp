// SPDX-License-Identifier: BSL-1.0
#include "connscope/lab/child.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <utility>

namespace connscope::lab {
namespace {

constexpr int cannot_run = 127;

int milliseconds_left(std::chrono::steady_clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

} // namespace

telemetry::Outcome<Child> Child::start(const std::vector<std::string>& command, const std::vector<int>& cpus) {
    Child child;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return telemetry::system_error(errno, "no pipe for " + command.front());
    child.output_.reset(ends[0]);
    const telemetry::UniqueFd writing(ends[1]);
    child.errors_.reset(::memfd_create("connscope-errors", MFD_CLOEXEC));
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    for (const int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &allowed);

    const pid_t parent = ::getpid();
    child.pid_ = ::fork();
    if (child.pid_ < 0) return telemetry::system_error(errno, "no process for " + command.front());
    if (child.pid_ == 0) {
        // An interrupt from the terminal goes to the parent, which ends its children in good order.
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) std::_Exit(cannot_run);
        if (!cpus.empty()) ::sched_setaffinity(0, sizeof allowed, &allowed);
        ::dup2(writing.get(), STDOUT_FILENO);
        if (child.errors_) ::dup2(child.errors_.get(), STDERR_FILENO);
        ::execv(arguments[0], arguments.data());
        const char text[] = "it cannot be run\n";
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, sizeof text - 1);
        std::_Exit(cannot_run);
    }
    child.process_.reset(static_cast<int>(::syscall(SYS_pidfd_open, child.pid_, 0)));
    return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1))
    , status_(other.status_)
    , process_(std::move(other.process_))
    , output_(std::move(other.output_))
    , errors_(std::move(other.errors_))
    , text_(std::move(other.text_)) {}

Child& Child::operator=(Child&& other) noexcept {
    if (this != &other) {
        Child gone(std::move(*this));
        pid_ = std::exchange(other.pid_, -1);
        status_ = other.status_;
        process_ = std::move(other.process_);
        output_ = std::move(other.output_);
        errors_ = std::move(other.errors_);
        text_ = std::move(other.text_);
    }
    return *this;
}

Child::~Child() {
    if (pid_ <= 0 || status_) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

std::optional<std::string> Child::line(std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    for (;;) {
        if (const std::size_t end = text_.find('\n'); end != std::string::npos) {
            std::string found = text_.substr(0, end);
            text_.erase(0, end + 1);
            return found;
        }
        pollfd entry{output_.get(), POLLIN, 0};
        const int ready = ::poll(&entry, 1, milliseconds_left(until));
        if (ready < 0 && errno == EINTR) continue;
        char piece[4096];
        if (ready <= 0) return std::nullopt;
        const ssize_t length = ::read(output_.get(), piece, sizeof piece);
        if (length <= 0) return std::nullopt;
        text_.append(piece, static_cast<std::size_t>(length));
    }
}

bool Child::wait(std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    for (;;) {
        int status = 0;
        if (status_ || pid_ <= 0) return true;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            status_ = status;
            return true;
        }
        pollfd entry{process_.get(), POLLIN, 0};
        const int left = milliseconds_left(until);
        if (left == 0) return false;
        if (::poll(&entry, 1, left) < 0 && errno != EINTR) return false;
    }
}

std::string Child::complaint() const {
    char piece[2048];
    const off_t size = ::lseek(errors_.get(), 0, SEEK_END);
    if (size <= 0) return {};
    const off_t from = size > static_cast<off_t>(sizeof piece) ? size - static_cast<off_t>(sizeof piece) : 0;
    const ssize_t length = ::pread(errors_.get(), piece, sizeof piece, from);
    if (length <= 0) return {};
    std::string text(piece, static_cast<std::size_t>(length));
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (const std::size_t last = text.rfind('\n'); last != std::string::npos) text.erase(0, last + 1);
    return text;
}

std::optional<std::string> Child::ended() {
    if (!wait(std::chrono::milliseconds(0))) return std::nullopt;
    const int status = status_.value_or(0);
    std::string text = WIFSIGNALED(status) ? fmt::format("was ended by signal {}", WTERMSIG(status))
                                           : fmt::format("ended with exit code {}", WEXITSTATUS(status));
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; // what it said before does not explain that
    if (const std::string said = complaint(); !killed && !said.empty()) text += ": " + said;
    return text;
}

void Child::end(std::chrono::milliseconds limit) {
    if (pid_ <= 0 || status_) return;
    ::kill(pid_, SIGTERM);
    if (wait(limit)) return;
    ::kill(pid_, SIGKILL);
    wait(std::chrono::seconds(5));
}

std::string value_in(const std::string& line, const std::string& key) {
    const std::string before = " " + key + "=";
    const std::size_t found = line.find(before);
    if (found == std::string::npos) return {};
    const std::size_t begin = found + before.size();
    return line.substr(begin, line.find(' ', begin) - begin);
}

std::string program_folder() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

} // namespace connscope::lab
