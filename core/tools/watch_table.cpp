// SPDX-License-Identifier: BSL-1.0
#include "watch_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <numeric>

namespace connscope::watch {
namespace {

using telemetry::ConnectionState;

// A column of rows of type Row: its text, and its number where it has one to sort by.
template <class Row>
struct Column {
    std::string_view title;
    char key; // sorts by this column
    std::size_t width;
    bool right;
    std::string (*text)(const Row&);
    double (*number)(const Row&); // nullptr: sorted by its text
};

// Without the sign, which stands in the column's title.
std::string percent_text(const std::optional<double>& share) {
    if (!share) return "-";
    return fmt::format("{:.{}f}", *share * 100, *share < 0.00995 ? 2 : 1);
}

constexpr double none_sorts_last = -1;
double or_last(const std::optional<double>& value) { return value.value_or(none_sorts_last); }

using Connection = ConnectionRow;
const std::array<Column<Connection>, 14> connection_columns{{
    {"ID", 'N', 9, true, [](const Connection& row) { return std::to_string(row.reading.id); },
     [](const Connection& row) { return static_cast<double>(row.reading.id); }},
    {"PEER", 'A', 21, false, [](const Connection& row) { return telemetry::to_string(row.reading.peer); }, nullptr},
    {"STATE", 'S', 13, false, [](const Connection& row) { return std::string(telemetry::name_of(row.reading.state)); },
     nullptr},
    {"CARRIER", 'K', 9, false, [](const Connection& row) { return std::string(telemetry::name_of(row.reading.carrier)); },
     nullptr},
    {"%CPU", 'P', 6, true, [](const Connection& row) { return percent_text(row.cpu); },
     [](const Connection& row) { return or_last(row.cpu); }},
    {"REQ/S", 'Q', 9, true, [](const Connection& row) { return rate_text(row.requests_per_s); },
     [](const Connection& row) { return or_last(row.requests_per_s); }},
    {"TIME", 'T', 9, true, [](const Connection& row) { return duration_text(row.reading.run); },
     [](const Connection& row) { return static_cast<double>(row.reading.run.count()); }},
    {"LONGEST", 'L', 9, true, [](const Connection& row) { return duration_text(row.reading.longest_slice); },
     [](const Connection& row) { return static_cast<double>(row.reading.longest_slice.count()); }},
    {"DELAYED", 'D', 9, true, [](const Connection& row) { return duration_text(row.reading.longest_ready); },
     [](const Connection& row) { return static_cast<double>(row.reading.longest_ready.count()); }},
    {"SLICES", 'C', 10, true, [](const Connection& row) { return std::to_string(row.reading.slices); },
     [](const Connection& row) { return static_cast<double>(row.reading.slices); }},
    {"IN", 'I', 9, true, [](const Connection& row) { return bytes_text(row.reading.bytes_in); },
     [](const Connection& row) { return static_cast<double>(row.reading.bytes_in); }},
    {"OUT", 'O', 9, true, [](const Connection& row) { return bytes_text(row.reading.bytes_out); },
     [](const Connection& row) { return static_cast<double>(row.reading.bytes_out); }},
    {"MEM", 'M', 9, true,
     [](const Connection& row) { return bytes_text(std::uint64_t{row.reading.carrier_bytes} + row.reading.session_bytes); },
     [](const Connection& row) { return static_cast<double>(row.reading.carrier_bytes) + row.reading.session_bytes; }},
    {"MODE", 'H', 22, false, [](const Connection& row) { return std::string(row.mode); }, nullptr},
}};

using Socket = SocketRow;
double bytes_in(const Socket& socket) {
    return socket.reading.tcp && socket.reading.tcp->bytes_received
               ? static_cast<double>(*socket.reading.tcp->bytes_received)
               : none_sorts_last;
}
double bytes_out(const Socket& socket) {
    return socket.reading.tcp && socket.reading.tcp->bytes_sent ? static_cast<double>(*socket.reading.tcp->bytes_sent)
                                                                : none_sorts_last;
}
const std::array<Column<Socket>, 12> socket_columns{{
    {"PEER", 'A', 26, false, [](const Socket& row) { return telemetry::to_string(row.reading.peer); }, nullptr},
    {"STATE", 'S', 13, false, [](const Socket& row) { return std::string(observe::name_of(row.reading.state)); }, nullptr},
    {"THREAD", 'H', 23, false,
     [](const Socket& row) {
         if (row.thread.thread == 0) return std::string("-");
         return row.thread_name.empty() ? std::to_string(row.thread.thread)
                                        : fmt::format("{}:{}", row.thread_name, row.thread.thread);
     },
     nullptr},
    {"TOLD BY", 'D', 26, false, [](const Socket& row) { return row.told_by.empty() ? "-" : row.told_by; }, nullptr},
    {"RECV-Q", 'V', 9, true, [](const Socket& row) { return std::to_string(row.reading.receive_queue); },
     [](const Socket& row) { return static_cast<double>(row.reading.receive_queue); }},
    {"SEND-Q", 'W', 9, true, [](const Socket& row) { return std::to_string(row.reading.send_queue); },
     [](const Socket& row) { return static_cast<double>(row.reading.send_queue); }},
    {"IN", 'I', 9, true,
     [](const Socket& row) { return bytes_text(row.reading.tcp ? row.reading.tcp->bytes_received : std::nullopt); },
     bytes_in},
    {"OUT", 'O', 9, true,
     [](const Socket& row) { return bytes_text(row.reading.tcp ? row.reading.tcp->bytes_sent : std::nullopt); }, bytes_out},
    {"RTT", 'T', 9, true,
     [](const Socket& row) { return row.reading.tcp ? duration_text(row.reading.tcp->round_trip) : "-"; },
     [](const Socket& row) {
         return row.reading.tcp ? static_cast<double>(row.reading.tcp->round_trip.count()) : none_sorts_last;
     }},
    {"MEM", 'M', 9, true,
     [](const Socket& row) {
         return bytes_text(row.reading.memory ? std::optional(row.reading.memory->held_bytes()) : std::nullopt);
     },
     [](const Socket& row) {
         return row.reading.memory ? static_cast<double>(row.reading.memory->held_bytes()) : none_sorts_last;
     }},
    {"BY", 'Y', 7, false, [](const Socket& row) { return std::string(row.reading.accepted ? "peer" : "process"); }, nullptr},
    {"LOCAL", 'B', 26, false, [](const Socket& row) { return telemetry::to_string(row.reading.local); }, nullptr},
}};

std::string state_text(const ThreadRow& row) { return std::string(1, row.reading.state); }
const std::array<Column<ThreadRow>, 10> thread_columns{{
    {"TID", 'N', 8, true, [](const ThreadRow& row) { return std::to_string(row.reading.id); },
     [](const ThreadRow& row) { return static_cast<double>(row.reading.id); }},
    {"NAME", 'A', 16, false, [](const ThreadRow& row) { return row.reading.name; }, nullptr},
    {"S", 'S', 1, false, state_text, nullptr},
    {"%CPU", 'P', 6, true, [](const ThreadRow& row) { return percent_text(row.cpu); },
     [](const ThreadRow& row) { return or_last(row.cpu); }},
    {"%DELAY", 'D', 6, true, [](const ThreadRow& row) { return percent_text(row.delay); },
     [](const ThreadRow& row) { return or_last(row.delay); }},
    {"SWITCH/S", 'W', 9, true, [](const ThreadRow& row) { return rate_text(row.switches_per_s); },
     [](const ThreadRow& row) { return or_last(row.switches_per_s); }},
    {"TIME", 'T', 9, true, [](const ThreadRow& row) { return row.reading.run ? duration_text(*row.reading.run) : "-"; },
     [](const ThreadRow& row) { return row.reading.run ? static_cast<double>(row.reading.run->count()) : none_sorts_last; }},
    {"VOLUNTARY", 'V', 10, true, [](const ThreadRow& row) { return std::to_string(row.reading.voluntary_switches); },
     [](const ThreadRow& row) { return static_cast<double>(row.reading.voluntary_switches); }},
    {"INVOLUNT.", 'I', 10, true, [](const ThreadRow& row) { return std::to_string(row.reading.involuntary_switches); },
     [](const ThreadRow& row) { return static_cast<double>(row.reading.involuntary_switches); }},
    {"WAITS IN", 'C', 24, false, [](const ThreadRow& row) { return row.reading.wait_channel; }, nullptr},
}};

char state_of(const Connection& row) {
    if (row.reading.state == ConnectionState::running) return 'r';
    return row.reading.state == ConnectionState::ready ? 'w' : ' ';
}
char state_of(const Socket& row) { return row.reading.receive_queue > 0 ? 'w' : ' '; }
char state_of(const ThreadRow& row) { return row.reading.state == 'R' ? 'r' : ' '; }

bool holds(std::string_view text, std::string_view wanted) {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    };
    return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(), same) != text.end();
}

