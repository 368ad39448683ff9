// SPDX-License-Identifier: GPL-3.0-or-later

// What the kernel's record of switches costs from the kernel's buffers to the pixels of the timeline, and whether any are
// lost: a real server whose two connections give the one CPU to each other tens of thousands of times a second.
#include "models/time_view.hpp"
#include "models/timeline.hpp"
#include "session/ready_line.hpp"
#include "session/switch_watch.hpp"
#include "views/timeline_view.hpp"
#include "window/theme.hpp"

#include "connscope/telemetry/clock.hpp"
#include "connscope/telemetry/reader.hpp"
#include "connscope/telemetry/runtime_folder.hpp"
#include "connscope/telemetry/unique_fd.hpp"

#include <QApplication>
#include <QProcess>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

using namespace connscope;
using namespace connscope::app;
using namespace std::chrono_literals;

namespace {

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "%s\n", what);
    std::exit(3);
}

double cpu_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// A connection whose request computes for a minute and yields on the way.
telemetry::UniqueFd busy_client(const QString& address, int yield_every_us) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.section(QLatin1Char(':'), 1).toUShort());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    telemetry::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const QByteArray request =
        QStringLiteral("GET /work?us=60000000&yield_every=%1 HTTP/1.1\r\nHost: x\r\n\r\n").arg(yield_every_us).toLatin1();
    if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 ||
        ::write(client.get(), request.constData(), static_cast<std::size_t>(request.size())) != request.size())
        fail("no connection");
    return client;
}

struct Shares {
    double taken_s = 0; // of CPU time: out of the kernel's buffers
    double drawn_s = 0; // into the timeline, and from there to pixels
    double all_s = 0;   // of the clock
    std::uint64_t records = 0;
    std::uint64_t slices = 0;
    std::uint64_t lost = 0;
};

class Watched {
public:
    Watched(std::uint32_t pid, telemetry::SegmentReader segment)
        : switches_(pid, {})
        , segment_(std::move(segment))
        , view_(timeline_, time_) {
        view_.resize(1400, 240);
        view_.show();
    }

    TimelineView& view() { return view_; }

    // As the window does it: 20 looks a second, every second one drawn.
    Shares run(std::chrono::seconds duration) {
        Shares shares;
        const auto begin = std::chrono::steady_clock::now();
        for (auto next = begin; next < begin + duration; next += 50ms) {
            std::this_thread::sleep_until(next);
            const double start = cpu_seconds();
            Snapshot snapshot;
            SwitchWatch::clear(snapshot);
            switches_.look(snapshot);
            if (!snapshot.switches_missing.empty()) fail(snapshot.switches_missing.c_str());
            const double taken = cpu_seconds();
            if (!segment_.read_events(events_)) fail("the segment cannot be read");
            for (const auto& event : events_.events) snapshot.events.push_back({0, event});
            snapshot.taken = std::chrono::nanoseconds(telemetry::monotonic_ns());
            const double read = cpu_seconds();
            timeline_.append(snapshot);
            if (looks_++ % 2 == 0) view_.refresh();
            QApplication::processEvents();
            shares.taken_s += taken - start;
            shares.drawn_s += cpu_seconds() - read;
            shares.records += snapshot.switches.size();
            shares.slices += snapshot.events.size();
            for (const auto& lost : snapshot.switches_lost) shares.lost += lost.count;
        }
        shares.all_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        return shares;
    }

private:
    SwitchWatch switches_;
    telemetry::SegmentReader segment_;
    telemetry::EventsReading events_;
    Timeline timeline_;
    TimeView time_;
    TimelineView view_;
    std::uint64_t looks_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    const QApplication app(argc, argv);
    apply_style();
    apply_theme(Theme::light);
    const int yield_every_us = argc > 1 ? std::atoi(argv[1]) : 14;

    // The server on one CPU, everything else where it likes.
    cpu_set_t all, one;
    ::sched_getaffinity(0, sizeof(all), &all);
    CPU_ZERO(&one);
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && CPU_COUNT(&one) == 0; --cpu)
        if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
    ::sched_setaffinity(0, sizeof(one), &one);
    QProcess serve;
    serve.start(QStringLiteral(CONNSCOPE_BIN_FOLDER "/connscope-serve"),
                {QStringLiteral("--listen"), QStringLiteral("127.0.0.1:0"), QStringLiteral("--mode"),
                 QStringLiteral("thread-per-connection"), QStringLiteral("--protocol"), QStringLiteral("http")});
    if (!serve.waitForReadyRead(10'000)) fail("the server does not start");
    ::sched_setaffinity(0, sizeof(all), &all);
    const auto ready = parse_ready_line(QString::fromUtf8(serve.readLine()));
    if (!ready) fail("the server does not say where it listens");
    auto segment = telemetry::SegmentReader::open(
        telemetry::segment_path(*telemetry::runtime_folder(), ready->segment_name.toStdString()));
    if (!segment) fail(segment.error().text.c_str());
    const telemetry::UniqueFd first = busy_client(ready->address, yield_every_us);
    const telemetry::UniqueFd second = busy_client(ready->address, yield_every_us);

    Watched watched(ready->pid, std::move(*segment));
    watched.view().show_span(10);
    (void)watched.run(11s); // until the timeline is full
    for (const double span : {10.0, 1.0, 0.01}) {
        watched.view().show_span(span);
        const Shares shares = watched.run(5s);
        std::printf(
            "%5.2f s shown: %6.0f records/s and %6.0f slices/s; %.1f %% of a core to take them, %.1f %% to keep and draw "
            "both; %llu records lost\n",
            span, static_cast<double>(shares.records) / shares.all_s, static_cast<double>(shares.slices) / shares.all_s,
            100 * shares.taken_s / shares.all_s, 100 * shares.drawn_s / shares.all_s,
            static_cast<unsigned long long>(shares.lost));
        std::fflush(stdout);
    }
    serve.kill();
    serve.waitForFinished(5'000);
}
