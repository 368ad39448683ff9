// SPDX-License-Identifier: GPL-3.0-or-later
// Watching processes that others have started.
#include "models/format.hpp"
#include "models/metrics.hpp"
#include "models/process_model.hpp"
#include "views/anatomy_view.hpp"
#include "views/chart_grid.hpp"
#include "views/connection_view.hpp"
#include "views/filter_line.hpp"
#include "views/member_view.hpp"
#include "views/number_card.hpp"
#include "window/attach_line.hpp"
#include "window/banner.hpp"
#include "window/load_bar.hpp"
#include "window/mode_bar.hpp"
#include "window/panel.hpp"
#include "window/process_picker.hpp"
#include "window_support.hpp"

#include <QAction>
#include <QCheckBox>
#include <QFileInfo>
#include <QMenu>
#include <QMenuBar>
#include <QProcess>
#include <QPushButton>
#include <QSet>
#include <QTableView>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace connscope::app;

namespace {

// A server of no program of connscope's: echoes on a thread for each connection, for which it opens another one to a port
// where one is given. Its own port is told on its first line.
constexpr const char* python_server = R"(
import ctypes, socket, sys, threading
ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
def serve(connection):
    if sys.argv[2] != "0": behind = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    while True:
        data = connection.recv(4096)
        if not data: break
        connection.sendall(data)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, peer = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
)";

class ForeignServer {
public:
    explicit ForeignServer(const QString& name, std::uint16_t behind = 0) {
        process_.start(QStringLiteral("python3"),
                       {QStringLiteral("-c"), QString::fromLatin1(python_server), name, QString::number(behind)});
        while (!process_.canReadLine() && process_.waitForReadyRead(patience)) {
        }
        port_ = process_.readLine().trimmed().toUShort();
    }
    ~ForeignServer() { end(); }

    void end() {
        process_.kill();
        process_.waitForFinished(patience);
    }
    std::uint16_t port() const { return port_; }
    QString pid() const { return QString::number(process_.processId()); }

private:
    QProcess process_;
    std::uint16_t port_ = 0;
};

// connscope-serve, started by somebody else.
class ProbedServer {
public:
    explicit ProbedServer(const char* name) {
        static int number = 0;
        process_.start(QStringLiteral(CONNSCOPE_BIN_FOLDER "/connscope-serve"),
                       {QStringLiteral("--listen"), QStringLiteral("127.0.0.1:0"), QStringLiteral("--mode"),
                        QStringLiteral("callbacks"), QStringLiteral("--protocol"), QStringLiteral("echo"),
                        QStringLiteral("--name"),
                        QStringLiteral("%1-%2-%3").arg(QLatin1String(name)).arg(::getpid()).arg(++number)});
        while (!process_.canReadLine() && process_.waitForReadyRead(patience)) {
        }
        port_ =
            QString::fromUtf8(process_.readLine()).section(QLatin1Char(' '), 2, 2).section(QLatin1Char(':'), 1).toUShort();
    }
    ~ProbedServer() {
        process_.terminate();
        process_.waitForFinished(patience);
    }
    QProcess& process() { return process_; }
    std::uint16_t port() const { return port_; }
    QString pid() const { return QString::number(process_.processId()); }

private:
    QProcess process_;
    std::uint16_t port_ = 0;
};

// A client that sends a text and takes it back.
class Client {
public:
    explicit Client(std::uint16_t port)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    ~Client() { ::close(socket_); }
    Client(const Client&) = delete;

    bool echoes(const QByteArray& text) {
        if (!connected_ || ::send(socket_, text.data(), static_cast<std::size_t>(text.size()), MSG_NOSIGNAL) != text.size())
            return false;
        QByteArray back(text.size(), 0);
        qsizetype got = 0;
        while (got < back.size()) {
            const ssize_t more = ::recv(socket_, back.data() + got, static_cast<std::size_t>(back.size() - got), 0);
            if (more <= 0) return false;
            got += more;
        }
        return back == text;
    }
    std::uint16_t port() const {
        sockaddr_in address{};
        socklen_t length = sizeof address;
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length);
        return ntohs(address.sin_port);
    }

private:
    int socket_;
    bool connected_ = false;
};

