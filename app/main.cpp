// SPDX-License-Identifier: GPL-3.0-or-later
#include "window/application.hpp"
#include "window/desktop_colours.hpp"
#include "window/main_window.hpp"
#include "window/theme.hpp"

#include "connscope/observe/process.hpp"
#include "connscope/observe/process_list.hpp"

#include <CLI/CLI.hpp>

#include <QApplication>
#include <QFileInfo>
#include <QIcon>
#include <QSettings>
#include <QSocketNotifier>
#include <QTimer>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <sys/signalfd.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace connscope::app;

constexpr int exit_wrong_use = 2;
constexpr int exit_environment = 3;

struct Arguments {
    std::vector<std::string> attach;
    std::string mode = "coroutines";
    std::string protocol = "http";
    int connections = 200;
    double rate = 4000;
    int payload = 64;
    std::string theme;
    std::string size;
    std::string screenshot;
    double after = 8;
    bool frame_times = false;
};

void define(CLI::App& app, Arguments& arguments) {
    app.set_version_flag("--version", CONNSCOPE_VERSION);
    app.add_option("--attach", arguments.attach,
                   "PID, NAME or pattern of names (\"shard-*\") of processes that run already, to watch instead of an own "
                   "server; may be given several times, and all are watched as one")
        ->type_size(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add_option("--mode", arguments.mode, "The server's mode at first: an id that connscope-serve --list-modes shows")
        ->capture_default_str();
    app.add_option("--protocol", arguments.protocol, "The protocol that server and load speak")->capture_default_str();
    app.add_option("--connections", arguments.connections, "Connections that the load opens")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    app.add_option("--rate", arguments.rate, "Requests a second that the load sends; 0: as many as are answered")
        ->check(CLI::Range(0.0, 1e8))
        ->capture_default_str();
    app.add_option("--payload", arguments.payload, "Bytes of a request")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    app.add_option("--theme", arguments.theme, "Colours: system, light or dark")
        ->check(CLI::IsMember({"system", "light", "dark"}));
    app.add_option("--size", arguments.size, "Size of the window, WIDTHxHEIGHT");
    app.add_option("--screenshot", arguments.screenshot, "Write the window as a PNG to this file and end");
    app.add_option("--after", arguments.after, "Seconds from the first connection to the screenshot")
        ->check(CLI::Range(0.0, 86400.0))
        ->capture_default_str();
    app.add_flag("--frame-times", arguments.frame_times, "Print at the end what the frames cost");
}

// The exit code when there is nothing to attach to, which is told; none: there is, or nothing was wanted.
std::optional<int> refuse_attaching(const std::vector<std::string>& wanted) {
    if (wanted.empty()) return std::nullopt;
    auto selection = connscope::observe::ProcessSelection::parse(wanted);
    if (!selection) {
        std::fprintf(stderr, "connscope: --attach: %s.\n", selection.error().text.c_str());
        return exit_wrong_use;
    }
    if (!selection->find().empty()) return std::nullopt;
    std::fprintf(stderr, "connscope: %s; connscope-watch --list shows what can be watched.\n",
                 selection->nothing_found().text.c_str());
    return exit_environment;
}

std::optional<QSize> size_of(const std::string& text) {
    int width = 0;
    int height = 0;
    char end = 0;
    if (std::sscanf(text.c_str(), "%5dx%5d%c", &width, &height, &end) != 2) return std::nullopt;
    if (width < 320 || height < 240 || width > 16384 || height > 16384) return std::nullopt;
    return QSize(width, height);
}

bool has_display() {
    return qEnvironmentVariableIsSet("QT_QPA_PLATFORM") || !qEnvironmentVariableIsEmpty("DISPLAY") ||
           !qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY");
}

// Qt's messages to the terminal. Qt ends a program that finds no display with an abort; a sentence and an exit code serve
// the user better.
void take_message(QtMsgType type, const QMessageLogContext&, const QString& message) {
    if (type != QtFatalMsg) {
        // What the offscreen plug-in and a machine without a login session say every time concerns nobody.
        if (message.contains(QLatin1String("propagateSizeHints")) || message.startsWith(QLatin1String("QStandardPaths")))
            return;
        std::fprintf(stderr, "%s\n", qPrintable(message));
        return;
    }
    std::fprintf(stderr,
                 "connscope cannot show its window on this display (DISPLAY=%s, platform %s). Without a display, "
                 "app/run --vnc shows it over VNC and --screenshot FILE writes a picture of it.\n",
                 qPrintable(qEnvironmentVariable("DISPLAY")),
                 qPrintable(qEnvironmentVariable("QT_QPA_PLATFORM", QStringLiteral("chosen by Qt"))));
    std::fflush(stderr);
    ::_exit(exit_environment);
}

// Since the kernel started this process, in steps of 10 ms.
double age_of_process_s() {
    const auto self = connscope::observe::ProcessObserver::open(static_cast<std::uint32_t>(::getpid()));
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    if (!self) return 0;
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9 -
           static_cast<double>(self->start_time()) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// Counts from the start of the program: from that of the process, where no script was the process for longer than loading a
// program takes, and from main() otherwise.
class SinceStart {
public:
    SinceStart() {
        if (const double age = age_of_process_s(); age < longest_loading_s) before_main_s_ = age;
    }
    double seconds() const {
        return before_main_s_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - main_).count();
    }

private:
    static constexpr double longest_loading_s = 2;
    std::chrono::steady_clock::time_point main_ = std::chrono::steady_clock::now();
    double before_main_s_ = 0;
};

// SIGINT and SIGTERM as events of a descriptor. Threads that are made later inherit the mask.
int take_over_signals() {
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &taken, nullptr);
    return ::signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
}

} // namespace