template <class Row, std::size_t N>
Table table_of(const std::vector<Row>& rows, const std::array<Column<Row>, N>& columns, const Order& order,
               const std::string& filter, std::size_t first, std::size_t count) {
    Table table;
    table.total = rows.size();
    std::vector<std::uint32_t> shown(rows.size());
    std::iota(shown.begin(), shown.end(), 0u);
    if (!filter.empty())
        std::erase_if(shown, [&](std::uint32_t row) {
            return std::ranges::none_of(columns, [&](const auto& column) { return holds(column.text(rows[row]), filter); });
        });
    table.matching = shown.size();

    const Column<Row>& by = columns[std::min(order.column, N - 1)];
    const auto sort = [&](auto less) {
        const auto end = shown.begin() + static_cast<std::ptrdiff_t>(std::min(shown.size(), first + count));
        std::partial_sort(shown.begin(), end, shown.end(), less);
    };
    // equal ones keep the kernel's order, so that rows do not dance
    const auto keyed_sort = [&](const auto& keys) {
        sort([&](std::uint32_t a, std::uint32_t b) {
            if (keys[a] == keys[b]) return a < b;
            return order.descending ? keys[a] > keys[b] : keys[a] < keys[b];
        });
    };
    if (by.number != nullptr) {
        std::vector<double> keys(rows.size());
        for (const std::uint32_t row : shown) keys[row] = by.number(rows[row]);
        keyed_sort(keys);
    } else {
        std::vector<std::string> keys(rows.size());
        for (const std::uint32_t row : shown) keys[row] = by.text(rows[row]);
        keyed_sort(keys);
    }

    const auto line = [&](auto cell) {
        std::string text;
        for (const auto& column : columns) text += fit(cell(column), column.width, column.right) + " ";
        return text;
    };
    table.head = line([](const auto& column) { return std::string(column.title); });
    for (std::size_t i = first; i < std::min(shown.size(), first + count); ++i) {
        const Row& row = rows[shown[i]];
        table.rows.push_back(line([&](const auto& column) { return printable(column.text(row)); }));
        table.states.push_back(state_of(row));
    }
    return table;
}

