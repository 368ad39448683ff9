// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/connection_columns.hpp"

#include "models/format.hpp"
#include "models/quantity.hpp"

#include <QCoreApplication>

#include <algorithm>
#include <array>
#include <string_view>

namespace connscope::app {

using telemetry::CarrierKind;
using telemetry::ConnectionState;
using Context = ConnectionContext;
using Kind = ConnectionColumn::Kind;
using Source = ConnectionColumn::Source;

namespace {

double seconds(std::chrono::duration<double> time) { return time.count(); }

QString number_text(std::uint64_t value) { return count_text(static_cast<double>(value)); }

QString hex_text(std::uint64_t address) {
    return address == 0 ? unknown_text : QStringLiteral("0x") + QString::number(address, 16);
}

// Sorts by address, then port: exact for IPv4, by the first bytes for IPv6.
double peer_order(const telemetry::PeerAddress& peer) {
    double order = peer.family == 6 ? 4294967296.0 : 0;
    double weight = 16777216.0;
    for (std::size_t byte = 0; byte < 4; ++byte) {
        order += weight * peer.bytes[byte];
        weight /= 256;
    }
    return order * 65536 + peer.port;
}

template <class T>
double number_or_none(const std::optional<T>& value) {
    return value ? static_cast<double>(*value) : not_known;
}

template <class T>
QString text_or_none(const std::optional<T>& value) {
    return value ? number_text(*value) : unknown_text;
}

std::chrono::nanoseconds in_state(const Context& c) {
    return std::max(c.now - c.connection.state_since, std::chrono::nanoseconds(0));
}

// Not a number where the connection was there before it was watched.
std::chrono::duration<double> age(const Context& c) {
    return c.connection.opened.count() == 0 ? std::chrono::duration<double>(not_known) : c.now - c.connection.opened;
}

std::optional<std::uint32_t> retransmitted(const Context& c) {
    return c.socket != nullptr ? c.socket->retransmitted : std::nullopt;
}

double mean_stamped(const Context& c) {
    if (c.connection.stamped_count == 0) return not_known;
    return seconds(c.connection.stamped_delay) / static_cast<double>(c.connection.stamped_count);
}

#define COLUMN_TEXT(text) QT_TRANSLATE_NOOP("ConnectionColumns", text)
#define TIME_OF(member)                                                                                                     \
    [](const Context& c) { return c.has_probe() ? seconds(c.connection.member) : not_known; },                              \
        [](const Context& c) { return c.has_probe() ? duration_text(c.connection.member) : unknown_text; }
// Some servers do not know what a request is.
bool is_counted(const Context& context, std::uint64_t count) {
    return context.has_probe() && count != telemetry::layout::not_available;
}

#define COUNT_OF(member)                                                                                                    \
    [](const Context& c) {                                                                                                  \
        return is_counted(c, c.connection.member) ? static_cast<double>(c.connection.member) : not_known;                   \
    },                                                                                                                      \
        [](const Context& c) {                                                                                              \
            return is_counted(c, c.connection.member) ? number_text(c.connection.member) : unknown_text;                    \
        }
#define BYTES_OF(member)                                                                                                    \
    [](const Context& c) { return c.has_probe() ? static_cast<double>(c.connection.member) : not_known; },                  \
        [](const Context& c) {                                                                                              \
            return c.has_probe() ? bytes_text(static_cast<double>(c.connection.member)) : unknown_text;                     \
        }
#define TRAFFIC_OF(member)                                                                                                  \
    [](const Context& c) { return static_cast<double>(c.connection.member); },                                              \
        [](const Context& c) { return bytes_text(static_cast<double>(c.connection.member)); }, Source::anybody
#define QUEUE_OF(member)                                                                                                    \
    [](const Context& c) { return c.socket != nullptr ? static_cast<double>(c.socket->member) : not_known; },               \
        [](const Context& c) {                                                                                              \
            return c.socket != nullptr ? bytes_text(static_cast<double>(c.socket->member)) : unknown_text;                  \
        },                                                                                                                  \
        Source::kernel
#define OPTIONAL_OF(member)                                                                                                 \
    [](const Context& c) { return number_or_none(c.connection.member); },                                                   \
        [](const Context& c) { return text_or_none(c.connection.member); }

constexpr std::array columns{
    ConnectionColumn{"id", COLUMN_TEXT("Id"),
                     COLUMN_TEXT("The connection's number: the server counts them from 1, and connscope does where the "
                                 "server does not tell."),
                     Kind::number, 1, "99,999", [](const Context& c) { return static_cast<double>(c.connection.id); },
                     [](const Context& c) { return QString::number(c.connection.id); }, Source::anybody},
    ConnectionColumn{"process", COLUMN_TEXT("Process"),
                     COLUMN_TEXT("The process that has the connection: its name and its number."), Kind::text, 1,
                     "my-server:9999999", [](const Context& c) { return c.process == nullptr ? not_known : c.process->pid; },
                     [](const Context& c) {
                         return c.process == nullptr ? unknown_text
                                                     : QString::fromStdString(c.process->name) + QLatin1Char(':') +
                                                           QString::number(c.process->pid);
                     },
                     Source::several},
    ConnectionColumn{"peer", COLUMN_TEXT("Peer"), COLUMN_TEXT("The client's address and port."), Kind::text, 7,
                     "127.0.0.100:55555", [](const Context& c) { return peer_order(c.connection.peer); },
                     [](const Context& c) { return QString::fromStdString(telemetry::to_string(c.connection.peer)); },
                     Source::anybody, 4},
    ConnectionColumn{
        "state", COLUMN_TEXT("State"),
        COLUMN_TEXT("What the connection is doing now: running on a CPU, ready and waiting for its turn, waiting for "
                    "its peer to send or to take, or paused until a time. Its carrier reports it.\n"
                    "Of a process without a probe it is what its socket tells: ready where bytes have arrived that it has "
                    "not read, waiting to write where it has written what is not sent, and else waiting to read."),
        Kind::state, 2, "waiting to write", [](const Context& c) { return static_cast<double>(c.connection.state); },
        [](const Context& c) { return state_text(c.connection.state); }, Source::anybody},
    ConnectionColumn{"wait", COLUMN_TEXT("In state"), COLUMN_TEXT("How long the connection has been in its state."),
                     Kind::duration, 11, "999 ms", [](const Context& c) { return seconds(in_state(c)); },
                     [](const Context& c) { return duration_text(in_state(c)); }, Source::anybody},
    ConnectionColumn{
        "carrier", COLUMN_TEXT("Carrier"),
        COLUMN_TEXT("What holds the connection's control and state: a thread, a coroutine's frame, a fiber's stack "
                    "or a callback's closure."),
        Kind::carrier, 3, "coroutine", [](const Context& c) { return static_cast<double>(c.connection.carrier); },
        [](const Context& c) { return carrier_text(c.connection.carrier); }},
    ConnectionColumn{"opened_by", COLUMN_TEXT("Opened by"),
                     COLUMN_TEXT("Who opened the connection: the peer, and the process accepted it, or the process itself. "
                                 "Told by whether anybody listens on the port that it has here."),
                     Kind::text, 9, "process",
                     [](const Context& c) { return c.socket != nullptr ? (c.socket->accepted ? 0.0 : 1.0) : not_known; },
                     [](const Context& c) {
                         if (c.socket == nullptr) return unknown_text;
                         return c.socket->accepted ? QCoreApplication::translate("ConnectionColumns", "peer")
                                                   : QCoreApplication::translate("ConnectionColumns", "process");
                     },
                     Source::kernel},
    ConnectionColumn{"tcp", COLUMN_TEXT("TCP state"), COLUMN_TEXT("The state of the socket in the kernel (RFC 9293)."),
                     Kind::text, 8, "established",
                     [](const Context& c) { return c.socket != nullptr ? static_cast<double>(c.socket->state) : not_known; },
                     [](const Context& c) {
                         if (c.socket == nullptr) return unknown_text;
                         const std::string_view name = observe::name_of(c.socket->state);
                         return QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size()))
                             .replace(QLatin1Char('_'), QLatin1Char(' '));
                     },
                     Source::kernel},
    ConnectionColumn{"receive_queue", COLUMN_TEXT("To read"),
                     COLUMN_TEXT("Bytes that have arrived and that the process has not read (sock_diag)."), Kind::bytes, 6,
                     "99.9 KiB", QUEUE_OF(receive_queue)},
    ConnectionColumn{"send_queue", COLUMN_TEXT("To send"),
                     COLUMN_TEXT("Bytes that the process has written and the peer has not acknowledged (sock_diag)."),
                     Kind::bytes, 6, "99.9 KiB", QUEUE_OF(send_queue)},
    ConnectionColumn{"round_trip", COLUMN_TEXT("Round trip"),
                     COLUMN_TEXT("From sending to the acknowledgement, smoothed, as TCP measures it (sock_diag)."),
                     Kind::duration, 7, "99.9 ms",
                     [](const Context& c) {
                         return c.socket != nullptr && c.socket->round_trip ? seconds(*c.socket->round_trip) : not_known;
                     },
                     [](const Context& c) {
                         return c.socket != nullptr && c.socket->round_trip ? duration_text(*c.socket->round_trip)
                                                                            : unknown_text;
                     },
                     Source::kernel},
    ConnectionColumn{"retransmitted", COLUMN_TEXT("Sent again"),
                     COLUMN_TEXT("Packets that were sent again because no acknowledgement came (sock_diag)."), Kind::number,
                     13, "99", [](const Context& c) { return number_or_none(retransmitted(c)); },
                     [](const Context& c) { return text_or_none(retransmitted(c)); }, Source::kernel},
    ConnectionColumn{
        "local", COLUMN_TEXT("Here"), COLUMN_TEXT("The address and port of this end."), Kind::text, 14, "127.0.0.100:55555",
        [](const Context& c) { return c.socket != nullptr ? peer_order(c.socket->local) : not_known; },
        [](const Context& c) {
            return c.socket != nullptr ? QString::fromStdString(telemetry::to_string(c.socket->local)) : unknown_text;
        },
        Source::kernel},
    ConnectionColumn{"requests", COLUMN_TEXT("Requests"), COLUMN_TEXT("Requests answered completely."), Kind::number, 5,
                     "99,999", COUNT_OF(requests)},
    ConnectionColumn{"bytes_in", COLUMN_TEXT("Bytes in"), COLUMN_TEXT("Bytes received from the peer."), Kind::bytes, 8,
                     "99.9 MiB", TRAFFIC_OF(bytes_in)},
    ConnectionColumn{"bytes_out", COLUMN_TEXT("Bytes out"), COLUMN_TEXT("Bytes sent to the peer."), Kind::bytes, 9,
                     "99.9 MiB", TRAFFIC_OF(bytes_out)},
    ConnectionColumn{"slices", COLUMN_TEXT("Slices"),
                     COLUMN_TEXT("How often it was given a CPU: from a resume to the next suspend is one slice."),
                     Kind::number, 10, "99,999", COUNT_OF(slices)},
    ConnectionColumn{"run", COLUMN_TEXT("Run time"), COLUMN_TEXT("The length of all its slices together."), Kind::duration,
                     6, "99.9 ms", TIME_OF(run)},
    ConnectionColumn{
        "longest_slice", COLUMN_TEXT("Longest slice"),
        COLUMN_TEXT("The longest it held a CPU without giving it back. In a loop that the program schedules, all "
                    "others wait that long."),
        Kind::duration, 4, "99.9 ms", TIME_OF(longest_slice)},
    ConnectionColumn{"ready", COLUMN_TEXT("Ready time"),
                     COLUMN_TEXT("The time it could have run and had to wait for its turn, all together."), Kind::duration,
                     0, "99.9 ms", TIME_OF(ready)},
    ConnectionColumn{"longest_ready", COLUMN_TEXT("Longest ready"),
                     COLUMN_TEXT("The longest it could have run and had to wait for its turn."), Kind::duration, 12,
                     "99.9 ms", TIME_OF(longest_ready)},
    ConnectionColumn{"waiting", COLUMN_TEXT("Waiting time"), COLUMN_TEXT("The time it waited for its peer or a timer."),
                     Kind::duration, 0, "99.9 s", TIME_OF(waiting)},
    ConnectionColumn{"delay", COLUMN_TEXT("Mean delay"),
                     COLUMN_TEXT("From the kernel's own time stamp of the bytes' arrival to the resume, on average; only "
                                 "stamped connections have it."),
                     Kind::duration, 0, "99.9 ms", mean_stamped,
                     [](const Context& c) { return duration_text(mean_stamped(c)); }},
    ConnectionColumn{"longest_delay", COLUMN_TEXT("Longest delay"),
                     COLUMN_TEXT("The longest from the kernel's time stamp of the bytes' arrival to the resume."),
                     Kind::duration, 0, "99.9 ms",
                     [](const Context& c) {
                         return c.connection.stamped_count == 0 ? not_known : seconds(c.connection.longest_stamped_delay);
                     },
                     [](const Context& c) {
                         return c.connection.stamped_count == 0 ? unknown_text
                                                                : duration_text(c.connection.longest_stamped_delay);
                     }},
    ConnectionColumn{"user_space", COLUMN_TEXT("User-space switches"),
                     COLUMN_TEXT("How often it was resumed without the kernel's help."), Kind::number, 0, "99,999",
                     COUNT_OF(user_space_switches)},
    ConnectionColumn{"voluntary", COLUMN_TEXT("Voluntary switches"),
                     COLUMN_TEXT("How often its thread blocked; only a connection with a thread of its own has it."),
                     Kind::number, 0, "99,999", OPTIONAL_OF(voluntary_switches)},
    ConnectionColumn{
        "involuntary", COLUMN_TEXT("Involuntary switches"),
        COLUMN_TEXT("How often the kernel took the CPU from its thread; only a connection with a thread of its own "
                    "has it."),
        Kind::number, 0, "99,999", OPTIONAL_OF(involuntary_switches)},
    ConnectionColumn{"hand_offs", COLUMN_TEXT("Hand-offs"),
                     COLUMN_TEXT("How often it was moved from one carrier to another."), Kind::number, 13, "99",
                     COUNT_OF(hand_offs)},
    ConnectionColumn{
        "thread", COLUMN_TEXT("Thread"),
        COLUMN_TEXT("The thread that ran it last, with the kernel's number.\nOf a process without a probe it is the thread "
                    "that last worked for its socket, by the kernel's record; \"Told by\" says how that is known."),
        Kind::text, 14, "worker-1:999999",
        [](const Context& c) { return c.connection.thread == 0 ? not_known : c.connection.thread; }, thread_text,
        Source::anybody, 3},
    ConnectionColumn{
        "told_by", COLUMN_TEXT("Told by"),
        COLUMN_TEXT("How it is known which thread works for it, where no probe tells:\n"
                    "waits in recvfrom: it stands in this system call on this socket now (/proc);\n"
                    "recvfrom 2 s ago: it stood in it then;\n"
                    "read 3 ms ago: it took bytes from the socket then (the kernel's trace point, with root's rights);\n"
                    "one of 40 in epoll_wait: it waits for this socket among others;\n"
                    "the only thread: the process has no other."),
        Kind::text, 0, "one of 9 in epoll_wait",
        [](const Context& c) {
            return c.socket == nullptr || c.socket->thread.source == observe::ThreadSource::none
                       ? not_known
                       : static_cast<double>(c.socket->thread.source);
        },
        thread_told_by, Source::kernel, 5},
    ConnectionColumn{"carrier_bytes", COLUMN_TEXT("Carrier size"),
                     COLUMN_TEXT("The frame's or closure's exact size; of a stack the size that is reserved."), Kind::bytes,
                     0, "8 MiB", BYTES_OF(carrier_bytes)},
    ConnectionColumn{"carrier_address", COLUMN_TEXT("Carrier address"),
                     COLUMN_TEXT("Where the frame, stack or closure is in the server's memory."), Kind::text, 0,
                     "0x7fff00000000", [](const Context& c) { return static_cast<double>(c.connection.carrier_address); },
                     [](const Context& c) { return hex_text(c.connection.carrier_address); }},
    ConnectionColumn{"suspended_at", COLUMN_TEXT("Continues at"),
                     COLUMN_TEXT("The address in the server's code where the connection will continue."), Kind::text, 0,
                     "0x7fff00000000", [](const Context& c) { return static_cast<double>(c.connection.suspended_at); },
                     [](const Context& c) { return hex_text(c.connection.suspended_at); }},
    ConnectionColumn{"session_bytes", COLUMN_TEXT("Session size"), COLUMN_TEXT("Memory of its session and buffers."),
                     Kind::bytes, 15, "99.9 KiB", BYTES_OF(session_bytes)},
    ConnectionColumn{"age", COLUMN_TEXT("Age"), COLUMN_TEXT("How long ago it was accepted."), Kind::duration, 16,
                     "59 min 59 s", [](const Context& c) { return seconds(age(c)); },
                     [](const Context& c) { return duration_text(seconds(age(c))); }, Source::anybody},
};