int main(int argc, char** argv) {
    const SinceStart since_start;
    Arguments arguments;
    CLI::App command("connscope: shows how a TCP server schedules its connections and what each way of doing it costs.",
                     "connscope");
    define(command, arguments);
    try {
        command.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return command.exit(error);
        std::fprintf(stderr, "connscope: %s; see connscope --help.\n", error.what());
        return exit_wrong_use;
    }
    const auto size = arguments.size.empty() ? std::nullopt : size_of(arguments.size);
    if (!arguments.size.empty() && !size) {
        std::fprintf(stderr, "connscope: --size: '%s' is not WIDTHxHEIGHT, such as 1280x720.\n", arguments.size.c_str());
        return exit_wrong_use;
    }
    if (const auto refused = refuse_attaching(arguments.attach)) return *refused;
    const bool is_screenshot = !arguments.screenshot.empty();
    if (!has_display()) {
        if (!is_screenshot) {
            std::fprintf(
                stderr,
                "connscope: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set). app/run --vnc shows the "
                "window over VNC, --screenshot FILE writes a picture of it.\n");
            return exit_environment;
        }
        qputenv("QT_QPA_PLATFORM", "offscreen");
    }

    const int signal_fd = take_over_signals();
    qInstallMessageHandler(take_message);
    QApplication::setOrganizationName(QStringLiteral("connscope"));
    QApplication::setApplicationName(QStringLiteral("connscope"));
    QApplication::setApplicationVersion(QStringLiteral(CONNSCOPE_VERSION));
    QApplication::setDesktopFileName(QStringLiteral("connscope"));
    Application app(argc, argv);
    QApplication::setWindowIcon(QIcon(QStringLiteral(":/icons/connscope.svg")));
    apply_style();
    QString theme_name = QString::fromStdString(arguments.theme);
    if (theme_name.isEmpty())
        theme_name = is_screenshot ? QStringLiteral("light") : QSettings().value(QStringLiteral("window/theme")).toString();
    const Theme theme = theme_of(theme_name).value_or(Theme::system);
    const DesktopColours desktop;
    apply_theme(theme, desktop.is_dark());

    Plan plan;
    for (const std::string& wanted : arguments.attach) plan.attach << QString::fromStdString(wanted);
    plan.companions_folder = QApplication::applicationDirPath();
    plan.mode = QString::fromStdString(arguments.mode);
    plan.protocol = QString::fromStdString(arguments.protocol);
    plan.populations = {QStringLiteral("active:%1,rate=%2,payload=%3")
                            .arg(arguments.connections)
                            .arg(QString::number(arguments.rate, 'g', 10))
                            .arg(arguments.payload)};
    for (const char* companion : {"/connscope-serve", "/connscope-load"}) {
        const QString path = plan.companions_folder + QLatin1String(companion);
        if (QFileInfo(path).isExecutable()) continue;
        std::fprintf(stderr, "connscope: %s is missing; it belongs beside connscope.\n", qPrintable(path));
        return exit_environment;
    }

    MainWindow window(plan, theme, !is_screenshot);
    window.follow_desktop(desktop.is_dark());
    QObject::connect(&desktop, &DesktopColours::changed, &window, &MainWindow::follow_desktop);
    if (size) {
        window.resize(*size);
    } else if (is_screenshot || !QSettings().contains(QStringLiteral("window/geometry"))) {
        window.resize(1440, 900);
    }
    QSocketNotifier signal_notifier(signal_fd, QSocketNotifier::Read);
    QObject::connect(&signal_notifier, &QSocketNotifier::activated, &window, [&window, &signal_notifier] {
        signal_notifier.setEnabled(false);
        window.close();
    });

    int exit_code = 0;
    if (is_screenshot) {
        const QString file = QString::fromStdString(arguments.screenshot);
        const auto shoot = [&window, &exit_code, file] {
            if (!window.grab().save(file, "PNG")) {
                std::fprintf(stderr, "connscope: the screenshot could not be written to %s.\n", qPrintable(file));
                exit_code = exit_environment;
            }
            window.close();
        };
        QObject::connect(&window, &MainWindow::alive, &window, [&window, &arguments, shoot] {
            QTimer::singleShot(static_cast<int>(arguments.after * 1000), &window, shoot);
        });
        // A server that cannot start is on the screenshot, with the reason.
        QObject::connect(&window.session(), &Session::serverChanged, &window,
                         [&window, &exit_code, shoot](const ProcessStatus& status) {
                             if (status.phase != ProcessStatus::Phase::failed) return;
                             std::fprintf(stderr, "connscope: %s\n", qPrintable(status.reason));
                             QTimer::singleShot(500, &window, shoot);
                             exit_code = exit_environment;
                         });
    }
    std::optional<double> data_shown_s;
    if (arguments.frame_times) {
        app.measure(&window.frame_meter());
        QObject::connect(&window, &MainWindow::dataShown, &window, [&] { data_shown_s = since_start.seconds(); });
    }
    window.show();
    window.activateWindow(); // without a window manager nobody else gives it the keyboard
    window.start();
    QApplication::exec();
    app.measure(nullptr);
    if (arguments.frame_times) {
        if (data_shown_s)
            std::printf("first charts with data %.2f s after the start of the program\n", *data_shown_s);
        else
            std::printf("no chart has had data\n");
        std::printf("%s\n", qPrintable(window.frame_meter().report()));
    }
    ::close(signal_fd);
    return exit_code;
}
