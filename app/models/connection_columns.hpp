// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "connscope/telemetry/reading.hpp"

#include <QString>

#include <chrono>
#include <span>

namespace connscope::app {

// What one cell is made from.
struct ConnectionContext {
    const telemetry::ConnectionReading& connection;
    std::chrono::nanoseconds now{}; // when it was read
};

// One column of the connection table, which the filter line knows by `id`.
struct ConnectionColumn {
    enum class Kind { number, bytes, duration, text, state, carrier };
    const char* id;   // "longest_slice"
    const char* head; // "Longest slice", to be translated
    const char* tip;  // what it says and where it comes from, to be translated
    Kind kind;
    int rank;           // among the columns that are shown by themselves where there is room: 1 first; 0: never
    const char* widest; // a text as wide as the column's usual ones
    // What the column sorts and filters by; not a number where there is no value. Seconds, bytes or a count.
    double (*value)(const ConnectionContext&);
    QString (*text)(const ConnectionContext&);
};

std::span<const ConnectionColumn> connection_columns();

// "waiting to read": a state in words for people.
QString state_text(telemetry::ConnectionState state);
QString carrier_text(telemetry::CarrierKind kind);

} // namespace connscope::app