template <class Row, std::size_t N>
std::vector<ColumnTitle> titles_of(const std::array<Column<Row>, N>& columns) {
    std::vector<ColumnTitle> titles;
    for (const auto& column : columns) titles.push_back({column.title, column.key});
    return titles;
}

bool has_segment(const Snapshot& snapshot) { return snapshot.kind == TargetKind::server; }

} // namespace

std::vector<ColumnTitle> columns_of(const Snapshot& snapshot, View view) {
    if (view == View::threads) return titles_of(thread_columns);
    return has_segment(snapshot) ? titles_of(connection_columns) : titles_of(socket_columns);
}

Order default_order(const Snapshot& snapshot, View view) {
    const auto columns = columns_of(snapshot, view);
    const char key = view == View::connections && !has_segment(snapshot) ? 'I' : 'P';
    const auto at = std::ranges::find(columns, key, &ColumnTitle::key);
    return {static_cast<std::size_t>(at - columns.begin()), true};
}

Table make_table(const Snapshot& snapshot, View view, const Order& order, const std::string& filter, std::size_t first,
                 std::size_t rows) {
    if (view == View::threads) return table_of(snapshot.thread_rows, thread_columns, order, filter, first, rows);
    if (has_segment(snapshot)) return table_of(snapshot.connection_rows, connection_columns, order, filter, first, rows);
    return table_of(snapshot.socket_rows, socket_columns, order, filter, first, rows);
}

} // namespace connscope::watch
