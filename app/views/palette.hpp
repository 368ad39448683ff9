// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "connscope/telemetry/layout.hpp"

#include <QColor>
#include <QPalette>

#include <array>
#include <cstddef>

namespace connscope::app {

// What a colour means, in every view. The colours are Masataka Okabe's and Kei Ito's, which people with any kind of colour
// vision tell apart (https://jfly.uni-koeln.de/color/), lightened for dark backgrounds. Warm is what the kernel decides or
// holds, cool what the program does; the states of a connection and the percentiles have their own four.
enum class Meaning : std::size_t {
    running,
    ready,
    waiting_read,
    waiting_write,
    paused,
    thread,
    process,
    coroutine,
    closure,
    fiber,
    stacks,
    frames,
    heap,
    kernel_stacks,
    sockets,
    rest, // of memory, of CPU time
    voluntary,
    involuntary,
    user_space,
    cpu_user,
    cpu_system,
    p50,
    p99,
    max,
    from_readiness, // as the server knows it, beside what the kernel's stamp tells
    amount,         // one curve alone
    offered,        // what was asked for, beside what was got
    count_
};

// The quiet colours of the sheet.
struct Ink {
    QColor window;
    QColor card;
    QColor border;
    QColor grid;
    QColor text;
    QColor muted;  // less important text; still 4.5:1 against card and window
    QColor accent; // what is chosen
    QColor on_accent;
    QColor hover;
    QColor good;
    QColor bad;
    QColor warning_background;
};

bool is_dark(const QPalette& palette);
const Ink& ink(const QPalette& palette);
QColor colour(Meaning meaning, const QPalette& palette);
// The same for text, dark (or light) enough to read on a card.
QColor text_colour(Meaning meaning, const QPalette& palette);
// The same as it looks when thinned over a card: for areas.
QColor area_colour(Meaning meaning, const QPalette& palette);

Meaning meaning_of(telemetry::ConnectionState state);
Meaning meaning_of(telemetry::CarrierKind kind);

// The palettes that make Fusion look like the sheet.
QPalette light_palette();
QPalette dark_palette();

} // namespace connscope::app
