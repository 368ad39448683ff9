// SPDX-License-Identifier: BSL-1.0
#include "watch_terminal.hpp"

#include "watch_screen.hpp"
#include "watch_wait.hpp"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace connscope::watch {
namespace {

bool write_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

// The terminal without echo and line editing, on its alternate screen, while this lives. Signals of keys stay.
class RawTerminal {
public:
    RawTerminal() {
        has_keys_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
        enter();
    }
    ~RawTerminal() { leave(); }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

    bool has_keys() const noexcept { return has_keys_; }
    void enter() {
        if (has_keys_) {
            termios raw = before_;
            raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
            raw.c_cc[VMIN] = 0;
            raw.c_cc[VTIME] = 0;
            ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
        }
        write_all("\x1b[?1049h\x1b[?25l\x1b[2J"); // alternate screen, no cursor, clear
    }
    void leave() {
        write_all("\x1b[0m\x1b[?25h\x1b[?1049l");
        if (has_keys_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
    }

private:
    termios before_{};
    bool has_keys_ = false;
};

Screen::Look look_of_terminal() {
    Screen::Look look;
    const char* const term = std::getenv("TERM");
    const char* const no_colour = std::getenv("NO_COLOR"); // https://no-color.org
    look.colours = (no_colour == nullptr || *no_colour == '\0') && term != nullptr && std::string_view(term) != "dumb";
    std::setlocale(LC_CTYPE, "");
    look.unicode = std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
    return look;
}

void take_size(Screen& screen) {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) screen.resize(size.ws_col, size.ws_row);
}

} // namespace

telemetry::Status watch_on_terminal(Watcher& watcher, std::chrono::nanoseconds interval) {
    Waiter waiter(interval, {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH});
    Screen screen(look_of_terminal());
    Snapshot snapshot;
    // The first reading decides what there is to see; both kinds of rows are wanted for that moment alone.
    watcher.set_options({.connections = true, .threads = false});
    if (auto read = watcher.read(snapshot); !read) return read;
    screen.take(snapshot);

    RawTerminal terminal;
    take_size(screen);
    bool keys = terminal.has_keys();
    const auto read_again = [&] {
        watcher.set_options({.connections = screen.view() == View::connections, .threads = screen.view() == View::threads});
        auto read = watcher.read(snapshot);
        if (read) screen.take(snapshot);
        return read;
    };
    if (screen.view() == View::threads)
        if (auto read = read_again(); !read) return read;
    for (;;) {
        if (!write_all(screen.draw(snapshot))) return telemetry::success(); // the terminal is gone
        const Waiter::Woken woken = waiter.wait(keys);
        bool refresh = woken.interval;
        if (woken.input) {
            std::array<char, 256> typed;
            const ssize_t got = ::read(STDIN_FILENO, typed.data(), typed.size());
            if (got <= 0) keys = false;
            const auto wishes = screen.type({typed.data(), static_cast<std::size_t>(got > 0 ? got : 0)}, snapshot);
            if (wishes.quit) return telemetry::success();
            refresh = refresh || wishes.refresh;
        }
        switch (woken.signal) {
        case SIGINT:
        case SIGTERM:
        case SIGHUP:
            return telemetry::success();
        case SIGWINCH:
            take_size(screen);
            break;
        case SIGTSTP:
            terminal.leave();
            ::raise(SIGSTOP); // until the shell continues it
            terminal.enter();
            take_size(screen);
            break;
        default:
            break;
        }
        if (refresh)
            if (auto read = read_again(); !read) return read;
    }
}

} // namespace connscope::watch