#undef OPTIONAL_OF
#undef QUEUE_OF
#undef TRAFFIC_OF
#undef BYTES_OF
#undef COUNT_OF
#undef TIME_OF
#undef COLUMN_TEXT

} // namespace

std::span<const ConnectionColumn> connection_columns() { return columns; }

ConnectionContext context_of(const Snapshot& snapshot, std::size_t index) {
    const telemetry::ConnectionReading& connection = connection_at(snapshot, index);
    const std::size_t served = snapshot.server.connections.size();
    const SocketFigures* socket = nullptr;
    if (index >= served) {
        socket = &snapshot.outgoing.sockets[index - served];
    } else if (index < snapshot.sockets.size() && snapshot.sockets[index].known) {
        socket = &snapshot.sockets[index];
    }
    return {connection, snapshot.server.taken, process_of(snapshot, connection), socket};
}

bool is_told(Source source, const Snapshot& snapshot) {
    switch (source) {
    case Source::probe:
        return has_probe(snapshot);
    case Source::anybody:
        return true;
    case Source::kernel:
        return !snapshot.sockets.empty() || !has_probe(snapshot);
    case Source::several:
        return std::ranges::count_if(snapshot.processes, [](const WatchedProcess& each) { return each.pid != 0; }) > 1;
    }
    return true;
}