QString unique_name(const char* which) { return QStringLiteral("%1%2").arg(QLatin1String(which)).arg(::getpid()); }

Plan attached_to(const QStringList& wanted) {
    Plan plan = small_plan();
    plan.attach = wanted;
    return plan;
}

QString cell(MainWindow& window, int row, const char* column) {
    const auto columns = connection_columns();
    const QAbstractItemModel* model = window.connections().table().model();
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (QLatin1String(columns[i].id) == QLatin1String(column))
            return model->index(row, static_cast<int>(i)).data().toString();
    return {};
}

int rows(MainWindow& window) { return window.connections().table().model()->rowCount(); }

// For eyes, where a folder is named for them.
void keep_picture(QWidget& of, const char* name) {
    const QString folder = qEnvironmentVariable("CONNSCOPE_PICTURES");
    if (!folder.isEmpty()) QVERIFY(of.grab().save(folder + QLatin1Char('/') + QLatin1String(name) + QStringLiteral(".png")));
}

double newest(const MainWindow& window, Quantity which) {
    return window.history().empty() ? not_known : window.history().values(which).back();
}

} // namespace

class Attach : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        apply_style();
        apply_theme(qEnvironmentVariable("CONNSCOPE_THEME") == QLatin1String("dark") ? Theme::dark : Theme::light);
    }

    void a_foreign_server_shows_its_sockets_threads_and_memory() {
        ForeignServer server(unique_name("foreign"));
        QVERIFY(server.port() != 0);
        Client first(server.port()), second(server.port()), third(server.port());
        for (Client* client : {&first, &second, &third}) QVERIFY(client->echoes(QByteArray(100, 'x')));
        const auto window = shown_window(attached_to({server.pid()}));
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 3, patience);
        QStringList peers;
        for (int row = 0; row < 3; ++row) {
            peers << cell(*window, row, "peer");
            QCOMPARE(cell(*window, row, "state"), QStringLiteral("waiting to read"));
            QCOMPARE(cell(*window, row, "tcp"), QStringLiteral("established"));
            QCOMPARE(cell(*window, row, "opened_by"), QStringLiteral("peer"));
            QCOMPARE(cell(*window, row, "bytes_in"), bytes_text(100));
            QCOMPARE(cell(*window, row, "bytes_out"), bytes_text(100));
            QCOMPARE(cell(*window, row, "receive_queue"), bytes_text(0));
            QVERIFY(cell(*window, row, "round_trip") != unknown_text);
            for (const char* unknown : {"requests", "slices", "run", "longest_slice", "carrier"})
                QCOMPARE(cell(*window, row, unknown), unknown_text);
        }
        for (Client* client : {&first, &second, &third})
            QVERIFY(peers.contains(QStringLiteral("127.0.0.1:%1").arg(client->port())));
        // Each has a thread of its own, which waits for it.
        QSet<QString> threads;
        for (int row = 0; row < 3; ++row) {
            QTRY_COMPARE_WITH_TIMEOUT(cell(*window, row, "told_by"), QStringLiteral("waits in recvfrom"), patience);
            threads << cell(*window, row, "thread").section(QLatin1Char(':'), -1);
        }
        QCOMPARE(threads.size(), 3);
        for (const QString& thread : threads)
            QVERIFY2(QFileInfo::exists(QStringLiteral("/proc/%1/task/%2").arg(server.pid(), thread)), qPrintable(thread));
        QVERIFY(!window->connections().outgoing().isVisible());
        // The thread's stack is what the connection continues with.
        window->anatomy_panel().bring_up();
        window->connections().table().selectRow(0);
        QTRY_VERIFY_WITH_TIMEOUT(window->anatomy().model().now() != nullptr, patience);
        QVERIFY2(window->anatomy().model().problem().isEmpty(), qPrintable(window->anatomy().model().problem()));
        QCOMPARE(window->anatomy().model().control().front().now, QStringList{QStringLiteral("waits in recvfrom")});
        QVERIFY(!window->anatomy().mover()->isEnabled());
        keep_picture(*window, "foreign-anatomy");
        QTRY_COMPARE_WITH_TIMEOUT(newest(*window, Quantity::threads), 4.0, patience); // one listens
        QVERIFY(newest(*window, Quantity::resident_bytes) > 1 << 20);
        QTRY_VERIFY_WITH_TIMEOUT(!std::isnan(newest(*window, Quantity::stack_bytes)), patience);
        QVERIFY(std::isnan(newest(*window, Quantity::requests_per_s)));
        QVERIFY(std::isnan(newest(*window, Quantity::running)));
        // Switches and traffic come with work.
        const auto works = handle_until(
            [&] {
                return first.echoes(QByteArray(1000, 'y')) && newest(*window, Quantity::voluntary_per_s) > 0 &&
                       newest(*window, Quantity::cpu_user) + newest(*window, Quantity::cpu_system) > 0 &&
                       newest(*window, Quantity::traffic_in) > 0;
            },
            patience);
        QVERIFY(works.came);
        QTRY_VERIFY_WITH_TIMEOUT(!window->timeline_model().lanes().empty() ||
                                     !window->timeline_model().preemptions().missing().empty(),
                                 patience);
    }

    void what_may_not_be_seen_is_not_known_and_never_0() {
        Snapshot snapshot; // of a process without a probe whose sockets may not be seen
        snapshot.has_server = true;
        snapshot.processes = {{1234, "another", false}};
        snapshot.server.gauges.fill(connscope::telemetry::layout::not_available);
        Metrics metrics;
        Sample sample;
        for (const int second : {1, 2, 3}) {
            snapshot.taken = snapshot.server.taken = std::chrono::seconds(second);
            sample = metrics.update(snapshot);
        }
        for (const Quantity which : {Quantity::open, Quantity::running, Quantity::ready, Quantity::waiting_read,
                                     Quantity::traffic_in, Quantity::traffic_out, Quantity::requests_per_s,
                                     Quantity::voluntary_per_s, Quantity::cpu_user, Quantity::socket_bytes})
            QVERIFY2(std::isnan(sample[which]), qPrintable(QString::number(static_cast<int>(which))));
    }

    void what_cannot_be_changed_is_not_offered_and_says_why() {
        ForeignServer server(unique_name("plain"));
        const auto window = shown_window(attached_to({server.pid()}));
        QTRY_VERIFY_WITH_TIMEOUT(window->attach_line().isVisible() && !window->history().empty(), patience);
        QVERIFY2(window->attach_line().text().contains(QStringLiteral("no control socket")),
                 qPrintable(window->attach_line().text()));
        QVERIFY(window->attach_line().text().contains(server.pid()));
        QVERIFY(!window->mode_bar().isVisible());
        QVERIFY(!window->load_bar().isVisible());
        for (const char* own : {"action_restart", "action_conversation"})
            QVERIFY(!window->menus().findChild<QAction*>(QLatin1String(own))->isEnabled());
        QVERIFY(!window->menus().findChild<QMenu*>(QStringLiteral("tours_menu"))->isEnabled());
        QTRY_VERIFY_WITH_TIMEOUT(window->findChild<QWidget*>(QStringLiteral("chart_latency"))->isHidden(), patience);
        QTRY_VERIFY_WITH_TIMEOUT(!window->findChild<QWidget*>(QStringLiteral("chart_traffic"))->isHidden(), patience);
    }

    void a_process_that_ends_stays_on_the_screen_and_is_waited_for_by_its_name() {
        const QString name = unique_name("back");
        auto server = std::make_unique<ForeignServer>(name);
        auto client = std::make_unique<Client>(server->port());
        QVERIFY(client->echoes("hello"));
        const auto window = shown_window(attached_to({server->pid()}));
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 1, patience);
        server->end();
        QTRY_VERIFY_WITH_TIMEOUT(window->server_banner().isVisible(), patience);
        QVERIFY2(window->server_banner().text().contains(QStringLiteral("has ended")),
                 qPrintable(window->server_banner().text()));
        QCOMPARE(rows(*window), 1); // as it was last
        keep_picture(*window, "ended");
        QTest::mouseClick(&window->server_banner().button(), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(window->session().server().phase, ProcessStatus::Phase::awaited, patience);
        server = std::make_unique<ForeignServer>(name);
        QTRY_VERIFY_WITH_TIMEOUT(window->session().server().alive(), patience);
        QCOMPARE(QString::number(window->session().server().pid), server->pid());
        client = std::make_unique<Client>(server->port());
        QVERIFY(client->echoes("hello again"));
        QTRY_COMPARE_WITH_TIMEOUT(cell(*window, 0, "bytes_in"), bytes_text(11), patience);
        QVERIFY(!window->server_banner().isVisible());
    }

    void processes_of_a_name_are_one_server_that_others_join_and_leave() {
        const QString name = unique_name("many");
        ForeignServer one(name);
        auto two = std::make_unique<ForeignServer>(name);
        Client to_one(one.port());
        auto to_two = std::make_unique<Client>(two->port());
        QVERIFY(to_one.echoes("1") && to_two->echoes("22"));
        const auto window = shown_window(attached_to({name}));
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 2, patience);
        QTRY_COMPARE_WITH_TIMEOUT(newest(*window, Quantity::threads), 4.0, patience);
        // A click on a process shows its connections alone.
        MemberView& processes = window->processes();
        QTRY_VERIFY_WITH_TIMEOUT(processes.isVisible(), patience);
        const auto member = [&](int row, int column) { return processes.model()->index(row, column).data().toString(); };
        const auto click = [&](int row) {
            QTest::mouseClick(processes.viewport(), Qt::LeftButton, Qt::NoModifier,
                              processes.visualRect(processes.model()->index(row, 0)).center());
        };
        QTRY_COMPARE_WITH_TIMEOUT(processes.model()->rowCount(), 3, patience); // and the sums
        const int row_of_one = member(0, MemberModel::pid) == one.pid() ? 0 : 1;
        QCOMPARE(member(row_of_one, MemberModel::pid), one.pid());
        QCOMPARE(member(row_of_one, MemberModel::connections), QStringLiteral("1"));
        QCOMPARE(member(row_of_one, MemberModel::threads), QStringLiteral("2"));
        QCOMPARE(member(2, MemberModel::connections), QStringLiteral("2"));
        QCOMPARE(member(2, MemberModel::threads), QStringLiteral("4"));
        QTRY_VERIFY_WITH_TIMEOUT(member(2, MemberModel::cpu) != unknown_text, patience);
        click(row_of_one);
        QCOMPARE(window->connections().filter()->text(), QStringLiteral("process == %1:%2").arg(name, one.pid()));
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 1, patience);
        QCOMPARE(cell(*window, 0, "bytes_in"), bytes_text(1));
        click(2);
        QVERIFY(window->connections().filter()->text().isEmpty());
        ForeignServer three(name);
        Client to_three(three.port());
        QVERIFY(to_three.echoes("333"));
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 3, patience);
        QCOMPARE(window->session().server().pids.size(), std::size_t{3});
        QTRY_COMPARE_WITH_TIMEOUT(processes.model()->rowCount(), 4, patience);
        keep_picture(*window, "several");
        two->end();
        QTRY_COMPARE_WITH_TIMEOUT(window->session().server().pids.size(), std::size_t{2}, patience);
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 2, patience);
        QTRY_COMPARE_WITH_TIMEOUT(processes.model()->rowCount(), 3, patience);
        QVERIFY(!window->server_banner().isVisible());
    }

    void what_a_process_has_opened_itself_is_told_apart_and_shown_when_wanted() {
        ForeignServer behind(unique_name("behind"));
        ForeignServer server(unique_name("proxy"), behind.port());
        Client first(server.port()), second(server.port());
        QVERIFY(first.echoes("x") && second.echoes("x"));
        const auto window = shown_window(attached_to({server.pid()}));
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 2, patience);
        QCheckBox& outgoing = window->connections().outgoing();
        QTRY_VERIFY_WITH_TIMEOUT(outgoing.isVisible(), patience);
        QCOMPARE(outgoing.text(), QStringLiteral("Show 2 outgoing, too, which are not counted"));
        keep_picture(*window, "outgoing");
        QTest::mouseClick(&outgoing, Qt::LeftButton, Qt::NoModifier, QPoint(8, outgoing.height() / 2));
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 4, patience);
        int by_process = 0;
        for (int row = 0; row < 4; ++row) by_process += cell(*window, row, "opened_by") == QLatin1String("process") ? 1 : 0;
        QCOMPARE(by_process, 2);
        QCOMPARE(newest(*window, Quantity::open), 2.0);
        outgoing.click();
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 2, patience);
    }

    void a_connection_of_any_of_several_processes_is_taken_apart() {
        ProbedServer one("probed"), two("probed");
        Client to_one(one.port()), to_two(two.port());
        QVERIFY(to_one.echoes("a line\n") && to_two.echoes("a line\n"));
        const auto window = shown_window(attached_to({one.pid(), two.pid()}));
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 2, patience);
        window->anatomy_panel().bring_up();
        for (const int row : {0, 1}) {
            window->connections().table().selectRow(row);
            const auto key = window->connections().selected();
            QVERIFY(key);
            const auto is_read = [&] {
                const AnatomyReading* now = window->anatomy().model().now();
                return now != nullptr && now->process == key->segment && now->id == key->id;
            };
            QTRY_VERIFY_WITH_TIMEOUT(is_read(), patience);
            QVERIFY2(window->anatomy().model().problem().isEmpty(), qPrintable(window->anatomy().model().problem()));
            QCOMPARE(window->anatomy().model().now()->mode, QStringLiteral("callbacks"));
        }
    }

    void a_server_with_a_probe_shows_all_and_can_be_controlled() {
        ProbedServer server("controlled");
        QProcess& serve = server.process();
        QVERIFY(server.port() != 0);
        Client client(server.port());
        QVERIFY(client.echoes("a line\n"));
        const auto window = shown_window(attached_to({QString::number(serve.processId())}));
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 1, patience);
        QCOMPARE(cell(*window, 0, "carrier"), QStringLiteral("closure"));
        QCOMPARE(cell(*window, 0, "requests"), QStringLiteral("1"));
        QTRY_VERIFY_WITH_TIMEOUT(window->mode_bar().button(QStringLiteral("coroutines")) != nullptr &&
                                     window->mode_bar().button(QStringLiteral("coroutines"))->isVisible(),
                                 patience);
        QTest::mouseClick(window->mode_bar().button(QStringLiteral("coroutines")), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(cell(*window, 0, "carrier"), QStringLiteral("coroutine"), patience);
        QVERIFY(client.echoes("the same connection\n"));
        window->close();
        QVERIFY(is_alive(static_cast<std::uint32_t>(serve.processId()))); // closing the window ends nothing of others'
        serve.terminate();
        QVERIFY(serve.waitForFinished(patience));
    }

    void the_picker_finds_a_process_and_the_way_back_starts_the_own_server() {
        ForeignServer server(unique_name("picked"));
        Client client(server.port());
        QVERIFY(client.echoes("x"));
        const auto window = shown_window(small_plan());
        QTRY_VERIFY_WITH_TIMEOUT(has_connections(*window, 40), patience);
        window->menus().findChild<QAction*>(QStringLiteral("action_attach"))->trigger();
        auto* picker = window->findChild<ProcessPicker*>();
        QVERIFY(picker != nullptr);
        QTRY_VERIFY_WITH_TIMEOUT(picker->processes().rowCount() > 1, patience);
        keep_picture(*picker, "picker");
        QTest::keyClicks(&picker->input(), QStringLiteral(":%1").arg(server.port()));
        QTRY_COMPARE_WITH_TIMEOUT(picker->processes().rowCount(), 1, patience);
        const AttachChoice& choice = picker->processes().choice(0);
        QCOMPARE(QString::number(choice.process.pid), server.pid());
        QCOMPARE(choice.process.sockets, 1U);
        QCOMPARE(choice.process.threads, 2U);
        QTest::keyClick(&picker->input(), Qt::Key_Return);
        QTRY_COMPARE_WITH_TIMEOUT(QString::number(window->session().server().pid), server.pid(), patience);
        QTRY_COMPARE_WITH_TIMEOUT(rows(*window), 1, patience);
        QVERIFY(!window->load_bar().isVisible());
        QTest::mouseClick(&window->attach_line().back_button(), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(rows(*window) == 40 && window->mode_bar().isVisible() && window->load_bar().isVisible(),
                                 patience);
        QVERIFY(client.echoes("still there"));
    }
};

QTEST_MAIN(Attach)
#include "attach.moc"