QString state_text(ConnectionState state) {
    switch (state) {
    case ConnectionState::running:
        return QCoreApplication::translate("ConnectionColumns", "running");
    case ConnectionState::ready:
        return QCoreApplication::translate("ConnectionColumns", "ready");
    case ConnectionState::waiting_read:
        return QCoreApplication::translate("ConnectionColumns", "waiting to read");
    case ConnectionState::waiting_write:
        return QCoreApplication::translate("ConnectionColumns", "waiting to write");
    case ConnectionState::paused:
        return QCoreApplication::translate("ConnectionColumns", "paused");
    case ConnectionState::none:
        break;
    }
    return unknown_text;
}

QString carrier_text(CarrierKind kind) {
    switch (kind) {
    case CarrierKind::thread:
        return QCoreApplication::translate("ConnectionColumns", "thread");
    case CarrierKind::coroutine:
        return QCoreApplication::translate("ConnectionColumns", "coroutine");
    case CarrierKind::fiber:
        return QCoreApplication::translate("ConnectionColumns", "fiber");
    case CarrierKind::closure:
        return QCoreApplication::translate("ConnectionColumns", "closure");
    case CarrierKind::process:
        return QCoreApplication::translate("ConnectionColumns", "process");
    case CarrierKind::none:
        break;
    }
    return unknown_text;
}

QString thread_text(const Context& c) {
    if (c.connection.thread == 0) return unknown_text;
    const QString number = QString::number(c.connection.thread);
    if (c.socket == nullptr || c.socket->thread_name.front() == '\0') return number;
    return QString::fromUtf8(c.socket->thread_name.data()) + QLatin1Char(':') + number;
}

// In words as they stand in connscope-watch too.
QString thread_told_by(const Context& c) {
    if (c.has_probe()) return QCoreApplication::translate("ConnectionColumns", "probe");
    if (c.socket == nullptr || c.socket->thread.source == observe::ThreadSource::none) return unknown_text;
    return QString::fromStdString(observe::to_string(c.socket->thread, c.now));
}

} // namespace connscope::app
